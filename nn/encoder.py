"""From a table's columns to the arrays a network reads, with every statistic taken from the training rows.

Before it comes `nn.table`, which says what each column is. The encoder is a frozen dataclass of plain numbers and
texts, so it can be saved beside the model as JSON: `Encoder.from_json(encoder.to_json()) == encoder`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nn.data import Standardizer
from nn.table import Prepared, Table, Task, is_missing

Rows = Sequence[int] | NDArray[np.int64]


@dataclass(frozen=True)
class Number:
    """A column of numbers, standardised.

    A missing one becomes the mean; if any was missing in training, a second feature is 1 where one is, else 0.
    """

    name: str
    mean: float
    std: float
    has_missing: bool

    @property
    def features(self) -> tuple[str, ...]:
        return (self.name, f"{self.name} missing") if self.has_missing else (self.name,)

    def encode(self, table: Table) -> NDArray[np.float64]:
        """(rows, 1 or 2). Raises TableError at a text."""
        values = table.numbers(self.name)
        missing = np.isnan(values)
        scaled = np.where(missing, 0.0, (values - self.mean) / self.std)
        return np.stack([scaled, missing] if self.has_missing else [scaled], axis=1)


@dataclass(frozen=True)
class Category:
    """A column of categories: one feature per value seen in training, '' for missing; an unknown value is all zeros."""

    name: str
    values: tuple[str, ...]

    @property
    def features(self) -> tuple[str, ...]:
        return tuple(f"{self.name} = {value or 'missing'}" for value in self.values)

    def encode(self, table: Table) -> NDArray[np.float64]:
        """(rows, values) of 0 and 1."""
        cells = ["" if is_missing(cell) else cell for cell in table[self.name]]
        index = {value: i for i, value in enumerate(self.values)}
        out = np.zeros((len(cells), len(self.values)))
        for row, cell in enumerate(cells):
            if cell in index:
                out[row, index[cell]] = 1.0
        return out

    def unknown(self, table: Table) -> dict[str, int]:
        """Value that was not seen in training → in how many rows it stands."""
        return dict(Counter(cell for cell in table[self.name] if not is_missing(cell) and cell not in self.values))


@dataclass(frozen=True)
class Encoder:
    """Columns → features, and the target to and from what the network computes.

    columns     in the file's order
    task        "classification": y is the index into classes. "regression": y is (value - mean) / std
    mean, std   of the target in the training rows; 0 and 1 for classification
    """

    columns: tuple[Number | Category, ...]
    target: str
    task: Task
    classes: tuple[str, ...]
    mean: float = 0.0
    std: float = 1.0

    @classmethod
    def fit(cls, prepared: Prepared, rows: Rows) -> Encoder:
        """Statistics of these rows of prepared.table, which are the training rows."""
        table = prepared.table.take([int(row) for row in rows])
        columns: list[Number | Category] = []
        for name in prepared.table.columns:
            if name in prepared.numeric:
                values = table.numbers(name)
                present = values[~np.isnan(values)]
                scale = Standardizer.fit(present if len(present) else np.zeros(1))
                columns.append(Number(name, float(scale.mean), float(scale.std), len(present) < len(values)))
            elif name in prepared.categorical:
                cells = {"" if is_missing(cell) else cell for cell in table[name]}
                columns.append(Category(name, tuple(sorted(cells))))
        if prepared.task == "classification":
            return cls(tuple(columns), prepared.target, prepared.task, prepared.classes)
        scale = Standardizer.fit(prepared.y[rows])
        return cls(tuple(columns), prepared.target, prepared.task, (), float(scale.mean), float(scale.std))

    @property
    def features(self) -> tuple[str, ...]:
        """The name of each input of the network."""
        return tuple(feature for column in self.columns for feature in column.features)

    def transform(self, table: Table, rows: Rows | None = None) -> NDArray[np.float32]:
        """(rows, features), for rows of this table or any other with the same columns; the target is not needed.

        Raises TableError if a column is missing or a number is a text.
        """
        table = table if rows is None else table.take([int(row) for row in rows])
        return np.concatenate([column.encode(table) for column in self.columns], axis=1).astype(np.float32)

    def unknown(self, table: Table) -> list[str]:
        """What of a table the network knows nothing about: a line for each column with values not seen in training."""
        found = {column.name: column.unknown(table) for column in self.columns if isinstance(column, Category)}
        return [
            f"column {name!r}: {', '.join(map(repr, list(values)[:3]))}{' …' if len(values) > 3 else ''} "
            f"(in {sum(values.values())} of the rows) did not occur in training, and counts as none of the known values"
            for name, values in found.items()
            if values
        ]

    def targets(self, prepared: Prepared, rows: Rows) -> NDArray[Any]:
        """What the network is to compute: int64 labels (rows,), or float32 standardised values (rows, 1)."""
        y = prepared.y[rows]
        if self.task == "classification":
            return np.asarray(y)
        return ((y - self.mean) / self.std).astype(np.float32)[:, None]

    def values(self, prediction: NDArray[Any]) -> NDArray[np.float32]:
        """(rows, 1) standardised values that a network computed → (rows,) in the target's own unit."""
        return (prediction[:, 0].astype(np.float64) * self.std + self.mean).astype(np.float32)

    def to_json(self) -> dict[str, Any]:
        """Numbers, texts, lists and dicts only."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Encoder:
        """The encoder that to_json wrote."""
        columns = tuple(
            Category(c["name"], tuple(c["values"])) if "values" in c else Number(**c) for c in data["columns"]
        )
        return cls(**{**data, "columns": columns, "classes": tuple(data["classes"])})
