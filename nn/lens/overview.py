"""The whole lens in one call: the questions that one asks of a trained network, and an Answer to each that can be asked.

    for look in nn.lens.overview(model, {"training": (X, y), "test": (X_test, y_test)}, history=history):
        print(look.question, look.number, look.answer.verdict)

The report of the main job and `nn.viz.report` put these on their page. The functions are called with few probes and rows,
so that a page is there in seconds; called by themselves they are more exact.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from autograd.errors import ArgumentError, NonFiniteError
from nn.arguments import checked_data
from nn.history import History
from nn.lens.answer import Answer
from nn.lens.calibration import calibration, temperature
from nn.lens.comparison import compare_importance
from nn.lens.connections import weight_importance
from nn.lens.diagnose import diagnose
from nn.lens.gap import gap
from nn.lens.permutation import PermutationImportance, permutation_importance
from nn.lens.signal import signal
from nn.lens.spectrum import spectrum
from nn.module import Module
from nn.state import untouched

__all__ = ["Look", "overview"]

ROWS = 512  # of each part that are looked at where a question costs a run per feature or per probe
FEATURES = 256  # of more, as of an image, each alone says little
WEIGHTS = 300_000  # of a larger network the curvature is not asked for


@dataclass(frozen=True)
class Look:
    """A question about a network, the number that decides it, as short text, and the answer it comes from."""

    question: str
    number: str
    answer: Answer


def overview(
    model: Module,
    data: Mapping[str, tuple[Any, Any]],
    *,
    history: History | None = None,
    loss: Callable[[Any, Any], Any] | None = None,
    birth: Mapping[str, Any] | None = None,
    names: Sequence[str] | None = None,
) -> list[Look]:
    """What the weights of a trained network are doing, and whether it can be trusted: a Look for each question.

    data     name → (X, y): the first is what it was trained on, the last what it has not seen
    history  of its training         loss   by default that of fit
    birth    a state_dict() from before the training, for its start
    names    of the features
    A question that makes no sense for this network or these data is left out. The model stays what it was, bit for bit.
    """
    parts = [checked_data(name, model, *pair) for name, pair in data.items()]
    if not parts:
        raise ArgumentError("overview: there are no data; pass {'training': (X, y), 'test': (X, y)}")
    (X, y), (X_test, y_test) = parts[0], parts[-1]
    some, some_test = (_some(*parts[i]) for i in (0, -1))
    asked: list[Callable[[], Iterator[Look]]] = [
        lambda: _start(model, *some, loss, birth),
        lambda: _training(model, X, y, loss, history, parts[-1] if len(parts) > 1 else None),
        lambda: _features(model, *some_test, loss, names),
        lambda: _capacity(model, *some, loss),
        lambda: _generalization(model, parts, loss),
        lambda: _confidence(model, X_test, y_test),
    ]
    looks: list[Look] = []
    for question in asked:
        with contextlib.suppress(ArgumentError, NonFiniteError):  # it says what it needs, and this network lacks
            looks += question()
    return looks


def _some(X: Any, y: Any) -> tuple[Any, Any]:
    """At most ROWS rows, spread over all."""
    rows = np.linspace(0, len(X) - 1, min(ROWS, len(X))).astype(int)
    return X[rows], y[rows]


def _start(model: Module, X: Any, y: Any, loss: Any, birth: Mapping[str, Any] | None) -> Iterator[Look]:
    if birth is None:
        return
    with untouched(model):
        model.load_state_dict(birth)
        answer = signal(model, X, y, loss=loss)
    yield Look("Did it start right?", f"× {answer.sums[-1] / answer.sums[0]:.2g}", answer)


def _training(model: Module, X: Any, y: Any, loss: Any, history: History | None, new: Any) -> Iterator[Look]:
    answer = diagnose(model, X, y, loss=loss, history=history, validation=new)
    yield Look("Did it learn without a fault?", str(len(answer.findings)), answer)


def _features(model: Module, X: Any, y: Any, loss: Any, names: Sequence[str] | None) -> Iterator[Look]:
    if math.prod(np.shape(X)[1:]) > FEATURES:
        return
    shuffled: PermutationImportance = permutation_importance(model, X, y, loss=loss, repeats=5, names=names, rng=0)
    yield Look("Which features does it need?", shuffled.names[int(np.argmax(shuffled.importance))], shuffled)
    weighed = weight_importance(model, X, names=names)
    compared = compare_importance(weighed, shuffled)
    yield Look("Do large weights mark them?", f"{compared.agreement[0, 1]:.2f}", compared)


def _capacity(model: Module, X: Any, y: Any, loss: Any) -> Iterator[Look]:
    if model.parameter_count() > WEIGHTS:
        return
    answer = spectrum(model, X, y, loss=loss, count=1, steps=20, probes=2, probe_steps=20, progress=False, rng=0)
    yield Look("How many weights do the data pin down?", f"{answer.effective_parameters()[0]:,.0f}", answer)


def _generalization(model: Module, parts: list[tuple[Any, Any]], loss: Any) -> Iterator[Look]:
    if len(parts) < 2:
        return
    answer = gap(model, parts[0], parts[-1], loss=loss)
    number = f"{answer.loss_gap:+.2g}" if answer.accuracy_gap is None else f"{100 * answer.accuracy_gap:+.1f} %"
    yield Look("Does it hold on new data?", number, answer)


def _confidence(model: Module, X: Any, y: Any) -> Iterator[Look]:
    answer = calibration(model, X, y)
    number = f"{100 * answer.ece:.1f} %"
    with contextlib.suppress(ArgumentError):  # where all are right, no temperature is the best
        yield Look("Does it know when it is right?", number, temperature(model, X, y))
        return
    yield Look("Does it know when it is right?", number, answer)
