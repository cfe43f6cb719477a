"""Muon: momentum whose steps are made orthogonal, so that a matrix moves equally far in all of its directions."""

from collections.abc import Iterable, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any, Self

import numpy as np

from nn.checks import not_negative, share, whole
from nn.module import Module, Parameter
from nn.optim.adaptive import AdamW
from nn.optim.base import Optimizer, State, blank, matching

__all__ = ["Muon", "orthogonalized"]

QUINTIC = (3.4445, -4.7750, 2.0315)  # chosen for a steep slope at 0: singular values end between about 0.7 and 1.2


class Muon(Optimizer):
    """W = (1 − learning_rate · weight_decay) · W − learning_rate · √max(1, rows / columns) · orthogonalized(step).

    The step is g + momentum · (v − g) with the running mean v = momentum · v + (1 − momentum) · g (nesterov), or v.

    It is made for the matrices inside a network. Kernels of convolutions count as matrices (out_channels, rest). All else
    (biases, norms, complex weights) goes by AdamW, and so should embeddings and the last layer, as its authors advise:

        nn.Muon(model, 0.02, adamw_for=["embedding.*", "head.*"], adamw={"learning_rate": 3e-4})

    adamw_for       pattern, or several, of dotted paths of further parameters that AdamW updates
    adamw           options of that AdamW; its learning rate is this one's unless given, and is kept as a ratio to it
    ns_steps        Newton–Schulz iterations
    options         weight_decay (0.1 by default, of the matrices), decay_all, groups: see Optimizer; a group's learning
                    rate is that of its matrices
    Defaults are those of torch.optim.Muon, in the parameters' own dtype (there bfloat16 for the orthogonal step).
    Source: Jordan et al. 2024, kellerjordan.github.io/posts/muon; decay: Liu et al. 2025, arXiv 2502.16982, eq. 3.
    """

    default_decay = 0.1
    elementwise = False

    def __init__(
        self,
        parameters: Iterable[Parameter] | Module,
        learning_rate: float = 0.001,
        *,
        momentum: float = 0.95,
        nesterov: bool = True,
        ns_steps: int = 5,
        eps: float = 1e-7,
        adamw: Mapping[str, Any] | None = None,
        adamw_for: Sequence[str] = (),
        **options: Any,
    ) -> None:
        self.momentum, self.eps = share("momentum", momentum), not_negative("eps", eps)
        self.nesterov, self.ns_steps = nesterov, whole("ns_steps", ns_steps)
        self.adamw_for = (adamw_for,) if isinstance(adamw_for, str) else tuple(adamw_for)
        self.learning_rate = learning_rate
        formula = {"learning_rate": learning_rate, **(adamw or {})}
        self.adamw = AdamW([Parameter(0.0)], **formula)  # the parameters that follow it are this optimiser's
        self.adamw.follow(self)
        super().__init__(parameters, learning_rate, **options)
        for pattern in self.adamw_for:
            matching("Muon: adamw_for", pattern, self.paths)

    def follower(self, name: str, options: Mapping[str, float]) -> Self:
        group = super().follower(name, options)
        group.adamw = self.adamw.follower(name, {key: x for key, x in options.items() if key == "weight_decay"})
        group.adamw._learning_rate, group.adamw.leader = self.adamw._learning_rate, group
        return group

    def rule(self, path: str, parameter: Parameter) -> Optimizer:
        matrix = parameter.ndim >= 2 and parameter.size and not np.iscomplexobj(parameter.data)
        matrix = matrix and not any(fnmatchcase(path, pattern) for pattern in self.adamw_for)
        return self if matrix else self.adamw

    def _places(self) -> dict[str, tuple[Any, str, Any]]:
        return {**super()._places(), "adamw": (self.adamw, "_learning_rate", self.adamw._learning_rate)}

    def start(self, parameter: Any) -> State:
        return {"velocity": blank(parameter)}

    def update(self, parameter: Any, gradient: Any, state: State, decay: float) -> tuple[Any, State]:
        velocity = state["velocity"] + (1.0 - self.momentum) * (gradient - state["velocity"])
        step = gradient + self.momentum * (velocity - gradient) if self.nesterov else velocity
        rows = step.shape[0]
        matrix = step.reshape(rows, -1)
        rate = self.learning_rate * max(1.0, rows / matrix.shape[1]) ** 0.5
        direction = orthogonalized(matrix, self.ns_steps, self.eps).reshape(step.shape)
        return self.shrunk(parameter, decay) - rate * direction, {"velocity": velocity}


def orthogonalized(matrix: Any, steps: int = 5, eps: float = 1e-7) -> Any:
    """About U Vᵀ of the matrix U S Vᵀ: singular values near 1, by Newton–Schulz iterations X = aX + (bA + cA²) X, A = X Xᵀ.

    Multiplications only, no decomposition; a step multiplies small singular values by 3.4.
    Source: Jordan et al. 2024; Bernstein and Newhouse 2024, arXiv 2409.20325.
    """
    a, b, c = QUINTIC
    x = matrix if matrix.shape[0] <= matrix.shape[1] else matrix.T
    x = x / (np.sqrt(np.sum(x * x)) + eps)
    for _ in range(steps):
        gram = x @ x.T
        x = a * x + (b * gram + c * (gram @ gram)) @ x
    return x if matrix.shape[0] <= matrix.shape[1] else x.T
