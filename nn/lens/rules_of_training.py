"""Rules about the steps of training: the rate against the curvature, the size of an update, a loss that does not fall."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from nn.lens.evidence import Evidence, Unchecked
from nn.lens.rules import Reading, rule
from nn.optim import LBFGS, SGD, Optimizer
from nn.state import untouched

__all__: list[str] = []

EDGE = 1.5  # times 2/λmax: full-batch trainings come to the edge, shoot a quarter over it, and hover there


@rule(
    "rate above 2/λmax",
    measures="learning rate over 2/λmax, λmax the largest eigenvalue of the loss's Hessian; with momentum β the limit is "
    "(1 + β) times that",
    limit=f"above {EDGE:g}: full-batch trainings hover around 1; at 1.5 a distance doubles with every step",
    source="Cohen 2021, section 2 and appendix B; Lewkowycz et al. 2020, arXiv 2003.02218",
    remedy="a smaller learning_rate, a warm-up (nn.schedules), or a norm in the model, which lowers λmax",
)
def rate_above_limit(evidence: Evidence) -> Iterator[Reading]:
    optimizer = evidence.optimizer
    if not isinstance(optimizer, SGD):
        raise Unchecked(f"SGD: {type(optimizer).__name__} scales each weight's step itself")
    if evidence.sharpness <= 0.0:
        raise Unchecked("a loss that curves upwards somewhere")
    beta = optimizer.momentum
    factor = (1.0 + beta) / (1.0 + 2.0 * beta) if optimizer.nesterov else 1.0 + beta
    limit = 2.0 * factor / evidence.sharpness
    times = optimizer.learning_rate / limit
    where = f"learning_rate {optimizer.learning_rate:.3g}, λmax {evidence.sharpness:.3g}"
    yield Reading(where, times, f"at most {EDGE:g}, a rate of about {limit:.2g}", times / EDGE)


LARGE, MIDDLE, SMALL = 1.0, 0.5, 1e-4  # |Δw| / |w|: of an array's next step, over a history, and the least of the two


@rule(
    "update ratio",
    measures="length of a step over that of the weights, |Δw|/|w|: of each array in the next step, or over the history",
    limit=f"above {LARGE:g} in an array, {MIDDLE:g} over the history, or below {SMALL:g} while the model has not learned",
    source="CS231n and Karpathy 2022, makemore 3: about 1e-3; Schneider 2021",
    remedy="raise or lower the learning rate by the missing factor (nn.lr_find), or start the weights at their usual size",
)
def update_ratio(evidence: Evidence) -> Iterator[Reading]:
    if evidence.has_history and evidence.history.update_ratio:
        middle, losses = float(np.median(evidence.history.update_ratio)), evidence.history.train_loss
        slow = np.divide(SMALL, middle) if losses[-1] > 0.9 * losses[0] else 0.0
        yield Reading("history, median over epochs", middle, "about 1e-3", max(middle / MIDDLE, float(slow)))
        if not evidence.has_optimizer:
            return
    ratios = _next_step(evidence, evidence.optimizer)
    if not ratios:
        raise Unchecked("weights with two axes or more that are not all 0")
    path = max(ratios, key=lambda path: ratios[path])
    yield Reading(path, ratios[path], "about 1e-3", ratios[path] / LARGE)
    if not evidence.trained or evidence.loss > 0.5 * evidence.constant:
        middle = float(np.median([*ratios.values()]))
        yield Reading("next step, median over arrays", middle, "about 1e-3", float(np.divide(SMALL, middle)))


def _next_step(evidence: Evidence, optimizer: Optimizer) -> dict[str, float]:
    """Path → |Δw| / |w| of the arrays with two axes or more, in a step that is then taken back."""
    if isinstance(optimizer, LBFGS):
        raise Unchecked("another optimiser than LBFGS, which looks for the size of its steps itself")
    before = {path: p for path, p in evidence.model.named_parameters() if p.ndim >= 2 and path in evidence.gradients}
    old = {path: (p.data, float(np.linalg.norm(p.data))) for path, p in before.items()}
    with untouched(evidence.model, optimizer):
        optimizer.step()
        moved = {path: float(np.linalg.norm(p.data - old[path][0])) for path, p in before.items()}
    return {path: moved[path] / size for path, (_, size) in old.items() if size}


EPOCHS, FLAT, HIGH = 6, 0.99, 0.9


@rule(
    "plateau",
    measures="training loss of the last third of the epochs over that of the third before, where no loss of both is low",
    limit=f"above {FLAT:g}, at more than {HIGH:.0%} of a constant prediction's loss (for a history alone, of birth= or of "
    "the first epoch's)",
    source="Karpathy 2019; Glorot 2010 (plateaus of sigmoid networks)",
    remedy="see whether rows of X and y belong together, whether the rate is far too small or large, and where gradients "
    "end",
)
def plateau(evidence: Evidence) -> Iterator[Reading]:
    losses = evidence.history.train_loss
    if len(losses) < EPOCHS:
        raise Unchecked(f"a history of at least {EPOCHS} epochs")
    third, reference = len(losses) // 3, evidence.reference
    last, middle = float(np.mean(losses[-third:])), float(np.mean(losses[-2 * third : -third]))
    lowest = min(losses[-2 * third :])
    where = f"history, epochs {len(losses) - 2 * third + 1} to {len(losses)}"
    expected = f"below {HIGH * reference:.3g}, or still falling"
    yield Reading(where, last, expected, min(last / middle / FLAT, lowest / reference / HIGH))
