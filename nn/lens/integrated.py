"""Integrated gradients: a contribution is the slope, added up along the straight way from a baseline to the row.

    value_i = (x_i − b_i) · ∫₀¹ ∂f/∂x_i (b + t (x − b)) dt

The values of a row add up to f(x) − f(b) exactly, if the integral is exact. Of a piece of the way its ends tell what the
piece must add up to, so the error of a quadrature is known and not guessed: pieces whose error counts are cut in half.
A relu's kink, where rules of fixed order gain a digit for ten times the work, costs one piece for each binary digit.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from nn.checks import positive, whole
from nn.lens.attribution import Array, Attribution, feature_names
from nn.lens.explained import Output, baseline_of
from nn.module import Module

__all__ = ["integrated_gradients"]

# Kronrod's 7 points on [−1, 1], with the weights of Gauss's 3 among them (Kronrod 1965)
_POINTS = np.array([-0.960491268708020283, -0.774596669241483377, -0.434243749346802558, 0.0,
                    0.434243749346802558, 0.774596669241483377, 0.960491268708020283])  # fmt: skip
_KRONROD = np.array([0.104656226026467265, 0.268488089868333441, 0.401397414775962223, 0.450916538658474142,
                     0.401397414775962223, 0.268488089868333441, 0.104656226026467265])  # fmt: skip
_GAUSS = np.array([0.0, 5.0 / 9.0, 0.0, 8.0 / 9.0, 0.0, 5.0 / 9.0, 0.0])


def integrated_gradients(
    model: Module,
    X: Any,
    *,
    target: Any = None,
    baseline: Any = None,
    tolerance: float = 1e-3,
    most: int = 5000,
    names: Sequence[str] | None = None,
) -> Attribution:
    """(x − b) · ∫₀¹ ∂f/∂x (b + t (x − b)) dt, by quadrature that refines until a row's error is below the tolerance.

    X          (rows, features), or (rows, channels, height, width) …
    target     what is explained: see Output; by default the logit of the predicted class, or the single output
    baseline   b: a number, a row, or one for each row; 0 by default, an average row of standardised features
    tolerance  error allowed to a row, relative to |f(x) − f(b)| (to its mean over the rows, if that is larger)
    most       gradients of a row after which no more pieces are cut; the gap then says what is left
    names      of the features; by default those of the columns, if X is a table

    The error looked at is the gap of each piece, and the difference of Gauss's and Kronrod's sums for each feature, since
    two features' errors may cancel in the gap.
    Source: Sundararajan et al. 2017, arXiv 1703.01365, eq. 1.

    >>> import nn
    >>> model = nn.MLP(2, [8, 1], rng=0, dtype=np.float64)
    >>> integrated_gradients(model, np.ones((1, 2)), tolerance=1e-9).max_gap < 1e-8
    True
    """
    output = Output("integrated_gradients", model, X, target, slopes=True, names=names)
    start = baseline_of("integrated_gradients", output.x, baseline)
    names = feature_names("integrated_gradients", output.x, names, X)
    base, most = output(start), whole("most", most, 7)
    explained = np.abs(output.values - base)
    eps = float(np.finfo(output.x.dtype).eps)
    rounding = 4.0 * eps * np.maximum(np.abs(output.values), np.abs(base))  # of the difference of a piece's ends
    allowed = np.maximum(positive("tolerance", tolerance) * np.maximum(explained, explained.mean()), rounding) + 1e-300
    pieces = _Pieces.whole_way(output, start, base)
    while True:
        rows, errors = pieces.rows, pieces.errors
        per_row = np.bincount(rows, errors, len(allowed))
        counts = np.bincount(rows, minlength=len(allowed))
        cut = (per_row > allowed)[rows] & (errors > 0.5 * (allowed / counts)[rows]) & (14 * counts < most)[rows]
        cut &= (pieces.ends - pieces.starts > 4.0 * eps) & (errors > rounding[rows])
        if not cut.any():
            break
        pieces = pieces.refined(cut)
    values = np.zeros((len(output.x), pieces.sums.shape[1]))
    np.add.at(values, pieces.rows, pieces.sums)
    values = values.reshape(output.x.shape)
    method = "integrated gradients"
    return Attribution(method, values, names, base, output.values, None, start, output.target, output.evaluations)


class _Pieces:
    """Pieces of the ways of all rows: piece k lies in row rows[k], from starts[k] to ends[k], with the outputs there.

    sums    (pieces, features): what Kronrod's rule makes of each        middles  outputs in the middle
    errors  (pieces,): what a piece misses, in its sum or in one feature
    """

    def __init__(
        self, output: Output, start: Array, rows: Array, starts: Array, ends: Array, first: Array, last: Array
    ) -> None:
        self.output, self.start = output, start
        self.rows, self.starts, self.ends, self.first, self.last = rows, starts, ends, first, last
        way = (output.x - start).astype(np.float64)
        half = 0.5 * (ends - starts)
        times = (starts + half)[:, None] + half[:, None] * _POINTS
        which = np.repeat(rows, len(_POINTS))
        ahead = times.reshape(-1, *[1] * (way.ndim - 1))
        values, slopes = output.gradients((start[which] + ahead * way[which]).astype(output.x.dtype), which)
        slopes = slopes.reshape(len(rows), len(_POINTS), -1)
        scale = half[:, None] * way[rows].reshape(len(rows), -1)
        self.middles = values.reshape(len(rows), -1)[:, len(_POINTS) // 2]
        self.sums = scale * np.einsum("p,kpf->kf", _KRONROD, slopes)
        gauss = scale * np.einsum("p,kpf->kf", _GAUSS, slopes)
        self.errors = np.maximum(np.abs(self.sums.sum(1) - (last - first)), np.abs(self.sums - gauss).max(1))

    @classmethod
    def whole_way(cls, output: Output, start: Array, base: Array) -> _Pieces:
        count = len(output.x)
        return cls(output, start, np.arange(count), np.zeros(count), np.ones(count), base, output.values)

    def refined(self, cut: Array) -> _Pieces:
        """These pieces, those where `cut` is true replaced by their halves."""
        middle = 0.5 * (self.starts + self.ends)[cut]
        left = (self.rows[cut], self.starts[cut], middle, self.first[cut], self.middles[cut])
        right = (self.rows[cut], middle, self.ends[cut], self.middles[cut], self.last[cut])
        new = _Pieces(self.output, self.start, *map(np.concatenate, zip(left, right, strict=True)))
        for name in ("rows", "starts", "ends", "first", "last", "middles", "sums", "errors"):
            setattr(new, name, np.concatenate([getattr(self, name)[~cut], getattr(new, name)]))
        return new
