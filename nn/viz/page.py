"""A self-contained HTML page: no script, no network access, for wide screens, phones and paper, light and dark.

What is put on it is made elsewhere (`overview`, and the main job's report); here is the frame, its style, and the few forms
that content has: sections, tables, figures, facts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from autograd.viz.style import escape
from nn.style import has_matplotlib, themed

__all__ = ["MISSING_PLOTS", "cards", "charts", "drawing", "facts", "header", "page", "section", "table"]

MISSING_PLOTS = '<p>The figures need matplotlib: <code>pip install "glassgrad[plot]"</code></p>'


def page(title: str, parts: Iterable[str]) -> str:
    """The whole page as text, from a header and sections."""
    body = "\n".join(parts)
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; img-src data:">
<title>{escape(title)}</title>
<style>{STYLE}</style>
</head>
<body>
<main>
{body}
</main>
</body>
</html>
"""


def header(title: str, figure: str, text: str) -> str:
    """What the page is about, one figure in large type, and what that figure says."""
    return (
        f'<header>\n<p class="eyebrow">glassgrad report</p>\n<h1>{escape(title)}</h1>\n'
        f'<p class="figure">{escape(figure)}</p>\n<p class="under">{escape(text)}</p>\n</header>'
    )


def section(title: str, content: str) -> str:
    return f"<section>\n<h2>{escape(title)}</h2>\n{content}\n</section>"


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Cells are HTML already; the first of each row is its heading."""
    head = "".join(f'<th scope="col">{cell}</th>' for cell in heads)
    lines = [f'<tr><th scope="row">{row[0]}</th>{"".join(f"<td>{cell}</td>" for cell in row[1:])}</tr>' for row in rows]
    body = "\n".join(lines)
    return f'<div class="wide"><table>\n<thead><tr>{head}</tr></thead>\n<tbody>\n{body}\n</tbody>\n</table></div>'


def charts(figures: Mapping[str, Callable[[], Any]]) -> str:
    """matplotlib figures side by side: what each shows, for readers who do not see it → what draws it."""
    if not has_matplotlib():
        return MISSING_PLOTS
    drawn = []
    for name, draw in figures.items():
        svg = themed(draw, name)
        width = 1.3 * float(svg.partition('width="')[2].partition("pt")[0])  # all at one scale, where there is room
        drawn.append(
            f'<figure class="chart" role="img" aria-label="{escape(name)}" style="max-width:{width:.0f}pt">{svg}</figure>'
        )
    return '<div class="charts">\n' + "\n".join(drawn) + "\n</div>"


def cards(looks: Iterable[tuple[str, str, Callable[[], Any], str]]) -> str:
    """Questions side by side, each with the number that decides it, a matplotlib figure, and a sentence."""
    drawn = []
    for question, number, draw, verdict in looks:
        svg = themed(draw, question) if has_matplotlib() else ""
        drawn.append(
            f'<div class="look">\n<h3>{escape(question)}</h3>\n<p class="number">{escape(number)}</p>\n'
            f'<figure role="img" aria-label="{escape(question)}">{svg}</figure>\n<p>{escape(verdict)}</p>\n</div>'
        )
    return '<div class="charts">\n' + "\n".join(drawn) + "\n</div>"


def drawing(svg: str, *, kind: str = "") -> str:
    """A picture of ours, which scrolls sideways where it is wider than the screen, and is light on paper."""
    svg = svg.replace("@media (prefers-color-scheme:dark)", "@media screen and (prefers-color-scheme:dark)")
    return f'<figure class="{f"wide {kind}".strip()}">{svg}</figure>'


def facts(pairs: Iterable[tuple[str, str]]) -> str:
    """Names and what there is to say of them."""
    lines = "\n".join(f"<dt>{escape(name)}</dt><dd>{escape(fact)}</dd>" for name, fact in pairs)
    return f"<dl>\n{lines}\n</dl>"


STYLE = """
:root{--page:#fafbfc;--card:#fff;--border:#d3d8e2;--text:#1b2130;--muted:#5d6577;--accent:#2f7de1;--second:#d9660a;
--track:#e6eaf1}
@media screen and (prefers-color-scheme:dark){:root{--page:#14161c;--card:#1d2029;--border:#3a4050;--text:#e8eaf0;
--muted:#9ba3b5;--accent:#5aa2f7;--second:#f79545;--track:#2c313d}}
*{box-sizing:border-box}
body{margin:0;background:var(--page);color:var(--text);
font:16px/1.55 -apple-system,'Segoe UI',Roboto,'Helvetica Neue',Arial,'DejaVu Sans',sans-serif}
main{max-width:1120px;margin:0 auto;padding:2.5rem 1.25rem 4rem}
h1{margin:0;font-size:1.5rem;line-height:1.25;font-weight:600;overflow-wrap:anywhere}
h2{margin:0 0 .9rem;font-size:1.05rem;font-weight:600}
p{margin:.9rem 0 0;color:var(--muted);max-width:68ch;overflow-wrap:anywhere}
p b{color:var(--text);font-weight:600}
.eyebrow{margin:0 0 .3rem;font-size:.85rem}
.figure{margin:1.1rem 0 0;color:var(--text);font-size:clamp(2.6rem,9vw,4rem);line-height:1;font-weight:650;
font-variant-numeric:tabular-nums}
.under{margin:.5rem 0 0}
header{padding-bottom:.5rem}
section{margin-top:1.5rem;padding:1.4rem 1.5rem 1.5rem;background:var(--card);border:1px solid var(--border);
border-radius:14px}
figure{margin:0}
.wide{overflow-x:auto}
figure svg{display:block;max-width:100%;height:auto;margin:0 auto}
.charts{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,300px),1fr));gap:1.4rem 2rem;align-items:start}
.chart svg{width:100%;margin:0}
.chart text,.look text{font-family:inherit!important}
.look svg{width:100%;margin:0}
h3{margin:0;font-size:.95rem;font-weight:600}
.number{margin:.2rem 0 .5rem;color:var(--text);font-size:1.7rem;font-weight:650;line-height:1.15;
font-variant-numeric:tabular-nums}
table{border-collapse:collapse;min-width:min(100%,36rem);font-variant-numeric:tabular-nums}
th,td{padding:.45rem .2rem .45rem 1.2rem;text-align:right;font-weight:400;white-space:nowrap}
th:first-child{padding-left:0;text-align:left}
thead th{color:var(--muted);font-size:.85rem}
tbody tr{border-top:1px solid var(--border)}
.bar{display:inline-block;width:5rem;height:.45rem;margin-right:.5rem;border-radius:1rem;background:var(--track);
vertical-align:.08rem;overflow:hidden}
.bar span{display:block;height:100%;background:var(--accent)}
dl{display:grid;grid-template-columns:max-content 1fr;gap:.45rem 1.5rem;margin:0}
dt{color:var(--muted)}
dd{margin:0;overflow-wrap:anywhere}
pre{margin:0;overflow-x:auto;font:.85rem/1.5 ui-monospace,'SF Mono',Menlo,Consolas,'DejaVu Sans Mono',monospace}
pre+dl{margin-top:1rem}
code{font-size:.9em}
@media screen and (max-width:700px){main{padding:1.5rem .8rem 3rem}section{padding:1.1rem 1rem 1.2rem}.bar{display:none}
th,td{padding-left:.7rem}figure.wide svg{max-width:none;width:720px}figure.graph svg{width:860px}
dl{grid-template-columns:1fr;gap:0}dd{margin-bottom:.6rem}}
@media print{body{background:#fff;font-size:11pt}main{padding:0;max-width:none}
section,header,figure,tr,.look{break-inside:avoid}
section{border:0;border-top:1px solid var(--border);border-radius:0;padding:1rem 0}
.charts{grid-template-columns:repeat(auto-fit,minmax(180px,1fr))}.wide{overflow:visible}pre{white-space:pre-wrap}
.bar,.bar span{print-color-adjust:exact;-webkit-print-color-adjust:exact}}
"""
