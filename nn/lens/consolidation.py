"""Elastic weight consolidation: a network that learns a second task holds on to the weights that the first one needs.

    ewc = nn.lens.EWC(model, X_first, y_first, strength=100.0)               after the first task is learned
    nn.fit(model, X_second, y_second, loss=ewc.around(nn.cross_entropy))     loss + strength / 2 · Σ F (w − w*)²

How much a weight is needed is the diagonal F of the Fisher information: the mean square of the slope of log p(y | x) along
that weight, over the examples x and the answers y. A square of a mean would be another number, so each example goes through
the network alone, and the slopes are the engine's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from autograd.context import context
from autograd.errors import ArgumentError, NonFiniteError
from autograd.ops import softmax
from autograd.value import Value
from nn.arguments import check_finite, check_weights, checked_data, chosen_loss
from nn.checks import not_negative, one_of, whole
from nn.evaluation import cast
from nn.init import Rng, generator
from nn.lens.answer import Answer
from nn.losses import binary_cross_entropy, cross_entropy, mse
from nn.losses.base import one_array
from nn.module import Module
from nn.outline import function_name, shortened
from nn.state import untouched
from nn.style import BLUE
from nn.sums import arrays_only

__all__ = ["EWC", "FisherInformation"]

Loss = Callable[..., Any]


@dataclass(frozen=True, eq=False, repr=False)
class FisherInformation(Answer):
    """How much the weights of a model are needed: the Fisher information of each parameter, in nats per square of a weight.

    paths, sizes; mean, largest: over the weights of each;  half: share of all weights that hold half of the sum
    """

    paths: tuple[str, ...]
    sizes: tuple[int, ...]
    mean: tuple[float, ...]
    largest: tuple[float, ...]
    half: float

    @property
    def verdict(self) -> str:
        return f"{self.half:.1%} of {sum(self.sizes):,} weights hold half of the Fisher information"

    def rows(self) -> tuple[Sequence[str], Sequence[Sequence[Any]]]:
        found = zip(self.paths, self.sizes, self.mean, self.largest, strict=True)
        return ("parameter", "weights", "mean", "largest"), list(found)

    def draw(self, axes: Any) -> None:
        places = np.arange(len(self.paths))
        axes.barh(places, self.mean, color=BLUE)
        axes.set_yticks(places, [shortened(path, 24) for path in self.paths])
        axes.invert_yaxis()
        axes.set(xlabel="mean Fisher information", title="How much the weights are needed")


class EWC:
    """The penalty strength / 2 · Σ F (w − w*)², with the weights w* and the Fisher diagonal F of a model as it is now.

    X, y      what was learned; y is needed for the empirical Fisher, and to know the loss if none is given
    strength  λ of the paper
    loss      says what the outputs mean: cross_entropy (probabilities of classes), binary_cross_entropy (of yes), mse (a
              mean with variance 1); by default cross_entropy for integer y, mse for others
    fisher    "expected": over the answers that the model itself gives, with their probabilities, which is the Fisher
              information; "empirical": at the answers y, which is cheaper, takes any loss, and vanishes where they fit
    samples   answers that are drawn from the model for each example, by rng; by default None: all of them, weighted, as
              many runs back as there are outputs
    before    an EWC of earlier tasks, whose penalty is added: one for each task, as in the paper

    model, its gradients and its mode stay as they are. Raises NonFiniteError, with the parameter's name, for a Fisher that
    is not finite. Source: Kirkpatrick et al. 2017, arXiv 1612.00796, eq. 3; expected against empirical: Kunstner et al.
    2019, arXiv 1905.12558.
    """

    def __init__(
        self,
        model: Module,
        X: Any,
        y: Any = None,
        *,
        strength: float = 1.0,
        loss: Loss | None = None,
        fisher: str = "expected",
        samples: int | None = None,
        rng: Rng = None,
        before: EWC | None = None,
    ) -> None:
        if before is not None and not isinstance(before, EWC):
            raise ArgumentError(f"EWC: before is the EWC of the task learned before, got {before!r:.60}")
        self.strength, self.before = not_negative("EWC: strength", strength), before
        if y is None and (loss is None or fisher == "empirical"):
            raise ArgumentError(
                "EWC needs y, or for the expected Fisher loss=nn.cross_entropy, to know what outputs mean"
            )
        arrays_only("EWC", model)
        x, target = (cast(model, X), None) if y is None else checked_data("EWC", model, X, y)
        check_finite("EWC", "X", x, getattr(X, "columns", None))
        self.loss = chosen_loss(loss, target)
        _check(self.loss, fisher, samples)
        self.parameters = dict(model.named_parameters())
        if not self.parameters:
            raise ArgumentError(f"EWC: {type(model).__name__} has no parameters to hold on to")
        for path, parameter in self.parameters.items():
            if np.iscomplexobj(parameter.data):
                raise ArgumentError(f"EWC: {path} is complex; keep its real and imaginary parts as two parameters")
        self.anchor = {path: np.array(parameter.data) for path, parameter in self.parameters.items()}
        if fisher == "empirical":
            answers = _given(self.loss, target)
        else:
            answers = _every(self.loss) if samples is None else _drawn(self.loss, samples, generator(rng))
        self.fisher = _fisher(model, self.parameters, x, answers)

    def penalty(self) -> Any:
        """strength / 2 · Σ F (w − w*)², a Value, with those of the tasks before."""
        terms = [
            np.sum(self.fisher[path] * (parameter - self.anchor[path]) ** 2)
            for path, parameter in self.parameters.items()
        ]
        total = sum(terms[1:], terms[0]) * (0.5 * self.strength)
        return total if self.before is None else total + self.before.penalty()

    def around(self, loss: Loss) -> Loss:
        """(prediction, target) → loss + penalty, for nn.fit, compiled or not."""

        def consolidated(prediction: Any, target: Any) -> Any:
            return loss(prediction, target) + self.penalty()

        return consolidated

    def information(self) -> FisherInformation:
        """The Fisher information by parameter."""
        flat = np.sort(np.concatenate([np.ravel(f) for f in self.fisher.values()]).astype(np.float64))[::-1]
        above = int(np.searchsorted(np.cumsum(flat), 0.5 * np.sum(flat))) + 1
        return FisherInformation(
            paths=tuple(self.fisher),
            sizes=tuple(f.size for f in self.fisher.values()),
            mean=tuple(float(np.mean(f, dtype=np.float64)) for f in self.fisher.values()),
            largest=tuple(float(np.max(f)) for f in self.fisher.values()),
            half=above / len(flat),
        )

    def __repr__(self) -> str:
        count = sum(f.size for f in self.fisher.values())
        return f"EWC(strength={self.strength:g}, {count:,} weights, {function_name(self.loss)})"


Answers = Callable[[Any, int], Iterator[tuple[float, Any]]]  # (output, row) → (probability, −log p of an answer)


def _check(loss: Loss, fisher: str, samples: int | None) -> None:
    one_of("EWC: fisher", fisher, ("expected", "empirical"))
    if samples is not None:
        whole("EWC: samples", samples)
    if fisher == "expected" and loss not in (cross_entropy, binary_cross_entropy, mse):
        raise ArgumentError(
            f"EWC: {function_name(loss)} does not say with which probability a model gives an answer; pass "
            "fisher='empirical', or loss= one of nn.cross_entropy, nn.binary_cross_entropy and nn.mse"
        )


def _surprise(loss: Loss, output: Any, answer: Any) -> Any:
    """−log p(answer | output), up to a constant, summed."""
    return 0.5 * mse(output, answer, reduction="sum") if loss is mse else loss(output, answer, reduction="sum")


def _every(loss: Loss) -> Answers:
    """All answers with their probabilities: classes, yes and no, and for a mean what has the variance 1."""

    def answers(output: Any, row: int) -> Iterator[tuple[float, Any]]:
        if loss is cross_entropy:
            logits: Any = np.reshape(output, (-1, output.shape[-1]))
            for i, probabilities in enumerate(softmax(logits.data.astype(np.float64))):
                for klass, probability in enumerate(probabilities):
                    yield float(probability), _surprise(loss, logits[i : i + 1], np.array([klass]))
            return
        flat: Any = np.reshape(output, -1)
        for i, number in enumerate(flat.data.tolist()):
            yes = float(softmax(np.array([number, 0.0]))[0])
            for probability, label in [(1.0, number + 1.0)] if loss is mse else [(yes, 1.0), (1.0 - yes, 0.0)]:
                yield probability, _surprise(loss, flat[i : i + 1], np.array([label], flat.dtype))

    return answers


def _drawn(loss: Loss, samples: int, rng: np.random.Generator) -> Answers:
    """Answers drawn from the model, to all of its outputs at once."""

    def draw(output: Any) -> Any:
        if loss is mse:
            return output + rng.normal(size=output.shape)
        if loss is cross_entropy:
            return np.argmax(output + rng.gumbel(size=output.shape), axis=-1)
        return (output + rng.logistic(size=output.shape) > 0.0).astype(output.dtype)

    def answers(output: Any, row: int) -> Iterator[tuple[float, Any]]:
        for _ in range(samples):
            label = draw(output.data.astype(np.float64))
            yield 1.0 / samples, _surprise(loss, output, label if loss is cross_entropy else label.astype(output.dtype))

    return answers


def _given(loss: Loss, target: Any) -> Answers:
    """The answers that are known."""

    def answers(output: Any, row: int) -> Iterator[tuple[float, Any]]:
        known = target[row : row + 1]
        kind = loss in (cross_entropy, binary_cross_entropy, mse)
        yield 1.0, _surprise(loss, output, known) if kind else loss(output, known)

    return answers


def _fisher(model: Module, parameters: Mapping[str, Any], x: Any, answers: Answers) -> dict[str, Any]:
    """Path → mean over the rows of x of Σ probability · slope², in float64, given in the parameter's dtype."""
    total = {path: np.zeros(parameter.shape) for path, parameter in parameters.items()}
    with untouched(model), context(recording=True):
        model.eval()
        for row in range(len(x)):
            part = x[row : row + 1]
            for probability, surprise in answers(
                one_array(model(Value(part) if part.dtype.kind == "f" else part)), row
            ):
                for parameter in parameters.values():
                    parameter.zero_grad()
                surprise.backward(keep="leaves")
                for path, parameter in parameters.items():
                    total[path] += probability * np.square(np.asarray(parameter.grad, np.float64))
    for path, found in total.items():
        if not np.isfinite(found).all():
            check_weights("EWC", model)
            raise NonFiniteError(f"EWC: the Fisher information of {path} has NaN or infinite entries")
    return {path: (found / len(x)).astype(parameters[path].dtype) for path, found in total.items()}
