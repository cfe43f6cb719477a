"""Rules about numbers and data: what is not finite, shapes in the loss, rows in both splits, the mode of a prediction."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator
from typing import Any

import numpy as np

from autograd.context import detect_anomaly, no_grad
from autograd.errors import NonFiniteError
from autograd.value import Value
from nn.calls import watched
from nn.lens.evidence import Evidence, Unchecked, fingerprint, is_finite
from nn.lens.rules import Reading, rule
from nn.state import untouched

__all__: list[str] = []


@rule(
    "NaN or infinity",
    measures="numbers that are not finite: in X, y, weights, the passes layer by layer, or the history",
    limit="there is one",
    source="Karpathy 2019",
    remedy="mend what stands under where: it is the first place that is not finite",
)
def not_finite(evidence: Evidence) -> Iterator[Reading]:
    losses = np.asarray(evidence.history.train_loss if evidence.has_history else [])
    for epoch in np.flatnonzero(~np.isfinite(losses))[:1]:
        yield Reading(f"history, epoch {epoch + 1}", float(losses[epoch]), "a finite loss", math.inf)
    if not evidence.has_model:
        yield Reading("history", 0, "0 such numbers", 0.0)
        return
    held = _held(evidence)
    if held is None:
        try:
            held = Reading(f"the passes of {len(evidence.run.calls)} layers", 0, "0 such numbers", 0.0)
        except Unchecked:
            held = _born(evidence)
    yield held


def _held(evidence: Evidence) -> Reading | None:
    """Where in X, y or the weights there is a NaN or infinity."""
    for name, array in (("X", evidence.X), ("y", evidence.y)):
        if not is_finite(array):
            places = np.argwhere(~np.isfinite(array))
            feature = f", feature {', '.join(map(str, places[0][1:]))}" if np.ndim(array) > 1 else ""
            rows = len(np.unique(places[:, 0]))
            remedy = f"leave such rows of {name} out, or fill them in: {rows} of {len(array)} rows have some"
            return Reading(f"{name}, row {places[0][0]}{feature}", len(places), "0 such numbers", math.inf, remedy)
    for path, parameter in evidence.model.named_parameters():
        if not is_finite(parameter.data):
            count = int(np.sum(~np.isfinite(parameter.data)))
            remedy = "start again from a checkpoint with finite weights, with a smaller learning_rate or clip_norm"
            return Reading(path, count, "0 such weights", math.inf, remedy)
    return None


def _born(evidence: Evidence) -> Reading:
    """The passes once more, with every op watched, to the one that makes the first NaN or infinity."""
    model, run, where = evidence.model, None, "the loss"
    message = "run the step under autograd.detect_anomaly(), and look at the numbers that come in"
    with untouched(model, None), detect_anomaly(), watched(model) as calls:
        try:
            run = evidence.forward(evidence.x, evidence.target)
            run.loss.backward()
        except NonFiniteError as mistake:
            message = str(mistake)
            begun = [call.path for call in calls if not call.last]  # and not ended
            if run is not None:  # of the nodes that were reached the oldest one
                where = f"{run.place([node for node in run.nodes if node.has_grad][-1]) or 'the loss'}, backward"
            elif begun:
                where = f"{begun[-1] or type(model).__name__}, forward"
    return Reading(where, math.nan, "finite numbers", math.inf, message)


@rule(
    "silent broadcast",
    measures="shapes of prediction and target in the loss: (n, 1) and (n,) make (n, n), each with each",
    limit="the loss combines two different shapes",
    source="Karpathy 2019",
    remedy="give the target the prediction's shape: y.reshape(prediction.shape); nn's losses refuse other shapes",
)
def silent_broadcast(evidence: Evidence) -> Iterator[Reading]:
    run = evidence.run
    prediction, target = shapes = evidence.prediction.shape, evidence.target.shape
    for node in reversed(run.nodes):
        if node.serial > run.began and _combines(node, *shapes):
            where = f"loss, {node.op} of prediction {prediction} and target {target}"
            yield Reading(where, math.prod(node.shape), f"{max(map(math.prod, shapes))} numbers", math.inf)
            return
    yield Reading("loss", math.prod(target), "equal shapes", 0.0)


def _combines(node: Value, *shapes: tuple[int, ...]) -> bool:
    """Whether the node broadcasts two operands of these shapes, which differ, to a third one."""
    if shapes[0] == shapes[1] or any(isinstance(x, tuple) for x in (node.data, *node.saved)):
        return False
    try:
        whole = np.broadcast_shapes(*shapes)
    except ValueError:
        return False
    return node.shape == whole and tuple(map(np.shape, node.saved)) in (shapes, shapes[::-1])


LEAKED, NEAR = 0.01, 0.05  # share of validation rows; of the usual distance between neighbours
MOST = 5000  # validation rows that are looked at; of four times as many training rows for rows that are nearly the same


@rule(
    "leakage between splits",
    measures="share of validation rows that are, exactly or nearly, also training rows",
    limit=f"above {LEAKED:.0%}, and three times the share of training rows that are so to other training rows",
    source="Kapoor 2023",
    remedy="split before augmenting and by group (nn.split(..., groups=…)), and drop the repeated rows",
)
def leakage(evidence: Evidence) -> Iterator[Reading]:
    held, X = evidence.validation[0], evidence.X
    if X.shape[1:] != held.shape[1:]:
        raise Unchecked("rows of one shape in X and validation")
    some = np.sort(evidence.rng.choice(len(held), min(len(held), MOST), replace=False))
    counts = Counter(fingerprint(row) for row in X)
    again = np.array([fingerprint(row) in counts for row in held[some]])
    natural = sum(count for count in counts.values() if count > 1) / len(X)
    if held.dtype.kind == "f" and not again.all():
        again[~again], close = _near(X, held[some][~again], evidence.rng)
        natural += close
    share, limit = float(again.mean()), max(LEAKED, min(3.0 * natural, 0.5 + 0.5 * natural))
    first = f", {int(again.sum())} rows, the first {some[np.argmax(again)]}" if again.any() else ""
    over = share / limit if again.sum() > 1 else 0.0  # one may be chance
    yield Reading(f"validation{first}", share, f"a share of at most {limit:.2g}", over)


def _near(X: Any, rows: Any, rng: np.random.Generator) -> tuple[Any, float]:
    """Whether each row is nearly some row of X, NEAR times as far as neighbours in X usually are; of X itself the share."""
    X, rows = (a.reshape(len(a), -1).astype(np.float64) for a in (X, rows))
    if not (is_finite(X) and is_finite(rows)):
        raise Unchecked("finite numbers in X and validation")
    X = X[rng.choice(len(X), min(len(X), 4 * MOST), replace=False)]
    scale = X.std(axis=0)
    scale = np.maximum(scale, 0.1 * np.median(scale))  # a pixel that is nearly always white weighs no more than others
    X, rows = (a[:, scale > 0.0] / scale[scale > 0.0] for a in (X, rows))
    inside = _distances(X[:500], X, skip=True)
    near = NEAR * float(np.median(inside))
    return _distances(rows, X) < near, float(np.mean(inside < near))


def _distances(rows: Any, X: Any, skip: bool = False) -> Any:
    """From each row to the nearest row of X; with skip, to the nearest that is not the same."""
    found, lengths = np.empty(len(rows)), np.sum(X * X, axis=1)
    for start in range(0, len(rows), 256):
        part = rows[start : start + 256]
        squares = lengths - 2.0 * part @ X.T + np.sum(part * part, axis=1)[:, None]
        if skip:
            squares = np.where(squares < 1e-9 * (1.0 + lengths), np.inf, squares)
        found[start : start + 256] = np.sqrt(np.maximum(squares.min(axis=1), 0.0))
    return found


DIFFERS = 0.01  # of the predictions' own spread


@rule(
    "forgotten eval",
    measures="how far model(X) as the model is now is from model(X) in evaluation mode, over the predictions' spread",
    limit=f"above {DIFFERS:g}, for a trained model: one that is about to be trained belongs in training mode",
    source="Karpathy 2019",
    remedy="call model.eval() before model(X), model.train() before going on; model.predict(X) and nn.fit see to it",
)
def forgotten_eval(evidence: Evidence) -> Iterator[Reading]:
    model, training = evidence.model, [path for path, on in evidence.modes.items() if on]
    if not evidence.trained:
        raise Unchecked("a trained model: one that is about to be trained belongs in training mode")
    with no_grad():
        found = []
        for modes in (evidence.modes, evidence.modes, dict.fromkeys(evidence.modes, False)):
            for path, module in model.named_modules():
                module.training = modes[path]
            found.append(evidence.output(model(evidence.x)).astype(np.float64))
    now, again, right = found
    spread = float(np.std(right)) or 1.0
    off = float(np.sqrt(np.mean((now - right) ** 2))) / spread
    kind = "not even the same twice" if not np.array_equal(now, again) else "the same every time"
    where = f"{training[0] or type(model).__name__} in training mode, {kind}" if training else "all in evaluation mode"
    yield Reading(where, off, "no difference", off / DIFFERS)
