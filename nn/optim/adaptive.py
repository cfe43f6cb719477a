"""Optimisers that give each weight a step of its own, by the size of its gradients so far, or by their sign alone."""

from collections.abc import Iterable
from typing import Any

import numpy as np

from autograd.errors import ArgumentError
from nn.checks import not_negative, share, shares
from nn.module import Module, Parameter
from nn.optim.base import Optimizer, State, blank, penalized

__all__ = ["Adagrad", "Adam", "AdamW", "Lion", "NAdam", "RMSprop"]


class Adagrad(Optimizer):
    """w = w − learning_rate · g / (√s + eps), with the sum s of all g² so far: rare features keep a large step.

    initial_accumulator_value   where s starts
    options                     weight_decay (adds weight_decay · w to the gradient), decay_all, groups: see Optimizer
    Source: Duchi et al. 2011, JMLR 12, eq. 1 with a diagonal matrix.
    """

    def __init__(
        self,
        parameters: Iterable[Parameter] | Module,
        learning_rate: float = 0.01,
        *,
        initial_accumulator_value: float = 0.0,
        eps: float = 1e-10,
        **options: Any,
    ) -> None:
        self.initial_accumulator_value = not_negative("initial_accumulator_value", initial_accumulator_value)
        self.eps = not_negative("eps", eps)
        super().__init__(parameters, learning_rate, **options)

    def start(self, parameter: Any) -> State:
        return {"sum": blank(parameter) + self.initial_accumulator_value}

    def update(self, parameter: Any, gradient: Any, state: State, decay: float) -> tuple[Any, State]:
        g = penalized(gradient, parameter, decay)
        total = state["sum"] + g * g
        return parameter - self.learning_rate * (g / (np.sqrt(total) + self.eps)), {"sum": total}


class RMSprop(Optimizer):
    """w = w − learning_rate · g / (√s + eps), with the running mean s of g²: s = alpha · s + (1 − alpha) · g².

    momentum   v = momentum · v + g / (√s + eps);  w = w − learning_rate · v
    centered   divides by the deviation √(s − m²) instead, with the running mean m of g
    options    weight_decay (adds weight_decay · w to the gradient), decay_all, groups: see Optimizer
    Source: Tieleman and Hinton 2012, Coursera lecture 6.5; centered: Graves 2013, arXiv 1308.0850, eqs. 38–45.
    """

    def __init__(
        self,
        parameters: Iterable[Parameter] | Module,
        learning_rate: float = 0.01,
        *,
        alpha: float = 0.99,
        eps: float = 1e-8,
        momentum: float = 0.0,
        centered: bool = False,
        **options: Any,
    ) -> None:
        self.alpha, self.momentum = share("alpha", alpha), share("momentum", momentum)
        self.eps, self.centered = not_negative("eps", eps), centered
        super().__init__(parameters, learning_rate, **options)

    def start(self, parameter: Any) -> State:
        names = ["square", *["mean"] * self.centered, *["velocity"] * bool(self.momentum)]
        return {name: blank(parameter) for name in names}

    def update(self, parameter: Any, gradient: Any, state: State, decay: float) -> tuple[Any, State]:
        g = penalized(gradient, parameter, decay)
        variance = square = state["square"] + (1.0 - self.alpha) * (g * g - state["square"])
        new = {"square": square}
        if self.centered:
            new["mean"] = mean = state["mean"] + (1.0 - self.alpha) * (g - state["mean"])
            variance = np.maximum(square - mean * mean, 0.0)  # rounding can leave it below 0
        step = g / (np.sqrt(variance) + self.eps)
        if self.momentum:
            new["velocity"] = step = self.momentum * state["velocity"] + step
        return parameter - self.learning_rate * step, new


class Adam(Optimizer):
    """Steps of about learning_rate in each weight: m / (√v + eps), with running means m of g and v of g².

    amsgrad   divides by the largest v so far, so that steps only shrink
    options   weight_decay (adds weight_decay · w to the gradient, as in PyTorch's Adam; AdamW keeps it apart), decay_all,
              groups: see Optimizer
    Source: Kingma and Ba 2015, arXiv 1412.6980, algorithm 1; amsgrad: Reddi et al. 2018, ICLR, algorithm 2.
    """

    decoupled = False

    def __init__(
        self,
        parameters: Iterable[Parameter] | Module,
        learning_rate: float = 0.001,
        *,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        amsgrad: bool = False,
        **options: Any,
    ) -> None:
        self.betas, self.eps = shares("betas", betas), not_negative("eps", eps)
        self.amsgrad = amsgrad
        super().__init__(parameters, learning_rate, **options)

    def start(self, parameter: Any) -> State:
        return {name: blank(parameter) for name in ["mean", "square", *["largest"] * self.amsgrad]}

    def update(self, parameter: Any, gradient: Any, state: State, decay: float) -> tuple[Any, State]:
        first, second = self.betas
        g = gradient if self.decoupled else penalized(gradient, parameter, decay)
        mean = state["mean"] + (1.0 - first) * (g - state["mean"])
        largest = square = state["square"] + (1.0 - second) * (g * g - state["square"])
        new = {"mean": mean, "square": square}
        if self.amsgrad:
            new["largest"] = largest = np.maximum(state["largest"], square)
        rate = self.learning_rate / (1.0 - first**self.steps)
        root = np.sqrt(largest) * (1.0 / (1.0 - second**self.steps) ** 0.5) + self.eps
        return (self.shrunk(parameter, decay) if self.decoupled else parameter) - rate * (mean / root), new


class AdamW(Adam):
    """Adam whose weight decay shrinks the weights themselves: w = (1 − learning_rate · weight_decay) · w − Adam's step.

    Source: Loshchilov and Hutter 2019, arXiv 1711.05101, algorithm 2, with PyTorch's default weight_decay of 0.01.
    """

    decoupled = True
    default_decay = 0.01


class NAdam(Optimizer):
    """Adam with Nesterov's look ahead: the step is taken along µ' m / (1 − Π µ µ') + (1 − µ) g / (1 − Π µ).

    µ = betas[0] · (1 − ½ · 0.96^(t · momentum_decay)) grows with the step t, µ' is the next one, Π µ the product so far.

    momentum_decay   speed of that growth, as in PyTorch; math.inf leaves µ = betas[0], as optax has it
    options          weight_decay (adds weight_decay · w to the gradient), decay_all, groups: see Optimizer
    Source: Dozat 2016, ICLR workshop, algorithm 2.
    """

    __traced__ = (*Optimizer.__traced__, "product")

    def __init__(
        self,
        parameters: Iterable[Parameter] | Module,
        learning_rate: float = 0.002,
        *,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        momentum_decay: float = 0.004,
        **options: Any,
    ) -> None:
        self.betas, self.eps = shares("betas", betas), not_negative("eps", eps)
        if not momentum_decay >= 0.0:
            raise ArgumentError(f"momentum_decay must be a number of at least 0, got {momentum_decay!r}")
        self.momentum_decay = float(momentum_decay)
        self.product = 1.0
        super().__init__(parameters, learning_rate, **options)

    def momentum(self, step: Any) -> Any:
        """µ of a step, counted from 1."""
        return self.betas[0] * (1.0 - 0.5 * 0.96 ** (step * self.momentum_decay))

    def step(self) -> None:
        self.product = self.product * self.momentum(self.steps + 1)
        for follower in self.followers:
            follower.product = self.product  # type: ignore[attr-defined]  # a follower is a copy of this optimiser
        super().step()

    def start(self, parameter: Any) -> State:
        return {"mean": blank(parameter), "square": blank(parameter)}

    def update(self, parameter: Any, gradient: Any, state: State, decay: float) -> tuple[Any, State]:
        first, second = self.betas
        g = penalized(gradient, parameter, decay)
        mean = state["mean"] + (1.0 - first) * (g - state["mean"])
        square = state["square"] + (1.0 - second) * (g * g - state["square"])
        ahead, product = self.momentum(self.steps + 1), self.product
        along_mean = self.learning_rate * (ahead / (1.0 - product * ahead))
        along_gradient = self.learning_rate * ((1.0 - self.momentum(self.steps)) / (1.0 - product))
        root = np.sqrt(square) * (1.0 / (1.0 - second**self.steps) ** 0.5) + self.eps
        return parameter - (along_mean * mean + along_gradient * g) / root, {"mean": mean, "square": square}


class Lion(Optimizer):
    """w = w − learning_rate · sign(betas[0] · m + (1 − betas[0]) · g);  m = betas[1] · m + (1 − betas[1]) · g.

    Every weight moves by the same length; the rate is about a tenth of Adam's.

    options   weight_decay (shrinks the weights themselves, as AdamW's), decay_all, groups: see Optimizer
    Source: Chen et al. 2023, arXiv 2302.06675, algorithm 2.
    """

    def __init__(
        self,
        parameters: Iterable[Parameter] | Module,
        learning_rate: float = 0.0001,
        *,
        betas: tuple[float, float] = (0.9, 0.99),
        **options: Any,
    ) -> None:
        self.betas = shares("betas", betas)
        super().__init__(parameters, learning_rate, **options)

    def start(self, parameter: Any) -> State:
        return {"mean": blank(parameter)}

    def update(self, parameter: Any, gradient: Any, state: State, decay: float) -> tuple[Any, State]:
        first, second = self.betas
        mean = state["mean"]
        direction = np.sign(first * mean + (1.0 - first) * gradient)
        new = mean + (1.0 - second) * (gradient - mean)
        return self.shrunk(parameter, decay) - self.learning_rate * direction, {"mean": new}
