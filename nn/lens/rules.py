"""What a rule of `diagnose` is: one block. The table of all of them is RULES, and a further rule is one more block.

A block measures, on an Evidence, one or several numbers, and gives a Reading for each: where it was measured, the number,
what was expected, and how many times it is over the limit; above 1 it is a finding. A rule raises Unchecked, or what it
asks the Evidence for does, where it lacks something. The blocks stand in rules_of_data, rules_of_model and
rules_of_training, and their order is that of gravity: what stands first explains what stands below it.

Limits come from the literature and were set so that healthy trainings of many architectures stay below them, with room
(tests/nn/lens/test_diagnose_healthy.py). Sources, by short name:

    Karpathy 2019    "A Recipe for Training Neural Networks", karpathy.github.io
    CS231n           Stanford's notes, "Neural Networks" 2 and 3, cs231n.github.io
    Glorot 2010      Glorot and Bengio, AISTATS 2010, section 4
    He 2015          He et al., arXiv 1502.01852, section 2.2
    Guo 2017         Guo et al., arXiv 1706.04599: networks that are surer than they are right
    Cohen 2021       Cohen et al., arXiv 2103.00065: gradient descent works at 2/λmax, the edge of stability
    Schneider 2021   Schneider et al., "Cockpit", arXiv 2102.06604
    Kapoor 2023      Kapoor and Narayanan, "Leakage …", Patterns 4 (9)
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from nn.lens.answer import Table
from nn.lens.evidence import Evidence

__all__ = ["RULES", "Check", "Reading", "Rule", "rule", "rule_table"]

Check = Callable[[Evidence], Iterator["Reading"]]


@dataclass(frozen=True)
class Reading:
    """A number that a rule has measured. over: how many times it is over the limit; a finding if that is above 1.

    remedy  what to do, if it is not what the rule says in general
    """

    where: str
    number: float
    expected: str
    over: float
    remedy: str = ""


@dataclass(frozen=True)
class Rule:
    """measures: what, in words; limit, source: of the number that decides; remedy: what to do; check: the block itself."""

    name: str
    measures: str
    limit: str
    source: str
    remedy: str
    check: Check


RULES: dict[str, Rule] = {}  # by name, the gravest first


def rule(name: str, *, measures: str, limit: str, source: str, remedy: str) -> Callable[[Check], Check]:
    """Decorator of a function Evidence → Readings: registers it as the rule of this name."""

    def registered(check: Check) -> Check:
        RULES[name] = Rule(name, measures, limit, source, remedy, check)
        return check

    return registered


def rule_table() -> Table:
    """The rules of `diagnose`: what each measures, its limit with the source, and the remedy."""
    rows = [(rule.name, rule.measures, rule.limit, rule.source, rule.remedy) for rule in RULES.values()]
    return Table(("rule", "measures", "a finding if", "source", "remedy"), rows)
