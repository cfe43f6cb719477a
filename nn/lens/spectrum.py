"""The spectrum: how strongly the loss curves, in how many directions.

The Hessian H of the loss by all weights has as many eigenvalues as there are weights: the curvatures along its own
directions. Of a trained network most are close to 0 (the data do not care), some stand far out, about as many as there are
classes, and the largest says how long a step may be. H itself has (weights)² numbers; a few hundred products with it are
enough for both ends, and for the rest as a density.

Before it come `curvature`, which gives the products, and `lanczos`, which makes eigenvalues of them. A model of at most
`exact` weights has its Hessian written out, and every number here is exact.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from autograd.errors import ArgumentError
from nn.checks import not_negative, positive, whole
from nn.init import Rng, generator
from nn.lens.answer import Answer
from nn.lens.curvature import Curvature
from nn.lens.lanczos import Ends, ends, quadrature
from nn.module import Module
from nn.optim import SGD, Optimizer
from nn.progress import counter
from nn.style import BLUE, GRAY, ORANGE

__all__ = ["Spectrum", "spectrum"]

Array = NDArray[np.float64]
TOLERANCE = 1e-6  # of the largest |eigenvalue|: an eigenvalue with a smaller error has converged
WIDTH = 0.01  # of the range of eigenvalues: standard deviation of the bell that a point of the density is drawn as


@dataclass(frozen=True, eq=False, repr=False)
class Spectrum(Answer):
    """What `spectrum` saw. Curvatures are in units of the loss by squared weight.

    parameters, examples  how many weights, and rows of data
    exact                 whether the Hessian was written out
    top, bottom           (count,) the largest eigenvalues, falling, and the smallest, rising
    top_error, …          (count,) how far the nearest true eigenvalue can be away at most
    nodes, weights        (probes, points) the density: Σ weights f(nodes), in each row, estimates the mean of f over all
                          eigenvalues; exact has one row, the eigenvalues themselves
    rough_nodes, …        the same after half the steps, to tell how far f is from what so many nodes resolve
    edge                  the curvature above which the optimiser given diverges; None without one
    """

    parameters: int
    examples: int
    exact: bool
    top: Array
    top_error: Array
    bottom: Array
    bottom_error: Array
    nodes: Array
    weights: Array
    rough_nodes: Array
    rough_weights: Array
    edge: float | None

    @property
    def sharpness(self) -> float:
        """The largest eigenvalue λ. Along it gradient descent is stable for learning rates below 2 / λ."""
        return float(self.top[0])

    @property
    def trace(self) -> tuple[float, float]:
        """(Σ λ, its standard error over the probes): the sum of all curvatures. Source: Hutchinson 1990."""
        return self.total(lambda x: x)

    @property
    def frobenius(self) -> float:
        """√Σ λ², the length of the Hessian."""
        return math.sqrt(self.total(np.square)[0])

    def total(self, f: Callable[[Any], Any]) -> tuple[float, float]:
        """(Σ f(λ) over all eigenvalues, its error): √(standard error over the probes² + error of the quadrature²).

        The second is taken to be the difference that the second half of the steps made: 0 for a polynomial of a degree
        below the steps, large for an f that bends where most eigenvalues are. Exact has error 0.
        """
        sums = self.parameters * np.sum(self.weights * f(self.nodes), axis=1)
        if self.exact:
            return float(sums[0]), 0.0
        rough = self.parameters * np.sum(self.rough_weights * f(self.rough_nodes), axis=1)
        return float(sums.mean()), math.hypot(sums.std(ddof=1) / math.sqrt(len(sums)), sums.mean() - rough.mean())

    def effective_parameters(self, alpha: float | None = None) -> tuple[float, float]:
        """(Σ λ / (λ + alpha), its error as in `total`): how many directions the data pin down, of all parameters.

        alpha  what a prior adds to each curvature: weight decay of the mean loss, or 1 / (examples · prior variance); by
               default the prior has variance 1. A direction far above it counts as 1, one far below as 0
        Negative curvatures, which a minimum does not have, count as 0. A small alpha needs many `probe_steps`, about
        √(largest curvature / alpha); with fewer the count comes out too large or too small, and the error says so.
        Source: MacKay 1992, Neural Computation 4:415, eq. 4.9; Maddox et al. 2020, arXiv 2003.02139, eq. 1.
        """
        a = 1.0 / self.examples if alpha is None else positive("alpha", alpha)
        return self.total(lambda x: np.maximum(x, 0.0) / (np.maximum(x, 0.0) + a))

    def density(self, points: int = 1000, width: float | None = None) -> tuple[Array, Array]:
        """(curvatures, share of the eigenvalues for each unit of curvature there), both (points,), its area 1.

        width  standard deviation of the bell around each node; by default 1 % of the range
        """
        low, high = float(self.nodes.min()), float(self.nodes.max())
        sigma = positive("width", width) if width is not None else WIDTH * (high - low) or 1e-12
        at = np.linspace(low - 4.0 * sigma, high + 4.0 * sigma, whole("points", points, 2))
        far = (at[:, None, None] - self.nodes) / sigma
        bells = np.exp(-0.5 * far * far) * self.weights / (sigma * math.sqrt(2.0 * math.pi))
        return at, bells.sum(axis=(1, 2)) / len(self.nodes)

    @property
    def verdict(self) -> str:
        count = self.effective_parameters()[0]
        known = f"Of {self.parameters:,} parameters the data pin down {_about(count)} (prior variance 1)"
        sharpest = f"the sharpest curvature is {self.sharpness:.3g}"
        if self.edge is not None:
            return (
                f"{known}; {sharpest}, {self.sharpness / self.edge:.2f} of the {self.edge:.3g} at which steps diverge."
            )
        if self.sharpness <= 0.0:
            return f"{known}; {sharpest}, so no direction curves upwards."
        return (
            f"{known}; {sharpest}, so gradient descent diverges with a learning rate above {2.0 / self.sharpness:.2g}."
        )

    def rows(self) -> tuple[list[str], list[list[Any]]]:
        trace, count = self.trace, self.effective_parameters()
        sharpest = zip(self.top, self.top_error, strict=True)
        lowest = list(zip(self.bottom, self.bottom_error, strict=True))
        return ["curvature", "value", "±"], [
            *(["largest" if not i else f"largest, no. {i + 1}", *pair] for i, pair in enumerate(sharpest)),
            *([f"smallest, no. {i + 1}" if i else "smallest", *lowest[i]] for i in reversed(range(len(lowest)))),
            ["sum of all (trace)", *trace],
            ["mean", trace[0] / self.parameters, trace[1] / self.parameters],
            [f"effective parameters at {1.0 / self.examples:.2g}", *count],
            *([["edge of stability", self.edge, None]] if self.edge is not None else []),
        ]

    def draw(self, axes: Any) -> None:
        at, density = self.density()
        axes.semilogy(at, np.maximum(density, 1e-300), color=BLUE)
        axes.fill_between(at, density, color=BLUE, alpha=0.15, linewidth=0)
        axes.axvline(0.0, color=GRAY, linewidth=0.8, linestyle=":")
        if self.edge is not None:
            if self.edge < 2.0 * at[-1]:  # further out it would squeeze the rest
                axes.axvline(self.edge, color=ORANGE, linewidth=1.2, linestyle="--")
            axes.plot([], [], "--", color=ORANGE, linewidth=1.2, label=f"diverges above {self.edge:.3g}")
            axes.legend(loc="upper right")
        least = 0.1 / (self.parameters * (at[-1] - at[0]))  # a tenth of a single eigenvalue, spread over the range
        axes.set(title=f"Curvatures of {self.parameters:,} directions", xlabel="eigenvalue of the Hessian",
                 ylabel="share per unit", ylim=(least, 3.0 * float(density.max())))  # fmt: skip


def spectrum(
    model: Module,
    X: Any,
    y: Any,
    *,
    loss: Callable[[Any, Any], Any] | None = None,
    count: int = 5,
    steps: int = 100,
    probes: int = 8,
    probe_steps: int = 60,
    exact: int = 300,
    optimizer: Optimizer | None = None,
    learning_rate: float | None = None,
    batch_size: int | None = None,
    progress: bool = True,
    rng: Rng = None,
) -> Spectrum:
    """The eigenvalues of the Hessian of the mean loss on X, y by all weights: both ends, and a density of the rest.

    X, y            (n, …) data as for fit; the Hessian is that of all n rows, in evaluation mode, in float64
    loss            (prediction, target) → number, a mean over rows; by default cross_entropy for integers, mse for others
    count           eigenvalues at either end
    steps           products with the Hessian for these, at most (it stops when all have converged); each keeps a vector of
                    as many float64 numbers as there are weights
    probes          random directions from which the density, the trace and sums over all eigenvalues are estimated, after
                    the converged ends were taken out exactly
    probe_steps     products for each of them
    exact           models with at most so many weights have their Hessian written out
    optimizer       an SGD: its edge of stability is 2 / learning_rate, (2 + 2 momentum) / learning_rate with momentum, and
                    1 / (1 + 2 momentum) of that with nesterov; weight decay is not counted
    learning_rate   instead of an optimizer, that of plain gradient descent
    batch_size      rows whose graph is in memory at once; by default as many as have graphs of about 256 MB
    rng             for the start and the probes

    A product costs about as much as a gradient of all rows. A multiple eigenvalue may be found once only, and one between
    two that were found may be missing: the errors say that there is one near, not that there is no other.
    Model, gradients, buffers, generators and mode are untouched.
    Raises ArgumentError for counts below 1 and for an optimiser without a known edge; NonFiniteError, with the parameter's
    path, if weights or products are not finite.
    Sources: Ghorbani, Krishnan and Xiao 2019, arXiv 1901.10159; Papyan 2018, arXiv 1811.07062; taking out the ends as in
    Hutch++, Meyer et al. 2021, arXiv 2010.09649; the edges: Cohen et al. 2021, arXiv 2103.00065, §2 and appendix B.

    >>> import nn
    >>> line = nn.Linear(1, 1, rng=0)
    >>> found = spectrum(line, np.array([[1.0], [3.0]]), np.array([[0.0], [0.0]]), count=1)
    >>> round(found.sharpness, 6), found.trace  # of [[10, 4], [4, 2]]
    (11.656854, (12.0, 0.0))
    """
    count, steps, probes = whole("count", count), whole("steps", steps), whole("probes", probes, 2)
    probe_steps, exact, random = whole("probe_steps", probe_steps), whole("exact", exact, 0), generator(rng)
    edge = _edge(optimizer, learning_rate)
    curvature = Curvature(model, X, y, loss=loss, batch_size=batch_size)
    size, written = curvature.size, curvature.size <= exact
    if written:
        found, density = _written_out(curvature.dense(), count)
    else:
        work = min(steps, size) + probes * min(probe_steps, size)
        with counter(progress, work, "product") as bar:
            found, density = _estimated(curvature, count, steps, (probes, probe_steps), random, bar.update)
    lowest = (found.bottom, found.bottom_error)
    return Spectrum(size, len(curvature.X), written, found.top, found.top_error, *lowest, *density, edge=edge)


def _written_out(H: Array, count: int) -> tuple[Ends, tuple[Array, Array, Array, Array]]:
    values, vectors = np.linalg.eigh(H)
    count, size = min(count, len(H)), len(H)
    error = np.linalg.norm(H @ vectors - vectors * values, axis=0)  # of rounding
    top, bottom = (values[::-1][:count], error[::-1][:count]), (values[:count], error[:count])
    return Ends(*top, *bottom, vectors.T, values, 0), 2 * (values[None], np.full((1, size), 1.0 / size))


def _estimated(
    curvature: Curvature, count: int, steps: int, probing: tuple[int, int], random: np.random.Generator, tick: Any
) -> tuple[Ends, tuple[Array, Array, Array, Array]]:
    """(the ends, [nodes, weights, rough nodes, rough weights]): a row of these holds the converged ends exactly, and what
    a probe saw of the rest."""
    size, (probes, probe_steps) = curvature.size, probing
    found = ends(curvature.product, size, count, steps=steps, tolerance=TOLERANCE, rng=random, tick=tick)
    known, rest = len(found.values), size - len(found.values)
    density = np.empty((2, 2, probes, known + probe_steps))
    density[:, 0, :, :known] = found.values
    density[:, 1, :, :known] = 1.0 / size
    for row in range(probes):
        seen = quadrature(curvature.product, size, steps=probe_steps, rng=random, apart=found.vectors, tick=tick)
        density[:, 0, row, known:], density[:, 1, row, known:] = seen[:, 0], seen[:, 1] * rest / size
    return found, (density[0, 0], density[0, 1], density[1, 0], density[1, 1])


def _edge(optimizer: Any, learning_rate: float | None) -> float | None:
    """The curvature of a parabola on which the optimiser neither converges nor diverges."""
    if optimizer is None:
        return None if learning_rate is None else 2.0 / positive("learning_rate", learning_rate)
    if learning_rate is not None:
        raise ArgumentError("optimizer has a learning rate of its own: pass optimizer or learning_rate, not both")
    if not isinstance(optimizer, SGD):
        raise ArgumentError(
            f"the edge of stability is known for SGD, got {optimizer!r}: leave optimizer out, or pass the learning_rate of "
            "plain gradient descent"
        )
    rate, momentum = not_negative("optimizer.learning_rate", optimizer.learning_rate), optimizer.momentum
    if not rate:
        raise ArgumentError("the optimizer's learning rate is 0 now, so it has no edge of stability")
    edge = (2.0 + 2.0 * momentum) / rate
    return edge / (1.0 + 2.0 * momentum) if optimizer.nesterov else edge


def _about(number: float) -> str:
    return f"{number:,.0f}" if number >= 10.0 else f"{number:.1f}"
