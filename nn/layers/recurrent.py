"""RNN, GRU, LSTM: the same cell at every step of a sequence, with a state that it hands on to itself.

    RNN    h' = tanh(W x + b + R h + c)

    GRU    r, z = σ(W x + b + R h + c)                 reset and update gate, each with its own rows of W, R, b, c
           n = tanh(W x + b + r ∘ (R h + c))           what is new, from as much of the past as r lets through
           h' = (1 − z) ∘ n + z ∘ h                    z keeps the old state, 1 − z takes the new

    LSTM   i, f, o = σ(W x + b + R h + c),  g = tanh(W x + b + R h + c)
           c' = f ∘ c + i ∘ g                          the cell's memory: a sum, so gradients pass through many steps
           h' = o ∘ tanh(c')

A cell is one step. A layer (`RNN`, `GRU`, `LSTM`) multiplies the inputs of all steps with W at once, which is one large
product, and then goes through the steps, whose products with R must wait for one another; the reverse direction goes
through them from the end. Layers are stacked: the next one's inputs are the hidden states of this one.

Names and layouts of the parameters are PyTorch's: weight_ih (gates · hidden_size, input_size) is W and weight_hh
(gates · hidden_size, hidden_size) is R; gates are in the order i f g o and r z n.

Start: rows of W are N(0, 1 / input_size), as in Linear; each gate's R is a random orthogonal matrix, which neither shrinks
nor stretches a state however many steps it is taken through (Saxe et al. 2014, arXiv 1312.6120); biases are 0, but 1 for
the LSTM's forget gate, which so remembers before it has learned to (Jozefowicz et al. 2015). PyTorch draws all of these
from U(±1/√hidden_size), whose R shrinks a state to 1/√3 of its length in each step.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar

import numpy as np
from numpy.typing import DTypeLike

from autograd.data import as_array, effect
from autograd.errors import ArgumentError, ShapeError
from autograd.ops import linear, sigmoid
from autograd.value import Value
from nn.checks import Activation, function, whole
from nn.init import Rng, orthogonal, variance_scaling
from nn.layers.dropout import Dropout
from nn.layers.neuron import activated
from nn.module import Module, Parameter
from nn.names import refuse
from nn.outline import function_name, options

__all__ = ["GRU", "LSTM", "RNN", "GRUCell", "LSTMCell", "RNNCell"]

State = tuple[Any, ...]
ELSEWHERE = {  # PyTorch's options → what serves here
    "nonlinearity": "activation=np.tanh, or any function of a Value, is that of an RNN",
    "proj_size": "a Linear after the layer makes its output narrower",
}


class Cell(Module):
    """One step of a recurrent layer: x (…, input_size) and a state (…, hidden_size) → the next state.

    A subclass says how many `gates` it has, of how many arrays its state consists (`parts`), and what `step` does.
    """

    gates: ClassVar[int]
    parts: ClassVar[int] = 1

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        bias: bool = True,
        *,
        rng: Rng = None,
        dtype: DTypeLike = np.float32,
    ) -> None:
        self.input_size = whole("input_size", input_size)
        self.hidden_size = whole("hidden_size", hidden_size)
        rows = self.gates * hidden_size
        self.weight_ih = Parameter.zeros((rows, input_size), dtype)
        self.weight_hh = Parameter.zeros((rows, hidden_size), dtype)
        self.bias_ih = Parameter.zeros(rows, dtype) if bias else None
        self.bias_hh = Parameter.zeros(rows, dtype) if bias else None
        self.initialize(rng)

    def draw(self, name: str, rng: np.random.Generator) -> Any:
        """N(0, 1 / input_size) for weight_ih, an orthogonal matrix for each gate in weight_hh, biases 0."""
        dtype = self.weight_ih.dtype
        if name == "weight_ih":
            return variance_scaling(self.weight_ih.shape, rng=rng, dtype=dtype)
        if name == "weight_hh":
            square = (self.hidden_size, self.hidden_size)
            return np.concatenate([orthogonal(square, rng=rng, dtype=dtype) for _ in range(self.gates)])
        return np.zeros(self.gates * self.hidden_size, dtype)

    def forward(self, x: Any, state: Any = None) -> Any:
        """The next state: an array, of the LSTM a pair (h, c); `state` likewise, zeros if it is not given."""
        width = np.shape(x)[-1:]
        if width != (self.input_size,):
            raise ShapeError(f"x has {width or 'no'} features on its last axis, expected ({self.input_size},)")
        start = self.start(state, (*np.shape(x)[:-1], self.hidden_size))
        after = self.step(self.project(x), *start)
        return after if self.parts > 1 else after[0]

    def start(self, state: Any, shape: tuple[int, ...]) -> State:
        """The given state as a tuple of arrays of this shape, or zeros."""
        if state is None:
            return (np.zeros(shape, self.weight_ih.dtype),) * self.parts
        given = (state,) if self.parts == 1 else state
        if not isinstance(given, (tuple, list)) or len(given) != self.parts:
            raise ArgumentError(f"the state of an LSTM is a pair (h, c), got {type(given).__name__}")
        shapes = [np.shape(part) for part in given]
        if shapes != [shape] * self.parts:
            raise ShapeError(f"the state has shape {', '.join(map(str, shapes))}, expected {shape}")
        return tuple(given)

    def project(self, x: Any) -> Any:
        """The input's part of the sums, x @ weight_ihᵀ + bias_ih, for one step or for all at once."""
        return linear(x, self.weight_ih, 0.0 if self.bias_ih is None else self.bias_ih)

    def recur(self, h: Any) -> Any:
        """The state's part of the sums, h @ weight_hhᵀ + bias_hh."""
        return linear(h, self.weight_hh, 0.0 if self.bias_hh is None else self.bias_hh)

    def step(self, projected: Any, *state: Any) -> State:
        """The next state from the input's part of the sums, (…, gates · hidden_size), and the state before."""
        raise NotImplementedError(f"{type(self).__name__} defines no step(...)")

    def describe(self) -> str:
        bias = [] if self.bias_ih is not None else ["bias=False"]
        return options(self, self.input_size, self.hidden_size, *bias)


class RNNCell(Cell):
    """One step of an RNN, h' = activation(W x + b + R h + c): x (…, input_size), h (…, hidden_size) → h'.

    activation  any function of a Value; PyTorch's is called nonlinearity and is "tanh" or "relu"
    """

    gates = 1

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        bias: bool = True,
        activation: Activation = np.tanh,
        *,
        rng: Rng = None,
        dtype: DTypeLike = np.float32,
    ) -> None:
        self.activation = function(activation)
        super().__init__(input_size, hidden_size, bias, rng=rng, dtype=dtype)

    def step(self, projected: Any, *state: Any) -> State:
        return (activated(projected + self.recur(state[0]), self.activation),)

    def describe(self) -> str:
        return f"{super().describe()}, activation={function_name(self.activation)}"


class GRUCell(Cell):
    """One step of a gated recurrent unit: x (…, input_size), h (…, hidden_size) → h'.

    The reset gate multiplies R h + c, bias included, as in PyTorch and cuDNN; in the paper it multiplies h.
    Source: Cho et al. 2014, arXiv 1406.1078.
    """

    gates = 3

    def step(self, projected: Any, *state: Any) -> State:
        (h,) = state
        rz, n = np.split(projected, [2 * self.hidden_size], axis=-1)
        rz_past, n_past = np.split(self.recur(h), [2 * self.hidden_size], axis=-1)
        r, z = np.split(sigmoid(rz + rz_past), 2, axis=-1)
        n = np.tanh(n + r * n_past)
        return (n + z * (h - n),)


class LSTMCell(Cell):
    """One step of a long short-term memory: x (…, input_size), (h, c) each (…, hidden_size) → (h', c').

    Source: Hochreiter & Schmidhuber 1997, with the forget gate of Gers et al. 2000.
    """

    gates = 4
    parts = 2

    def draw(self, name: str, rng: np.random.Generator) -> Any:
        """As every cell, with a bias of 1 at the forget gate."""
        data = super().draw(name, rng)
        if name == "bias_ih":
            data[self.hidden_size : 2 * self.hidden_size] = 1.0
        return data

    def step(self, projected: Any, *state: Any) -> State:
        h, c = state
        i, f, g, o = np.split(projected + self.recur(h), 4, axis=-1)
        c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
        return sigmoid(o) * np.tanh(c), c


class Recurrent(Module):
    """Cells in layers, taken through a sequence: what RNN, GRU and LSTM share.

    input_size     features of x at each step
    hidden_size    features of the state, and of the output in each direction
    num_layers     cells above one another; the inputs of the next are the hidden states of this one
    bias           False leaves out bias_ih and bias_hh
    batch_first    x is (batch, time, features), as everything in nn has the batch first; PyTorch's default is False,
                   (time, batch, features)
    dropout        share of the hidden states between layers that is dropped in training
    bidirectional  a second cell in each layer goes through the sequence from its end; outputs are side by side

    The parameters are weight_ih_l0, weight_hh_l0, bias_ih_l0, bias_hh_l0, weight_ih_l0_reverse, …, weight_ih_l1, …
    """

    cell: ClassVar[type[Cell]]
    own: ClassVar[tuple[str, ...]] = ()  # further options of its cells

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = True,
        dropout: float = 0.0,
        bidirectional: bool = False,
        *,
        rng: Rng = None,
        dtype: DTypeLike = np.float32,
        **more: Any,
    ) -> None:
        refuse(type(self).__name__, more.keys() - set(self.own), ELSEWHERE, Recurrent, more=self.own)
        self.input_size, self.hidden_size = whole("input_size", input_size), whole("hidden_size", hidden_size)
        self.num_layers = whole("num_layers", num_layers)
        self.batch_first, self.bidirectional = batch_first, bidirectional
        directions = ("", "_reverse") if bidirectional else ("",)
        self.cells: dict[str, Cell] = {}
        for layer in range(num_layers):
            width = input_size if layer == 0 else hidden_size * len(directions)
            for suffix in directions:
                cell = self.cell(width, hidden_size, bias, rng=0, dtype=dtype, **more)
                self.cells[f"l{layer}{suffix}"] = cell
        self.dropout = Dropout(dropout) if dropout else None  # between layers
        self.initialize(rng)

    def named_children(self) -> Iterator[tuple[str, Any]]:
        """The cells' parameters under PyTorch's flat names, and the dropout."""
        for suffix, cell in self.cells.items():
            for name, held in cell.named_children():
                yield f"{name}_{suffix}", held
        if self.dropout is not None:
            yield "dropout", self.dropout

    def draw(self, name: str, rng: np.random.Generator) -> Any:
        """What the cell whose parameter it is draws."""
        parameter, suffix = name.split("_l")
        return self.cells[f"l{suffix}"].draw(parameter, rng)

    def forward(self, x: Any, state: Any = None, lengths: Any = None) -> tuple[Any, Any]:
        """(output, last state) of x (batch, time, input_size), or of one sequence (time, input_size).

        output   (batch, time, directions · hidden_size): the hidden states of the last layer
        state    (num_layers · directions, batch, hidden_size), of the LSTM a pair (h, c) of those: where to begin, zeros by
                 default; that of layer l is number l, with two directions 2 l (forward) and 2 l + 1 (reverse)
        lengths  (batch,) whole numbers, 1 … time: sequence i ends after lengths[i] steps. Its output is 0 from there on,
                 its last state is that of its own last step, and the reverse direction begins at its own end

        Raises ShapeError for other shapes, ArgumentError for lengths that are not such numbers.
        """
        x = x if isinstance(x, Value) else as_array(x)
        axis = self._time_axis(x.shape)
        steps = np.moveaxis(x, axis, 0)  # time first inside: what belongs to a step lies side by side
        time, batch = steps.shape[0], steps.shape[1:-1]
        running = None if lengths is None else _running(as_array(lengths), time, batch)
        if running is not None:
            steps = np.where(running, steps, 0.0)  # a NaN in the padding would reach the weights as 0 · NaN
        begin = self._begin(state, batch)
        end: list[State] = []
        for layer in range(self.num_layers):
            if layer and self.dropout is not None:
                steps = self.dropout(steps)
            sides: list[Any] = []
            for cell in self._layer(layer):
                hidden, last = _unroll(cell, steps, begin[len(end)], running, reverse=len(sides) == 1)
                sides.append(hidden)
                end.append(last)
            steps = sides[0] if len(sides) == 1 else np.concatenate(sides, axis=-1)
        parts = tuple(np.stack(part) for part in zip(*end, strict=True))
        output = np.moveaxis(steps, 0, axis)
        return output, parts if len(parts) > 1 else parts[0]

    def _layer(self, layer: int) -> list[Cell]:
        """The cells of a layer: forward, and reverse if there is one."""
        directions = 2 if self.bidirectional else 1
        return list(self.cells.values())[layer * directions : (layer + 1) * directions]

    def _time_axis(self, shape: tuple[int, ...]) -> int:
        """The axis of x that is time; ShapeError for a shape that the layer does not take."""
        width = self._layer(0)[0].input_size
        axes = "(batch, time, features)" if self.batch_first else "(time, batch, features)"
        if len(shape) not in (2, 3) or shape[-1] != width:
            raise ShapeError(f"x has shape {shape}, expected {axes}, or (time, features), with {width} features")
        axis = len(shape) - 2 if self.batch_first else 0
        if not shape[axis]:
            raise ShapeError(f"x of shape {shape} has no time step: axes are {axes}")
        return axis

    def _begin(self, state: Any, batch: tuple[int, ...]) -> list[State]:
        """The state that each cell begins with."""
        cells = list(self.cells.values())
        whole = cells[0].start(state, (len(cells), *batch, cells[0].hidden_size))
        return list(zip(*(np.unstack(part) for part in whole), strict=True))

    def describe(self) -> str:
        return options(self, self._layer(0)[0].describe(), num_layers=1, batch_first=True, bidirectional=False)


class RNN(Recurrent):
    """Recurrent network of Elman's kind, h' = activation(W x + b + R h + c) at every step.

    x (batch, time, input_size) → output (batch, time, hidden_size), last state (num_layers, batch, hidden_size). Arguments
    as in Recurrent, and activation, any function of a Value: PyTorch's is called nonlinearity and is "tanh" or "relu".
    Source: Elman 1990.
    """

    cell = RNNCell
    own = ("activation",)


class GRU(Recurrent):
    """Gated recurrent units; r, z and n as on top of this file.

    x (batch, time, input_size) → output (batch, time, hidden_size), last state (num_layers, batch, hidden_size). Arguments
    as in Recurrent.
    """

    cell = GRUCell


class LSTM(Recurrent):
    """Long short-term memory; i, f, g and o as on top of this file. PyTorch's proj_size is not there.

    x (batch, time, input_size) → output (batch, time, hidden_size), last state (h, c), each (num_layers, batch,
    hidden_size). Arguments as in Recurrent.
    """

    cell = LSTMCell


def _unroll(cell: Cell, steps: Any, state: State, running: Any, *, reverse: bool) -> tuple[Any, State]:
    """(hidden states, last state) of a cell that goes through steps (time, …, features), from the last one if `reverse`.

    Where a sequence is not `running` (time, …, 1) its state stays: after its end, and in reverse before it.
    """
    projected = np.unstack(cell.project(steps))
    hidden: list[Any] = [None] * len(projected)
    for t in reversed(range(len(projected))) if reverse else range(len(projected)):
        after = cell.step(projected[t], *state)
        if running is not None:
            after = tuple(np.where(running[t], new, old) for new, old in zip(after, state, strict=True))
        state, hidden[t] = after, after[0]
    stacked = np.stack(hidden)
    return stacked if running is None else np.where(running, stacked, 0.0), state


def _running(lengths: Any, time: int, batch: tuple[int, ...]) -> Any:
    """(time, *batch, 1) booleans: whether step t belongs to the sequence."""
    if lengths.dtype.kind not in "iu" or lengths.shape != batch:
        raise ArgumentError(
            f"lengths have shape {lengths.shape} and are {lengths.dtype}, expected {batch} whole numbers"
        )

    def check(lengths: Any) -> None:
        if np.any((lengths < 1) | (lengths > time)):
            raise ArgumentError(
                f"lengths are {lengths.min()} … {lengths.max()}, expected 1 … {time} for {time} time steps"
            )

    effect(check, lengths)
    step = np.reshape(np.arange(time), (time, *(1,) * len(batch)))
    return np.expand_dims(step < lengths, -1)
