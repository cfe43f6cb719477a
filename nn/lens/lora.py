"""LoRA: a trained network learns something new through a few numbers, and its own weights stay.

    nn.lens.lora(model, "layers.*", rank=4, rng=0)     W x becomes (W + alpha / rank · B A) x, and only A and B learn
    nn.fit(model, X, y, optimizer=nn.Adam(model))      an optimiser made now, which knows them
    nn.lens.merge(model)                               W + alpha / rank · B A is the weight, the layers are plain again

An Adapter stands in the layer's place and keeps its paths: "layers.0.weight" is still that, beside it are "layers.0.lora_a"
and "layers.0.lora_b". It runs the layer with the changed weight, so that every kind of layer with a matrix or a kernel can
be adapted, and merging computes the same sum once.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from autograd.errors import ArgumentError
from nn.checks import called, positive, whole
from nn.init import Rng, streams, variance_scaling
from nn.lens.answer import Answer
from nn.lens.freezing import Learning, freeze
from nn.module import Module, Parameter
from nn.optim.base import matching
from nn.outline import shortened
from nn.style import BLUE

__all__ = ["Adapted", "Adapter", "lora", "merge"]

WEIGHTS = ("weight", "in_proj_weight")  # what a layer calls the array that is adapted


class Adapter(Module):
    """A layer with a low-rank change of its weight: W + scale · reshape(B A), B (out, rank), A (rank, rest).

    A starts N(0, 1 / rest), B at 0, so that nothing has changed yet. Source: Hu et al. 2021, arXiv 2106.09685, eq. 3.
    """

    def __init__(self, layer: Module, name: str, rank: int, scale: float, rng: np.random.Generator) -> None:
        weight = getattr(layer, name)
        self.layer, self.name, self.rank, self.scale = layer, name, rank, scale
        self.training = layer.training
        self.lora_a = Parameter.zeros((rank, weight.size // weight.shape[0]), weight.dtype)
        self.lora_b = Parameter.zeros((weight.shape[0], rank), weight.dtype)
        self.lora_a.data = self.draw("lora_a", rng)

    def draw(self, name: str, rng: np.random.Generator) -> Any:
        """N(0, 1 / rest) for A, 0 for B; the layer's own start for what is the layer's."""
        if name == "lora_b":
            return np.zeros(self.lora_b.shape, self.lora_b.dtype)
        if name == "lora_a":
            return variance_scaling(self.lora_a.shape, rng=rng, dtype=self.lora_a.dtype)
        return self.layer.draw(name, rng)

    def named_children(self) -> Iterator[tuple[str, Any]]:
        yield from self.layer.named_children()
        yield from (("lora_a", self.lora_a), ("lora_b", self.lora_b))

    def __getattr__(self, name: str) -> Any:
        """What the layer has (weight, bias, sizes), for those that ask the model for it."""
        if name.startswith("__") or "layer" not in vars(self):
            raise AttributeError(name)
        return getattr(self.layer, name)

    def changed(self) -> Any:
        """W + scale · B A."""
        weight = getattr(self.layer, self.name)
        return weight + self.scale * np.reshape(self.lora_b @ self.lora_a, weight.shape)

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """What the layer makes of its input with the changed weight."""
        twin = copy.copy(self.layer)  # the layer itself may be running in another thread
        twin.training = self.training
        setattr(twin, self.name, self.changed())
        return twin.forward(*args, **kwargs)

    def describe(self) -> str:
        return f"{type(self.layer).__name__}({self.layer.describe()}), rank={self.rank}, scale={self.scale:g}"


@dataclass(frozen=True, eq=False, repr=False)
class Adapted(Answer):
    """The layers that adapters change, or, after merging, have changed.

    paths, shapes  of the layers' weights;  added: numbers in each one's A and B;  rank
    change         ‖scale · B A‖ / ‖W‖ of each, 0 before training (Frobenius norms)
    total          parameters of the model without adapters
    merged         whether the layers are plain again
    frozen         what lora froze; nn.lens.unfreeze(model, answer.frozen) undoes it. None from merge
    """

    paths: tuple[str, ...]
    shapes: tuple[tuple[int, ...], ...]
    added: tuple[int, ...]
    rank: tuple[int, ...]
    change: tuple[float, ...]
    total: int
    merged: bool
    frozen: Learning | None

    @property
    def verdict(self) -> str:
        count, share = len(self.paths), sum(self.added) / max(self.total, 1)
        layers = f"{count} layer{'s' * (count != 1)}"
        if self.merged:
            return f"{layers} merged, whose weights changed by up to {max(self.change, default=0.0):.1%} of their norm"
        return f"{sum(self.added):,} numbers learn in {layers}, {share:.1%} of the {self.total:,} weights, which stay"

    def rows(self) -> tuple[Sequence[str], Sequence[Sequence[Any]]]:
        found = zip(self.paths, self.shapes, self.rank, self.added, self.change, strict=True)
        return ("weight", "shape", "rank", "added", "change"), list(found)

    def draw(self, axes: Any) -> None:
        places = np.arange(len(self.paths))
        axes.barh(places, self.change, color=BLUE)
        axes.set_yticks(places, [shortened(path, 24) for path in self.paths])
        axes.invert_yaxis()
        axes.set(xlabel="‖change‖ / ‖weight‖", title="How far adapters moved the weights")


def lora(
    model: Module, pattern: str | Sequence[str] = "*", *, rank: int = 4, alpha: float | None = None, rng: Rng = None
) -> Adapted:
    """Put adapters on the layers whose dotted path matches, and freeze all else: W becomes W + alpha / rank · B A.

    pattern  "layers.*", ["blocks.*.out_proj", "head"]: paths of layers with a `weight` (attention: `in_proj_weight`) of two
             axes or more; not of embeddings
    alpha    by default the rank, which makes the factor 1
    rng      draws A; each layer's is its own

    An optimiser made before does not know the new parameters: make one now. Raises ArgumentError for a pattern without such
    a layer, a rank above that of a weight, a weight that is pruned (the sum would fill its zeros) or shared with another
    layer. Source: Hu et al. 2021, arXiv 2106.09685, eq. 3 and §4.1.

    >>> import nn
    >>> model = nn.MLP(64, [32, 10], rng=0)
    >>> lora(model, rank=2, rng=0).verdict
    '276 numbers learn in 2 layers, 11.5% of the 2,410 weights, which stay'
    >>> merge(model).verdict
    '2 layers merged, whose weights changed by up to 0.0% of their norm'
    """
    if not isinstance(model, Module):
        raise ArgumentError(f"lora goes by dotted paths and needs a Module, got {called(model)}")
    whole("lora: rank", rank)
    scale = (rank if alpha is None else positive("lora: alpha", alpha)) / rank
    stream, total = streams(rng), model.parameter_count()
    chosen = _chosen(model, pattern, rank)
    frozen = freeze(model, "*")
    adapters = {path: Adapter(layer, name, rank, scale, stream(path)) for path, (layer, name) in chosen.items()}
    _exchange(model, {id(adapter.layer): adapter for adapter in adapters.values()})
    return _answer(adapters, total, frozen)


def merge(model: Module) -> Adapted:
    """Make plain layers of all adapted ones, whose weights are W + alpha / rank · B A from then on.

    What lora froze stays frozen: nn.lens.unfreeze(model). Raises ArgumentError if there are no adapters.
    """
    adapters = {path: module for path, module in model.named_modules() if isinstance(module, Adapter)}
    if not adapters:
        raise ArgumentError("merge: the model has no adapters; nn.lens.lora(model, …) puts them in")
    total = model.parameter_count() - sum(adapter.lora_a.size + adapter.lora_b.size for adapter in adapters.values())
    answer = _answer(adapters, total, None)
    for adapter in adapters.values():
        getattr(adapter.layer, adapter.name).data = adapter.changed().data
        adapter.layer.training = adapter.training
    _exchange(model, {id(adapter): adapter.layer for adapter in adapters.values()})
    return answer


def _chosen(model: Module, pattern: str | Sequence[str], rank: int) -> dict[str, tuple[Module, str]]:
    """Path → (layer, name of its weight) of what is to be adapted."""
    found: dict[str, tuple[Module, str]] = {}
    users: dict[int, list[str]] = {}
    for path, module in model.named_modules():
        for name, held in module.named_children():
            if isinstance(held, Parameter):
                users.setdefault(id(held), []).append(path)
            if name in WEIGHTS and isinstance(held, Parameter) and held.ndim >= 2 and not module.takes_indices:
                found[path] = (module, name)
    if "" in found:
        raise ArgumentError("lora: the model is a single layer, which nothing holds; put it into nn.Sequential(layer)")
    patterns = [pattern] if isinstance(pattern, str) else list(pattern)
    if not found:
        raise ArgumentError("lora: the model has no layer with a weight of two axes or more")
    chosen = {path for one in patterns for path in matching("lora", one, found)}
    for path in (path for path in found if path in chosen):
        module, name = found[path]
        weight = getattr(module, name)
        most = min(weight.shape[0], weight.size // weight.shape[0])
        if isinstance(module, Adapter):
            raise ArgumentError(f"lora: {path} has an adapter already; nn.lens.merge(model) first")
        if rank > most:
            raise ArgumentError(
                f"lora: rank={rank} is above the rank {most} of {path}.{name}, {weight.shape}; leave it out by the "
                "pattern, or take a smaller one"
            )
        if isinstance(weight.mask, np.ndarray):
            raise ArgumentError(
                f"lora: {path}.{name} is pruned, and merging would fill its zeros; leave it out by the pattern"
            )
        if len(users[id(weight)]) > 1:
            others = ", ".join(user for user in users[id(weight)] if user != path)
            raise ArgumentError(f"lora: {path}.{name} is also the weight of {others}; leave it out by the pattern")
    return {path: found[path] for path in found if path in chosen}


def _exchange(model: Module, new: Mapping[int, Module]) -> None:
    """Put other modules into the places of these, wherever the model holds them."""

    def exchanged(held: Any) -> Any:
        if isinstance(held, list):
            held[:] = [exchanged(x) for x in held]
        elif isinstance(held, dict):
            held.update({key: exchanged(x) for key, x in held.items()})
        elif isinstance(held, tuple) and any(exchanged(x) is not x for x in held):
            items = [exchanged(x) for x in held]
            return type(held)(*items) if hasattr(held, "_fields") else tuple(items)
        return new.get(id(held), held)

    holders = [module for _, module in model.named_modules()]
    holders += [module.layer for module in holders if isinstance(module, Adapter)]  # attention holds its out_proj
    for module in holders:
        for name, held in list(vars(module).items()):
            vars(module)[name] = exchanged(held)


def _answer(adapters: Mapping[str, Adapter], total: int, frozen: Learning | None) -> Adapted:
    weights = [getattr(adapter.layer, adapter.name).data for adapter in adapters.values()]
    moves = [
        np.linalg.norm(adapter.scale * (adapter.lora_b.data @ adapter.lora_a.data)) for adapter in adapters.values()
    ]
    return Adapted(
        paths=tuple(f"{path}.{adapter.name}" for path, adapter in adapters.items()),
        shapes=tuple(weight.shape for weight in weights),
        added=tuple(adapter.lora_a.size + adapter.lora_b.size for adapter in adapters.values()),
        rank=tuple(adapter.rank for adapter in adapters.values()),
        change=tuple(
            float(move / (np.linalg.norm(weight) or 1.0)) for move, weight in zip(moves, weights, strict=True)
        ),
        total=total,
        merged=frozen is None,
        frozen=frozen,
    )
