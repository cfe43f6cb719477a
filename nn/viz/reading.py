"""What the network picture shows of a model: its matrices and kernels in the order of definition, and what x does there.

`read` copies them at once, so that a picture is of one moment. Next comes `blocks`, which gives them places.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from autograd.context import no_grad
from autograd.value import data_of
from nn import scalar
from nn.calls import Call
from nn.layers.attention import MultiheadAttention
from nn.layers.convolution import _Convolution
from nn.layers.neuron import Neuron
from nn.module import Module, Parameter
from nn.state import preserved
from nn.viz.wiring import Wiring, in_order, run

__all__ = ["Dense", "Maps", "Reading", "from_pairs", "read"]

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Dense:
    """A matrix of weights (out, in): weight[i, j] leads from j to i.

    bias              (out,) or None
    inputs, outputs   (n, in) and (n, out): what x has become here, after activation functions; None without x
    chained           whether it takes features and gives features, as a linear layer does
    follows, source   whether its inputs are the outputs of the layer before it, and that one's name
    key               id of its Parameter, 0 without one
    """

    weight: Array
    bias: Array | None
    name: str
    inputs: Array | None = None
    outputs: Array | None = None
    chained: bool = True
    follows: bool = False
    source: str = "input"
    key: int = 0

    @property
    def reach(self) -> Array | None:
        """(in,): how much each input varies, its standard deviation over the rows of x; of one row its size."""
        if self.inputs is None:
            return None
        reach: Array = self.inputs.std(0) if len(self.inputs) > 1 else np.abs(self.inputs[0])
        return reach


@dataclass(frozen=True, slots=True)
class Maps:
    """Small images (n, height, width): kernels, feature maps, attention.

    note     under the name       weight  of kernels, as the model has them
    columns  of the sheet that they are laid out on; 0 for one that is about square
    key      id of its Parameter, 0 without one
    """

    images: Array
    name: str
    note: str
    weight: Array | None = None
    columns: int = 0
    key: int = 0


@dataclass(frozen=True, slots=True)
class Reading:
    """What is drawn of a model.

    wiring    what each matrix is given, by keys; None: not known, the order of definition stands for it
    in_order  without a wiring: whether that order is certainly the order of the run
    left_out  names of parameters that are not in the picture
    """

    items: list[Dense | Maps]
    wiring: Wiring | None = None
    in_order: bool = True
    left_out: tuple[str, ...] = ()


def from_pairs(pairs: Sequence[Any], x: Any) -> Reading:
    """Layers from pairs (weight, bias). Raises ValueError if they do not follow each other, or there is none."""
    if x is not None:
        raise ValueError("network(x=…) needs a model of arrays; pairs (weight, bias) do not say what is between them")
    layers = [_checked(weight, bias, i) for i, (weight, bias) in enumerate(pairs)]
    if not layers:
        raise ValueError("network() needs at least one pair (weight, bias)")
    for before, after in pairwise(layers):
        if after.weight.shape[1] != before.weight.shape[0]:
            raise ValueError(
                f"layers do not follow each other: {before.name} has {before.weight.shape[0]} outputs, "
                f"{after.name} {after.weight.shape[1]} inputs; give network() the weights of one chain of dense layers"
            )
    return Reading(list(layers))


def _checked(weight: Any, bias: Any, i: int) -> Dense:
    name = f"layer {i}"
    matrix = np.array(weight, dtype=np.float64)
    if matrix.ndim != 2 or not matrix.size:
        raise ValueError(f"{name}: expected a weight of shape (out, in), got {matrix.shape}")
    vector = None if bias is None else np.array(bias, dtype=np.float64)
    if vector is not None and vector.shape != matrix.shape[:1]:
        raise ValueError(f"{name}: expected a bias of shape ({matrix.shape[0]},), got {vector.shape}")
    return Dense(matrix, vector, name, follows=i > 0, source=f"layer {i - 1}" if i else "input")


def read(model: Module, x: Any, image: tuple[int, int] | None) -> Reading:
    """Layers and kernels of a model; with x also its first image, the feature maps it has in convolutions, and attention.

    image  (height, width) of inputs that are pixels: the rows of the first matrix are then images too
    Raises ValueError if there is nothing to draw.
    """
    whole = [_whole(layer) for _, layer in model.named_modules() if isinstance(layer, scalar.Layer)]
    if whole:
        return from_pairs(whole, x)
    data = None if x is None else np.asarray(data_of(x))
    data = data[None] if data is not None and data.ndim == 1 else data
    drawn = {id(held): held for _, owner, _, held in model._state() if _is_drawn(owner, held)}
    calls: dict[int, Call] = {}
    wiring: Wiring | None = None
    if data is not None:
        found, wiring = run(model, data, drawn)
        for call in found:
            calls.setdefault(id(call.layer), call)
    items: list[Dense | Maps] = []
    for path, owner, name, held in model._state():
        if id(held) in drawn:
            own = _items(path, owner, name, np.array(held.data, np.float64), calls.get(id(owner)))
            items += [replace(item, key=id(held)) for item in own]
            if isinstance(owner, MultiheadAttention) and id(owner) in calls:
                items.append(_attention(model, calls[id(owner)]))
    if not items:
        raise ValueError("network() found no two-dimensional weight among the model's parameters")
    items = list(_joined(items, wiring))
    if image is not None:
        items = _as_images(items, image)
    first = data[0] if data is not None and data.dtype.kind == "f" else None
    if first is not None and (first.ndim == 3 or image is not None):
        pixels = first if image is None else first.reshape(1, *image)
        items.insert(0, Maps(pixels.astype(np.float64), "input", "the first of x"))
    return Reading(items, wiring, in_order(model), tuple(_left_out(model, items)))


def _is_drawn(owner: Any, held: Any) -> bool:
    return bool(
        isinstance(held, Parameter) and held.size and (held.ndim >= 2 or (held.ndim and isinstance(owner, Neuron)))
    )


def _left_out(model: Module, items: Sequence[Dense | Maps]) -> Iterator[str]:
    """Names of the parameters that no matrix, kernel or circle shows."""
    shown = {item.key for item in items}
    with_bias = {item.key for item in items if isinstance(item, Dense) and item.bias is not None}
    for path, owner, name, held in model._state():
        if isinstance(held, Parameter) and id(held) not in shown:
            matrix = getattr(owner, name.replace("bias", "weight"), None)
            if "bias" not in name or id(matrix) not in with_bias:
                yield path


def _whole(layer: scalar.Layer) -> tuple[Any, Any]:
    """(weight, bias) of a layer of scalar neurons."""
    weights = [[float(weight.data) for weight in neuron.w] for neuron in layer.neurons]
    return weights, [float(neuron.b.data) for neuron in layer.neurons]


def _items(path: str, owner: Any, name: str, data: Array, call: Call | None) -> Iterator[Dense | Maps]:
    """What is drawn of one parameter."""
    title, kind = path.removesuffix(".weight"), type(owner).__name__
    title = kind if path == "weight" else f"{title} {kind}" if title.isdigit() else title
    if isinstance(owner, _Convolution):
        kernels = np.swapaxes(data, 0, 1) if owner.transposed and owner.groups == 1 else data
        shape = " × ".join(map(str, data.shape))
        flat = kernels if kernels.ndim == 4 else kernels[:, None]  # of a signal: in_channels by length, one image
        columns = flat.shape[1] if flat.shape[1] > 1 else 0
        yield Maps(flat.reshape(-1, *flat.shape[2:]), title, f"{shape} kernels", data, columns)
        if call is not None:
            out = np.asarray(data_of(call.out), np.float64)[0]
            maps = out if out.ndim == 3 else out[:, None]
            yield Maps(maps, title, "what it gives for the first of x")
        return
    matrix = data[None] if data.ndim == 1 else data.reshape(len(data), -1)
    bias = getattr(owner, name.replace("weight", "bias"), None) if "weight" in name else None
    vector = np.array(bias.data, np.float64).reshape(-1) if isinstance(bias, Parameter) else None
    if vector is not None and len(vector) != len(matrix):
        vector = None
    dense = name == "weight" and not owner.takes_indices
    inputs, outputs = (_rows(call.args[0]), _rows(call.out)) if dense and call is not None else (None, None)
    fits = inputs is not None and outputs is not None and (inputs.shape[1], outputs.shape[1]) == matrix.shape[::-1]
    yield Dense(matrix, vector, title, inputs if fits else None, outputs if fits else None, chained=dense)


def _rows(x: Any) -> Array:
    """(n, features) of (…, features)."""
    data = np.asarray(data_of(x), np.float64)
    return data.reshape(-1, data.shape[-1]) if data.ndim > 1 else data.reshape(-1, 1)


def _joined(items: Iterable[Dense | Maps], wiring: Wiring | None) -> Iterator[Dense | Maps]:
    """Dense layers that follow each other, told so; what comes out of one is then what goes into the next, unless that is
    given something else too."""
    before: Dense | Maps | None = None
    for item in items:
        given = (wiring or {}).get(item.key, frozenset([before.key]) if before is not None else frozenset())
        if isinstance(item, Dense) and isinstance(before, Dense) and _follows(item, before) and before.key in given:
            inputs, outputs = item.inputs, before.outputs
            if given == {before.key} and inputs is not None and outputs is not None and len(inputs) == len(outputs):
                before = replace(before, outputs=inputs)
            item = replace(item, follows=True, source=before.name)
        elif isinstance(item, Dense) and before is not None:
            item = replace(item, source="its inputs")
        if before is not None:
            yield before
        before = item
    if before is not None:
        yield before


def _follows(after: Dense, before: Dense) -> bool:
    return after.chained and before.chained and after.weight.shape[1] == before.weight.shape[0]


def _as_images(items: list[Dense | Maps], image: tuple[int, int]) -> list[Dense | Maps]:
    first = next((item for item in items if isinstance(item, Dense)), None)
    if first is None or first.weight.shape[1] != image[0] * image[1]:
        got = "no matrix" if first is None else f"{first.weight.shape[1]} inputs"
        raise ValueError(f"image={image} needs a first layer of {image[0] * image[1]} inputs, the model has {got}")
    maps = Maps(first.weight.reshape(-1, *image), first.name, "weights of each neuron", first.weight, key=first.key)
    place = items.index(first)
    follower = items[place + 1 : place + 2]
    rest = [replace(part, follows=False) for part in follower if isinstance(part, Dense)] or follower
    return [*items[:place], maps, *rest, *items[place + 2 :]]


def _attention(model: Module, call: Call) -> Maps:
    """Each head's weights (queries, keys) for the first row of x: the call once more, asked for them."""
    bound = inspect.signature(call.layer.forward).bind(*call.args, **call.kwargs)
    bound.arguments |= {"need_weights": True, "average_attn_weights": False}
    with preserved(model), no_grad():
        model.eval()
        weights = np.asarray(data_of(call.layer(*bound.args, **bound.kwargs)[1]), np.float64)
    heads = weights if weights.ndim == 3 else weights[0]
    return Maps(heads, call.path or "attention", f"attention of {len(heads)} heads, query ↓ key →, first of x")
