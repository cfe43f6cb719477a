"""Losses of classes: cross-entropy of logits, its kin, and the hinge; and accuracy, to look at.

Logits are a model's plain outputs, of any size; the softmax is part of the loss, where it does not overflow.
"""

from typing import Any

import numpy as np

from autograd.data import effect
from autograd.errors import ArgumentError, ShapeError
from autograd.ops import log_softmax, relu, softmax_cross_entropy, softplus
from autograd.value import Value, data_of
from nn.losses.base import array, cast, expect, loss, pair, reduced

__all__ = ["accuracy", "binary_cross_entropy", "cross_entropy", "hinge", "kl_div", "nll"]


_largest, _UNSIGNED = np.maximum.reduce, np.dtype(np.uint64)  # as unsigned numbers negative ones are large: one pass


@loss
def hinge(score: Any, target: Any, *, reduction: str = "mean") -> Any:
    """max(0, 1 − target · score) for targets −1 and +1: no loss once the score is right by a margin of 1."""
    score, target = pair("hinge", score, target)
    expect("hinge: targets are −1 and +1", lambda t: t * t == 1.0, target)
    return reduced(relu(1.0 - score * target), reduction)


@loss
def cross_entropy(
    logits: Any,
    target: Any,
    *,
    weight: Any = None,
    ignore_index: int | None = None,
    label_smoothing: float = 0.0,
    reduction: str = "mean",
) -> Any:
    """−log softmax(logits)[target] in nats: logits (…, classes), target (…) class numbers → number.

    A target of the shape of logits is taken as class probabilities. A model that knows nothing has loss ln(classes).

    weight            (classes,) factors of the classes; with class numbers the mean is then Σ loss / Σ weight[target],
                      with probabilities a plain mean over the rows, as in PyTorch
    ignore_index      class number of rows that do not count, such as −100 for padding; none by default (PyTorch: −100)
    label_smoothing   share s of the target that is spread evenly: (1 − s) · target + s / classes
    Raises ShapeError for other shapes and ArgumentError for class numbers outside 0 … classes − 1.
    Source: label smoothing: Szegedy et al. 2016, arXiv 1512.00567, §7.
    """
    logits, target = array(logits), array(target)
    shape = logits.shape
    if not shape:
        raise ShapeError("cross_entropy: logits have shape (…, classes), got a single number")
    if not 0.0 <= label_smoothing <= 1.0:
        raise ArgumentError(f"cross_entropy: label_smoothing must lie in [0, 1], got {label_smoothing}")
    if target.dtype.kind in "iub":
        target = _checked("cross_entropy", target, shape, ignore_index)
        if reduction == "mean" and weight is None and ignore_index is None and not label_smoothing:
            return softmax_cross_entropy(logits, target)
        return _of_classes(log_softmax(logits), target, weight, ignore_index, float(label_smoothing), reduction)
    if target.dtype.kind not in "fc":
        raise ArgumentError(
            f"cross_entropy: targets are {target.dtype}, expected class numbers; of texts they are "
            "np.unique(labels, return_inverse=True)[1]"
        )
    if target.shape != shape:
        raise ShapeError(
            f"cross_entropy: float targets are probabilities of the shape of logits {shape}, got {target.shape}; class "
            "numbers must be integers"
        )
    if ignore_index is not None:
        raise ArgumentError("cross_entropy: ignore_index is for class numbers; multiply rows of probabilities by 0")
    shares = cast(target, logits)
    if label_smoothing:
        shares = (1.0 - label_smoothing) * shares + label_smoothing / shape[-1]
    return reduced(-np.sum(_weighted(shares, weight, logits) * log_softmax(logits), axis=-1), reduction)


@loss
def nll(
    log_probabilities: Any, target: Any, *, weight: Any = None, ignore_index: int | None = None, reduction: str = "mean"
) -> Any:
    """−log_probabilities[target], (…, classes) and class numbers (…) → number: cross_entropy behind a log-softmax.

    weight, ignore_index, and the weighted mean, as in cross_entropy.
    """
    log_p, target = array(log_probabilities), array(target)
    if not log_p.shape or target.dtype.kind not in "iub":
        raise ShapeError("nll: log_probabilities have shape (…, classes), targets are integers of shape (…)")
    return _of_classes(log_p, _checked("nll", target, log_p.shape, ignore_index), weight, ignore_index, 0.0, reduction)


@loss
def kl_div(log_prediction: Any, target: Any, *, log_target: bool = False, reduction: str = "mean") -> Any:
    """KL(target ‖ prediction) = Σ target · (log target − log_prediction) over the last axis, in nats: (…, classes) → number

    The prediction comes as logarithms (log_softmax of logits), the target as probabilities, or as logarithms too with
    log_target. The mean is over the distributions: PyTorch's reduction="batchmean", which is the definition; its "mean"
    also divides by the number of classes. Where a target is 0 its term is 0.
    """
    log_q, target = pair("kl_div", log_prediction, target)
    if not log_q.shape:
        raise ShapeError("kl_div: distributions have shape (…, classes), got a single number")
    if not log_target:
        advice = "kl_div: a target is negative; give probabilities, or logarithms with log_target=True"
        expect(advice, lambda t: t >= 0.0, target)
    p = np.exp(target) if log_target else target
    log_p = target if log_target else np.log(np.where(data_of(target) > 0.0, target, 1.0))
    return reduced(np.sum(p * (log_p - log_q), axis=-1), reduction)


@loss
def binary_cross_entropy(
    logits: Any, target: Any, *, weight: Any = None, pos_weight: Any = None, reduction: str = "mean"
) -> Any:
    """−[t log σ(z) + (1 − t) log(1 − σ(z))] in nats, from logits z: equal shapes, targets in [0, 1] → number.

    weight       factor of the loss, a number, or one for each column or element; the mean stays that over the elements
    pos_weight   factor of the first term, a number or one for each column: above 1 for a class that is rare
    Logits, since log σ(z) of large z is lost to rounding once σ(z) is 1; as softplus(z) − t·z it neither is nor overflows.
    (PyTorch's binary_cross_entropy takes probabilities; this is its binary_cross_entropy_with_logits.)
    """
    logits, target = pair("binary_cross_entropy", logits, target)
    expect(
        "binary_cross_entropy: targets are probabilities, between 0 and 1", lambda t: (t >= 0.0) & (t <= 1.0), target
    )
    losses = softplus(logits) - target * logits
    if pos_weight is not None:
        factor = _factors("binary_cross_entropy: pos_weight", pos_weight, logits, single=True)
        losses = losses + (factor - 1.0) * target * softplus(-logits)
    if weight is not None:
        losses = losses * _factors("binary_cross_entropy: weight", weight, logits, single=True, each=True)
    return reduced(losses, reduction)


@loss
def accuracy(logits: Any, target: Any) -> float:
    """Share of rows whose largest logit is at the target, as a plain float: logits (n, classes), target (n,).

    One logit a row, (n,) or (n, 1) with a target of the same shape, is that of class 1 against 0, and says 1 above 0.
    """
    logits, target = logits.data if isinstance(logits, Value) else np.asarray(logits), np.asarray(target)
    single = logits.ndim == 1 or logits.shape[-1:] == (1,)
    if single and target.shape == logits.shape and target.shape:
        return float(np.mean((logits > 0.0) == (target == 1)))
    if logits.shape[-1:] == (1,) and (target.shape != logits.shape[:-1] or np.any(target)):
        raise ShapeError(f"accuracy: one logit a row {logits.shape} needs targets of that shape, got {target.shape}")
    if target.shape != logits.shape[:-1]:
        raise ShapeError(
            f"accuracy: logits {logits.shape} need targets of shape {logits.shape[:-1]}, got {target.shape}"
        )
    return float(np.mean(np.argmax(logits, axis=-1) == target))


def _checked(name: str, target: Any, shape: tuple[int, ...], ignore_index: int | None) -> Any:
    """Class numbers as int64, checked for shape, and for range in every run of a compiled step."""
    if target.shape != shape[:-1]:
        hint = "; classes are the last axis, not the second" if target.shape == (*shape[:1], *shape[2:]) else ""
        raise ShapeError(f"{name}: logits {shape} need targets of shape {shape[:-1]}, got {target.shape}{hint}")

    def look(numbers: Any) -> None:
        counted = numbers if ignore_index is None else numbers[numbers != ignore_index]
        if counted.size and int(_largest(counted.view(_UNSIGNED), None)) >= shape[-1]:
            raise ArgumentError(
                f"{name}: targets are 0 … {shape[-1] - 1} for logits {shape}, got {counted.min()} … {counted.max()}"
                + (
                    "; one output for two classes goes with nn.binary_cross_entropy, for numbers with nn.mse and targets "
                    "that are floats"
                    if shape[-1] == 1
                    else ""
                )
            )

    target = data_of(target).astype(np.int64, copy=False)  # booleans would select instead of counting
    effect(look, target)
    return target


def _of_classes(log_p: Any, target: Any, weight: Any, ignored: int | None, smoothing: float, reduction: str) -> Any:
    """−weight · log_p at the class numbers, smoothed; rows of the ignored class are 0 and do not count in the mean.

    If no row counts the mean is 0 (PyTorch: NaN), so that a batch of padding does no harm.
    """
    kept = None if ignored is None else target != ignored
    target = target if kept is None else np.where(kept, target, 0)
    cost = _weighted(-log_p, weight, log_p)
    losses = _picked(cost, target)
    if smoothing:
        losses = (1.0 - smoothing) * losses + smoothing * np.mean(cost, axis=-1)
    if kept is not None:
        losses = np.where(kept, losses, 0.0)
    if reduction != "mean" or (kept is None and weight is None):
        return reduced(losses, reduction)
    counts = 1.0 if weight is None else _picked(_weighted(np.ones_like(data_of(log_p)), weight, log_p), target)
    total = np.sum(counts if kept is None else counts * kept)
    return np.sum(losses) / np.where(total > 0.0, total, 1.0).astype(log_p.dtype)


def _picked(rows: Any, target: Any) -> Any:
    """(…, classes) → the entry of each row at its class number, (…)."""
    return np.squeeze(np.take_along_axis(rows, np.expand_dims(target, -1), axis=-1), axis=-1)


def _weighted(rows: Any, weight: Any, like: Any) -> Any:
    """rows (…, classes), each class times its weight."""
    return rows if weight is None else rows * _factors("weight", weight, like)


def _factors(name: str, factors: Any, like: Any, *, single: bool = False, each: bool = False) -> Any:
    """(classes,) factors, not negative, in the dtype of the logits; or a single number, or one for each element."""
    factors = cast(factors, like)
    if factors.shape not in (like.shape[-1:], *[()] * single, *[like.shape] * each):
        raise ShapeError(f"{name} has shape {factors.shape}, expected {like.shape[-1:]}, a factor for each class")
    expect(f"{name}: a factor is negative", lambda f: f >= 0.0, factors)
    return factors
