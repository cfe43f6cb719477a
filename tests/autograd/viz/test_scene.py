"""A scene is plain data: it survives JSON, and its nodes know how they are written."""

import json
import subprocess
import sys
from dataclasses import FrozenInstanceError
from pathlib import Path

import pytest

from autograd.viz.scene import FORMAT, Edge, Group, Node, Reading, Scene

SCENE = Scene(
    nodes=(
        Node("n0", "leaf", label="w <é>", data=Reading(("2.0",)), grad=Reading(("–",)), dtype="float32"),
        Node("n1", "constant", data=Reading(("-1.0", "0.0", "1.0")), shape="(3, 4)"),
        Node("n2", "op", op="multiply", symbol="×", arguments=("", ""), options=("axis=0",), path="layers.0"),
    ),
    edges=(Edge("n0", "n2", 0), Edge("n1", "n2", 1)),
    groups=(Group("g0", "layers.0", ("n2",)),),
    roots=("n2",),
)


def test_json_round_trip():
    assert Scene.from_json(SCENE.to_json()) == SCENE
    assert json.loads(SCENE.to_json())["format"] == FORMAT


def test_json_is_the_same_text_every_time():
    assert SCENE.to_json() == Scene.from_json(SCENE.to_json()).to_json()


@pytest.mark.parametrize("text", ["[]", "{}", '{"format": "glassgrad scene 0"}'])
def test_from_json_refuses_what_is_no_scene(text):
    with pytest.raises(ValueError, match=r"not a scene: expected a JSON object with .* 2"):
        Scene.from_json(text)


def test_scene_is_frozen():
    with pytest.raises(FrozenInstanceError):
        SCENE.nodes[0].label = "other"


@pytest.mark.parametrize(
    ("fields", "title"),
    [
        ({"op": "tanh", "symbol": "tanh", "arguments": ("",)}, "tanh"),
        ({"op": "multiply", "symbol": "×", "arguments": ("", "")}, "×"),
        ({"op": "multiply", "symbol": "×", "arguments": ("", "2.0")}, "× 2.0"),
        ({"op": "divide", "symbol": "/", "arguments": ("1.0", "")}, "1.0 /"),
        ({"op": "maximum", "symbol": "", "arguments": ("", "0.0")}, "maximum 0.0"),
        ({"op": "clip", "symbol": "clip", "arguments": ("", "0.0", "1.0")}, "clip 0.0, 1.0"),
    ],
)
def test_title_tells_the_operation_and_its_constants(fields, title):
    assert Node("n0", "op", **fields).title == title


def test_scene_layout_and_writers_import_neither_numpy_nor_the_engine():
    """The folder alone, under another package name, draws a saved scene without NumPy."""
    import autograd.viz.scene

    folder = Path(autograd.viz.scene.__file__).parent
    program = f"""
import sys, types
sys.modules["numpy"] = sys.modules["graphviz"] = None
package = types.ModuleType("viz")
package.__path__ = [{str(folder)!r}]
sys.modules["viz"] = package
from viz.scene import Scene
from viz.drawing import Drawing
drawing = Drawing(Scene.from_json(sys.stdin.read()))
for write in (drawing.to_svg, drawing.to_html, drawing.to_dot, drawing.to_text, drawing.to_json):
    assert write()
assert "autograd" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", program], input=SCENE.to_json().encode(), check=True)
