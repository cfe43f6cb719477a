"""The loss of a model as a function of one long vector of all its weights, and its second derivatives.

    curvature = Curvature(model, X, y)
    curvature.product(v)       # H · v, without H          curvature.dense()    # H itself, of a small model

Before it comes the model, after it `spectrum`. The gradient is recorded once; each product H · v is one walk back through
that record (autograd.vjp of autograd.grad), so it costs about as much as a gradient.

Everything is computed in float64, on a copy: in float32 a product is wrong by 1e-7 of the largest curvature, which is more
than most curvatures of a network are. The copy has the same weights, bit for bit, and the model is not touched.
"""

import copy
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from autograd import grad, hessian, tree, vjp
from autograd.context import no_grad
from autograd.errors import ArgumentError, NonFiniteError
from autograd.value import Value, data_of
from nn.arguments import check_functions, check_weights, checked_data, chosen_loss
from nn.checks import whole
from nn.evaluation import predict
from nn.module import Module
from nn.summary import summary
from nn.sums import arrays_only

__all__ = ["Curvature"]

Array = NDArray[np.float64]
AT_ONCE = 2**28  # bytes of the graph of a batch
GRAPH = 8.0  # times as many bytes as that of the loss has the graph of its gradient
CLOSE = 1e-9  # relative gap up to which a loss put together from parts is the loss


class Curvature:
    """The mean loss of a model on X, y by the vector of all its weights, in evaluation mode.

    loss         (prediction, target) → number; by default cross_entropy for integer targets, mse for others
    batch_size   rows whose graph is in memory at once; by default as many as have graphs of about 256 MB. With more rows,
                 each product records the graph of each batch anew, which takes about three times as long

    `paths` names the parameters in the vector's order, `point` is the vector, `size` its length.
    Raises ArgumentError for a model without weights or with complex ones, for data that does not fit, and for a loss that
    is no mean (or sum) over rows if it would have to be put together from batches; NonFiniteError, with the parameter's
    path, for weights that are not finite.

    >>> import nn
    >>> line = nn.Linear(1, 1, rng=0)
    >>> Curvature(line, np.array([[1.0], [3.0]]), np.array([[0.0], [0.0]])).dense().tolist()
    [[10.0, 4.0], [4.0, 2.0]]
    """

    def __init__(
        self,
        model: Module,
        X: Any,
        y: Any,
        *,
        loss: Callable[[Any, Any], Any] | None = None,
        batch_size: int | None = None,
    ) -> None:
        check_functions(loss=loss)
        _check_weights(model)
        self.model = copy.deepcopy(model).astype(np.float64).eval()
        self.X, self.y = checked_data("spectrum", self.model, X, y)
        self.loss = chosen_loss(loss, self.y)
        parameters, self.structure = tree.flatten(self.model)
        self.paths = tuple(dict(self.model.named_parameters()))
        self.shapes = [np.shape(data_of(parameter)) for parameter in parameters]
        self.cuts = np.cumsum([parameter.size for parameter in parameters])
        self.point: Array = np.concatenate([np.ravel(data_of(parameter)) for parameter in parameters])
        self.size = int(self.cuts[-1])
        self.parts = self._parts(self._fitting() if batch_size is None else whole("batch_size", batch_size))
        self._kept: Callable[[Any], Any] | None = None

    def value(self, weights: Any, rows: slice = slice(None)) -> Any:
        """The loss on some of the rows for any vector of weights, an array or a Value."""
        pieces = np.split(weights, self.cuts[:-1])
        leaves = [np.reshape(piece, shape) for piece, shape in zip(pieces, self.shapes, strict=True)]
        out = self.loss(tree.unflatten(self.structure, leaves)(self.X[rows]), self.y[rows])
        if isinstance(out, Value) and out.size == 1:
            return out
        raise ArgumentError(
            f"loss(prediction, target) must give a Value with a single number, got {type(out).__name__} of shape "
            f"{np.shape(data_of(out))}; use NumPy functions of the prediction itself, and take a mean"
        )

    def gradient(self) -> Array:
        """Slope of the loss, (size,)."""
        return self._total(grad(lambda w, rows=rows: self.value(w, rows))(self.point) for rows, _ in self.parts)

    def product(self, v: Array) -> Array:
        """H · v for a vector v of the weights' length. Raises NonFiniteError, naming a parameter, if it is not finite."""
        product = self._total(pullback(v)[0] for pullback in self._pullbacks())
        if not np.isfinite(product).all():
            raise NonFiniteError(f"the loss has no finite second derivative by {self.owner(~np.isfinite(product))}")
        return product

    def dense(self) -> Array:
        """The whole Hessian, (size, size), symmetric to the bit."""
        H = self._total(hessian(lambda w, rows=rows: self.value(w, rows))(self.point) for rows, _ in self.parts)
        if not np.isfinite(H).all():
            columns = ~np.isfinite(H).all(axis=0)
            raise NonFiniteError(f"the loss has no finite second derivative by {self.owner(columns)}")
        symmetric: Array = 0.5 * (H + H.T)
        return symmetric

    def owner(self, marked: Any) -> str:
        """Dotted path of the parameter in which the first marked place of the vector lies."""
        return self.paths[int(np.searchsorted(self.cuts, np.argmax(marked), side="right"))]

    def _total(self, terms: Iterator[Any]) -> Array:
        total: Array = sum(weight * term for (_, weight), term in zip(self.parts, terms, strict=True))
        return total

    def _pullbacks(self) -> Iterator[Callable[[Any], Any]]:
        """For each batch the function v → (H · v,). That of a single batch is kept for the next product."""
        if self._kept is not None:
            yield self._kept
            return
        for rows, _ in self.parts:
            _, pullback = vjp(grad(lambda w, rows=rows: self.value(w, rows)), self.point)
            self._kept = pullback if len(self.parts) == 1 else None
            yield pullback

    def _fitting(self) -> int:
        """The rows whose graphs fit into AT_ONCE."""
        return max(1, int(AT_ONCE / (GRAPH * max(1, summary(self.model, self.X[:1]).bytes))))

    def _parts(self, batch_size: int) -> list[tuple[slice, float]]:
        """(rows, factor) of the batches, so that Σ factor · loss of the batch is the loss. A mean and a sum can be told
        apart by trying; what is neither cannot be put together."""
        n = len(self.X)
        if n <= batch_size:
            return [(slice(None), 1.0)]
        batches = [slice(i, min(i + batch_size, n)) for i in range(0, n, batch_size)]
        with no_grad():
            out = predict(self.model, self.X, batch_size=batch_size)
            full = float(self.loss(out, self.y))
            losses = np.array([float(self.loss(out[rows], self.y[rows])) for rows in batches])
        for factors in (np.array([(rows.stop - rows.start) / n for rows in batches]), np.ones(len(batches))):
            if not np.isfinite(full) or abs(factors @ losses - full) <= CLOSE * abs(full):
                return list(zip(batches, factors.tolist(), strict=True))
        raise ArgumentError(
            f"the loss of {n} rows, {full:.6g}, is neither the mean nor the sum of the losses of its batches of "
            f"{batch_size}, so it cannot be computed in parts: pass batch_size={n}"
        )


def _check_weights(model: Any) -> None:
    """Raise for what is no model, one without weights, complex weights, and weights that are not finite."""
    arrays_only("spectrum", model)
    if not model.parameters():
        raise ArgumentError(f"{type(model).__name__} has no parameters, so its loss has no curvature")
    for path, parameter in model.named_parameters():
        if np.iscomplexobj(parameter.data):
            raise ArgumentError(f"{path} is complex: the curvature of a loss is that by real weights")
    check_weights("spectrum", model)
