"""Scene → HTML: a page that holds the drawing and nothing else, no network access needed.

Comes after `svg`. `page` serves other pictures too; `inline` is what a notebook shows.
"""

from __future__ import annotations

from .style import DARK, LIGHT, SANS, escape


def page(svg: str, *, title: str, theme: str = "auto") -> str:
    """A self-contained HTML page around one <svg>; a wide drawing scrolls sideways and is printed to fit."""
    body = "body{{background:{page};color:{text}}}"
    base = body.format_map(DARK if theme == "dark" else LIGHT)
    system = f"@media (prefers-color-scheme:dark){{{body.format_map(DARK)}}}\n" if theme == "auto" else ""
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n<style>\n"
        f"body{{margin:24px;font-family:{SANS}}}\n"
        "figure{margin:0;overflow-x:auto}\nsvg{display:block;margin:auto}\n"
        "figcaption{font-size:13px;margin-top:12px;text-align:center;opacity:.75}\n"
        "@media print{svg{max-width:100%;height:auto}}\n"
        f"{base}\n{system}</style>\n</head>\n<body>\n<figure>\n{svg}"
        f"<figcaption>{escape(title)}</figcaption>\n</figure>\n</body>\n</html>\n"
    )


def inline(svg: str) -> str:
    """The <svg> for a notebook's output cell: its own size, scrolling sideways if the cell is narrower."""
    return f'<div style="overflow-x:auto;max-width:100%">{svg}</div>'
