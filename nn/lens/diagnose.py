"""Is it learning, and if not, why? Twelve rules, each with its number, its limit and its remedy.

`diagnose` collects the Evidence (evidence.py), asks every rule (rules.py and the blocks beside it), and gives a Diagnosis.
Nothing is guessed: a rule measures a number, on the model, the batch or the history, and the finding shows it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from autograd.errors import ArgumentError
from nn.checks import called
from nn.history import History
from nn.init import Rng
from nn.lens import rules_of_data, rules_of_model, rules_of_training  # noqa: F401  fill RULES, the gravest first
from nn.lens.answer import Answer, spelled
from nn.lens.evidence import Evidence, Unchecked
from nn.lens.rules import RULES, Reading
from nn.module import Module
from nn.optim import Optimizer
from nn.state import untouched
from nn.style import BLUE, GRAY, ORANGE
from nn.sums import arrays_only

__all__ = ["Diagnosis", "Finding", "diagnose"]


@dataclass(frozen=True)
class Finding:
    """A number that is over its rule's limit.

    rule, where       its name; the layer, parameter, row or epoch
    number, expected  what was measured, and what a healthy training has
    over              how many times the limit, inf where there is none to compare with
    remedy            what to do
    """

    rule: str
    where: str
    number: float
    expected: str
    over: float
    remedy: str

    def __str__(self) -> str:
        number = "" if math.isnan(self.number) else f"{spelled(self.number)}, "
        return f"{self.rule}: {self.where}: {number}expected {self.expected}; {self.remedy}"


@dataclass(frozen=True, eq=False, repr=False)
class Diagnosis(Answer):
    """What `diagnose` gives.

    findings   the gravest first
    levels     rule → (where, number, how many times the limit) of its highest reading, of every rule that was checked
    unchecked  rule → what it needs, of those that were not
    """

    findings: tuple[Finding, ...]
    levels: dict[str, tuple[str, float, float]]
    unchecked: dict[str, str]

    @property
    def verdict(self) -> str:
        """The gravest finding, or that there is none in so many rules."""
        left = f"; {len(self.unchecked)} could not be checked" if self.unchecked else ""
        if not self.findings:
            count = len(self.levels)
            return f"no finding in {count} rule{'s' * (count != 1)}{left}"
        others = [name for name in dict.fromkeys(f.rule for f in self.findings) if name != self.findings[0].rule]
        more = f" (also: {', '.join(others)})" if others else ""
        return f"{self.findings[0]}{more}{left}"

    def rows(self) -> tuple[tuple[str, ...], list[tuple[Any, ...]]]:
        """Findings, then the rules without one at their highest reading, then those that could not be checked."""
        heads = ("", "rule", "where", "number", "times the limit", "expected, or what to do")
        rows: list[tuple[Any, ...]] = [
            ("finding", f.rule, f.where, f.number, f.over, f"{f.expected}; {f.remedy}") for f in self.findings
        ]
        found = {finding.rule for finding in self.findings}
        rows += [("fine", name, *level, None) for name, level in self.levels.items() if name not in found]
        rows += [("not checked", name, None, None, None, f"needs {why}") for name, why in self.unchecked.items()]
        return heads, rows

    @property
    def size(self) -> tuple[float, float]:  # type: ignore[override]
        """Of the picture, in inches."""
        return 4.6, 0.8 + 0.2 * len(RULES)

    def draw(self, axes: Any) -> None:
        """How many times the limit each rule's highest reading is, on a logarithmic axis that ends at 0.001 and 1000."""
        names = list(RULES)
        for row, name in enumerate(names):
            if name not in self.levels:
                axes.text(1.4e-3, row, "not checked", va="center", color=GRAY, fontsize=6.5)
                continue
            over = self.levels[name][2]
            shown = min(max(over, 1e-3), 1e3)
            axes.barh(row, shown - 1e-3, left=1e-3, height=0.6, color=ORANGE if over > 1.0 else BLUE)
            if over > 1.0:
                axes.plot([shown], [row], "D", color=ORANGE, markersize=4)
        axes.axvline(1.0, color=GRAY, linewidth=1.0, linestyle=":")
        axes.set_yticks(range(len(names)), names)
        axes.set(xscale="log", xlim=(1e-3, 2e3), xlabel="times the limit", title="Diagnosis")
        axes.tick_params(axis="y", length=0)
        axes.set_ylim(len(names) - 0.4, -0.6)  # a row of text alone does not count for the limits


def diagnose(
    model: Module | History, X: Any = None, y: Any = None, *, loss: Any = None, history: History | None = None,
    optimizer: Optimizer | None = None, validation: Any = None, birth: Any = None, rng: Rng = 0,
) -> Diagnosis:  # fmt: skip
    """What is wrong with a training, rule by rule: twelve rules, each with a number, its limit and a remedy.

    model       the model as it is, before, during or after training; or a History alone, with nothing else
    X, y        inputs (rows, …) and targets of the training, as fit takes them; the passes use 256 rows at most
    loss        (prediction, target) → number, by default as in fit; a function of your own is looked into as well
    history     what fit gave, for what happened by epoch
    optimizer   as it is now, for the rate and the next step
    validation  (X, y), for rows that are in both
    birth       the model's state_dict before training, or the loss then, for the loss at birth; by default the model now
    rng         seed or Generator: of the rows, and of where the search for λmax starts

    `nn.lens.rule_table()` lists the rules. What a rule lacks is said in `unchecked`. Looking changes nothing: weights,
    gradients, buffers, modes, generators and the optimiser's state are afterwards the same bits. The cost: a dozen passes
    over up to 256 rows, 20 Hessian-vector products for SGD, and up to 800 steps on 4 rows.
    A model that fit has trained is in training mode, as it was before: call model.eval() when training is over, or, with
    dropout or batch norm, that is a finding.
    Raises ArgumentError for arguments that do not go together; an error of the model or the loss itself comes through.

    >>> import nn
    >>> from nn.datasets import digits
    >>> data = digits()
    >>> diagnose(nn.MLP(64, [16, 10], rng=0), data.X[:64], data.y[:64]).verdict
    'no finding in 7 rules; 5 could not be checked'
    """
    evidence = _evidence(model, X, y, loss, history, optimizer, validation, birth, rng)
    readings: dict[str, list[Reading]] = {}
    unchecked: dict[str, str] = {}
    with untouched(model if isinstance(model, Module) else None, optimizer), np.errstate(all="ignore"):
        for name, rule in RULES.items():
            found = readings.setdefault(name, [])
            try:
                found.extend(rule.check(evidence))
            except Unchecked as missing:
                if not found:
                    unchecked[name] = str(missing)
    highest = {name: max(found, key=lambda r: r.over) for name, found in readings.items() if found}
    findings = [
        Finding(name, r.where, r.number, r.expected, r.over, r.remedy or RULES[name].remedy)
        for name, found in readings.items()
        for r in sorted(found, key=lambda r: -r.over)
        if r.over > 1.0
    ]
    levels = {name: (r.where, r.number, r.over) for name, r in highest.items()}
    return Diagnosis(tuple(findings), levels, unchecked)


def _evidence(
    model: Any, X: Any, y: Any, loss: Any, history: Any, optimizer: Any, validation: Any, birth: Any, rng: Rng
) -> Evidence:
    """The arguments, checked. Raises ArgumentError, with what was expected."""
    if isinstance(model, History):
        given = {"X": X, "y": y, "loss": loss, "history": history, "optimizer": optimizer, "validation": validation}
        extra = [name for name, value in given.items() if value is not None]
        if extra:
            raise ArgumentError(
                f"diagnose(history) takes nothing else, got {', '.join(extra)}; with a model it is diagnose(model, X, y, "
                "history=history)"
            )
        model, history = None, model
    elif not isinstance(model, Module):
        raise ArgumentError(f"diagnose takes a Module with X and y, or a History, got {called(model)}")
    else:
        arrays_only("diagnose", model)
    if history is not None and not isinstance(history, History):
        raise ArgumentError(f"diagnose: history is what nn.fit gives, got {type(history).__name__}")
    if loss is not None and not callable(loss):
        raise ArgumentError(f"diagnose: loss is a function such as nn.mse, got {loss!r}")
    if validation is not None and not (isinstance(validation, (tuple, list)) and len(validation) == 2):
        raise ArgumentError(f"diagnose: validation is a pair (X, y) of arrays, got {type(validation).__name__}")
    return Evidence(
        model, X, y, loss=loss, history=history, optimizer=optimizer, validation=validation, birth=birth, rng=rng
    )
