"""What `draw` returns: a scene and every way to write it down.

Comes last. A Drawing is frozen: nothing that happens to the Values later changes it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from . import dot, html, svg, text, words
from .diff import difference
from .picture import THEMES, Picture, check_choice
from .scene import Scene
from .steps import Steps

if TYPE_CHECKING:
    import graphviz

DIRECTIONS = ("LR", "TB")


class Drawing(Picture):
    """The picture of a computation graph, frozen when it was drawn.

    scene      what is shown, as plain data
    direction  "LR" or "TB"
    theme      "auto" (as the reader's system or notebook), "light" or "dark"
    """

    def __init__(self, scene: Scene, *, direction: str = "LR", theme: str = "auto") -> None:
        check_choice("direction", direction, DIRECTIONS)
        check_choice("theme", theme, THEMES)
        self.scene = scene
        self.direction = direction
        self.theme = theme
        self.title = words.summary(scene)

    def to_svg(self) -> str:
        return svg.to_svg(self.scene, direction=self.direction, theme=self.theme)

    def to_html(self) -> str:
        """A self-contained page: pan, zoom, search, and groups that open and close on a click."""
        return html.viewer(self.scene, direction=self.direction, theme=self.theme)

    def to_dot(self) -> str:
        """The graph in Graphviz's language; needs no Graphviz."""
        return dot.to_dot(self.scene, direction=self.direction)

    def to_text(self) -> str:
        """A table in the order of execution, one line a node."""
        return text.to_text(self.scene)

    def to_json(self) -> str:
        """The scene as JSON; `Drawing(Scene.from_json(text))` draws it again."""
        return self.scene.to_json()

    def to_graphviz(self) -> graphviz.Source:
        """The graph as a `graphviz.Source`. Making it needs no `dot` program; rendering it does."""
        import graphviz

        return graphviz.Source(self.to_dot())

    def steps(self) -> Steps:
        """The forward and the backward pass, one node at a time, with the rule applied and the numbers that flow.

        A page (`.save("steps.html")`) or notebook output with a slider and keys. Draw after backward(); before, only the
        forward pass has steps.
        """
        return Steps(self.scene, direction=self.direction, theme=self.theme)

    def diff(self, later: Drawing) -> Drawing:
        """What changed from this moment to a later one: "old → new" where numbers differ, nodes that are new or gone."""
        return Drawing(difference(self.scene, later.scene), direction=self.direction, theme=self.theme)

    def writers(self) -> dict[str, Callable[[], str | bytes]]:
        return {**super().writers(), ".dot": self.to_dot, ".json": self.to_json}

    def __repr__(self) -> str:
        return f"<Drawing: {self.title}>"
