"""How an Answer reads: printed, as HTML, as a picture."""

from dataclasses import dataclass

import pytest

from nn.lens import Answer, Table


@dataclass(frozen=True, eq=False, repr=False)
class Lengths(Answer):
    names: tuple[str, ...]
    lengths: tuple[float, ...]

    @property
    def verdict(self):
        return f"the longest is {max(self.lengths):g}"

    def rows(self):
        return ("name", "length"), list(zip(self.names, self.lengths, strict=True))

    def draw(self, axes):
        axes.bar(self.names, self.lengths)


ANSWER = Lengths(("a", "b<c"), (1.0, 1234.5678))


def test_printed_it_is_the_verdict_and_an_aligned_table():
    assert str(ANSWER) == "the longest is 1234.57\n\nname  length\na          1\nb<c     1235"
    assert repr(ANSWER) == str(ANSWER)


def test_in_a_notebook_it_is_html_with_text_escaped():
    html = ANSWER._repr_html_()
    assert html.startswith("<p>the longest is 1234.57</p><table>")
    assert "b&lt;c" in html
    assert "b<c" not in html


def test_cells_are_written_alike_everywhere():
    assert Table(("x",), [(None,), (True,), (12345,), (0.000123456,)]).rows == (
        ("–",),
        ("yes",),
        ("12,345",),
        ("0.0001235",),
    )


def test_a_table_without_rows_is_its_heads():
    assert str(Table(("one", "two"), [])) == "one  two"


def test_it_draws_on_the_axes_given():
    figure = pytest.importorskip("matplotlib.figure").Figure()
    axes = figure.subplots()
    assert ANSWER.plot(axes) is axes
    assert len(axes.patches) == 2
