"""Attributions from slopes: gradient × input, SmoothGrad, expected gradients.

A slope says what a small change of a feature does; times the distance from a baseline it becomes a contribution. At one
point (`gradient_input`) this is right for a linear model only. The mean over noise (`smooth_grad`) makes maps quieter,
the mean over the way from a whole background of rows (`expected_gradients`) makes the sum right, up to chance.
`integrated` goes that way from one baseline, without chance.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from autograd.errors import ArgumentError
from nn.checks import not_negative, whole
from nn.init import Rng, generator
from nn.lens.attribution import Array, Attribution, feature_names
from nn.lens.explained import Output, baseline_of
from nn.lens.intervals import RunningMean
from nn.module import Module

__all__ = ["background_of", "expected_gradients", "gradient_input", "smooth_grad"]


def gradient_input(
    model: Module, X: Any, *, target: Any = None, baseline: Any = None, names: Sequence[str] | None = None
) -> Attribution:
    """∂f/∂x · (x − baseline): the slope at the row itself, times how far each feature is from the baseline.

    X         (rows, features), or (rows, channels, height, width) …
    target    what is explained: see Output; by default the logit of the predicted class, or the single output
    baseline  a number, a row, or one for each row; 0 by default, an average row of standardised features
    names     of the features; by default those of the columns, if X is a table

    Complete for linear models only; the gap says how far from linear this one is between the baseline and the rows.
    Source: Shrikumar et al. 2016, arXiv 1605.01713, with a baseline as in DeepLIFT.

    >>> import nn
    >>> model = nn.Linear(2, 1, rng=0, dtype=np.float64)
    >>> gradient_input(model, np.ones((3, 2))).max_gap < 1e-12
    True
    """
    output = Output("gradient_input", model, X, target, slopes=True, names=names)
    reference = baseline_of("gradient_input", output.x, baseline)
    _, slopes = output.gradients(output.x)
    return _answer("gradient × input", output, slopes * (output.x - reference), reference, names)


def smooth_grad(
    model: Module,
    X: Any,
    *,
    target: Any = None,
    baseline: Any = None,
    noise: float = 0.15,
    samples: int = 50,
    names: Sequence[str] | None = None,
    rng: Rng = None,
) -> Attribution:
    """E[∂f/∂x at x + noise] · (x − baseline): the slope of the output smoothed around each row.

    noise    its standard deviation, as a share of each feature's range over X (of the row's own range for a single row)
    samples  draws of the noise; margin is the 95 % interval of their mean
    Others as in gradient_input. Not complete: the gap is what smoothing leaves out.
    Source: Smilkov et al. 2017, arXiv 1706.03825, times input.
    """
    output = Output("smooth_grad", model, X, target, slopes=True, names=names)
    reference = baseline_of("smooth_grad", output.x, baseline)
    spread = np.ptp(output.x, axis=0) if len(output.x) > 1 else np.full(output.x.shape[1:], np.ptp(output.x))
    spread = not_negative("noise", noise) * spread
    draw, mean = generator(rng), RunningMean()
    for _ in range(whole("samples", samples, 2)):
        x = (output.x + spread * draw.standard_normal(output.x.shape)).astype(output.x.dtype)
        mean.add(output.gradients(x)[1] * (output.x - reference))
    return _answer("SmoothGrad", output, mean.value, reference, names, margin=mean.margin)


def expected_gradients(
    model: Module,
    X: Any,
    *,
    target: Any = None,
    background: Any = None,
    samples: int = 200,
    names: Sequence[str] | None = None,
    rng: Rng = None,
) -> Attribution:
    """E[(x − b) · ∂f/∂x at b + α (x − b)], b from the background, α uniform: integrated gradients, averaged over b.

    background  rows to compare with; by default X itself, of at most 100 rows drawn
    samples     draws of (b, α) for each row; α runs through `samples` equal parts of [0, 1] once, and the background is
                gone through evenly. margin is the 95 % interval of independent draws, which is a little wider
    Others as in gradient_input; base is the background's mean output, and the gap is what chance leaves.
    Source: Erion et al. 2021, arXiv 1906.10670, eq. 2.
    """
    output = Output("expected_gradients", model, X, target, slopes=True, names=names)
    draw = generator(rng)
    rows = background_of("expected_gradients", output.x, background, draw)
    base = background_outputs(output, rows)
    count, samples = len(output.x), whole("samples", samples, 2)
    order = np.resize(draw.permutation(len(rows)), samples)
    parts = (draw.permuted(np.tile(np.arange(samples), (count, 1)), axis=1) + draw.random((count, samples))) / samples
    mean = RunningMean()
    for k in range(samples):
        way = output.x - rows[order[k]]
        alpha = parts[:, k].reshape(-1, *[1] * (way.ndim - 1))
        slopes = output.gradients((rows[order[k]] + alpha * way).astype(output.x.dtype))[1]
        mean.add(slopes * way)
    return _answer("expected gradients", output, mean.value, None, names, base=base, margin=mean.margin)


def background_of(name: str, x: Array, background: Any, draw: np.random.Generator, most: int = 100) -> Array:
    """Rows to compare with, in x's dtype: those given, or at most so many of x's own."""
    if background is None:
        return x if len(x) <= most else x[np.sort(draw.choice(len(x), most, replace=False))]
    rows = np.asarray(background)
    if rows.ndim != x.ndim or rows.shape[1:] != x.shape[1:] or not len(rows):
        raise ArgumentError(f"{name}: background has shape {rows.shape}, expected rows of shape {x.shape[1:]}")
    if rows.dtype.kind == "f" and not np.isfinite(rows).all():
        raise ArgumentError(f"{name}: background has NaN or infinite entries")
    return rows.astype(x.dtype)


def background_outputs(output: Output, rows: Array) -> Array:
    """(rows of X,): mean output of the background, of the class that is explained in each row of X."""
    if output.classes is None:
        mean = output(rows, np.zeros(len(rows), int)).mean()
        return np.full(len(output.x), mean)
    base = np.empty(len(output.x))
    for label in np.unique(output.classes):
        first = int(np.flatnonzero(output.classes == label)[0])
        base[output.classes == label] = output(rows, np.full(len(rows), first)).mean()
    return base


def _answer(
    method: str,
    output: Output,
    values: Any,
    reference: Array | None,
    names: Sequence[str] | None,
    *,
    base: Array | None = None,
    margin: Array | None = None,
) -> Attribution:
    names = feature_names(output.name, output.x, names, output.given)
    base = output(reference) if base is None and reference is not None else base
    assert base is not None
    return Attribution(method, values, names, base, output.values, margin, reference, output.target, output.evaluations)
