"""A person's own CSV file, read and understood: cells, then which columns are numbers and what is to be learned.

    table = read_table("houses.csv")                        every cell is still text
    prepared = prepare(table, "price")                      numbers, categories, and the target's task
    train, validation, test = prepared.split((0.7, 0.15, 0.15), rng=0)
    encoder = Encoder.fit(prepared, train)                  nn.encoder: the arrays

The order is the point: what is computed from values (a mean that stands in for a missing number, a scale, a list of
categories) comes after the split, from the training rows, or validation and test would be known to the model. Here
only the kind of each column is decided, from all rows.
"""

from __future__ import annotations

import csv
import difflib
import io
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from nn.data import Index, split

Task = Literal["classification", "regression"]

MISSING = frozenset({"", "?", "na", "n/a", "nan", "null", "none"})
MOST_CATEGORIES = 50  # a category is one input each; columns with more are names or free text
MOST_INTEGER_CLASSES = 20  # whole numbers are classes up to here, if there are few of them for the rows
LARGEST = float(np.finfo(np.float32).max)


class TableError(ValueError):
    """A table that cannot be learned from as it is. The message is one line: where, what, and what to do."""


@dataclass(frozen=True)
class Table:
    """A CSV file's cells as text, white space around them removed.

    columns   column name → one cell per row, in the file's order
    lines     for each row, the line of the file that it starts on; the header is line 1
    """

    path: str
    columns: dict[str, list[str]]
    lines: list[int]

    def __len__(self) -> int:
        return len(self.lines)

    def __getitem__(self, name: str) -> list[str]:
        """The cells of one column. Raises TableError with the nearest name and the list of names."""
        if name in self.columns:
            return self.columns[name]
        near = {known.lower(): known for known in self.columns}
        best = difflib.get_close_matches(name.lower(), near, n=1)
        hint = f"did you mean {near[best[0]]!r}? " if best else ""
        names = ", ".join(map(repr, self.columns))
        names = names if len(names) <= 300 else names[:300] + " …"
        if all(number(known) is not None for known in self.columns):
            hint += "The first line must be the column names. "
        raise TableError(f"{self.path} has no column {name!r}; {hint}Columns: {names}")

    def cell(self, name: str, row: int) -> str:
        """The place and the value of a cell, to start a message with: "houses.csv, line 7: column 'price' is 'abc'"."""
        return f"{self.path}, line {self.lines[row]}: column {name!r} is {_shown(self.columns[name][row])}"

    def take(self, rows: Sequence[int]) -> Table:
        """These rows only."""
        columns = {name: [cells[row] for row in rows] for name, cells in self.columns.items()}
        return Table(self.path, columns, [self.lines[row] for row in rows])

    def numbers(self, name: str) -> NDArray[np.float64]:
        """(rows,): a column's numbers, NaN where missing. Raises TableError at a text, and beyond float32's range."""
        values = np.empty(len(self))
        for row, cell in enumerate(self[name]):
            value = number(cell)
            if value is None:
                raise TableError(f"{self.cell(name, row)}, expected a number")
            if abs(value) > LARGEST:
                raise TableError(f"{self.cell(name, row)}, which is infinite or too large")
            values[row] = value
        return values


def is_missing(cell: str) -> bool:
    """Whether a cell counts as missing: empty, ?, NA, N/A, NaN, null or None, in upper or lower case."""
    return cell.lower() in MISSING


def number(cell: str) -> float | None:
    """The number in a cell, NaN if it is missing, None if the cell holds something else."""
    if is_missing(cell):
        return math.nan
    if "_" in cell:  # Python reads 1_000 as a number; in a table it is a code
        return None
    try:
        return float(cell)
    except ValueError:
        return None


def _shown(cell: str) -> str:
    return repr(cell if len(cell) <= 40 else cell[:39] + "…")


def read_table(path: str | Path) -> Table:
    """The cells of a CSV file: UTF-8, a header line, columns parted by comma, semicolon or tab (the header decides).

    Where columns are parted by semicolons or tabs, and numbers are written 3,14 and never 3.14, cells are read as 3.14.
    Empty lines are skipped. Raises TableError if the file cannot be read, is not UTF-8 text, has no rows, names a
    column twice, or has a row with too many or too few cells (naming its line).
    """
    text = _text(path)
    delimiter = max(",;\t", key=lambda mark: len(_header(text, mark, path)))
    header = _header(text, delimiter, path)
    if not header:
        raise TableError(f"{path} is empty; it needs a header line and rows")
    names = [name or f"column {i}" for i, name in enumerate(header, start=1)]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise TableError(f"{path} has two columns named {twice[0]!r}; is its first line the column names?")
    rows, lines = _rows(text, delimiter, names, path)
    if not rows:
        raise TableError(f"{path} has a header but no rows")
    columns = {name: list(cells) for name, cells in zip(names, zip(*rows, strict=True), strict=True)}
    if delimiter != ",":
        columns = _decimal_points(columns)
    return Table(str(path), columns, lines)


def _text(path: str | Path) -> str:
    try:
        content = Path(path).read_bytes()
    except FileNotFoundError:
        raise TableError(f"{path}: no such file") from None
    except IsADirectoryError:
        raise TableError(f"{path} is a folder, expected a CSV file") from None
    except (OSError, ValueError) as error:  # ValueError: a NUL in the path
        raise TableError(f"{path} cannot be read: {getattr(error, 'strerror', None) or error}") from None
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        where = f"byte {error.start + 1} is 0x{content[error.start]:02x}"
        raise TableError(f"{path} is not UTF-8 text ({where}); save it as CSV in UTF-8") from None
    if "\0" in text:
        raise TableError(f"{path} is not text (it holds zero bytes); save it as CSV in UTF-8")
    return text


def _reader(text: str, delimiter: str, *, strict: bool) -> Any:
    lines = io.StringIO(text, newline="")
    return csv.reader(lines, delimiter=delimiter, skipinitialspace=delimiter != "\t", strict=strict)


def _header(text: str, delimiter: str, path: str | Path) -> list[str]:
    """The first line's names; not strict, because quotes look wrong to the delimiters that are only being tried."""
    try:
        for row in _reader(text, delimiter, strict=False):
            if row:
                return [name.strip() for name in row]
    except csv.Error as error:
        raise TableError(f"{path}, line 1: {error}") from None
    return []


def _rows(text: str, delimiter: str, names: list[str], path: str | Path) -> tuple[list[list[str]], list[int]]:
    rows: list[list[str]] = []
    lines: list[int] = []
    reader, start, header_seen = _reader(text, delimiter, strict=True), 1, False
    try:
        for row in reader:
            if row and header_seen:
                if len(row) != len(names):
                    raise TableError(f"{path}, line {start}: {len(row)} cells, expected {len(names)} as in the header")
                rows.append([cell.strip() for cell in row])
                lines.append(start)
            header_seen = header_seen or bool(row)
            start = reader.line_num + 1
    except csv.Error as error:
        raise TableError(f"{path}, line {start}: {error}") from None
    return rows, lines


def _decimal_points(columns: dict[str, list[str]]) -> dict[str, list[str]]:
    comma, point = re.compile(r"[+-]?\d*,\d+([eE][+-]?\d+)?"), re.compile(r"[+-]?\d*\.\d+([eE][+-]?\d+)?")
    if any(point.fullmatch(cell) for cells in columns.values() for cell in cells):
        return columns
    return {
        name: [cell.replace(",", ".") if comma.fullmatch(cell) else cell for cell in cells]
        for name, cells in columns.items()
    }


@dataclass(frozen=True, eq=False)
class Prepared:
    """A table whose columns are understood: what goes in, what is to be learned, and what was left out.

    table         the rows that have a target
    numeric, categorical   names of the columns that become inputs
    classes       their texts in order (numbers by size, others by alphabet); empty for regression
    y             (rows,): int64 index into classes, or float64 values
    notes         one sentence per decision a person may want to know of
    """

    table: Table
    target: str
    task: Task
    numeric: tuple[str, ...]
    categorical: tuple[str, ...]
    classes: tuple[str, ...]
    y: NDArray[Any]
    notes: tuple[str, ...]

    def split(self, fractions: Sequence[float], *, rng: np.random.Generator | int) -> tuple[Index, ...]:
        """Row numbers per fraction, classes in proportion (nn.data.split). Raises TableError if rows are too few."""
        rows, needed = len(self.table), math.ceil(2 / min(share for share in fractions if share > 0))
        parts = " + ".join(f"{100 * share:g} %" for share in fractions if share > 0)
        if rows < needed:
            raise TableError(f"{self.table.path} has {rows} usable rows, too few to split into {parts}; needs {needed}")
        try:
            return split(rows, fractions, rng=rng, stratify=self.y if self.classes else None)
        except ValueError as error:
            raise TableError(f"{self.table.path}: {error}") from None


def prepare(
    table: Table,
    target: str,
    *,
    task: Literal["auto"] | Task = "auto",
    categorical: Sequence[str] = (),
) -> Prepared:
    """Decides, from all rows, which columns are numbers and which categories, and what the target asks for.

    task          "auto": classification if the target is not a number, or is a whole number with at most 20 different
                  values and 4 rows for each on average; otherwise regression
    categorical   columns of numbers that are codes (postcodes, types), not amounts
    Left out, with a note: columns with one value, categories with more than 50 or a new one in every row, row numbers.
    Raises TableError for an unknown column, a target that is constant or does not fit the task, a column of numbers
    with a few texts in it, infinite values, and if no input is left.
    """
    for name in (target, *categorical):
        table[name]
    if task not in ("auto", "classification", "regression"):
        raise TableError(f"task is auto, classification or regression, got {task!r}")
    kept = [row for row, cell in enumerate(table[target]) if not is_missing(cell)]
    notes: list[str] = []
    if not kept:
        raise TableError(f"{table.path}: column {target!r}, the target, is empty in every row")
    if len(kept) < len(table):
        notes.append(f"{len(table) - len(kept)} of {len(table)} rows left out: no {target!r}")
        table = table.take(kept)
    task = _task(table, target, task, categorical)
    classes, y = _classes(table, target) if task == "classification" else _values(table, target)
    numeric: list[str] = []
    categories: list[str] = []
    for name in table.columns:
        if name == target:
            continue
        amounts = name not in categorical and _is_numeric(table, name)
        reason = _unusable(table, name, amounts)
        if reason:
            notes.append(f"column {name!r} left out: {reason}")
        else:
            (numeric if amounts else categories).append(name)
    if not numeric and not categories:
        raise TableError(f"{table.path} has no column to learn {target!r} from" + "".join(f"; {n}" for n in notes))
    return Prepared(table, target, task, tuple(numeric), tuple(categories), classes, y, tuple(notes))


def _is_numeric(table: Table, name: str) -> bool:
    """Whether every present cell is a number. More than 90 % but not all is a mistake in the file: TableError."""
    texts = [row for row, cell in enumerate(table[name]) if number(cell) is None]
    present = sum(not is_missing(cell) for cell in table[name])
    if texts and len(texts) < 0.1 * present:
        remedy = f"correct it, empty the cell, or declare the column a category: --categorical {name!r}"
        raise TableError(f"{table.cell(name, texts[0])}, but most of its values are numbers; {remedy}")
    if not texts:
        table.numbers(name)  # refuses infinite values
    return not texts


def _unusable(table: Table, name: str, amounts: bool) -> str:
    """Why a column cannot be an input, or ''."""
    cells = ["" if is_missing(cell) else cell for cell in table[name]]
    different = len(set(cells))
    if different == 1:
        return f"{_shown(cells[0])} in every row" if cells[0] else "empty in every row"
    if not amounts and (different > MOST_CATEGORIES or different == len(cells)):
        return f"{different} different texts in {len(cells)} rows, such as {_shown(next(filter(None, cells)))}"
    counter = amounts and name.lower() in ("id", "index", "row", "rownames", "unnamed: 0", "column 1")
    if counter and (np.diff(table.numbers(name)) == 1).all():
        return "it numbers the rows"
    return ""


def _task(table: Table, target: str, task: Literal["auto"] | Task, categorical: Sequence[str]) -> Task:
    cells = table[target]
    if len(set(cells)) == 1:
        raise TableError(f"{table.path}: column {target!r}, the target, is {_shown(cells[0])} in every row")
    texts = [row for row, cell in enumerate(cells) if number(cell) is None]
    if task == "regression" and texts:
        raise TableError(f"{table.cell(target, texts[0])}, expected a number, because the task is regression")
    if task != "auto":
        return task
    if target in categorical or (texts and not _is_numeric(table, target)):
        return "classification"
    values = table.numbers(target)
    different = len(np.unique(values))
    whole = bool((values == np.round(values)).all()) and different <= min(MOST_INTEGER_CLASSES, len(values) // 4)
    return "classification" if whole else "regression"


def _classes(table: Table, target: str) -> tuple[tuple[str, ...], NDArray[np.int64]]:
    cells = table[target]
    sizes = {cell: number(cell) for cell in cells}
    if all(size is not None and size.is_integer() for size in sizes.values()):
        cells = [str(int(float(cell))) for cell in cells]  # 1 and 1.0 are one class
        names = tuple(sorted(set(cells), key=int))
    else:
        names = tuple(sorted(set(cells)))
    if len(names) == 1:
        raise TableError(f"{table.path}: column {target!r}, the target, is {names[0]!r} in every row")
    if 2 * len(names) > len(cells):
        many = f"{len(names)} classes in {len(cells)} rows"
        raise TableError(f"{table.path}: column {target!r}, the target, has {many}; each class needs a few rows")
    index = {name: i for i, name in enumerate(names)}
    return names, np.array([index[cell] for cell in cells], np.int64)


def _values(table: Table, target: str) -> tuple[tuple[str, ...], NDArray[np.float64]]:
    values = table.numbers(target)
    if (values == values[0]).all():
        raise TableError(f"{table.path}: column {target!r}, the target, is {values[0]:g} in every row")
    return (), values
