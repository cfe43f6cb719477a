"""What is explained: one number for each row, and its slopes.

Attributions need a question. `Output` is that: a class's logit, the single output, or what a function makes of the
output. It runs the model in evaluation mode, in batches, leaves it as it was, and counts what was asked of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from autograd.context import no_grad
from autograd.errors import ArgumentError, NonFiniteError
from autograd.transforms import value_and_grad
from autograd.value import data_of
from nn.arguments import check_finite, check_weights
from nn.evaluation import cast
from nn.lens.attribution import Array
from nn.losses.base import one_array
from nn.module import Module
from nn.state import preserved
from nn.sums import arrays_only

__all__ = ["Output", "baseline_of", "checked_input"]

_ROWS = 1024  # of a batch


class Output:
    """The number of each row that is explained.

    name    of the function that asks, for messages
    target  None: the single output, or the logit of the class the model predicts; a class number, or one for each row;
            or a function of the output, (rows, …) → (rows,), whose rows do not influence each other
    slopes  whether gradients with respect to X are asked for        names  of the features, for messages

    given is X as it came, x is X in the model's dtype, values (rows,) its outputs, `evaluations` counts rows.
    Raises ArgumentError for X, targets and outputs that do not go together, NonFiniteError for an output or a slope that is
    not finite, with the parameter if one is not.
    """

    def __init__(
        self, name: str, model: Module, X: Any, target: Any = None, *, slopes: bool = False,
        names: Sequence[str] | None = None,
    ) -> None:  # fmt: skip
        self.name, self.model, self.given, self.evaluations = name, model, X, 0
        self.x = checked_input(name, model, X, slopes, names)
        self.function = target if callable(target) else None
        self.classes: Array | None = None
        if self.function is None:
            self._choose(target)
        self.values = self(self.x)

    def _choose(self, target: Any) -> None:
        """Set the class explained, or see that there is a single output."""
        name, out = self.name, self._raw(self.x[:1])
        if out.ndim == 2 and out.shape[1] > 1:
            self.classes = self._classes(target, out.shape[1])
        elif out.ndim > 2 or out.ndim == 0:
            raise ArgumentError(
                f"{name}: the model gives shape {out.shape} for one row; say with target= what to explain: a function that "
                "makes one number of each row of it, such as lambda out: out[:, -1, 3]"
            )
        elif target is not None and not (isinstance(target, int) and target == 0):
            raise ArgumentError(f"{name}: target={target!r}, but the model has a single output; leave target out")

    def _raw(self, x: Array) -> Array:
        with preserved(self.model), no_grad():
            self.model.eval()
            return np.asarray(data_of(one_array(self.model(x))))

    def _classes(self, target: Any, count: int) -> Array:
        """The class explained, one for each row."""
        rows = len(self.x)
        if target is None:
            parts = [self._raw(self.x[i : i + _ROWS]).argmax(1) for i in range(0, rows, _ROWS)]
            return np.concatenate(parts)
        classes = np.asarray(target)
        if classes.dtype.kind not in "iu" or classes.shape not in ((), (rows,)):
            raise ArgumentError(
                f"{self.name}: target is a class number, one for each of the {rows} rows, or a function of the output; got "
                f"{str(target)[:60]!r}"
            )
        if classes.min() < 0 or classes.max() >= count:
            raise ArgumentError(f"{self.name}: target={str(target)[:60]}, but the classes are 0 … {count - 1}")
        return np.broadcast_to(classes, (rows,))

    @property
    def target(self) -> Any:
        """What is explained: class numbers (rows,), a function of the output, or None for the single output."""
        return self.function if self.function is not None else self.classes

    def picked(self, out: Any, which: Any) -> Any:
        """(rows,) of what the model gives for rows that come from the rows `which` of X."""
        if self.function is not None:
            number = self.function(out)
            if np.shape(data_of(number)) != (len(which),):
                raise ArgumentError(
                    f"{self.name}: target gave shape {np.shape(data_of(number))}, expected {(len(which),)}: one a row"
                )
            return number
        if self.classes is not None:
            return out[np.arange(len(which)), self.classes[which]]
        return np.reshape(out, (-1,))

    def __call__(self, x: Array, which: Any = None) -> Array:
        """(rows,) float64: outputs of x, whose row i stands for the row which[i] of X; by default for row i."""
        which = np.arange(len(x)) if which is None else which
        parts = []
        with preserved(self.model), no_grad():
            self.model.eval()
            for i in range(0, len(x), _ROWS):
                out = self.model(x[i : i + _ROWS])
                parts.append(np.asarray(data_of(self.picked(out, which[i : i + _ROWS])), np.float64))
        self.evaluations += len(x)
        return self._finite(np.concatenate(parts))

    def gradients(self, x: Array, which: Any = None, rules: Any = None) -> tuple[Array, Array]:
        """((rows,) outputs, their gradients with respect to x, of its shape), float64; rules as in backward."""
        which = np.arange(len(x)) if which is None else which
        values, slopes = [], []
        with preserved(self.model):
            self.model.eval()
            for i in range(0, len(x), _ROWS):
                total = lambda v, chosen: _summed(self.picked(self.model(v), chosen))
                step = value_and_grad(total, has_aux=True, rules=rules)
                (_, out), slope = step(x[i : i + _ROWS], which[i : i + _ROWS])
                values.append(np.asarray(out, np.float64))
                slopes.append(np.asarray(slope, np.float64))
        self.evaluations += len(x)
        found, slope = self._finite(np.concatenate(values)), np.concatenate(slopes)
        if not np.isfinite(slope).all():
            row, *feature = np.argwhere(~np.isfinite(slope))[0].tolist()
            where = f"row {which[row]}, feature {feature[0] if len(feature) == 1 else tuple(feature)}"
            raise NonFiniteError(f"{self.name}: the model's output has no finite slope for {where}")
        return found, slope

    def _finite(self, values: Array) -> Array:
        if not np.isfinite(values).all():
            check_weights(self.name, self.model)
            raise NonFiniteError(
                f"{self.name}: the model's output is {values[~np.isfinite(values)][0]} for a row it was asked about"
            )
        return values


def _summed(numbers: Any) -> tuple[Any, Any]:
    """(sum, numbers): the gradient of a sum over rows is each row's own gradient."""
    return np.sum(numbers), numbers


def checked_input(name: str, model: Module, X: Any, slopes: bool = False, names: Sequence[str] | None = None) -> Array:
    """X as rows of features for the model, finite; with slopes no whole numbers that it looks up."""
    arrays_only(name, model)
    x = np.asarray(cast(model, X))
    if x.ndim < 2 or not len(x):
        raise ArgumentError(
            f"{name}: X has shape {x.shape}, expected (rows, features) or (rows, …) with at least one row"
        )
    check_finite(name, "X", x, getattr(X, "columns", None) if names is None else names)
    if slopes and x.dtype.kind != "f":
        raise ArgumentError(
            f"{name}: X is {x.dtype}, which the model looks up in a table, so that there is no gradient; shapley and "
            "permutation_importance need none"
        )
    return x


def baseline_of(name: str, x: Array, baseline: Any) -> Array:
    """What x is compared with, of its shape: zeros for None, a number, an array for one row or for each."""
    given = np.asarray(0.0 if baseline is None else data_of(baseline))
    if given.dtype.kind not in "fiub" or given.shape not in ((), x.shape[1:], x.shape):
        got = f"shape {given.shape}" if given.dtype.kind in "fiub" else f"{baseline!r:.60}"
        raise ArgumentError(
            f"{name}: baseline is a number or has the shape of a row {x.shape[1:]} or of X {x.shape}, got {got}"
        )
    if not np.isfinite(given).all():
        raise ArgumentError(f"{name}: baseline has NaN or infinite entries")
    return np.array(np.broadcast_to(given, x.shape), x.dtype)
