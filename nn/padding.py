"""Sequences of different length in one array: padded at the end, with their lengths beside them.

nn.fit takes one X. A model that reads the lengths off the padding needs no more than that:

    class Reader(nn.Module):
        def __init__(self, features, classes):
            self.rnn, self.head = nn.GRU(features, 16), nn.Linear(16, classes)

        def forward(self, x):  # (batch, time, features), all 0 after a sequence's end
            lengths = (x != 0.0).any(axis=2).sum(axis=1)
            return self.head(self.rnn(x, lengths=lengths)[1][-1])

    nn.fit(Reader(5, 2), nn.pad_sequences(sequences)[0], y, epochs=10, rng=0)

In a loop of one's own `sequence_batches` gives padded batches, no longer than they must be, with their lengths.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from autograd.errors import ArgumentError
from nn.data import Index, batches
from nn.evaluation import numbers
from nn.init import generator

__all__ = ["pad_sequences", "sequence_batches"]


def pad_sequences(sequences: Sequence[ArrayLike], value: float = 0.0) -> tuple[NDArray[Any], Index]:
    """(padded, lengths): (batch, time, …) with `value` after each sequence's end, and (batch,).

    sequences  (time, …) each; only time may differ. The batch comes first (PyTorch's pad_sequence puts time first)
    Raises ArgumentError if there are none, or their other axes differ, or value is none of their numbers.

    >>> padded, lengths = pad_sequences([[1, 2, 3], [4]])
    >>> padded.tolist(), lengths.tolist()
    ([[1, 2, 3], [4, 0, 0]], [3, 1])
    """
    if not isinstance(sequences, Iterable):
        raise ArgumentError(f"pad_sequences takes a list of sequences, got {sequences!r}")
    arrays = [numbers("a sequence", sequence) for sequence in sequences]
    if not arrays:
        raise ArgumentError("pad_sequences needs at least one sequence")
    shapes = {array.shape[1:] if array.ndim else None for array in arrays}
    if len(shapes) > 1 or None in shapes:
        raise ArgumentError(
            f"sequences are (time, …) with equal other axes, got shapes {_few([a.shape for a in arrays])}"
        )
    lengths = np.array([len(array) for array in arrays], np.int64)
    dtype = np.result_type(*([array.dtype for array in arrays if len(array)] or arrays))  # [] alone says float64
    if dtype.kind in "iub" and not (np.isfinite(value) and dtype.type(value) == value):
        raise ArgumentError(f"pad_sequences: value={value!r} is no {dtype}, as the sequences are")
    padded = np.full((len(arrays), int(lengths.max()), *arrays[0].shape[1:]), value, dtype)
    for row, array in zip(padded, arrays, strict=True):
        row[: len(array)] = array
    return padded, lengths


def sequence_batches(
    sequences: Sequence[ArrayLike],
    *arrays: NDArray[Any],
    batch_size: int,
    rng: np.random.Generator | int | None = None,
    shuffle: bool = True,
    by_length: bool = False,
    value: float = 0.0,
) -> Iterator[tuple[NDArray[Any], ...]]:
    """One epoch: (padded, lengths, rows of each array), every sequence exactly once.

    by_length  batches of sequences of nearly the same length, in random order: less padding, a little less chance
    The rest is as in nn.batches.

    >>> [(x.tolist(), n.tolist()) for x, n in sequence_batches([[1, 2], [3], [4]], batch_size=2, shuffle=False)]
    [([[1, 2], [3, 0]], [2, 1]), ([[4]], [1])]
    """
    if shuffle and rng is not None:
        rng = generator(rng)
    rows = np.arange(len(sequences))
    parts = [part for part, *_ in batches(rows, *arrays, batch_size=batch_size, rng=rng, shuffle=shuffle)]
    if by_length and parts:
        order = np.concatenate(parts)
        lengths = np.array([len(np.asarray(sequences[row])) for row in order])
        order = order[np.argsort(lengths, kind="stable")]  # equal lengths stay shuffled
        parts = np.split(order, range(batch_size, len(order), batch_size))
        if isinstance(rng, np.random.Generator):
            parts = [parts[i] for i in rng.permutation(len(parts))]
    return _padded(sequences, arrays, parts, value)


def _padded(sequences: Any, arrays: Any, parts: list[Index], value: float) -> Iterator[tuple[NDArray[Any], ...]]:
    for part in parts:
        yield (*pad_sequences([sequences[row] for row in part], value), *(array[part] for array in arrays))


def _few(shapes: list[Any]) -> str:
    different = list(dict.fromkeys(shapes))
    return ", ".join(map(str, different[:3])) + (" …" if len(different) > 3 else "")
