"""A sweep that is not done, as a page."""

from __future__ import annotations

import json
import runpy
from pathlib import Path
from typing import Any

import pytest

from tts_select.selector.portfolio import parse_portfolio
from tts_select.tracing.sources import page_of
from tts_select.tracing.unfinished import unfinished_page
from tts_select.training.sweep.ending import Enough
from tts_select.training.sweep.plan import Sweep
from tts_select.training.sweep.run import Share, run_units

SHARED = runpy.run_path(str(Path(__file__).parents[1] / "training" / "sweep" / "conftest.py"))
ASKED = Sweep(
    parse_portfolio({"name": "fakes", "arms": SHARED["ARMS"]}, "fakes"),
    SHARED["PROBLEMS"],
    n_samples=6,
    concurrency=1,
)
EVENTS = [
    {"event": "hired", "worker": "w1", "what": "fake:a"},
    {"event": "up", "worker": "w1", "what": "fake:a", "why": "on here, process 7"},
    {
        "event": "done",
        "worker": "w1",
        "what": "samples of fake:a",
        "unit": "1",
        "problem": "one",
        "seconds": 1,
    },
    {"event": "lost", "worker": "w1", "what": "fake:a", "why": "out of memory"},
    {
        "event": "lost",
        "worker": "w1",
        "what": "samples of fake:a",
        "unit": "2",
        "problem": "two",
        "seconds": 1,
    },
]


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """Of a sweep whose purse was spent."""
    run_units(ASKED, tmp_path / "log", share=Share(enough=Enough(tokens=40)), loaders=SHARED["FAKES"])
    return tmp_path / "log"


def cards(page: Any) -> dict[str, list[list[Any]]]:
    return {card["title"]: card["rows"] for card in page.data["cards"]}


def test_it_shows_what_is_done_spent_and_expected(log: Path) -> None:
    page = page_of(log)
    rows = {row[0]: row[1:] for row in cards(page)["Progress"]}
    done, of, share, *_ = rows["all"]
    assert page.data["subtitle"] == f"a sweep that is not done: {done} of {of} units"
    assert 0 < share < 1
    greedy, begun = rows["samples of fake:a temperature=0"], rows["samples of fake:a"]
    assert greedy[:3] == ["3", "3", 1.0]
    assert greedy[3] == greedy[4], "all of it is spent"
    assert begun[:2] == ["1", "3"]
    assert int(begun[4]) == 3 * int(begun[3]), "three problems at the price of one"
    assert rows["beam@4 fake:a fake:p"] == ["0", "6", 0.0, "0", "-", "0", "-"]
    assert set(cards(page)) == {"Progress"}, "it has no workers"


def test_it_shows_workers_and_what_went_wrong(log: Path) -> None:
    lines = [json.dumps(event) for event in EVENTS]
    (log / "leases.jsonl").write_text("\n".join([*lines, '{"event": "do']))
    found = cards(page_of(log))
    assert found["Workers"] == [["w1", "fake:a", "on here, process 7", "lost", "1", "1", "0"]]
    last, first = found["Lost, failed and warned, the last first"]
    assert (last[3], first[4]) == ("two", "out of memory")


def test_workers_end_with_their_driver(log: Path) -> None:
    began = {"event": "began", "worker": "", "what": ""}
    (log / "leases.jsonl").write_text("".join(json.dumps(event) + "\n" for event in [began, *EVENTS[:2]]))
    assert cards(page_of(log))["Workers"][0][3] == "up"
    with (log / "leases.jsonl").open("a") as stream:
        stream.write(json.dumps(began) + "\n")
    assert cards(page_of(log))["Workers"] == [["w1", "fake:a", "on here, process 7", "ended", "0", "0", "0"]]


def test_one_that_is_done_has_the_page_of_a_sweep(log: Path) -> None:
    run_units(ASKED, log, loaders=SHARED["FAKES"])
    assert unfinished_page(log) is None
