"""What is shown of a sweep while it runs."""

from __future__ import annotations

import runpy
from io import StringIO
from pathlib import Path

import pytest

from tts_select.commands._sweep_board import Board
from tts_select.commands._terminal import Terminal
from tts_select.selector.portfolio import parse_portfolio
from tts_select.training.sweep.agenda import Agenda
from tts_select.training.sweep.engines.events import Event
from tts_select.training.sweep.plan import Sweep
from tts_select.training.sweep.run import run_sweep, run_units

SHARED = runpy.run_path(str(Path(__file__).parents[1] / "training" / "sweep" / "conftest.py"))


def text_of(board: Board) -> str:
    into = StringIO()
    Terminal(file=into, width=160).print(board.view())
    return into.getvalue()


def cells(board: Board) -> dict[str, list[str]]:
    """The figures in each row, by what it is about."""
    rows = {}
    for line in text_of(board).splitlines()[1:]:
        words = line.split()
        rows[" ".join(words[:-7])] = words[-7:]
    return rows


ASKED = Sweep(
    parse_portfolio({"name": "fakes", "arms": SHARED["ARMS"]}, "fakes"), SHARED["PROBLEMS"], n_samples=6
)


def test_it_shows_what_is_done_spent_and_expected(tmp_path: Path) -> None:
    board, shown = Board(), []
    board.is_drawn = True

    def begin(agenda: Agenda) -> None:
        board.begin(agenda)
        shown.append(cells(board))

    def progress(n_done: int, *_: object) -> None:
        if n_done:
            shown.append(cells(board))

    run_units(ASKED, tmp_path, loaders=SHARED["FAKES"], begun=begin, progress=progress)
    samples = [rows["samples of fake:a"] for rows in shown]
    assert samples[0][:4] == ["0", "3", "0", "-"], "nothing is known of what it will cost"
    done = next(row for row in samples if row[0] == "1")
    assert int(done[3]) == 3 * int(done[2]), "three problems at the price of one"
    last = shown[-1]
    assert all(row[0] == row[1] and row[2] == row[3] for row in last.values())
    assert {"samples of fake:b", "scores of fake:a by fake:p", "beam@4 fake:a fake:p", "all"} <= set(last)
    assert last["beam@4 fake:a fake:p"][1] == "6", "all seeds of an arm are in one row"


def test_what_an_earlier_run_did_is_shown_as_done(tmp_path: Path) -> None:
    board = Board()
    run_sweep(ASKED, tmp_path, loaders=SHARED["FAKES"])
    run_units(ASKED, tmp_path, loaders=SHARED["FAKES"], begun=board.begin)
    assert all(row[0] == row[1] != "0" for row in cells(board).values())


def test_workers_that_are_lost_are_told_and_counted(capsys: pytest.CaptureFixture[str]) -> None:
    board = Board()
    for event in (
        Event("hired", "w1", "fake:a"),
        Event("hired", "w2", "fake:a"),
        Event("up", "w1", "fake:a"),
        Event("lost", "w1", "fake:a", why="out of memory"),
    ):
        board.watch(event)
    assert "worker w1 is lost: out of memory" in capsys.readouterr().err
    assert "workers: 0 up, 1 coming, 1 lost" in text_of(board)
