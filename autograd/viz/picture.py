"""What all our pictures share: showing themselves in a notebook, and being saved under a name whose suffix says how.

Comes after `html`. PNG and PDF are the SVG, drawn by vl-convert (an extra: one wheel, which holds the resvg and svg2pdf
libraries and needs no system package and no network).
"""

from __future__ import annotations

import os
from collections.abc import Callable, Container
from numbers import Integral
from pathlib import Path
from typing import Any

from . import html

THEMES = ("auto", "light", "dark")
PNG_SCALE = 2.0  # pixels of a .png per pixel of the drawing


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

    def to_png(self) -> bytes:
        """The picture as PNG, two pixels for one; theme "auto" is light. Needs the extra [pictures]."""
        return bytes(_converter().svg_to_png(self.to_svg(), scale=PNG_SCALE))

    def to_pdf(self) -> bytes:
        """The picture as PDF. Needs the extra [pictures]."""
        return bytes(_converter().svg_to_pdf(self.to_svg()))

    def to_inline(self) -> str:
        """What a notebook shows."""
        return html.inline(self.to_svg())

    def writers(self) -> dict[str, Callable[[], str | bytes]]:
        """Suffix → the method that writes it."""
        return {
            ".svg": self.to_svg,
            ".html": self.to_html,
            ".txt": self.to_text,
            ".png": self.to_png,
            ".pdf": self.to_pdf,
        }

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
            draft.write_bytes(content.encode() if isinstance(content, str) else content)
            os.replace(draft, target)
        finally:
            draft.unlink(missing_ok=True)
        return path

    def _repr_mimebundle_(
        self, include: Container[str] | None = None, exclude: Container[str] | None = None
    ) -> dict[str, str]:
        """HTML, SVG and text together; a notebook picks. (`_repr_svg_` alone becomes an <img>, without tooltips.)"""
        bundle = {"text/html": self.to_inline(), "image/svg+xml": self.to_svg(), "text/plain": self.to_text()}
        return {
            kind: content
            for kind, content in bundle.items()
            if (include is None or kind in include) and (exclude is None or kind not in exclude)
        }


def check_choice(name: str, choice: object, known: tuple[str, ...]) -> None:
    """ValueError unless the choice is one of the known ones."""
    if choice not in known:
        raise ValueError(f"{name}={choice!r}: expected one of {', '.join(map(repr, known))}")


def check_depth(depth: object) -> None:
    """ValueError unless it is what `draw` takes for depth."""
    is_count = isinstance(depth, int) and not isinstance(depth, bool) and depth >= 0
    if not (is_count or (isinstance(depth, str) and depth == "auto")):
        raise ValueError(f"depth={depth!r}: expected 'auto' or a number from 0 on")


def check_count(name: str, count: object, least: int) -> None:
    """ValueError unless it is a whole number of at least so much."""
    if not isinstance(count, Integral) or isinstance(count, bool) or int(count) < least:
        raise ValueError(f"{name}={count!r}: expected a whole number of at least {least}")


def _converter() -> Any:
    try:
        import vl_convert
    except ImportError:
        raise ImportError(
            "PNG and PDF need vl-convert-python: pip install 'glassgrad[pictures]'; .svg and .html need nothing"
        ) from None
    return vl_convert
