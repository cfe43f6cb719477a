"""Freezing: which weights learn, set by dotted path.

    nn.lens.freeze(model, "features.*")      only the rest learns
    nn.lens.unfreeze(model)                  all of it does again

A frozen parameter has the mask False (nn/masks.py), which every optimiser and every compiled step honours, one made before
too. Running statistics move without a gradient, so they need a rule of their own: a layer that has some, and whose
parameters are all frozen, stays in evaluation mode when the model trains.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from autograd.errors import ArgumentError
from nn.checks import called
from nn.lens.answer import Answer
from nn.masks import mask_of
from nn.module import Module, Parameter
from nn.optim.base import matching
from nn.outline import shortened
from nn.style import BLUE, GRAY

__all__ = ["Learning", "freeze", "learning", "unfreeze"]

Pattern = str | Sequence[str]


@dataclass(frozen=True, eq=False, repr=False)
class Learning(Answer):
    """What of a model learns.

    paths, sizes  of all parameters;  free: how many weights of each an optimiser may change
    chosen        paths of those that this call froze or unfroze
    fixed         paths of the layers whose running statistics stay
    before        path → mask that each of the chosen ones had
    """

    paths: tuple[str, ...]
    sizes: tuple[int, ...]
    free: tuple[int, ...]
    chosen: tuple[str, ...]
    fixed: tuple[str, ...]
    before: Mapping[str, Any]

    @property
    def verdict(self) -> str:
        total, free = sum(self.sizes), sum(self.free)
        tail = f"; running statistics stay fixed in {', '.join(self.fixed)}" if self.fixed else ""
        return f"{free:,} of {total:,} weights learn ({free / max(total, 1):.1%}){tail}"

    def rows(self) -> tuple[Sequence[str], Sequence[Sequence[Any]]]:
        found = zip(self.paths, self.sizes, self.free, strict=True)
        return ("parameter", "weights", "learn", "changed"), [(*row, row[0] in self.chosen) for row in found]

    def draw(self, axes: Any) -> None:
        places = np.arange(len(self.paths))
        held = np.subtract(self.sizes, self.free)
        axes.barh(places, self.free, color=BLUE, label="learns")
        axes.barh(places, held, left=self.free, color=GRAY, label="stays")
        axes.set_yticks(places, [shortened(path, 24) for path in self.paths])
        axes.invert_yaxis()
        axes.set(xlabel="weights", title=f"{sum(self.free):,} of {sum(self.sizes):,} weights learn")
        axes.legend(loc="best")


def freeze(model: Module, pattern: Pattern) -> Learning:
    """Keep the parameters whose dotted path matches as they are while the model trains: "features.*", ["0.*", "*.bias"].

    A layer with running statistics, all of whose parameters are frozen then (or that has none, and statistics that match),
    is put into evaluation mode and stays there when the model trains. Gradients are still computed; the time of a step
    stays about what it was. Raises ArgumentError, with near names, for a pattern that matches nothing.
    Source: Yosinski et al. 2014, arXiv 1411.1792, section 2.

    >>> import nn
    >>> print(freeze(nn.MLP(2, [3, 1], rng=0), "layers.0.*"))
    4 of 13 weights learn (30.8%)
    <BLANKLINE>
    parameter        weights  learn  changed
    layers.0.weight        6      0  yes
    layers.0.bias          3      0  yes
    layers.1.weight        3      3  no
    layers.1.bias          1      1  no
    """
    parameters, chosen = _chosen("freeze", model, pattern)
    before = {path: parameter.mask for path, parameter in parameters.items() if path in chosen}
    for path in before:
        parameters[path].mask = False
    for path, module in _tracking(model):
        own = [child for _, child in module.named_children() if isinstance(child, Parameter)]
        statistics = any(f"{path}.{name}".lstrip(".") in chosen for name in module.buffers)
        if all(parameter.mask is False for parameter in own) if own else statistics:
            module.frozen, module.training = True, False
    return _answer(model, before)


def unfreeze(model: Module, pattern: Pattern | Learning = "*") -> Learning:
    """Let frozen parameters whose dotted path matches learn again; pruned weights stay 0.

    pattern  or what freeze gave: each mask is then what it was before, that of a parameter pruned before it was frozen too
    """
    if isinstance(pattern, Learning):
        parameters, back = dict(model.named_parameters()), dict(pattern.before)
        if lost := sorted(back.keys() - parameters.keys()):
            raise ArgumentError(f"unfreeze: the model has no {', '.join(lost)}; it is not the one that was frozen")
    else:
        parameters, chosen = _chosen("unfreeze", model, pattern)
        back = {path: None for path, parameter in parameters.items() if path in chosen and parameter.mask is False}
    before = {path: parameters[path].mask for path in back}
    for path, mask in back.items():
        parameters[path].mask = mask
    for path, module in _tracking(model):
        own = [child for _, child in module.named_children() if isinstance(child, Parameter)]
        statistics = isinstance(pattern, Learning) or any(
            f"{path}.{name}".lstrip(".") in chosen for name in module.buffers
        )
        if module.frozen and (any(parameter.mask is not False for parameter in own) if own else statistics):
            module.frozen, module.training = False, model.training
    return _answer(model, before)


def learning(model: Module) -> Learning:
    """What of a model learns, as its masks say; changes nothing."""
    _check("learning", model)
    return _answer(model, {})


def _check(name: str, model: Any) -> None:
    if not isinstance(model, Module):
        raise ArgumentError(f"{name} goes by dotted paths and needs a Module, got {called(model)}")


def _chosen(name: str, model: Module, pattern: Pattern) -> tuple[dict[str, Parameter], set[str]]:
    """(path → parameter, the paths of parameters and buffers that match)."""
    _check(name, model)
    parameters = dict(model.named_parameters())
    paths = [*parameters, *(path for path, _ in model.named_buffers())]
    patterns = [pattern] if isinstance(pattern, str) else list(pattern)
    return parameters, {path for one in patterns for path in matching(name, one, paths)}


def _tracking(model: Module) -> Iterator[tuple[str, Module]]:
    """(path, module) of those that have running statistics."""
    for path, module in model.named_modules():
        if any(getattr(module, name) is not None for name in module.buffers):
            yield path, module


def _answer(model: Module, before: Mapping[str, Any]) -> Learning:
    named = dict(model.named_parameters())
    masks = {path: mask_of(parameter, path) for path, parameter in named.items()}
    free = {path: named[path].size if mask is None else 0 if mask is False else int(np.sum(mask))
            for path, mask in masks.items()}  # fmt: skip
    return Learning(
        paths=tuple(named),
        sizes=tuple(math.prod(parameter.shape) for parameter in named.values()),
        free=tuple(free.values()),
        chosen=tuple(before),
        fixed=tuple(path for path, module in _tracking(model) if module.frozen),
        before=before,
    )
