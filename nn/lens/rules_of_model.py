"""Rules about the model as it stands: loss at birth, gradients by depth, units, logits, and whether it can learn at all."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator
from typing import Any

import numpy as np

from autograd.forward import tangent
from autograd.value import Value
from nn.layers import Conv1d
from nn.lens.evidence import Evidence, Pass, Unchecked, fingerprint
from nn.lens.rules import Reading, rule
from nn.losses import cross_entropy
from nn.optim import Adam
from nn.state import untouched

__all__: list[str] = []


NATS, TIMES, LEAST = 2.0, 10.0, 0.2  # above ln K; times the variance; of the targets' entropy


@rule(
    "loss at birth",
    measures="the loss before training against that of a constant prediction: ln K for K classes, the variance for mse",
    limit=f"above ln K + {NATS:g} nats, for other targets above {TIMES:g} times; with birth=, below {LEAST:g} times the "
    "classes' entropy",
    source="Karpathy 2019 (verify loss @ init); CS231n",
    remedy="scale the last layer's start down (nn.init), standardise X and y; a loss too low: the target leaks into X",
)
def loss_at_birth(evidence: Evidence) -> Iterator[Reading]:
    (loss, known), constant = evidence.birth, evidence.constant
    classes = evidence.classes
    where = "the model at birth" if known or not evidence.trained else "the model now"
    name = f"ln {classes} = " if classes and evidence.measure is cross_entropy else ""
    over = max(math.log(classes) * (loss / constant - 1.0) / NATS, 0.0) if classes else loss / constant / TIMES
    yield Reading(where, loss, f"about {name}{constant:.3g}", over)
    if known and classes:
        counts = np.unique(evidence.target, return_counts=True)[1]
        entropy = float(-np.sum(counts / counts.sum() * np.log(counts / counts.sum())))
        yield Reading(where, loss, f"at least {LEAST * entropy:.3g}", float(np.divide(LEAST * entropy, loss)))


FLOW = 1e2  # ratio of gradients, either way
ELASTIC = 1e3  # relative change of the loss by a relative change of the weights


@rule(
    "exploding or vanishing gradients",
    measures="norm of the loss's gradient at the first layer's output over that at the last layer's; |g|·|w|/loss",
    limit=f"above {FLOW:g} or below {1 / FLOW:g}, or in the history {FLOW:g} times the median; above {ELASTIC:g}",
    source="Glorot 2010, §4; He 2015; Schneider 2021",
    remedy="start weights by fan-in and activation (He for relu), add norms or residuals; clip_norm against explosions",
)
def gradient_flow(evidence: Evidence) -> Iterator[Reading]:
    norms = np.asarray(evidence.history.gradient_norm if evidence.has_history else [])
    if len(norms) >= 4 and np.median(norms) > 0.0:  # False for NaN, which is another rule's
        usual, peak = float(np.median(norms)), int(np.argmax(norms))
        over = float(norms[peak]) / usual / FLOW
        yield Reading(f"history, epoch {peak + 1}", float(norms[peak]), f"about {usual:.3g}", over)
    if len(norms) >= 4 and not evidence.has_model:
        return
    flow = list(_sizes(evidence.run))
    if len(flow) < 2:
        raise Unchecked("at least two layers")
    (first, start), (last, end) = flow[0], flow[-1]
    ratio = start / end if end else math.nan
    over = max(ratio / FLOW, float(np.divide(1.0, FLOW * ratio))) if end else 0.0
    yield Reading(f"{first} over {last}", ratio, f"{1 / FLOW:g} to {FLOW:g}", over)
    path, pull = max(_pulls(evidence).items(), key=lambda item: item[1])
    yield Reading(path, pull, f"|g|·|w|/loss below {ELASTIC:g}", pull / ELASTIC)


def _sizes(run: Pass) -> Iterator[tuple[str, float]]:
    """(path, norm of the loss's gradient with respect to its output) of the calls of innermost layers, in their order."""
    for call in run.calls:
        outs = call.out if isinstance(call.out, tuple) else (call.out,)
        gradients = [out.grad for out in outs if isinstance(out, Value) and out.has_grad]
        if call.leaf and gradients:
            yield call.path, math.sqrt(sum(float(np.vdot(g, g).real) for g in gradients))


def _pulls(evidence: Evidence) -> dict[str, float]:
    """Path → |g|·|w|/loss: the relative change of the loss by a relative change of the parameter along its gradient."""
    scale = max(evidence.loss, 0.01 * evidence.constant)
    named = dict(evidence.model.named_parameters())
    return {
        path: float(np.linalg.norm(gradient) * np.linalg.norm(named[path].data)) / scale
        for path, gradient in evidence.gradients.items()
    }


DEAD = 0.5  # share of a layer's units
FEW = 4  # rows, or places, on which a healthy relu is off everywhere with a probability of 1/16
FLAT = 1e-3  # slope of an activation that lets nothing through
ACTIVATIONS = {"relu", "leaky_relu", "elu", "gelu", "silu", "sigmoid", "softplus", "tanh", "maximum"}


@rule(
    "dead units",
    measures="share of a layer's units whose activation has slope 0 (a relu that is off, a tanh at its end) on every row",
    limit=f"above {DEAD:.0%} of a layer, a slope below {FLAT:g} counting as 0",
    source="CS231n (up to 40 % dead relus at rates too high); Glorot 2010, saturation",
    remedy="lower the learning rate, start biases at 0 and weights by fan-in, standardise X, or use leaky_relu or gelu",
)
def dead_units(evidence: Evidence) -> Iterator[Reading]:
    run, alive, asked = evidence.run, dict[tuple[str, str, int], Any](), Counter[tuple[str, str, int]]()
    for node in reversed(run.nodes):
        moving = [x for x in node.operands if isinstance(x, Value)]
        if node.primitive.name not in ACTIVATIONS or len(moving) != 1 or not node.ndim or node.serial > run.began:
            continue
        slope = np.abs(tangent(node, {moving[0]: np.ones_like(moving[0].data)}, record=False))
        units = _unit_axis(evidence, node.ndim)
        steepest = slope.max(axis=tuple(axis for axis in range(node.ndim) if axis != units))
        key = (run.place(node), node.primitive.name, len(steepest))  # a cell's steps in time are one layer
        alive[key] = np.maximum(alive.get(key, 0.0), steepest)
        asked[key] += slope.size // max(len(steepest), 1)
    if not alive:
        raise Unchecked("activations such as relu or tanh in the model")
    told = {key: steepest for key, steepest in alive.items() if asked[key] >= FEW}
    if not told:
        raise Unchecked(f"{FEW} rows of X: half of all healthy relus are off on a single one")
    for (path, name, width), steepest in told.items():
        share = float(np.mean(steepest < FLAT))
        yield Reading(f"{path or 'model'}, {name} of {width}", share, f"at most {DEAD:.0%}", share / DEAD)


def _unit_axis(evidence: Evidence, ndim: int) -> int:
    """Where the units are: the second axis of images, and of three axes in a model with Conv1d, else the last."""
    channels = ndim == 4 or (ndim == 3 and any(isinstance(m, Conv1d) for _, m in evidence.model.named_modules()))
    return 1 if channels else ndim - 1


SURE, SURELY_WRONG = 0.99, 0.3  # a probability; a share of rows


@rule(
    "saturated logits",
    measures=f"share of rows that are wrong with a probability above {SURE:g}: there the softmax is at its end",
    limit=f"above {SURELY_WRONG:.0%}",
    source="Guo 2017; Karpathy 2019 (init well)",
    remedy="look for a factor on the logits, unscaled X or a last layer that starts large; weight_decay, label_smoothing",
)
def saturated_logits(evidence: Evidence) -> Iterator[Reading]:
    logits, target = evidence.prediction.astype(np.float64), evidence.target
    if evidence.classes:
        shares = np.exp(logits - logits.max(axis=-1, keepdims=True))
        sure = shares.max(axis=-1) / shares.sum(axis=-1) > SURE
        wrong = logits.argmax(axis=-1) != target
    elif logits.shape == target.shape and np.isin(target, (0.0, 1.0)).all() and (logits < 0.0).any():
        sure = np.abs(logits) > math.log(SURE / (1.0 - SURE))
        wrong = (logits > 0.0) != (target > 0.5)
    else:
        raise Unchecked("class numbers and logits")
    share = float(np.mean(sure & wrong))
    where = f"prediction, |logits| up to {np.abs(logits).max():.3g}"
    yield Reading(where, share, f"at most {SURELY_WRONG:.0%}", share / SURELY_WRONG)


FEW, LEARNED = 4, 0.2  # rows; loss that is left, of a constant prediction's
TRIES = ((0.01, 200), (0.1, 200), (0.001, 400))  # (learning rate of Adam, steps): that of one may be at fault


@rule(
    "cannot overfit one batch",
    measures=f"the lowest loss on {FEW} rows in up to {sum(steps for _, steps in TRIES)} steps of Adam, taken back "
    "after, over that of a constant prediction",
    limit=f"above {LEARNED:g}",
    source="Karpathy 2019 (overfit one batch)",
    remedy="look for a gradient cut off (.data, stop_gradient), an output that cannot reach the targets (relu, sigmoid), "
    "weights that start equal, or targets of other rows",
)
def cannot_overfit(evidence: Evidence) -> Iterator[Reading]:
    evidence.run  # noqa: B018  raises where there is no model, or numbers are not finite
    (x, target), model = _few(evidence), evidence.model
    if model.parameter_count() < 2 * np.size(target):
        raise Unchecked(f"a model of at least {2 * np.size(target)} weights")
    constant = evidence.loss_of_constant(evidence.output(evidence.forward(x, target).prediction), target)
    lowest = math.inf
    for rate, steps in TRIES:
        with untouched(model, None):
            optimizer = Adam(model, learning_rate=rate)
            for _ in range(steps):
                loss = evidence.forward(x, target).loss
                lowest = min(lowest, float(loss.data)) if math.isfinite(float(loss.data)) else lowest
                if lowest < 0.25 * LEARNED * constant or not math.isfinite(float(loss.data)):
                    break
                optimizer.zero_grad()
                loss.backward(keep="leaves")
                optimizer.step()
        if lowest < LEARNED * constant:
            break
    ratio = lowest / constant
    yield Reading(f"{len(x)} rows", ratio, f"at most {LEARNED:g}", ratio / LEARNED)


def _few(evidence: Evidence) -> tuple[Any, Any]:
    """A few rows that differ, with targets from the lowest to the highest where these are single numbers."""
    x, target = evidence.x, evidence.target
    seen: dict[bytes, int] = {}
    for i, row in enumerate(x):
        seen.setdefault(fingerprint(row), i)
    rows = np.array(list(seen.values()))
    if len(rows) < 2:
        raise Unchecked("two rows of X that differ")
    if target[0].size == 1:
        rows = rows[np.argsort(target[rows].ravel(), kind="stable")]
    rows = rows[np.linspace(0, len(rows) - 1, min(FEW, len(rows))).round().astype(int)]
    return x[rows], target[rows]
