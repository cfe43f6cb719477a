"""What `draw` returns: a scene and every way to write it down.

`Picture` is what all our pictures share: showing themselves in a notebook, and being saved under a name whose suffix
says how. `Drawing` is the picture of a computation graph.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Container
from pathlib import Path
from typing import TYPE_CHECKING

from . import dot, html, svg, text, words
from .scene import Scene

if TYPE_CHECKING:
    import graphviz

DIRECTIONS = ("LR", "TB")
THEMES = ("auto", "light", "dark")


class Picture:
    """A picture with an SVG form. Subclasses say `title` and `to_text`, and may add to `writers`."""

    title: str
    theme: str

    def to_svg(self) -> str:
        """The picture as one <svg> element, which is also a valid .svg file."""
        raise NotImplementedError

    def to_text(self) -> str:
        """The picture in words, for a terminal."""
        raise NotImplementedError

    def to_html(self) -> str:
        """The picture as a self-contained page."""
        return html.page(self.to_svg(), title=self.title, theme=self.theme)

    def writers(self) -> dict[str, Callable[[], str]]:
        """Suffix → the method that writes it."""
        return {".svg": self.to_svg, ".html": self.to_html, ".txt": self.to_text}

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the picture to a file, its format chosen by the suffix, and return the path.

        The file appears complete or not at all: an older one of that name stays until the new one is written.
        Raises ValueError for a suffix without a writer, FileNotFoundError for a folder that does not exist.
        """
        path = Path(path)
        writers = self.writers()
        if path.suffix.lower() not in writers:
            known = ", ".join(writers)
            raise ValueError(f"cannot save a picture as {path.name!r}: its suffix must be one of {known}")
        if not path.parent.is_dir():
            raise FileNotFoundError(f"cannot save {path.name!r}: there is no folder {str(path.parent)!r}")
        content = writers[path.suffix.lower()]()
        target = path.resolve()  # through a link, to the file it names
        draft = target.with_name(f".{target.name}.{os.getpid()}.tmp")
        try:
            draft.write_text(content, encoding="utf-8", newline="\n")
            os.replace(draft, target)
        finally:
            draft.unlink(missing_ok=True)
        return path

    def _repr_mimebundle_(
        self, include: Container[str] | None = None, exclude: Container[str] | None = None
    ) -> dict[str, str]:
        """HTML, SVG and text together; a notebook picks. (`_repr_svg_` alone becomes an <img>, without tooltips.)"""
        drawn = self.to_svg()
        bundle = {"text/html": html.inline(drawn), "image/svg+xml": drawn, "text/plain": self.to_text()}
        return {
            kind: content
            for kind, content in bundle.items()
            if (include is None or kind in include) and (exclude is None or kind not in exclude)
        }


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

    def writers(self) -> dict[str, Callable[[], str]]:
        return {**super().writers(), ".dot": self.to_dot, ".json": self.to_json}

    def __repr__(self) -> str:
        return f"<Drawing: {self.title}>"


def check_choice(name: str, choice: object, known: tuple[str, ...]) -> None:
    """ValueError unless the choice is one of the known ones."""
    if choice not in known:
        raise ValueError(f"{name}={choice!r}: expected one of {', '.join(map(repr, known))}")
