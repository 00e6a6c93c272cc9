"""The pieces of a page that needs nothing beside it. Text is escaped here, where it enters a tag, and nothing
in it can act on the page or turn the direction of what stands around it."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from html import escape

from tts_select.core.visible_text import visible

STYLE = """
:root{color-scheme:light dark}
:root{--ink:#1b1b1b;--paper:#fff;--soft:#5c5c5c;--line:#d5d5d5}
@media (prefers-color-scheme:dark){:root{--ink:#e6e6e6;--paper:#161616;--soft:#a8a8a8;--line:#3c3c3c}}
body{margin:0 auto;max-width:60rem;padding:1rem;font:1rem/1.55 system-ui,sans-serif}
body{color:var(--ink);background:var(--paper)}
h1{font-size:1.6rem;line-height:1.25}h2{margin-top:2.2rem;font-size:1.2rem}
.summary{font-size:1.1rem}.note{color:var(--soft)}p{overflow-wrap:anywhere}
.wide{overflow-x:auto;margin:1rem 0}
img{display:block;width:100%;min-width:34rem;background:#fff;border-radius:.3rem}
table{border-collapse:collapse;width:100%;font-size:.9rem;font-variant-numeric:tabular-nums}
caption{text-align:left;font-weight:600;padding-bottom:.3rem}
th,td{padding:.3rem .7rem .3rem 0;border-bottom:1px solid var(--line);text-align:left;vertical-align:top}
thead th{color:var(--soft);font-weight:600}tbody th{font-weight:400}
@media print{:root{--ink:#000;--paper:#fff;--soft:#444;--line:#bbb}
.wide{overflow:visible}img{min-width:0}img,tr{break-inside:avoid}h2{break-after:avoid}body{max-width:none}}
"""
POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
"""The browser may load and run nothing."""


def page(title: str, summary: str, sections: Sequence[str]) -> str:
    """A whole document; the sections are HTML, title and summary are plain texts."""
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">\n'
        '<meta name="viewport" content="width=device-width,initial-scale=1">\n'
        f"<title>{shown(title)} - tts-select</title>\n<style>{STYLE}</style>\n</head>\n<body>\n"
        f"<h1>{shown(title)}</h1>\n"
        f'<p class="summary">{shown(summary)}</p>\n{"".join(sections)}</body>\n</html>\n'
    )


def section(title: str, *parts: str) -> str:
    """A heading and what stands under it; nothing if there is nothing."""
    body = "".join(parts)
    return f"<section>\n<h2>{shown(title)}</h2>\n{body}</section>\n" if body else ""


def note(text: str) -> str:
    """A paragraph in a softer colour."""
    return f'<p class="note">{shown(text)}</p>\n'


def plot(name: str, description: str, plots: Mapping[str, bytes]) -> str:
    """The PNG of this name, if there is one."""
    if name not in plots:
        return ""
    data = base64.b64encode(plots[name]).decode()
    return f'<div class="wide"><img alt="{shown(description)}" src="data:image/png;base64,{data}"></div>\n'


def table(head: Sequence[str], rows: Sequence[Sequence[str]], *, caption: str = "") -> str:
    """A table of plain texts; nothing if there are no rows."""
    if not rows:
        return ""
    titles = "".join(f'<th scope="col">{shown(text)}</th>' for text in head)
    top = f"<thead><tr>{titles}</tr></thead>" if any(head) else ""
    named = f"<caption>{shown(caption)}</caption>" if caption else ""
    body = "".join(_row(row) for row in rows)
    return f'<div class="wide"><table>{named}{top}<tbody>\n{body}</tbody></table></div>\n'


def shown(text: str) -> str:
    """A text as it is to be read, letter by letter."""
    return escape(visible(text))


def _row(row: Sequence[str]) -> str:
    cells = "".join(f"<td>{shown(text)}</td>" for text in row[1:])
    return f'<tr><th scope="row">{shown(row[0])}</th>{cells}</tr>\n'
