"""RNN, GRU and LSTM as one node for each of their layers.

ONNX has the gates in another order (z r n; i o f g), both biases in one, time first and the directions beside the batch;
so the weights, which keep their names and PyTorch's layout in the file, go through a few nodes on their way.
"""

import numpy as np

from autograd.ops import relu
from nn.export.builder import layer
from nn.layers import GRU, LSTM, RNN

__all__ = []

ORDERS = {RNN: (0,), GRU: (1, 0, 2), LSTM: (0, 3, 1, 2)}
ACTIVATIONS = {np.tanh: "Tanh", relu: "Relu"}


def _operands(module, x, state=None, lengths=None):
    """x, lengths, the state's parts, then of every cell weights and biases; None for what is not written as one node."""
    cells = list(module.cells.values())
    known = getattr(cells[0], "activation", np.tanh) in ACTIVATIONS
    if np.ndim(x) != 3 or not known:
        return None
    parts = state if isinstance(state, (tuple, list)) else [state] * cells[0].parts
    return (x, lengths, *parts, *(w for c in cells for w in (c.weight_ih, c.weight_hh, c.bias_ih, c.bias_hh)))


@layer(RNN, _operands)
@layer(GRU, _operands)
@layer(LSTM, _operands)
def recurrent(b, out, x, lengths, *rest, module):
    kind, cells = type(module), list(module.cells.values())
    parts, size, sides = cells[0].parts, cells[0].hidden_size, 1 + module.bidirectional
    starts, weights = rest[:parts], [rest[i : i + 4] for i in range(parts, len(rest), 4)]
    options = {"hidden_size": size, "direction": "bidirectional" if sides == 2 else "forward"}
    if kind is GRU:
        options["linear_before_reset"] = 1
    if kind is RNN:
        options["activations"] = [ACTIVATIONS[cells[0].activation]] * sides
    lengths = None if lengths is None else b.name(lengths, np.int32)
    steps = b.node("Transpose", x, perm=[1, 0, 2]) if module.batch_first else x
    ends = []
    for first in range(0, len(cells), sides):
        w, r, bias = _packed(b, weights[first : first + sides], ORDERS[kind], size)
        begin = [_rows(b, start, first, sides) for start in starts]
        steps, *last = b.node(kind.__name__, steps, w, r, bias, lengths, *begin, outputs=1 + parts, **options)
        steps = b.node("Transpose", steps, perm=[0, 2, 1, 3])
        steps = b.node("Reshape", steps, b.lengths((0, 0, sides * size)))
        ends.append(last)
    output = b.node("Transpose", steps, perm=[1, 0, 2]) if module.batch_first else steps
    return [output, *(b.node("Concat", *part, axis=0) for part in zip(*ends, strict=True))]


def _packed(b, weights, order, size):
    """(W, R, B) of a layer, with the directions on the first axis; B is None without biases."""
    rows = np.concatenate([np.arange(size) + gate * size for gate in order])
    front = b.lengths((0,))
    stacked = []
    for part in zip(*weights, strict=True):
        if part[0] is None:
            return (*stacked, None)
        stacked.append(b.node("Concat", *(b.node("Unsqueeze", b.node("Gather", w, rows), front) for w in part), axis=0))
    w, r, own, past = stacked
    return w, r, b.node("Concat", own, past, axis=1)


def _rows(b, state, first, count):
    """The part of a first state that belongs to one layer."""
    if state is None:
        return None
    return b.node("Slice", state, *map(b.lengths, ((first,), (first + count,), (0,))))
