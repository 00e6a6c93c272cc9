"""Progress in a log: few lines, each with how much, how fast and how long."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tts_select.commands import _terminal
from tts_select.commands._progress import (
    LINE_SECONDS,
    SILENT_SECONDS,
    Lines,
    bar,
    batch_progress,
    status,
    training_progress,
)
from tts_select.solving.batch import Summary


class Clock:
    """Stands still until it is set."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


def run(seconds_each: float, n: int, *, first: int = 1) -> list[str]:
    """The lines of `n` pieces of work that take so long each."""
    printed: list[str] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_terminal, "say", printed.append)
        clock = Clock()
        lines = Lines("working", clock=clock)
        for k in range(first, n + 1):
            clock.now += seconds_each
            lines.report(k, "note", n)
    return printed


def test_a_line_says_how_much_how_fast_and_how_long() -> None:
    printed = run(2.0, 100)
    assert printed[0] == "working: 10 of 100 (10%), 30.0 a minute, 0:03:00 left, note"
    assert printed[-1] == "working: 100 of 100 (100%), 30.0 a minute, 0:03:20 so far, note"
    assert len(printed) == 10


def test_quick_work_is_one_line() -> None:
    assert run(0.01, 100) == ["working: 100 of 100 (100%), 100.0 a second, 0:00:01 so far, note"]


def test_slow_work_is_not_silent_between_tenths() -> None:
    printed = run(30.0, 100)
    assert len(printed) == 50
    assert printed[0].startswith("working: 2 of 100 (2%), 2.0 a minute, 0:49:00 left")


def test_what_an_earlier_run_did_counts_as_done_and_not_as_fast() -> None:
    printed = run(10.0, 100, first=91)
    assert printed[-1] == "working: 100 of 100 (100%), 6.0 a minute, 0:01:30 so far, note"


@given(st.floats(0.001, 500), st.integers(1, 300))
def test_lines_are_apart_and_the_end_is_told_once(seconds_each: float, n: int) -> None:
    printed = run(seconds_each, n)
    assert len(printed) <= 1 + seconds_each * n / LINE_SECONDS
    assert len(printed) <= 1 + 10 + seconds_each * n / SILENT_SECONDS
    assert sum(f"{n:,} of {n:,}" in line for line in printed) == 1
    assert "nan" not in "".join(printed)


def test_without_a_terminal_there_are_lines_on_standard_error(capsys: pytest.CaptureFixture[str]) -> None:
    with bar("sweeping", 2) as advance:
        advance(1, "")
        advance(2, "")
    with batch_progress(1) as done:
        done(Summary(1, n_answered=1, n_graded=1, n_correct=1))
    with training_progress() as report:
        report(Work(), Work())
    with status("training") as note:
        note("too soon to be told")
    found = capsys.readouterr()
    assert found.out == ""
    told = [line.split(",")[0] for line in found.err.splitlines()]
    assert told == ["sweeping: 2 of 2 (100%)", "solving: 1 of 1 (100%)", "small: 5 of 5 (100%)"]
    assert "accuracy 1.000" in found.err
    assert "loss 0.5000" in found.err


class Work:
    """A stage of training and its progress."""

    name, n_steps, loss, n_tokens, seconds = "small", 5, 0.5, 10, 1.0
