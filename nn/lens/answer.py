"""What every function of the lens gives: an Answer, a frozen dataclass with its numbers, and three ways to read them.

`verdict` is one sentence in plain words with the number that decides it, `table()` the numbers in rows, `plot()` the
picture. A subclass states its fields, and writes `verdict`, `rows` and `draw`; printing and notebooks follow from these.
Fields are plain numbers, texts and arrays, so that a test can compare them and a file can keep them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from autograd.viz.style import escape
from nn.style import SIZE, panel

__all__ = ["Answer", "Table", "spelled"]


class Table:
    """Heads and rows of text: aligned when printed, an HTML table in a notebook.

    heads, rows  texts; numbers among the cells are written with four digits
    """

    def __init__(self, heads: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
        self.heads = tuple(heads)
        self.rows = tuple(tuple(map(spelled, row)) for row in rows)
        self.right = tuple(any(_is_number(row[i]) for row in rows) for i in range(len(self.heads)))

    def __str__(self) -> str:
        lines = [self.heads, *self.rows]
        widths = [max(len(line[i]) for line in lines) for i in range(len(self.heads))]
        shape = list(zip(widths, self.right, strict=True))
        text = [
            [cell.rjust(w) if r else cell.ljust(w) for cell, (w, r) in zip(line, shape, strict=True)] for line in lines
        ]
        return "\n".join("  ".join(line).rstrip() for line in text)

    __repr__ = __str__

    def _repr_html_(self) -> str:
        sides = ["right" if right else "left" for right in self.right]

        def line(tag: str, cells: Sequence[str]) -> str:
            return "".join(
                f'<{tag} style="text-align:{side}">{escape(cell)}</{tag}>'
                for cell, side in zip(cells, sides, strict=True)
            )

        body = "".join(f"<tr>{line('td', row)}</tr>" for row in self.rows)
        return f"<table><thead><tr>{line('th', self.heads)}</tr></thead><tbody>{body}</tbody></table>"


class Answer:
    """Base class of what the lens gives. Subclasses are dataclasses, `@dataclass(frozen=True, eq=False, repr=False)`."""

    size = SIZE  # of its picture, in inches

    @property
    def verdict(self) -> str:
        """One sentence in plain words, with the number that decides."""
        raise NotImplementedError

    def rows(self) -> tuple[Sequence[str], Sequence[Sequence[Any]]]:
        """(heads, rows) of the table."""
        raise NotImplementedError

    def draw(self, axes: Any) -> None:
        """The picture, on matplotlib Axes."""
        raise NotImplementedError

    def table(self) -> Table:
        """The numbers in rows: text when printed, HTML in a notebook."""
        return Table(*self.rows())

    def plot(self, axes: Any = None) -> Any:
        """The picture, on `axes` or on new ones; returns the Axes. Needs the extra [plot]."""
        with panel(f"{type(self).__name__}.plot", axes, size=self.size) as drawn:
            self.draw(drawn)
            return drawn

    def __str__(self) -> str:
        return f"{self.verdict}\n\n{self.table()}"

    __repr__ = __str__

    def _repr_html_(self) -> str:
        return f"<p>{escape(self.verdict)}</p>{self.table()._repr_html_()}"


def spelled(cell: Any) -> str:
    """A cell as text: floats with four digits, whole numbers with separators, "–" for None."""
    if cell is None:
        return "–"
    if isinstance(cell, (bool, np.bool_)):
        return "yes" if cell else "no"
    if isinstance(cell, (int, np.integer)):
        return f"{cell:,}"
    return f"{cell:.4g}" if isinstance(cell, (float, np.floating)) else str(cell)


def _is_number(cell: Any) -> bool:
    return isinstance(cell, (int, float, np.integer, np.floating)) and not isinstance(cell, (bool, np.bool_))
