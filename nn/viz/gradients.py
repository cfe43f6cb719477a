"""What the loss does around the model: its gradient, layer by layer, and a slice of the landscape it lies in."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from autograd import transforms
from autograd.context import no_grad
from autograd.errors import ArgumentError
from autograd.value import Value, data_of
from nn.arguments import checked_data, chosen_loss
from nn.init import Rng, generator
from nn.module import Module
from nn.outline import shortened
from nn.state import preserved, untouched
from nn.style import BLUE, GRAY, ORANGE, decades, panel, shades

__all__ = ["gradient_flow", "loss_landscape"]

Loss = Callable[[Any, Any], Any]


def gradient_flow(model: Module, X: Any, y: Any, loss: Loss | None = None, axes: Any = None) -> Any:
    """Size of the loss's gradient in each layer: root mean square and largest |∂loss/∂weight|, on a logarithmic axis.

    Where bars grow or shrink by the same factor from layer to layer, the gradient explodes or vanishes. A row for each
    parameter of at least two dimensions, in the order of definition. loss is fit's default if there is none.
    One forward and one backward pass, in the mode the model is in; gradients, mode, buffers and generators stay what they
    were. Returns the Axes.
    """
    x, target = checked_data("gradient_flow", model, X, y, gaps=loss is not None)
    measure = chosen_loss(loss, target)
    with preserved(model):
        gradient = transforms.grad(lambda twin: measure(twin(x), target))(model)
    sizes = {name: np.abs(np.asarray(data_of(g), np.float64)) for name, g in gradient.named_parameters()}
    sizes = {name: size for name, size in sizes.items() if size.ndim >= 2} or sizes
    rms = [float(np.sqrt(np.mean(np.square(size)))) for size in sizes.values()]
    largest = [float(size.max()) for size in sizes.values()]
    rows = np.arange(len(sizes))
    with panel("gradient_flow", axes, size=(3.4, 0.95 + 0.24 * max(len(sizes), 4))) as drawn:
        drawn.barh(rows, rms, height=0.62, color=BLUE, label="rms")
        drawn.plot(largest, rows, "D", color=ORANGE, markersize=3.5, label="largest", linestyle="none")
        for row, size in zip(rows, rms, strict=True):
            if not 0.0 < size < np.inf:
                drawn.annotate(f"{size:g}", (0.01, row), xycoords=("axes fraction", "data"), va="center", color=ORANGE)
        drawn.set_yticks(rows, [shortened(name, 24) for name in sizes])
        drawn.tick_params(axis="y", length=0)
        drawn.invert_yaxis()
        decades(drawn, "x", [size for size in (*rms, *largest) if 0.0 < size < np.inf])
        drawn.set(title="Gradients", xlabel="|∂ loss / ∂ weight|")
        drawn.legend(loc="lower right", bbox_to_anchor=(1.0, 1.0), ncols=2, borderpad=0, handlelength=1)
        return drawn


def loss_landscape(
    model: Module, X: Any, y: Any, loss: Loss | None = None, *, span: float = 1.0, steps: int = 21, rng: Rng = 0,
    axes: Any = None,
) -> Any:  # fmt: skip
    """The loss on a plane through the model's weights, spanned by two random directions, as a map with contour lines.

    A direction is normal noise whose every filter (row of a matrix, kernel of a convolution) has the norm of the model's
    own filter, so that flat and sharp mean the same in networks of any scale; biases and other vectors stay as they are.

    span   how far each way: 1 is a step as long as the weights themselves
    steps  the loss is measured steps² times, in evaluation mode; odd, so that the model itself is in the middle
    rng    seed or Generator of the directions
    Returns the Axes; the model is what it was, bit for bit.
    Source: Li et al. 2018, arXiv 1712.09913, sections 3 and 4.
    """
    if not isinstance(steps, (int, np.integer)) or steps < 3 or steps % 2 == 0:
        raise ArgumentError(f"steps is an odd whole number of at least 3, got {steps!r}")
    x, target = checked_data("loss_landscape", model, X, y, gaps=loss is not None)
    places = np.linspace(-span, span, steps)
    losses = _plane(model, x, target, chosen_loss(loss, target), places, generator(rng))
    with panel("loss_landscape", axes) as drawn:
        pixel = places[1] - places[0]
        extent = (places[0] - pixel / 2, places[-1] + pixel / 2) * 2
        finite = losses[np.isfinite(losses)]
        picture = drawn.imshow(losses, extent=extent, origin="lower", cmap=shades(), interpolation="bilinear")
        if finite.size and finite.min() < finite.max():
            levels = _levels(float(finite.min()), float(finite.max()))
            lines = drawn.contour(places, places, losses, levels=levels, colors=GRAY, linewidths=0.7)
            drawn.clabel(lines, fmt="%.3g", fontsize="x-small")
        drawn.plot(0.0, 0.0, "+", color=ORANGE, markersize=8, markeredgewidth=1.6)
        drawn.figure.colorbar(picture, ax=drawn, label="loss", shrink=0.85)
        drawn.set(title="Loss around the model (+)", xlabel="direction 1", ylabel="direction 2")
        return drawn


def _levels(low: float, high: float) -> NDArray[Any]:
    """Values of contour lines between two losses: by equal factors if they differ much, else by equal steps."""
    spaced = np.geomspace if low > 0.0 and high > 10.0 * low else np.linspace
    return spaced(low, high, 9)[1:-1]


def _plane(
    model: Module, x: Any, target: Any, loss: Loss, places: NDArray[Any], rng: np.random.Generator
) -> NDArray[np.float64]:
    """losses[i, j] at the model's weights + places[j] · first direction + places[i] · second."""
    parameters = model.parameters()
    start = [parameter.data for parameter in parameters]
    first, second = list(_direction(start, rng)), list(_direction(start, rng))
    losses = np.empty((len(places), len(places)))
    with untouched(model), no_grad(), np.errstate(all="ignore"):
        model.eval()
        for i, b in enumerate(places):
            for j, a in enumerate(places):
                for parameter, w, d, e in zip(parameters, start, first, second, strict=True):
                    parameter.data = (w + a * d + b * e).astype(w.dtype)
                out = loss(model(Value(x) if x.dtype.kind == "f" else x), target)
                losses[i, j] = float(data_of(out))
    return losses


def _direction(weights: list[Any], rng: np.random.Generator) -> Iterator[NDArray[np.float64]]:
    """Noise whose filters have the norms of those of the weights; 0 for vectors."""
    for w in weights:
        noise = rng.normal(size=np.shape(w)) * (np.ndim(w) >= 2)
        axes = tuple(range(1, np.ndim(w)))
        norm = np.sqrt(np.sum(np.square(noise), axes, keepdims=True))
        own = np.sqrt(np.sum(np.square(w, dtype=np.float64), axes, keepdims=True))
        yield noise * own / np.where(norm == 0.0, 1.0, norm)
