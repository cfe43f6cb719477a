"""Every writer says what the scene says, escaped for its format."""

import re
import xml.etree.ElementTree as ElementTree
from itertools import pairwise

import pytest

from autograd.viz.cards import measure, shorten, text_width
from autograd.viz.drawing import Drawing
from autograd.viz.scene import Edge, Group, Node, Reading, Scene
from autograd.viz.style import escape, stylesheet

NS = "{http://www.w3.org/2000/svg}"
HOSTILE = 'a<b>&"c"\'\\ \x00]]>'


def leaf(id, label="", **fields):
    return Node(id, "leaf", label=label, **fields)


SQUARE = Scene(
    nodes=(
        leaf("n0", HOSTILE, data=Reading(("2.0",)), grad=Reading(("-4.0",), share=-1.0)),
        Node(
            "n1",
            "op",
            op="multiply",
            symbol="×",
            arguments=("", ""),
            data=Reading(("nan",), is_bad=True),
            grad=Reading(("1.0",), share=0.25),
            path="layers.0",
        ),
    ),
    edges=(Edge("n0", "n1", 0), Edge("n0", "n1", 1)),
    groups=(Group("g0", "layers.0", ("n1",)),),
    roots=("n1",),
)
ARRAY = Scene(
    nodes=(
        Node("n0", "more", label="… 7 more nodes"),
        Node(
            "n1",
            "op",
            op="sum",
            symbol="Σ",
            arguments=("",),
            options=("axis=0",),
            label="total",
            shape="(3, 4)",
            data=Reading(("-1.0", "0.25", "1.0")),
            grad=Reading(("–",)),
        ),
    ),
    edges=(Edge("n0", "n1", 0),),
    roots=("n1",),
)


def parse(drawing):
    return ElementTree.fromstring(drawing.to_svg())


def by_class(element, name):
    return [child for child in element.iter() if name in child.get("class", "").split()]


@pytest.mark.parametrize("scene", [SQUARE, ARRAY, Scene((), ())])
@pytest.mark.parametrize("direction", ["LR", "TB"])
@pytest.mark.parametrize("theme", ["auto", "light", "dark"])
def test_svg_is_valid_xml(scene, direction, theme):
    root = parse(Drawing(scene, direction=direction, theme=theme))
    assert root.tag == f"{NS}svg"
    assert len(by_class(root, "node")) == len(scene.nodes)
    assert len(by_class(root, "wire")) == len(scene.edges)


def test_svg_card_tells_everything_and_has_a_title():
    first, second = by_class(parse(Drawing(SQUARE)), "node")
    assert [text.text for text in first.iter(f"{NS}text")] == [
        shorten(escape_free(HOSTILE), 28),
        "data",
        "2.0",
        "grad",
        "-4.0",
    ]
    assert [text.text for text in second.iter(f"{NS}text")] == ["×", "data", "nan", "grad", "1.0"]
    assert second.find(f"{NS}title").text == "multiply(·, ·)\ndata nan\ngrad 1.0\nin layers.0"


def escape_free(text):
    """What a reader sees: XML cannot hold a NUL."""
    return text.replace("\x00", "\ufffd")


def test_svg_marks_nan_red():
    bad = by_class(parse(Drawing(SQUARE)), "bad")
    assert [text.text for text in bad] == ["nan"]
    assert ".bad{fill:#d6203a}" in Drawing(SQUARE, theme="light").to_svg()


def test_svg_bars_are_as_long_as_the_gradient_and_coloured_by_its_sign():
    root = parse(Drawing(SQUARE))
    tracks = [float(bar.get("width")) for bar in by_class(root, "track")]
    (negative,), (positive,) = ([e for e in by_class(root, sign) if e.get("rx")] for sign in ("negative", "positive"))
    assert float(negative.get("width")) == pytest.approx(tracks[0], abs=0.1)
    assert float(positive.get("width")) == pytest.approx(tracks[1] / 4, abs=0.1)


def test_svg_shows_both_edges_of_a_square():
    paths = [wire.get("d") for wire in by_class(parse(Drawing(SQUARE)), "wire")]
    assert len(set(paths)) == 2


def test_svg_has_no_variables_ids_or_links():
    for scene in (SQUARE, ARRAY):
        drawn = Drawing(scene).to_svg()
        assert "var(" not in drawn
        assert not re.search(r"\bid=|url\(|href|<script", drawn)


def test_svg_styles_of_two_drawings_do_not_meet():
    drawn = [Drawing(scene, theme=theme).to_svg() for scene in (SQUARE, ARRAY) for theme in ("light", "dark")]
    scopes = [re.search(r'class="(gg\w+)"', text).group(1) for text in drawn]
    assert len(set(scopes)) == 4
    for scope, text in zip(scopes, drawn, strict=True):
        style = re.search(r"<style>\n(.*?)</style>", text, re.DOTALL).group(1)
        assert all(line.startswith(f".{scope} ") for line in style.splitlines())


def test_svg_is_the_same_text_every_time():
    assert Drawing(SQUARE).to_svg() == Drawing(Scene.from_json(SQUARE.to_json())).to_svg()


def test_themes():
    auto, light, dark = (Drawing(SQUARE, theme=theme).to_svg() for theme in ("auto", "light", "dark"))
    assert "prefers-color-scheme:dark" in auto
    assert 'data-jp-theme-light="false"' in auto
    assert "@media" not in light + dark
    assert ".page{fill:#fafbfc}" in light
    assert ".page{fill:#14161c}" in dark


def test_stylesheet_scopes_every_selector_of_a_list():
    css = stylesheet("gg1", {".a,.b": {"fill": "text"}}, {}, "light")
    assert css == ".gg1 .a,.gg1 .b{fill:#1b2130}"


def test_text_fits_its_card():
    for scene in (SQUARE, ARRAY):
        for node in scene.nodes:
            card = measure(node)
            for text in card.texts:
                wide = text_width(text.text, 12.5, mono="number" in text.style or "shape" in text.style)
                assert wide <= card.width


def test_texts_of_a_row_do_not_overlap():
    card = measure(ARRAY.nodes[1])
    row = [text for text in card.texts if text.text in ("data", "-1.0", "0.25", "1.0")]
    spans = []
    for text in row:
        wide = text_width(text.text, 12, mono="number" in text.style)
        x = card.width - text.x if text.stick else text.x
        spans.append((x - wide, x) if text.anchor == "end" else (x, x + wide))
    spans.sort()
    assert all(end < start for (_, end), (start, _) in pairwise(spans))


def test_a_long_label_is_cut_in_the_card_and_whole_in_the_title():
    label = "a very long label that nobody would want in a picture"
    root = parse(Drawing(Scene((leaf("n0", label),), (), roots=("n0",))))
    (card,) = by_class(root, "node")
    assert card.find(f"{NS}text").text == "a very long label that nobo…"
    assert card.find(f"{NS}title").text == label


def test_html_is_one_page_without_network():
    page = Drawing(SQUARE).to_html()
    assert page.startswith("<!DOCTYPE html>")
    assert page.count("<svg") == 1
    assert not re.search(r"src=|href=(?!\"data:,\")|@import|url\(|fetch|http(?!://www.w3.org/2000/svg)", page)
    ElementTree.fromstring(re.search(r"<svg.*</svg>", page, re.DOTALL).group())


def test_dot_says_the_graph():
    written = Drawing(SQUARE, direction="TB").to_dot()
    assert written.startswith("digraph glassgrad {")
    assert written.count("{") == written.count("}")
    assert written.count("n0 -> n1;") == 2
    assert "rankdir=TB" in written
    assert "subgraph cluster_g0" in written
    assert 'label="layers.0"' in written
    assert "<b>a&lt;b&gt;&amp;&quot;c&quot;" in written
    labels = re.findall(r"label=<(.*)>];", written)
    assert len(labels) == 2
    for label in labels:
        ElementTree.fromstring(label)


def test_graphviz_source_is_the_dot_text():
    graphviz = pytest.importorskip("graphviz")
    source = Drawing(SQUARE).to_graphviz()
    assert isinstance(source, graphviz.Source)
    assert source.source == Drawing(SQUARE).to_dot()


def test_text_is_a_table_in_order_of_execution():
    nodes = (
        leaf("n0", "x", data=Reading(("2.0",)), grad=Reading(("4.0",))),
        Node(
            "n1", "op", op="multiply", symbol="×", arguments=("", "2.0"), data=Reading(("4.0",)), grad=Reading(("–",))
        ),
        Node("n2", "op", op="sum", symbol="Σ", arguments=("",), options=("axis=0",), label="the sum"),
        Node("n3", "op", op="add", symbol="+", arguments=("", ""), label="x"),
    )
    edges = (Edge("n0", "n1", 0), Edge("n1", "n2", 0), Edge("n2", "n3", 0), Edge("n0", "n3", 1))
    assert Drawing(Scene(nodes, edges, roots=("n3",))).to_text().splitlines() == [
        "                            data   grad",
        "x·n0                         2.0    4.0",
        "n1 = x·n0 × 2.0              4.0      –",
        "the sum = sum(n1, axis=0)",
        "x·n3 = (the sum) + x·n0",
    ]


def test_text_shows_shapes_and_what_is_left_out():
    assert Drawing(ARRAY).to_text().splitlines() == [
        "                         shape                 data   grad",
        "… 7 more nodes",
        "total = sum(…, axis=0)   (3, 4)   -1.0 / 0.25 / 1.0      –",
    ]


def test_unknown_choices_are_errors():
    with pytest.raises(ValueError, match="direction='RL': expected one of 'LR', 'TB'"):
        Drawing(SQUARE, direction="RL")
    with pytest.raises(ValueError, match="theme='pink': expected one of 'auto', 'light', 'dark'"):
        Drawing(SQUARE, theme="pink")


def test_escape():
    assert escape("<&>\"'") == "&lt;&amp;&gt;&quot;&#39;"
    assert escape("a\x00b\ud800c\uffff") == "a\ufffdb\ufffdc\ufffd"
    assert escape("tab\tand\nline é 中 🙂") == "tab\tand\nline é 中 🙂"
