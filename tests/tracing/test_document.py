"""The HTML file: nothing in it is loaded, run or taken for a tag but what is meant to be."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import re
from importlib.resources import files
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from tests.tracing.pages import NASTY
from tts_select.tracing.document import PLAY_SCRIPTS, SCRIPTS, STYLES, document, inert, script_text


def page(title: str = "a", records: tuple[dict[str, Any], ...] = ()) -> str:
    return "".join(document({"kind": "one", "title": title, "subtitle": title}, records))


def test_the_policy_has_the_hashes_of_the_script_and_the_style_that_are_there() -> None:
    html = page()
    policy = re.findall(r'Content-Security-Policy" content="([^"]*)"', html)[0]
    for tag, directive in (("script", "script-src"), ("style", "style-src")):
        (text,) = re.findall(rf"<{tag}>(.*?)</{tag}>", html, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert f"{directive} 'sha256-{digest}'" in policy
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy


def test_it_refers_to_nothing_outside() -> None:
    html = page()
    assert not re.findall(r"""(?:src|href)\s*=|@import|url\(|fetch\(|XMLHttpRequest|import\(""", html)


def test_no_script_makes_html_of_data() -> None:
    text = script_text(SCRIPTS) + script_text(PLAY_SCRIPTS)
    assert not re.findall(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(|new Function", text)


def test_every_file_is_in_a_page() -> None:
    found = {path.name for path in files("tts_select.tracing").joinpath("page").iterdir()}
    assert found == {*STYLES, *SCRIPTS, *PLAY_SCRIPTS}


def test_a_title_cannot_leave_its_tag() -> None:
    html = page(NASTY)
    assert len(re.findall(r"<script", html)) == 2
    assert "<img" not in html


@given(st.text())
def test_data_has_no_tag_and_is_read_back_as_it_was(text: str) -> None:
    found = inert({"text": text})
    assert not re.findall(r"[<>&\u2028\u2029]", found)
    assert json.loads(found) == {"text": text}


def test_records_are_compressed_in_blocks_that_hold_all_of_them() -> None:
    records = tuple({"n": k, "text": NASTY} for k in range(95))
    html = page(records=records)
    blocks = re.findall(r'<script type="text/plain" id="block-\d+">([^<]*)</script>', html)
    assert len(blocks) == 3
    found = [r for block in blocks for r in json.loads(gzip.decompress(base64.b64decode(block)))]
    assert found == list(records)
