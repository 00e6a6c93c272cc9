"""A folder of traces: safe names, and no more files than are allowed."""

from __future__ import annotations

import asyncio
import json
import re
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from tests.priors import prior_router
from tests.traced import QUESTION, ran, votes
from tts_select import Problem
from tts_select.tracing.folder import SUFFIX, TraceFolder, file_name


@given(st.text(min_size=1), st.text(min_size=1))
def test_names_are_safe_and_ids_do_not_share_them(one: str, other: str) -> None:
    for name in (file_name(one), file_name(other)):
        assert re.fullmatch(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,120}", name)
    assert one == other or file_name(one) != file_name(other)


def test_each_problem_has_its_file(tmp_path: Path) -> None:
    folder = TraceFolder(tmp_path / "traces")
    for id_ in ("a", "../b"):
        asyncio.run(folder.keep(*ran(prior_router("p", 4), votes, Problem(QUESTION, id=id_))))
    found = [json.loads(path.read_text())["problem"]["id"] for path in (tmp_path / "traces").iterdir()]
    assert sorted(found) == ["../b", "a"]


def test_the_oldest_go_when_there_are_too_many(tmp_path: Path) -> None:
    folder = TraceFolder(tmp_path, most_files=2)
    for k in range(4):
        asyncio.run(folder.keep(*ran(prior_router("p", 4), votes, Problem(QUESTION, id=f"p{k}"))))
    assert {path.name for path in tmp_path.iterdir()} == {f"p2{SUFFIX}", f"p3{SUFFIX}"}
