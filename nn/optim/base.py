"""What all optimisers share: the parameters, their state and groups, and the step that applies a formula to each.

An optimiser is one formula, `update(parameter, gradient, state, decay) → (new parameter, new state)`, in NumPy code without
anything in place, so that the same line serves training here and can be traced into a compiled step. `step()` applies it
to every parameter and *rebinds* `.data`: arrays that an older graph has saved stay what they were.

A large array goes through its formula in blocks that fit a core's cache: the dozen passes of Adam then cost a third.
"""

import copy
import difflib
from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase
from typing import Any, Self

import numpy as np

from autograd.data import as_dtype, is_number
from autograd.errors import ArgumentError, ShapeError
from autograd.value import data_of
from nn.checks import leaves, not_negative
from nn.masks import kept, learning, mask_of
from nn.module import Module, Parameter
from nn.names import refuse
from nn.state import load

__all__ = ["Optimizer", "State", "blank", "matching", "penalized"]

State = dict[str, Any]
ELSEWHERE = {  # options of others' optimisers → what serves here
    "lr": "the learning rate is called learning_rate", "epsilon": "it is called eps", "beta1": "betas is a pair",
    "dampening": "multiply the learning rate by 1 − dampening", "beta2": "betas is a pair", "beta": "betas is a pair",
    "rate": "the learning rate is called learning_rate", "decay": "it is called weight_decay",
    "line_search_fn": "a strong-Wolfe line search is always made",
}  # fmt: skip
REAL = np.dtype(float)  # of Python's numbers
BLOCK = 16384  # elements: four operands of a float32 formula fill 256 KiB


class Optimizer:
    """Base class: holds the parameters and their state, applies `update` to each.

    parameters     Parameters, or a Module, whose parameters are taken; the others of a model stay as they are:
                   nn.Adam(model[-1]) trains the last layer of an nn.Sequential
    learning_rate  may be changed at any time
    weight_decay   strength of the pull towards 0, for arrays with two axes or more unless decay_all: biases and norms
                   do not overfit
    maximize       go up the gradient instead of down
    groups         {pattern: {"learning_rate": …, "weight_decay": …}} for the parameters of a Module whose dotted path
                   matches the pattern ("*.bias", "encoder.*"; the first that matches counts). A learning rate here is kept
                   as a ratio: when a schedule halves the optimiser's, it halves too. A weight decay here holds for arrays
                   of any number of axes. `optimizer.groups[pattern].learning_rate` may be changed as well

    Subclasses define update(parameter, gradient, state, decay), and start(parameter) for their state.
    """

    __traced__: tuple[str, ...] = ("_learning_rate", "steps")  # numbers that a compiled step reads anew and counts on
    default_decay = 0.0
    elementwise = True  # whether update may be given an array block by block
    leader: "Optimizer | None" = None  # of a group: the optimiser that it belongs to
    _learning_rate: float  # of a group: its ratio to the leader's

    def __init__(
        self,
        parameters: Iterable[Parameter] | Module,
        learning_rate: float,
        *,
        weight_decay: float | None = None,
        decay_all: bool = False,
        maximize: bool = False,
        groups: Mapping[str, Mapping[str, float]] | None = None,
        **unknown: Any,
    ) -> None:
        refuse(type(self).__name__, unknown, ELSEWHERE, *type(self).__mro__[:-1])
        if not isinstance(groups or {}, Mapping):
            raise ArgumentError(f'groups is a dict such as {{"*.bias": {{"weight_decay": 0.0}}}}, got {groups!r}')
        named = leaves(type(self).__name__, parameters)
        if not named:
            raise ArgumentError(f"{type(self).__name__}: there are no parameters to optimise")
        self.learning_rate = learning_rate
        self.weight_decay = not_negative("weight_decay", self.default_decay if weight_decay is None else weight_decay)
        self.decay_all, self.maximize = decay_all, maximize
        self.steps = 0
        self.groups = {pattern: self.follower(f"groups[{pattern!r}]", row) for pattern, row in (groups or {}).items()}
        self.paths, self.parameters = tuple(named), list(named.values())
        self.rules = self._rules(isinstance(parameters, Module))
        self.followers = list(dict.fromkeys([*self.groups.values(), *self.rules.values()]))
        for follower in self.followers:
            follower.parameters = [self.parameters[i] for i, rule in self.rules.items() if rule is follower]
        self.state: list[State] = [
            self.rules.get(i, self).start(_reals(parameter.data)) for i, parameter in enumerate(self.parameters)
        ]

    # groups

    def follow(self, leader: "Optimizer") -> None:
        """Become a rule for some parameters of another optimiser; the rate becomes a ratio to its rate."""
        rate = self.learning_rate
        self.leader = leader
        self.learning_rate = rate

    def follower(self, name: str, options: Mapping[str, float]) -> Self:
        """A copy of this optimiser with options of its own for some of the parameters; steps and rate follow."""
        if not isinstance(options, Mapping):
            raise ArgumentError(f'{name} is a dict such as {{"learning_rate": 0.1}}, got {options!r}')
        unknown = options.keys() - {"learning_rate", "weight_decay"}
        if unknown:
            raise ArgumentError(f"{name} may set learning_rate and weight_decay, got {', '.join(sorted(unknown))}")
        group = copy.copy(self)
        group.leader, group._learning_rate = self, 1.0
        if "learning_rate" in options:
            group.learning_rate = options["learning_rate"]
        if "weight_decay" in options:
            group.weight_decay, group.decay_all = not_negative("weight_decay", options["weight_decay"]), True
        return group

    def rule(self, path: str, parameter: Parameter) -> "Optimizer":
        """The optimiser whose formula a parameter follows: this one, unless a subclass leaves some to another."""
        return self

    def _rules(self, named: bool) -> dict[int, "Optimizer"]:
        """Number of a parameter → the optimiser that it follows, of those that follow another than this one."""
        if self.groups and not named:
            raise ArgumentError(f"{type(self).__name__}: groups go by dotted paths; pass the model, not its parameters")
        owner: dict[str, Optimizer] = {}
        for pattern, group in self.groups.items():
            for path in matching(f"{type(self).__name__}: groups", pattern, self.paths):
                owner.setdefault(path, group)
            if group not in owner.values():
                raise ArgumentError(
                    f"{type(self).__name__}: groups[{pattern!r}] has no parameter left, patterns before it match them all; "
                    "put what is special first"
                )
        pairs = enumerate(zip(self.paths, self.parameters, strict=True))
        rules = {i: owner.get(path, self).rule(path, parameter) for i, (path, parameter) in pairs}
        return {i: rule for i, rule in rules.items() if rule is not self}

    @property
    def learning_rate(self) -> float:
        """Size of a step; may be changed at any time."""
        return self._learning_rate if self.leader is None else self.leader.learning_rate * self._learning_rate

    @learning_rate.setter
    def learning_rate(self, number: float) -> None:
        number = not_negative("learning_rate", number)
        if self.leader is not None:
            leading = self.leader.learning_rate
            if number and not leading:
                raise ArgumentError("a group's learning_rate is kept as a ratio to the optimiser's, which is 0 now")
            number = number / leading if number != leading else 1.0
        self._learning_rate = number

    # the step

    def start(self, parameter: Any) -> State:
        """State of a parameter before the first step: arrays of its shape by name."""
        return {}

    def update(self, parameter: Any, gradient: Any, state: State, decay: float) -> tuple[Any, State]:
        """New parameter and state, elementwise; decay is this parameter's weight decay."""
        raise NotImplementedError

    def step(self) -> None:
        """Change every parameter that has a gradient, where its mask lets it learn."""
        self.steps += 1
        for follower in self.followers:
            follower.steps = self.steps
        for i, parameter in enumerate(self.parameters):
            mask = mask_of(parameter, self.paths[i])
            if not parameter.has_grad or mask is False:
                continue
            data = parameter.data
            gradient = learning(mask, self._gradient(i), parameter.dtype)
            rule = self.rules.get(i, self)
            decay = rule.weight_decay and (rule.weight_decay if rule.decay_all or np.ndim(data) >= 2 else 0.0)
            paired = getattr(data, "dtype", REAL).kind == "c"
            pair = (_reals(data), _reals(gradient, -1.0)) if paired else (data, gradient)
            given = *pair, self.state[i], decay
            new, self.state[i] = _blockwise(rule.update, *given) if rule.elementwise else rule.update(*given)
            parameter.data = kept(mask, new[..., 0] + 1j * new[..., 1] if paired else new, data)

    def _gradient(self, i: int) -> Any:
        """The gradient of a parameter, in its dtype; a plain number, as p.grad = 0 of micrograd, for all of its weights.

        Raises ShapeError for another shape, and ArgumentError for a complex gradient of real weights.
        """
        data, gradient = self.parameters[i].data, data_of(self.parameters[i].grad)  # a Value of backward(record=True)
        kind = getattr(data, "dtype", REAL)
        fits = getattr(gradient, "dtype", None) is kind and gradient.shape == np.shape(data)
        if fits or is_number(gradient):
            return -gradient if self.maximize else gradient
        other = np.shape(gradient) != np.shape(data)
        if other or (gradient.dtype.kind == "c" and kind.kind != "c"):
            raise (ShapeError if other else ArgumentError)(
                f"{type(self).__name__}: the gradient of {self.paths[i]} is {gradient.dtype} of shape "
                f"{np.shape(gradient)}, the parameter {kind} of shape {np.shape(data)}"
            )
        gradient = as_dtype(gradient, kind)
        return -gradient if self.maximize else gradient

    def shrunk(self, parameter: Any, decay: float) -> Any:
        """(1 − learning_rate · decay) · parameter: weight decay apart from the gradient (AdamW, Lion, Muon)."""
        return parameter * (1.0 - self.learning_rate * decay) if decay else parameter

    def zero_grad(self) -> None:
        """Forget every parameter's gradient."""
        for parameter in self.parameters:
            parameter.zero_grad()

    # state

    def state_dict(self) -> dict[str, Any]:
        """All that is needed to go on bit-identically, as name → number or copy of an array.

        "learning_rate", "steps", "groups.PATTERN" (a group's ratio to the learning rate), and the state of each parameter
        as "layers.0.weight.velocity"; for parameters given as a list the path is the place in it.
        """
        return {name: np.array(x) if isinstance(x, np.ndarray) else x for name, (_, _, x) in self._places().items()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take over what state_dict gave. Raises ArgumentError, and changes nothing, if names or shapes differ."""
        load(type(self).__name__, self._places(), state)
        for follower in self.followers:
            for name in self.__traced__[1:]:  # all but the rate, which is a ratio to this one's
                if name in vars(follower):
                    setattr(follower, name, getattr(self, name))

    def _places(self) -> dict[str, tuple[Any, str, Any]]:
        """Name in the state_dict → (object or dict that holds it, attribute or key, what is there)."""
        places: list[tuple[str, Any, str]] = [(name.removeprefix("_"), self, name) for name in self.__traced__]
        places += [(f"groups.{pattern}", group, "_learning_rate") for pattern, group in self.groups.items()]
        places += [
            (f"{path}.{key}", state, key) for path, state in zip(self.paths, self.state, strict=True) for key in state
        ]
        return {
            name: (holder, key, holder[key] if isinstance(holder, dict) else getattr(holder, key))
            for name, holder, key in places
        }

    def __repr__(self) -> str:
        count = sum(parameter.size for parameter in self.parameters)
        return f"{type(self).__name__}(learning_rate={self.learning_rate:g}, {count:,} weights, {self.steps} steps)"


def _reals(x: Any, sign: float = 1.0) -> Any:
    """A real array as it is, a complex one as pairs (x.real, sign · x.imag) on a last axis: a complex weight is two real
    ones, with the slopes ∂/∂x and ∂/∂y of its gradient ∂/∂x − i ∂/∂y."""
    return np.stack([np.real(x), sign * np.imag(x)], axis=-1) if np.iscomplexobj(x) else x


def _blockwise(update: Any, data: Any, gradient: Any, state: State, decay: float) -> tuple[Any, State]:
    """update(...) of a whole parameter, a large array in blocks; the state arrays, which no one else holds, are reused."""
    if not isinstance(data, np.ndarray):
        new, state = update(data, gradient, state, decay)
        return _scalar(new, data), {name: _scalar(value, data) for name, value in state.items()}
    if data.size <= BLOCK or not all(_flat(array) for array in (data, gradient, *state.values())):
        changed: tuple[Any, State] = update(data, gradient, state, decay)
        return changed
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


def blank(parameter: Any) -> Any:
    """Zeros in the form of a parameter: its shape, dtype and layout, or a Python float."""
    return 0.0 * parameter


def penalized(gradient: Any, parameter: Any, decay: float) -> Any:
    """gradient + decay · parameter: weight decay as part of the gradient (SGD, Adagrad, RMSprop, Adam, NAdam)."""
    return gradient + decay * parameter if decay else gradient


def matching(what: str, pattern: str, paths: Iterable[str]) -> list[str]:
    """The paths that a pattern matches ("*.bias", "encoder.*"). Raises ArgumentError, with near names, if none does."""
    paths = list(paths)
    found = [path for path in paths if fnmatchcase(path, pattern)]
    if not found:
        near = difflib.get_close_matches(pattern, paths, n=3, cutoff=0.3) or paths[:3]
        raise ArgumentError(f"{what}: no parameter matches {pattern!r}; there are, for example, {', '.join(near)}")
    return found
