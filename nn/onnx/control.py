"""Control flow, and the lists of tensors that ONNX calls sequences. A subgraph arrives as a function of its inputs."""

import numpy as np

from nn.onnx.operators import OnnxError, operator
from nn.onnx.types import shape_of

__all__ = []


@operator("If")
def branch(condition, *, then_branch, else_branch):
    """One of the two graphs."""
    if np.size(condition) != 1:
        raise OnnxError(f"If: the condition has shape {np.shape(condition)}, expected one boolean")
    return tuple(then_branch() if np.all(condition) else else_branch())


@operator("Loop")
def loop(most=None, condition=None, *carried, body, outputs):
    """body(i, condition, *carried) → (condition, *carried, *scanned), `most` times or while the condition holds."""
    scanned = [[] for _ in range(outputs - len(carried))]
    turn, going = 0, condition is None or bool(np.all(condition))
    while going and (most is None or turn < int(np.squeeze(most))):
        results = body(np.array(turn, np.int64), np.array(going), *carried)
        going = bool(np.all(results[0]))
        carried = tuple(results[1 : 1 + len(carried)])
        for rows, row in zip(scanned, results[1 + len(carried) :], strict=True):
            rows.append(row)
        turn += 1
    return (*carried, *(np.stack(rows) if rows else np.zeros((0,), np.float32) for rows in scanned))


@operator("Scan", since=9)
def scan(
    *inputs, body, num_scan_inputs, scan_input_axes=None, scan_input_directions=None,
    scan_output_axes=None, scan_output_directions=None,
):  # fmt: skip
    """body(*state, *slices) → (*state, *rows), once for each slice of the last num_scan_inputs inputs."""
    count = len(inputs) - num_scan_inputs
    state, sequences = list(inputs[:count]), inputs[count:]
    axes, turned = scan_input_axes or (0,) * len(sequences), scan_input_directions or (0,) * len(sequences)
    columns = [np.moveaxis(np.flip(x, axis) if turn else x, axis, 0)
               for x, axis, turn in zip(sequences, axes, turned, strict=True)]  # fmt: skip
    kept = []
    for step in range(np.shape(columns[0])[0]):
        results = body(*state, *(x[step] for x in columns))
        state = results[:count]
        kept.append(results[count:])
    rows = [np.stack(parts) for parts in zip(*kept, strict=True)]
    axes, turned = scan_output_axes or (0,) * len(rows), scan_output_directions or (0,) * len(rows)
    return (*state, *(np.moveaxis(np.flip(x, 0) if turn else x, 0, axis)
                      for x, axis, turn in zip(rows, axes, turned, strict=True)))  # fmt: skip


@operator("Scan")
def scan_of_batches(lengths, *inputs, body, num_scan_inputs, directions=None):
    """Operator set 8: the first axis is the batch, and every member of it is scanned by itself."""
    if lengths is not None:
        raise OnnxError("Scan of operator set 8 with lengths of its sequences is not supported")
    members = [
        scan(*(x[i] for x in inputs), body=body, num_scan_inputs=num_scan_inputs, scan_input_directions=directions)
        for i in range(np.shape(inputs[0])[0])
    ]
    return tuple(np.stack(parts) for parts in zip(*members, strict=True))


@operator("SequenceEmpty")
def empty(*, dtype=None):
    return ([],)


@operator("SequenceConstruct")
def sequence(*xs):
    return (list(xs),)


@operator("SequenceInsert")
def insert(xs, x, place=None):
    at = len(xs) if place is None else int(np.squeeze(place))
    return ([*xs[:at], x, *xs[at:]],)


@operator("SequenceErase")
def erase(xs, place=None):
    at = (-1 if place is None else int(np.squeeze(place))) % len(xs)
    return (xs[:at] + xs[at + 1 :],)


@operator("SequenceAt")
def pick(xs, place):
    return xs[int(np.squeeze(place))]


@operator("SequenceLength")
def length(xs):
    return np.array(len(xs), np.int64)


@operator("SplitToSequence")
def split_to_sequence(x, split=None, *, axis=0, keepdims=1):
    """Parts along axis: of one length, of the given lengths, or of length 1, then without the axis unless keepdims."""
    n = np.shape(x)[axis]
    step = 1 if split is None else int(split) if np.ndim(split) == 0 else 0
    ends = list(range(step, n, step)) if step else np.cumsum(shape_of(split))[:-1].tolist()
    parts = np.split(x, ends, axis=axis)
    return ([np.squeeze(part, axis) for part in parts] if split is None and not keepdims else list(parts),)


@operator("ConcatFromSequence")
def concat_from_sequence(xs, *, axis, new_axis=0):
    return np.stack(xs, axis) if new_axis else np.concatenate(xs, axis)


@operator("Optional")
def optional(x=None, *, type=None):
    return (x,)


@operator("OptionalHasElement")
def has_element(x=None):
    return np.array(x is not None)


@operator("OptionalGetElement")
def get_element(x):
    return (x,)
