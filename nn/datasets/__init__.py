"""Small real data sets that ship with the package, so that a first network trains without a download.

Each is one compressed text file beside this one, with a page of the same name that says where it comes from and under
which licence. `digits()` is the data of the main job, `python -m nn`.
"""

import gzip
from dataclasses import dataclass
from importlib.resources import files

import numpy as np
from numpy.typing import NDArray

__all__ = ["Dataset", "digits"]


@dataclass(frozen=True, eq=False)
class Dataset:
    """Examples and what is known about them.

    X               (examples, features), float32
    y               (examples,), int64: the index of each example's class in `target_names`
    feature_names   one name per column of X
    target_names    one name per class
    description     source, licence and citation, Markdown
    """

    X: NDArray[np.float32]
    y: NDArray[np.int64]
    feature_names: tuple[str, ...]
    target_names: tuple[str, ...]
    description: str

    def __repr__(self) -> str:
        return f"Dataset({len(self.X)} examples, {self.X.shape[1]} features, {len(self.target_names)} classes)"


def digits() -> Dataset:
    """1,797 handwritten digits, 8 × 8 pixels, from the UCI repository.

    X is (1797, 64) float32 in 0..1, row by row from the top left: 0 is paper, 1 is ink. The file counts 0 to 16 points
    per pixel, so `X * 16` gives the counts back exactly, and `X.reshape(-1, 8, 8)` the images. y is (1797,), 0 to 9.
    The arrays are new at every call. Source: Alpaydin and Kaynak 1998, doi 10.24432/C50P49, CC BY 4.0.

    >>> data = digits()
    >>> data.X.shape, data.y[:10].tolist()
    ((1797, 64), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
    """
    folder = files(__name__)
    text = gzip.decompress(folder.joinpath("digits.csv.gz").read_bytes()).decode()
    header, *rows = text.splitlines()
    table = np.array([row.split(",") for row in rows]).astype(np.int64)
    return Dataset(
        X=(table[:, :-1] / 16).astype(np.float32),
        y=table[:, -1].copy(),
        feature_names=tuple(header.split(",")[:-1]),
        target_names=tuple("0123456789"),
        description=folder.joinpath("digits.md").read_text(encoding="utf-8"),
    )
