"""Losses of numbers: squares, absolute values, both, and the likelihood of a normal distribution."""

import math
from typing import Any

import numpy as np

from autograd.errors import ArgumentError, ShapeError
from autograd.value import data_of, stop_gradient
from nn.losses.base import cast, expect, loss, pair, reduced

__all__ = ["gaussian_nll", "huber", "mae", "mse", "smooth_l1"]


@loss
def mse(prediction: Any, target: Any, *, reduction: str = "mean") -> Any:
    """Mean squared error, (prediction − target)²: equal shapes → number."""
    prediction, target = pair("mse", prediction, target)
    difference = prediction - target
    return reduced(difference * difference, reduction)


@loss
def mae(prediction: Any, target: Any, *, reduction: str = "mean") -> Any:
    """Mean absolute error, |prediction − target|; slope 0 where they are equal."""
    prediction, target = pair("mae", prediction, target)
    return reduced(abs(prediction - target), reduction)


@loss
def huber(prediction: Any, target: Any, *, delta: float = 1.0, reduction: str = "mean") -> Any:
    """½d² for |d| ≤ delta, delta · (|d| − ½ delta) beyond: squares for small errors, absolute for outliers.

    Source: Huber 1964, eq. 3.1.
    """
    if delta <= 0.0:
        raise ArgumentError(f"huber: delta must be positive, got {delta}")
    prediction, target = pair("huber", prediction, target)
    difference = prediction - target
    inside = np.clip(difference, -float(delta), float(delta))
    return reduced(inside * (difference - 0.5 * inside), reduction)


@loss
def smooth_l1(prediction: Any, target: Any, *, beta: float = 1.0, reduction: str = "mean") -> Any:
    """huber / beta: ½d² / beta for |d| ≤ beta, |d| − ½ beta beyond, of slope ±1 there. Source: Girshick 2015, eq. 3."""
    if not beta > 0.0:
        raise ArgumentError(f"smooth_l1: beta must be positive, got {beta}; towards 0 it becomes nn.mae")
    return huber(prediction, target, delta=beta, reduction=reduction) / beta


@loss
def gaussian_nll(
    prediction: Any, target: Any, variance: Any, *, full: bool = False, eps: float = 1e-6, reduction: str = "mean"
) -> Any:
    """½ [ln v + (prediction − target)² / v] with v = max(variance, eps), in nats: the model knows how sure it is.

    variance   of the shape of prediction, or (…, 1), or a number; not negative. Below eps its gradient is that at
               eps, as in PyTorch, so that it can grow again
    full       adds the constant ½ ln 2π, which makes it −log of the density N(target; prediction, v)
    Source: Nix and Weigend 1994.
    """
    if not eps > 0.0:
        raise ArgumentError(f"gaussian_nll: eps must be positive, got {eps}")
    prediction, target = pair("gaussian_nll", prediction, target)
    variance = cast(variance, prediction)
    shape = prediction.shape
    if variance.shape not in (shape, (*shape[:-1], 1), ()):
        raise ShapeError(f"gaussian_nll: variance has shape {variance.shape}, prediction {shape}; (…, 1) does too")
    advice = "gaussian_nll: a variance is negative; use np.exp or softplus of the model's output"
    expect(advice, lambda v: ~(v < 0.0), variance)  # NaN is for those who look at the loss
    data = data_of(variance)
    v = variance + stop_gradient(np.maximum(data, float(eps)) - data)
    difference = prediction - target
    losses = 0.5 * (np.log(v) + difference * difference / v)
    return reduced(losses + 0.5 * math.log(2.0 * math.pi) if full else losses, reduction)
