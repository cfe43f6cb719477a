"""How large a model is: in numbers kept, in multiplications, and in what its weights do to a signal.

Counts and multiply-adds are those of `model.summary`. A weight with two axes or more is read as a matrix W, whose rows are
the neurons: it stretches no signal by more than its spectral norm, ‖W‖₂ = σ₁, the largest of its singular values σ. How
many directions share in that is told by two ranks, both at most the smaller side of W:

    stable rank      Σ σ² / σ₁²               how many times the largest one the whole is (1: one direction does it all)
    effective rank   exp(−Σ p ln p), p = σ / Σ σ      how many singular values the spread of these is worth

A kernel of a convolution, (out, in, height, width), is the matrix (out, in · height · width) that it is for one window.
On an image, where windows overlap, a convolution can stretch by up to √(height · width) times the norm of that matrix.

Sources: stable rank: Rudelson and Vershynin 2007; effective rank: Roy and Vetterli 2007, EUSIPCO, eqs. 2-3.
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from autograd.errors import ArgumentError
from nn.arguments import check_weights
from nn.evaluation import cast
from nn.lens.answer import Answer
from nn.module import Module
from nn.state import modes_kept
from nn.style import BLUE, GRAY, ORANGE
from nn.summary import summary
from nn.sums import arrays_only

__all__ = ["Complexity", "LayerSize", "WeightSize", "complexity"]


@dataclass(frozen=True)
class LayerSize:
    """A layer, as in `model.summary`: its own weights (shared ones at their first place), multiply-adds for an example."""

    path: str
    kind: str
    parameters: int
    multiply_adds: int


@dataclass(frozen=True)
class WeightSize:
    """A weight as a matrix: shape (out, in), norms and ranks."""

    path: str
    shape: tuple[int, int]
    spectral: float
    frobenius: float
    stable_rank: float
    effective_rank: float


@dataclass(frozen=True, eq=False, repr=False)
class Complexity(Answer):
    """What `complexity` counted; the table leaves out layers that have no weights and multiply nothing.

    layers, matrices        in the order of the calls; in the order of definition, shared ones once
    parameters              weights, shared ones once
    multiply_adds           of a forward pass of one example
    product                 Π ‖W‖₂ of all matrices. In a plain chain of dense layers with activations of slope at most 1, no
                            change of the input is stretched by more; with branches, norms or attention it says less
    norm                    ‖w‖₂ of all weights together
    """

    size = (4.4, 2.6)
    layers: tuple[LayerSize, ...]
    matrices: tuple[WeightSize, ...]
    parameters: int
    multiply_adds: int
    product: float
    norm: float

    @property
    def verdict(self) -> str:
        counts = f"{self.parameters:,} parameters and {self.multiply_adds:,} multiply-adds an example"
        if not self.matrices:
            return f"{counts}; no weight is a matrix."
        low = min(self.matrices, key=_fullness)
        used = f"{low.path} is least filled, an effective rank of {low.effective_rank:.1f} of {min(low.shape)}"
        return f"{counts}; {used}; the spectral norms multiply to {self.product:.3g}."

    def rows(self) -> tuple[list[str], list[list[Any]]]:
        heads = [
            "layer",
            "type",
            "parameters",
            "multiply-adds",
            "matrix",
            "‖W‖₂",
            "‖W‖F",
            "stable rank",
            "effective rank",
        ]
        lines: list[list[Any]] = []
        below = {row.path: [m for m in self.matrices if m.path.rpartition(".")[0] == row.path] for row in self.layers}
        for row in self.layers:
            own = below.pop(row.path, [])  # of a layer called twice the first time
            if not (row.parameters or row.multiply_adds):
                continue
            first = _figures(own[0]) if len(own) == 1 else [""] * 5
            lines.append([row.path or "(self)", row.kind, row.parameters, row.multiply_adds, *first])
            lines += [[m.path, "", "", "", *_figures(m)] for m in own[len(own) == 1 :]]
        return heads, [*lines, ["total", "", self.parameters, self.multiply_adds, "", self.product, self.norm, "", ""]]

    def draw(self, axes: Any) -> None:
        places = np.arange(len(self.matrices))
        for shift, name, colour, label in ((-0.2, "stable_rank", ORANGE, "stable rank"),
                                           (0.2, "effective_rank", BLUE, "effective rank")):  # fmt: skip
            shares = [getattr(m, name) / min(m.shape) for m in self.matrices]
            axes.barh(places + shift, shares, height=0.36, color=colour, label=label)
        axes.axvline(1.0, color=GRAY, linewidth=0.8, linestyle=":")
        axes.set_yticks(places, [f"{m.path}  {min(m.shape)}" for m in self.matrices])
        axes.invert_yaxis()
        axes.set(title="How full the weights are", xlabel="share of the full rank", xlim=(0.0, 1.05))
        if self.matrices:
            axes.legend(loc="lower right", bbox_to_anchor=(1.0, 1.0), ncols=2, borderaxespad=0.0)
            axes.set_title("How full the weights are", pad=20)


def complexity(model: Module, X: Any) -> Complexity:
    """Parameters, multiply-adds, norms and ranks of each layer and weight of a model.

    X  (n, …) inputs; one example is run, in evaluation mode, to count what it costs
    Model, gradients, buffers, generators and mode are untouched.
    Raises ArgumentError for no example, and NonFiniteError, with the path, for weights that are not finite.

    >>> import nn
    >>> found = complexity(nn.MLP(64, [32, 10], rng=0), np.zeros((1, 64)))
    >>> found.parameters, found.multiply_adds, [m.shape for m in found.matrices]
    (2410, 2368, [(32, 64), (10, 32)])
    """
    arrays_only("complexity", model)
    x = cast(model, X)
    if np.ndim(x) < 1 or not len(x):
        raise ArgumentError(f"X has shape {np.shape(x)}, expected at least one example, (n, …)")
    check_weights("complexity", model)
    with modes_kept(model):
        model.eval()
        counted = summary(model, x[:1])
    matrices, squares = [], 0.0
    for path, parameter in model.named_parameters():
        data = np.asarray(parameter.data)
        squares += float(np.sum(np.abs(data.astype(np.result_type(data, np.float64))) ** 2))
        if data.ndim >= 2 and data.size:
            matrices.append(_measured(path, data))
    layers = tuple(LayerSize(row.path, row.kind, row.parameters, row.forward) for row in counted.rows)
    product = math.prod(m.spectral for m in matrices)
    return Complexity(layers, tuple(matrices), counted.parameters, counted.forward, product, math.sqrt(squares))


def _measured(path: str, data: Any) -> WeightSize:
    matrix = data.reshape(len(data), -1).astype(np.result_type(data, np.float64))
    values = np.linalg.svd(matrix, compute_uv=False)
    largest, total = float(values[0]), float(values.sum())
    shares = values[values > 0.0] / total if total else values[:0]
    spread = math.exp(-float(np.sum(shares * np.log(shares)))) if total else 0.0
    stable = float(np.sum((values / largest) ** 2)) if largest else 0.0
    return WeightSize(path, matrix.shape, largest, float(np.linalg.norm(values)), stable, spread)


def _fullness(matrix: WeightSize) -> float:
    return matrix.effective_rank / min(matrix.shape)


def _figures(m: WeightSize) -> list[Any]:
    return [f"{m.shape[0]} × {m.shape[1]}", m.spectral, m.frobenius, m.stable_rank, m.effective_rank]
