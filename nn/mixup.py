"""Mixup: training on blends of examples, of their inputs and of their targets alike.

A network that is told "seven tenths of a 3 and three tenths of an 8" for a blend of two images cannot be sure of either,
and between the examples its answer is asked to change evenly. It is an `augment` of nn.fit that changes targets too: it
says so in `mixes`, and is then called with (x, target, rng) instead of (x, rng).
"""

from typing import Any

import numpy as np

from autograd.errors import ArgumentError
from nn.checks import positive, whole

__all__ = ["Mixup"]


class Mixup:
    """x̃ = λ x_i + (1 − λ) x_j and ỹ = λ y_i + (1 − λ) y_j, with λ ~ Beta(α, α), and j a shuffled order of the batch.

    classes  of integer targets, which become probabilities (n, classes), as nn.cross_entropy takes them; None for targets
             that are numbers already
    alpha    0.2 blends little (λ is mostly near 0 or 1), 1 draws λ evenly; one λ serves the whole batch, as in the paper
    Raises ArgumentError for inputs that are no floats: indices cannot be blended.
    Source: Zhang et al. 2018, arXiv 1710.09412, eq. 1 and §2.

    >>> x, y = np.eye(2, dtype=np.float32), np.array([0, 1])
    >>> mixed, shares = Mixup(classes=2, alpha=1.0)(x, y, np.random.default_rng(1))
    >>> bool(np.allclose(mixed, shares)), shares.sum(axis=1).tolist()
    (True, [1.0, 1.0])
    """

    mixes = True  # whether targets are given and given back

    def __init__(self, classes: int | None = None, *, alpha: float = 0.2) -> None:
        self.classes = None if classes is None else whole("Mixup: classes", classes)
        self.alpha = positive("Mixup: alpha", alpha)

    def __call__(self, x: Any, target: Any, rng: np.random.Generator) -> tuple[Any, Any]:
        """(n, …) inputs and (n, …) targets → the same number of blends of them."""
        if x.dtype.kind != "f":
            raise ArgumentError(
                f"Mixup blends inputs that are floats, got {x.dtype}: an index between two has no meaning"
            )
        if target.dtype.kind in "iub":
            target = self._shares(target, x.dtype)
        share, other = float(rng.beta(self.alpha, self.alpha)), rng.permutation(len(x))
        return share * x + (1.0 - share) * x[other], share * target + (1.0 - share) * target[other]

    def _shares(self, target: Any, dtype: Any) -> Any:
        """Class numbers as rows with a single 1."""
        if (
            self.classes is None
            or target.ndim != 1
            or not target.size
            or not 0 <= target.min() <= target.max() < self.classes
        ):
            have = f"classes={self.classes}, targets of shape {target.shape}"
            found = f" with numbers up to {target.max()}" if target.size else ""
            raise ArgumentError(f"Mixup: integer targets are class numbers (n,) from 0 to classes − 1; {have}{found}")
        return np.eye(self.classes, dtype=dtype)[target]
