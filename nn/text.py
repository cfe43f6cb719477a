"""Text as numbers for a character model, and back.

    characters = Characters.fit(text)                   its alphabet: the characters that occur, in order
    X, y = windows(characters.encode(text), 64)         (n, 64) characters, and for each the one that follows
    nn.save("model.npz", model, alphabet=characters.alphabet)
    characters = Characters(nn.load("model.npz", model)["alphabet"])

A character is one code point of Unicode.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from autograd.errors import ArgumentError

__all__ = ["Characters", "windows"]

Tokens = NDArray[np.int64]


@dataclass(frozen=True)
class Characters:
    """Characters ↔ numbers 0 … len(alphabet) − 1.

    alphabet  the characters that are known, each once, by code point. Raises ArgumentError otherwise.

    >>> abc = Characters.fit("abracadabra")
    >>> abc.alphabet, abc.encode("cab").tolist(), abc.decode([3, 0, 3])
    ('abcdr', [2, 0, 1], 'dad')
    """

    alphabet: str

    def __post_init__(self) -> None:
        if not isinstance(self.alphabet, str) or not self.alphabet or list(self.alphabet) != sorted(set(self.alphabet)):
            raise ArgumentError(
                f"an alphabet is a text of different characters in order, got {str(self.alphabet)[:40]!r}; "
                "Characters.fit(text) finds that of a text"
            )

    @classmethod
    def fit(cls, text: str) -> Characters:
        """The characters of a text. Raises ArgumentError for an empty one."""
        if not text:
            raise ArgumentError("the alphabet of an empty text")
        return cls("".join(sorted(set(text))))

    def __len__(self) -> int:
        return len(self.alphabet)

    def encode(self, text: str) -> Tokens:
        """(characters,) numbers. Raises ArgumentError at a character that is not in the alphabet."""
        known, points = _points(self.alphabet), _points(text)
        numbers = np.minimum(np.searchsorted(known, points), len(known) - 1)
        strange = np.flatnonzero(known[numbers] != points)
        if len(strange):
            place = int(strange[0])
            raise ArgumentError(
                f"{text[place]!r} at place {place} of the text is not in the alphabet of {len(self)} characters; fit it on "
                "all of the text, or leave the character out"
            )
        return numbers.astype(np.int64)

    def decode(self, numbers: ArrayLike) -> str:
        """The text of a sequence of numbers. Raises ArgumentError for what is no number of a character."""
        tokens = np.asarray(numbers)
        if tokens.ndim != 1 or (tokens.size and tokens.dtype.kind not in "iu"):
            raise ArgumentError(f"decode takes a sequence of integers, got {tokens.dtype} of shape {tokens.shape}")
        if tokens.size and not (tokens.min() >= 0 and tokens.max() < len(self)):
            raise ArgumentError(f"numbers are 0 … {len(self) - 1}, got {tokens.min()} … {tokens.max()}")
        return "".join(self.alphabet[token] for token in tokens.tolist())


def windows(tokens: ArrayLike, context: int, *, stride: int | None = None) -> tuple[Tokens, Tokens]:
    """(X, y), each (n, context): pieces of a sequence, and the same one place on, so that y has what comes next.

    stride  places from one window to the next: context by default, so that each token is predicted once; 1 for all
    Views of the tokens, which cost no memory. Raises ArgumentError if there are not more tokens than context.

    >>> X, y = windows([1, 2, 3, 4, 5], 2)
    >>> X.tolist(), y.tolist()
    ([[1, 2], [3, 4]], [[2, 3], [4, 5]])
    """
    sequence = np.asarray(tokens)
    for name, number in (("context", context), ("stride", stride)):
        if number is not None and (not isinstance(number, (int, np.integer)) or number < 1):
            raise ArgumentError(f"{name} is a whole number of at least 1, got {number!r}")
    if sequence.ndim != 1 or len(sequence) <= context:
        raise ArgumentError(f"windows of {context} need a sequence of more tokens, got shape {sequence.shape}")
    pieces = np.lib.stride_tricks.sliding_window_view(sequence, context + 1)[:: stride or context]
    return pieces[:, :-1], pieces[:, 1:]


def _points(text: str) -> NDArray[np.uint32]:
    return np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.uint32)
