"""SGD: down the gradient, with momentum."""

from collections.abc import Iterable
from typing import Any

from autograd.errors import ArgumentError
from nn.checks import share
from nn.module import Module, Parameter
from nn.optim.base import Optimizer, State, blank, penalized

__all__ = ["SGD"]


class SGD(Optimizer):
    """Gradient descent: v = momentum · v + g;  w = w − learning_rate · v, as in PyTorch.

    nesterov      look ahead: w = w − learning_rate · (g + momentum · v)
    options       weight_decay (adds weight_decay · w to the gradient), decay_all, groups: see Optimizer
    Source: Sutskever et al. 2013, ICML, eqs. 1–4, with the rate outside of the velocity.
    """

    def __init__(
        self,
        parameters: Iterable[Parameter] | Module,
        learning_rate: float = 0.01,
        *,
        momentum: float = 0.0,
        nesterov: bool = False,
        **options: Any,
    ) -> None:
        self.momentum = share("momentum", momentum)
        self.nesterov = nesterov
        if nesterov and not momentum:
            raise ArgumentError("SGD(nesterov=True) needs a momentum above 0")
        super().__init__(parameters, learning_rate, **options)

    def start(self, parameter: Any) -> State:
        return {"velocity": blank(parameter)} if self.momentum else {}

    def update(self, parameter: Any, gradient: Any, state: State, decay: float) -> tuple[Any, State]:
        g = penalized(gradient, parameter, decay)
        if not self.momentum:
            return parameter - self.learning_rate * g, state
        velocity = self.momentum * state["velocity"] + g
        step = g + self.momentum * velocity if self.nesterov else velocity
        return parameter - self.learning_rate * step, {"velocity": velocity}
