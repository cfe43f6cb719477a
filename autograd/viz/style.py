"""What all pictures share: colours, fonts, the <svg> around a drawing and its style in light and dark.

Comes before the writers. Colours are written out in every rule: librsvg and others draw `var()` black.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Mapping

Scheme = Mapping[str, str]

LIGHT: Scheme = {
    "page": "#fafbfc",
    "card": "#ffffff",
    "border": "#d3d8e2",
    "text": "#1b2130",
    "muted": "#6b7385",
    "edge": "#9aa4b8",
    "leaf": "#e3f4ec",
    "leaf border": "#a9d6c1",
    "op": "#e9eefc",
    "op border": "#bccaf2",
    "badge": "#3b5bdb",
    "badge text": "#ffffff",
    "root": "#fff0d6",
    "root border": "#eab54d",
    "root badge": "#b35c00",
    "constant": "#eef0f4",
    "track": "#edf0f5",
    "positive": "#2f7de1",
    "negative": "#ef7d1a",
    "size": "#7a6fd0",
    "bad": "#d6203a",
    "plot": "#9fb0d8",
    "frame": "#f0f2f7",
    "frame border": "#c9d0de",
    "frame head": "#e7ebf3",
    "changed": "#8a3ffc",
}
DARK: Scheme = {
    "page": "#14161c",
    "card": "#1d2029",
    "border": "#3a4050",
    "text": "#e8eaf0",
    "muted": "#9ba3b5",
    "edge": "#6a748a",
    "leaf": "#1d3a30",
    "leaf border": "#33634f",
    "op": "#262f50",
    "op border": "#435391",
    "badge": "#5f7df0",
    "badge text": "#ffffff",
    "root": "#453515",
    "root border": "#a87a22",
    "root badge": "#c9740e",
    "constant": "#2a2e39",
    "track": "#2c313d",
    "positive": "#5aa2f7",
    "negative": "#f79545",
    "size": "#9a90ee",
    "bad": "#ff6b7d",
    "plot": "#56679a",
    "frame": "#1a1d26",
    "frame border": "#353b4b",
    "frame head": "#2a2f3d",
    "changed": "#b388ff",
}

SANS = "-apple-system,'Segoe UI',Roboto,'Helvetica Neue',Arial,'DejaVu Sans',sans-serif"
MONO = "ui-monospace,'SF Mono',Menlo,Consolas,'DejaVu Sans Mono',monospace"

_FORBIDDEN = re.compile("[^\t\n\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_MARKUP = re.compile("[&<>\"']|" + _FORBIDDEN.pattern)


def picture(
    size: tuple[float, float],
    body: list[str],
    *,
    rules: Mapping[str, Mapping[str, str]],
    fixed: Mapping[str, str],
    theme: str,
    title: str,
) -> str:
    """An <svg> around elements, with its background and its own style.

    size   (width, height) in pixels
    rules  selector → property → name of a colour of LIGHT and DARK
    fixed  selector → declarations that do not depend on the scheme
    """
    width, height = (number(side) for side in size)
    content = "\n".join(body)
    scope = f"gg{zlib.crc32(f'{theme} {width} {height} {content}'.encode()):08x}"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="{scope}" width="{width}" height="{height}" '
        f'viewBox="0 0 {width} {height}" role="img" aria-label="{escape(title)}">\n'
        f"<style>\n{stylesheet(scope, rules, fixed, theme)}\n</style>\n"
        f'<rect class="page" width="{width}" height="{height}" rx="10"/>\n{content}\n</svg>\n'
    )


def stylesheet(scope: str, rules: Mapping[str, Mapping[str, str]], fixed: Mapping[str, str], theme: str) -> str:
    """CSS inside `scope`. Theme "auto" is light, dark where the system asks for it, and as a notebook's theme says."""
    lines = [f"{_scoped(scope, selector)}{{{declarations}}}" for selector, declarations in fixed.items()]
    base = _coloured(scope, rules, DARK if theme == "dark" else LIGHT)
    if theme != "auto":
        return "\n".join([*lines, *base])
    dark = _coloured(scope, rules, DARK)
    # JupyterLab marks its body with its theme; that beats the system's choice, by its higher specificity.
    notebook_light = _coloured(f'[data-jp-theme-light="true"] .{scope}', rules, LIGHT)
    notebook_dark = _coloured(f'[data-jp-theme-light="false"] .{scope}', rules, DARK)
    system = ["@media (prefers-color-scheme:dark){", *dark, "}"]
    return "\n".join([*lines, *base, *system, *notebook_light, *notebook_dark])


def _coloured(scope: str, rules: Mapping[str, Mapping[str, str]], scheme: Scheme) -> list[str]:
    return [
        f"{_scoped(scope, selector)}{{{';'.join(f'{name}:{scheme[colour]}' for name, colour in colours.items())}}}"
        for selector, colours in rules.items()
    ]


def _scoped(scope: str, selector: str) -> str:
    prefix = scope if scope.startswith("[") else f".{scope}"
    return ",".join(f"{prefix} {part}" for part in selector.split(","))


def escape(text: str) -> str:
    """Text for XML content and attributes; characters that XML forbids become U+FFFD."""
    if not _MARKUP.search(text):  # most are plain
        return text
    legal = _FORBIDDEN.sub("\ufffd", text)
    for character, entity in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ('"', "&quot;"), ("'", "&#39;")):
        legal = legal.replace(character, entity)
    return legal


def number(value: float) -> str:
    """A coordinate: one decimal at most, so that a picture is the same text everywhere."""
    return f"{value:.1f}".removesuffix(".0")
