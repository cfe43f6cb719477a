"""Pruning: weights set to 0 and held there, to see how few of them the work needs.

    nn.lens.prune(model, 0.8)                # the smallest 80 % are 0 from now on; train on, and prune further
    nn.lens.rewind(model, start)             # those that are left go back to where they started: a lottery ticket

The mask of a pruned parameter (nn/masks.py) is True where it learns. `share` is that of all weights in question, those
pruned before included, so pruning in rounds is prune(model, 0.5), then prune(model, 0.75): what is 0 stays 0.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from autograd.errors import ArgumentError, NonFiniteError
from nn.checks import called, one_of, unit
from nn.init import Rng, generator
from nn.lens.answer import Answer
from nn.masks import kept, mask_of
from nn.module import Module, Parameter
from nn.optim.base import matching
from nn.outline import shortened
from nn.style import BLUE, LIGHT

__all__ = ["Pruned", "prune", "rewind"]

Scores = Callable[[str, Any], Any]


@dataclass(frozen=True, eq=False, repr=False)
class Pruned(Answer):
    """What pruning left.

    paths, sizes  of the weights in question;  left: how many of each are not pruned
    by            what they were ranked by;  structured: whether whole neurons went
    threshold     the largest |weight| that this call set to 0; None if it set none
    """

    paths: tuple[str, ...]
    sizes: tuple[int, ...]
    left: tuple[int, ...]
    by: str
    structured: bool
    threshold: float | None

    @property
    def verdict(self) -> str:
        total = sum(self.sizes)
        gone = total - sum(self.left)
        largest = "" if self.threshold is None else f"; the largest of those set to 0 now was {self.threshold:.3g}"
        return f"{gone / total:.1%} of {total:,} weights are 0 and stay 0, {sum(self.left):,} are left{largest}"

    def rows(self) -> tuple[Sequence[str], Sequence[Sequence[Any]]]:
        found = zip(self.paths, self.sizes, self.left, strict=True)
        return ("weights", "count", "left", "share left"), [
            (path, size, left, left / size) for path, size, left in found
        ]

    def draw(self, axes: Any) -> None:
        places = np.arange(len(self.paths))
        axes.barh(places, np.ones(len(places)), color=LIGHT, label="0")
        axes.barh(places, np.divide(self.left, self.sizes), color=BLUE, label="left")
        axes.set_yticks(places, [shortened(path, 24) for path in self.paths])
        axes.invert_yaxis()
        axes.set(xlabel="share of the weights", xlim=(0, 1), title=f"{sum(self.left):,} weights left")
        axes.legend(loc="best")


def prune(
    model: Module,
    share: float,
    *,
    by: str | Scores = "magnitude",
    structured: bool = False,
    scope: str = "global",
    pattern: str | Sequence[str] = "*",
    rng: Rng = None,
) -> Pruned:
    """Set that share of the weights to 0, and keep them 0 while the model trains: the lowest scores go.

    share       of the weights in question, from 0 to 1, those pruned before included
    by          "magnitude": |w|; "random" draws from rng; or a function (path, weights) → scores of the weights' shape
    structured  whole rows go, by the root mean square of their scores: neurons and filters, with their biases
    scope       "global": one ranking over all layers; "layer": the same share in each
    pattern     of the dotted paths of the weights; only arrays with two axes or more are in question (no biases, no norms),
                and no frozen ones

    load_state_dict and initialize write everywhere; rewind keeps what is pruned.

    Raises ArgumentError if nothing is in question or the share is below what is pruned already, NonFiniteError for scores
    that are not finite. Source: Han et al. 2015, arXiv 1506.02626; structured: Li et al. 2017, arXiv 1608.08710.

    >>> import nn
    >>> model = nn.MLP(2, [3, 1], rng=0)
    >>> print(prune(model, 5 / 9).table())
    weights          count  left  share left
    layers.0.weight      6     2      0.3333
    layers.1.weight      3     2      0.6667
    """
    unit("prune: share", share)
    one_of("prune: scope", scope, ("global", "layer"))
    named = _in_question(model, pattern)
    scores = _scores(named, by, generator(rng))
    groups = [list(named)] if scope == "global" else [[path] for path in named]
    keep: dict[str, Any] = {}
    for paths in groups:
        keep |= _ranked({path: _units(named[path], scores[path], structured) for path in paths}, share)
    largest = []
    for path, parameter in named.items():
        mask = np.broadcast_to(keep[path].reshape(-1, *[1] * (parameter.ndim - 1)) if structured else keep[path],
                               parameter.shape)  # fmt: skip
        largest.append(np.max(np.abs(parameter.data), where=~mask & (parameter.data != 0), initial=0.0))
        _cut(parameter, mask)
        if structured and (bias := _bias_of(model, path)) is not None:
            _cut(bias, keep[path])
    return Pruned(
        paths=tuple(named),
        sizes=tuple(parameter.size for parameter in named.values()),
        left=tuple(parameter.size if parameter.mask is None else int(np.sum(parameter.mask))
                   for parameter in named.values()),
        by=by if isinstance(by, str) else getattr(by, "__name__", "a function"),
        structured=structured,
        threshold=float(max(largest)) or None,
    )  # fmt: skip


def rewind(model: Module, state: Mapping[str, Any]) -> None:
    """Give the weights that learn the values of a state_dict; what is pruned or frozen stays as it is.

    With the state from before training it makes a lottery ticket of a pruned network: the weights that training left
    large, back at their start. Buffers are taken over too. Source: Frankle and Carbin 2019, arXiv 1803.03635, §1.
    """
    old = {path: parameter.data for path, parameter in model.named_parameters()}
    model.load_state_dict(state)
    for path, parameter in model.named_parameters():
        parameter.data = kept(mask_of(parameter, path), parameter.data, old[path])


def _in_question(model: Module, pattern: str | Sequence[str]) -> dict[str, Parameter]:
    """Path → parameter of what may be pruned."""
    if not isinstance(model, Module):
        raise ArgumentError(f"prune goes by dotted paths and needs a Module, got {called(model)}")
    parameters = dict(model.named_parameters())
    patterns = [pattern] if isinstance(pattern, str) else list(pattern)
    chosen = {path for one in patterns for path in matching("prune", one, parameters)}
    found = {path: x for path, x in parameters.items() if path in chosen and x.ndim >= 2 and x.size}
    free = {path: x for path, x in found.items() if mask_of(x, path) is not False}
    if not free:
        raise ArgumentError(f"prune: among the {len(chosen)} parameters that match {pattern!r}, "
                            + ("all with two axes or more are frozen; unfreeze them first" if found else
                               "none has two axes or more; biases, norms and scalar networks are not pruned"))  # fmt: skip
    return free


def _scores(named: Mapping[str, Parameter], by: str | Scores, rng: np.random.Generator) -> dict[str, Any]:
    """Path → a score for each weight."""
    ways: dict[str, Scores] = {
        "magnitude": lambda path, weights: np.abs(weights),
        "random": lambda path, weights: 1.0 - rng.random(weights.shape),  # above 0
    }
    function = "a function (path, weights) → scores"
    way = by if callable(by) else ways[one_of("prune: by", by, tuple(ways), more=function)]
    scores = {path: np.asarray(way(path, parameter.data)) for path, parameter in named.items()}
    for path, found in scores.items():
        if found.shape != named[path].shape:
            raise ArgumentError(f"prune: the scores of {path} have shape {found.shape}, expected {named[path].shape}")
        if not np.isfinite(found).all():
            raise NonFiniteError(f"prune: the scores of {path} have NaN or infinite entries; are its weights finite?")
    return scores


def _units(parameter: Parameter, scores: Any, structured: bool) -> tuple[Any, int]:
    """(score of each weight or row, weights in one): −inf for what is pruned."""
    mask = True if parameter.mask is None else parameter.mask
    if not structured:
        return np.where(mask, scores, -np.inf), 1
    axes = tuple(range(1, parameter.ndim))
    rows = np.sqrt(np.mean(np.square(scores, dtype=np.float64), axis=axes))
    return np.where(np.any(np.broadcast_to(mask, scores.shape), axis=axes), rows, -np.inf), parameter.size // len(rows)


def _ranked(units: Mapping[str, tuple[Any, int]], share: float) -> dict[str, Any]:
    """Path → whether each unit stays, when the lowest that make up that share of the weights go; ties by place."""
    flat = np.concatenate([np.ravel(scores) for scores, _ in units.values()])
    weights = np.concatenate([np.full(scores.size, size) for scores, size in units.values()])
    order = np.argsort(flat, kind="stable")
    total = np.cumsum(weights[order])
    count = int(np.sum(total - 0.5 * weights[order] < share * total[-1] + 1e-9))  # to the nearest unit
    before = int(np.sum(np.isneginf(flat)))
    if count < before:
        raise ArgumentError(
            f"prune: share={share:g} is below the {before / len(flat):.1%} that is pruned already; shares count what was "
            "pruned before"
        )
    keep = np.ones(len(flat), bool)
    keep[order[:count]] = False
    ends = np.cumsum([scores.size for scores, _ in units.values()])[:-1]
    return {path: part.reshape(units[path][0].shape)
            for path, part in zip(units, np.split(keep, ends), strict=True)}  # fmt: skip


def _cut(parameter: Parameter, keep: Any) -> None:
    """Set the others to 0, for good."""
    mask = mask_of(parameter)
    mask = np.array(keep if mask is None else keep & mask)
    if not mask.all():
        parameter.data = np.where(mask, parameter.data, np.zeros((), parameter.dtype))
        parameter.mask = mask


def _bias_of(model: Module, path: str) -> Parameter | None:
    """The bias beside these weights, one number for each of their rows."""
    named = dict(model.named_parameters())
    bias = named.get(path.removesuffix("weight") + "bias") if path.endswith("weight") else None
    return bias if bias is not None and bias.shape == named[path].shape[:1] and bias.mask is not False else None
