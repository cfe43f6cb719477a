"""Optimisers: how a gradient changes a weight.

Each is one formula, `update(parameter, gradient, state) → (new parameter, new state)`, in NumPy code without anything in
place, so that the same line serves training here and can be traced into a compiled step. `step()` applies it to every
parameter and *rebinds* `.data`: arrays that an older graph has saved stay what they were.

A large array goes through its formula in blocks that fit a core's cache: the dozen passes of Adam then cost a third.
"""

import math
from collections.abc import Iterable
from typing import Any

import numpy as np

from autograd.errors import ArgumentError
from autograd.value import Value
from nn.module import Module, Parameter

__all__ = ["SGD", "Adam", "AdamW", "Optimizer"]

State = dict[str, Any]
BLOCK = 16384  # elements: four operands of a float32 formula fill 256 KiB


class Optimizer:
    """Base class: holds the parameters and their state, applies `update` to each.

    parameters     Parameters, or a Module, whose parameters are taken
    learning_rate  may be changed at any time
    weight_decay   strength of the pull towards 0, for arrays with two axes or more unless decay_all: biases and norms
                   do not overfit

    Subclasses define update(parameter, gradient, state), and start(parameter) for their state.
    """

    __traced__ = ("_learning_rate", "steps")  # numbers that a compiled step reads anew and counts on

    def __init__(
        self,
        parameters: Iterable[Parameter] | Module,
        learning_rate: float,
        *,
        weight_decay: float = 0.0,
        decay_all: bool = False,
        **unknown: Any,
    ) -> None:
        if unknown:
            hint = "; the learning rate is called learning_rate" if "lr" in unknown else ""
            raise ArgumentError(f"{type(self).__name__} has no option {', '.join(unknown)}{hint}")
        found = parameters.parameters() if isinstance(parameters, Module) else parameters
        self.parameters = list({id(parameter): parameter for parameter in found}.values())  # each is updated once
        if not self.parameters:
            raise ArgumentError(f"{type(self).__name__}: there are no parameters to optimise")
        for parameter in self.parameters:
            if not isinstance(parameter, Value):
                raise ArgumentError(f"{type(self).__name__}: a parameter is a Value, got {type(parameter).__name__}")
            if parameter.primitive is not None:
                raise ArgumentError(
                    f"{type(self).__name__}: a parameter is a leaf, got the result of {parameter.op!r}; pass a list of "
                    "Parameters or a Module"
                )
        self.learning_rate = learning_rate
        self.weight_decay = _not_negative("weight_decay", weight_decay)
        self.decay_all = decay_all
        self.steps = 0
        self.state: list[State] = [self.start(parameter.data) for parameter in self.parameters]

    @property
    def learning_rate(self) -> float:
        """Size of a step; may be changed at any time."""
        return self._learning_rate

    @learning_rate.setter
    def learning_rate(self, number: float) -> None:
        self._learning_rate = _not_negative("learning_rate", number)

    def start(self, parameter: Any) -> State:
        """State of a parameter before the first step: arrays of its shape by name."""
        return {}

    def update(self, parameter: Any, gradient: Any, state: State, decay: float) -> tuple[Any, State]:
        """New parameter and state, elementwise; decay is this parameter's weight decay."""
        raise NotImplementedError

    def step(self) -> None:
        """Change every parameter that has a gradient."""
        self.steps += 1
        for i, parameter in enumerate(self.parameters):
            if not parameter.has_grad:
                continue
            data, gradient = parameter.data, parameter.grad
            if isinstance(gradient, Value):  # of backward(record=True)
                gradient = gradient.data
            decay = self.weight_decay and (self.weight_decay if self.decay_all or np.ndim(data) >= 2 else 0.0)
            parameter.data, self.state[i] = _blockwise(self.update, data, gradient, self.state[i], decay)

    def zero_grad(self) -> None:
        """Forget every parameter's gradient."""
        for parameter in self.parameters:
            parameter.zero_grad()

    def __repr__(self) -> str:
        count = sum(parameter.size for parameter in self.parameters)
        return f"{type(self).__name__}(learning_rate={self.learning_rate:g}, {count:,} weights, {self.steps} steps)"


class SGD(Optimizer):
    """Gradient descent: v = momentum · v + g;  w = w − learning_rate · v, as in PyTorch.

    nesterov      look ahead: w = w − learning_rate · (g + momentum · v)
    weight_decay  adds weight_decay · w to the gradient
    Source: Sutskever et al. 2013, ICML, eqs. 1–4, with the rate outside of the velocity.
    """

    def __init__(
        self,
        parameters: Iterable[Parameter] | Module,
        learning_rate: float = 0.01,
        *,
        momentum: float = 0.0,
        nesterov: bool = False,
        weight_decay: float = 0.0,
        decay_all: bool = False,
        **unknown: Any,
    ) -> None:
        self.momentum = _share("momentum", momentum)
        self.nesterov = nesterov
        if nesterov and not momentum:
            raise ArgumentError("SGD(nesterov=True) needs a momentum above 0")
        super().__init__(parameters, learning_rate, weight_decay=weight_decay, decay_all=decay_all, **unknown)

    def start(self, parameter: Any) -> State:
        return {"velocity": 0.0 * parameter} if self.momentum else {}

    def update(self, parameter: Any, gradient: Any, state: State, decay: float) -> tuple[Any, State]:
        g = gradient + decay * parameter if decay else gradient
        if not self.momentum:
            return parameter - self.learning_rate * g, state
        velocity = self.momentum * state["velocity"] + g
        step = g + self.momentum * velocity if self.nesterov else velocity
        return parameter - self.learning_rate * step, {"velocity": velocity}


class Adam(Optimizer):
    """Steps of about learning_rate in each weight: m / (√v + epsilon), with running means m of g and v of g².

    weight_decay  0 by default; adds weight_decay · w to the gradient, as in PyTorch's Adam; AdamW keeps it apart
    Source: Kingma and Ba 2015, arXiv 1412.6980, algorithm 1.
    """

    decoupled = False
    default_decay = 0.0

    def __init__(
        self,
        parameters: Iterable[Parameter] | Module,
        learning_rate: float = 0.001,
        *,
        betas: tuple[float, float] = (0.9, 0.999),
        epsilon: float = 1e-8,
        weight_decay: float | None = None,
        decay_all: bool = False,
        **unknown: Any,
    ) -> None:
        self.betas = (_share("betas[0]", betas[0]), _share("betas[1]", betas[1]))
        self.epsilon = _not_negative("epsilon", epsilon)
        weight_decay = self.default_decay if weight_decay is None else weight_decay
        super().__init__(parameters, learning_rate, weight_decay=weight_decay, decay_all=decay_all, **unknown)

    def start(self, parameter: Any) -> State:
        return {"mean": 0.0 * parameter, "square": 0.0 * parameter}

    def update(self, parameter: Any, gradient: Any, state: State, decay: float) -> tuple[Any, State]:
        first, second = self.betas
        g = gradient + decay * parameter if decay and not self.decoupled else gradient
        mean = state["mean"] + (1.0 - first) * (g - state["mean"])
        square = state["square"] + (1.0 - second) * (g * g - state["square"])
        rate = self.learning_rate / (1.0 - first**self.steps)
        root = np.sqrt(square) * (1.0 / (1.0 - second**self.steps) ** 0.5) + self.epsilon
        shrunk = parameter * (1.0 - self.learning_rate * decay) if decay and self.decoupled else parameter
        return shrunk - rate * (mean / root), {"mean": mean, "square": square}


class AdamW(Adam):
    """Adam whose weight decay shrinks the weights themselves: w = (1 − learning_rate · weight_decay) · w − Adam's step.

    Source: Loshchilov and Hutter 2019, arXiv 1711.05101, algorithm 2, with PyTorch's default weight_decay of 0.01.
    """

    decoupled = True
    default_decay = 0.01


def _blockwise(update: Any, data: Any, gradient: Any, state: State, decay: float) -> tuple[Any, State]:
    """update(...) of a whole parameter, a large array in blocks; the state arrays, which no one else holds, are reused."""
    if not isinstance(data, np.ndarray):
        new, state = update(data, gradient, state, decay)
        return _scalar(new, data), {name: _scalar(value, data) for name, value in state.items()}
    if data.size <= BLOCK or not all(_flat(array) for array in (data, gradient, *state.values())):
        whole: tuple[Any, State] = update(data, gradient, state, decay)
        return whole
    new = np.empty_like(data)
    source, slope, target = data.reshape(-1), gradient.reshape(-1), new.reshape(-1)
    flat = {name: value.reshape(-1) for name, value in state.items()}
    for start in range(0, data.size, BLOCK):
        block = slice(start, start + BLOCK)
        target[block], parts = update(source[block], slope[block], {name: v[block] for name, v in flat.items()}, decay)
        for name, part in parts.items():
            flat[name][block] = part
    return new, state


def _flat(array: Any) -> bool:
    return isinstance(array, np.ndarray) and array.flags.c_contiguous


def _scalar(value: Any, like: Any) -> Any:
    return float(value) if type(like) is float else value


def _not_negative(name: str, number: float) -> float:
    if not (isinstance(number, (float, int, np.number)) and 0.0 <= number < math.inf):
        raise ArgumentError(f"{name} must be a number of at least 0, got {number!r}")
    return float(number)  # a np.float64 would widen float32 weights


def _share(name: str, number: float) -> float:
    if not (isinstance(number, (float, int, np.number)) and 0.0 <= number < 1.0):
        raise ArgumentError(f"{name} must lie in [0, 1), got {number!r}")
    return float(number)
