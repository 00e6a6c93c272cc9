"""One self-contained HTML file: the page's styles and scripts, and the data that it shows.

It loads nothing. Its policy allows the one script and the one style that are in it, by their hashes; data
stands in blocks that no browser runs.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from html import escape
from importlib.resources import files
from typing import Any

from tts_select.core.json_text import to_json
from tts_select.core.visible_text import visible

STYLES = ("base.css", "layout.css", "parts.css")
SCRIPTS = (
    "dom.js", "format.js", "blocks.js", "virtual.js", "strip.js", "lane.js", "whatif.js", "tree.js",
    "samples.js", "detail.js", "frontier.js", "list.js", "report.js", "tables.js",
    "app.js",
)  # fmt: skip
"""In this order they share one scope."""
PLAY_SCRIPTS = (
    "dom.js", "format.js", "virtual.js", "strip.js", "lane.js", "whatif.js", "tree.js", "samples.js",
    "detail.js", "stream.js", "play.js",
)  # fmt: skip
"""Those of the playground."""
BLOCK_SIZE = 40
"""How many records are compressed together."""


def document(
    data: Mapping[str, Any],
    records: Sequence[Mapping[str, Any]] = (),
    *,
    scripts: tuple[str, ...] = SCRIPTS,
    connects: bool = False,
) -> Iterator[str]:
    """The page in pieces: its head, the data, and the records of single problems. With `connects` it may ask
    the server that it comes from."""
    style, script, title = style_text(), script_text(scripts), escape(visible(str(data["title"])))
    policy = policy_of(style, script, connects=connects)
    yield (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        '<meta name="viewport" content="width=device-width,initial-scale=1">\n'
        f"<title>{title} - tts-select</title>\n<style>{style}</style>\n</head>\n"
    )
    yield body()
    yield f'<script type="application/json" id="data">{inert({**data, "block_size": BLOCK_SIZE})}</script>\n'
    for number, first in enumerate(range(0, len(records), BLOCK_SIZE)):
        block = packed(records[first : first + BLOCK_SIZE])
        yield f'<script type="text/plain" id="block-{number}">{block}</script>\n'
    yield f"<script>{script}</script>\n</body>\n</html>\n"


def body() -> str:
    """What is there before a script has run."""
    return (
        '<body>\n<header class="top"><span class="brand">tts-select</span><h1 id="title"></h1>'
        '<small id="subtitle" class="grow clip"></small><span id="tools"></span></header>\n'
        '<main id="main"><noscript>This page is drawn by a script, which is switched off.</noscript></main>\n'
        '<div id="said" class="hidden" role="status" aria-live="polite"></div>\n'
    )


def policy_of(style: str, script: str, *, connects: bool = False) -> str:
    """The browser may run this script, apply this style, and load nothing."""
    asks = "connect-src 'self'; " if connects else ""
    return (
        f"default-src 'none'; script-src '{_hash(script)}'; style-src '{_hash(style)}'; img-src data:; {asks}"
        "base-uri 'none'; form-action 'none'"
    )


def header_policy(scripts: tuple[str, ...]) -> str:
    """The policy of a page that connects as a header, which also says that no other page may frame it."""
    return f"{policy_of(style_text(), script_text(scripts), connects=True)}; frame-ancestors 'none'"


@cache
def style_text() -> str:
    """All styles."""
    return "\n" + "".join(_file(name) for name in STYLES)


@cache
def script_text(names: tuple[str, ...]) -> str:
    """These scripts, in a scope of their own."""
    return '\n"use strict";\n(() => {\n' + "\n".join(_file(name) for name in names) + "})();\n"


def inert(value: Any) -> str:
    """JSON that no parser of HTML takes for a tag.

    >>> inert({"text": "</script>"})
    '{"text": "\\\\u003c/script\\\\u003e"}'
    """
    return to_json(value).replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def packed(records: Iterable[Mapping[str, Any]]) -> str:
    """Records as compressed JSON in letters and digits."""
    text = to_json(list(records))
    return base64.b64encode(gzip.compress(text.encode(), 6, mtime=0)).decode()


def _file(name: str) -> str:
    return files("tts_select.tracing").joinpath("page", name).read_text(encoding="utf-8")


def _hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
