"""What models, problems, files and servers say is shown to the letter, and never acts on the terminal."""

from __future__ import annotations

import io
import json
import unicodedata
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.table import Table

from tests.ladders import ladder_router
from tts_select.commands import _progress, _terminal
from tts_select.commands._router_views import evaluation_view, fitted_view, ladders_view, outlook_view
from tts_select.commands._terminal import Terminal, figure, say, show, show_json, text, warn
from tts_select.commands._views import solution_view, summary_view
from tts_select.commands.data import _as_text, _Look, _table
from tts_select.commands.doctor import _findings_view
from tts_select.commands.models import _models_view
from tts_select.commands.paper import _votes, _with_each_prm
from tts_select.commands.portfolio import _portfolio_view
from tts_select.commands.sweep import _summary_view
from tts_select.core.arm import Arm
from tts_select.core.candidate import Candidate
from tts_select.core.cost import Bill, Cost
from tts_select.core.plan import Plan
from tts_select.core.problem import Problem
from tts_select.core.solution import RankedCandidate, Solution
from tts_select.core.visible_text import visible
from tts_select.doctor.findings import Finding
from tts_select.selector.deciding import Option
from tts_select.selector.difficulty import Difficulty
from tts_select.selector.outlook import Outlook
from tts_select.selector.portfolio import Portfolio
from tts_select.selector.routers.ladder import LadderRouter
from tts_select.selector.routers.lookahead import Probe
from tts_select.solving.batch import Summary
from tts_select.training.sweep.summary import Line

NAN = float("nan")
HOSTILE = [
    "[b]bold[/b]",
    "[asy]draw((0,0)--(1,1));[/asy]",
    "[/x]",
    r"\[ 1 + 3 \]",
    "[link=http://x]here[/link]",
    ":smile:",
    "\x1b[2J\x1b]0;title\x07",
    "\x9b31mred",
    "over\rwritten",
    "\x00\x08\x0b\x0c\x7f",
    "\u202egnp.exe\u2066",
    "\ud800",
]
ACTING = {"Cc", "Cf", "Cs", "Zl", "Zp"}


def rendered(*views: RenderableType) -> str:
    terminal = Terminal(file=io.StringIO(), width=2000)
    terminal.print(*views, sep="\n")
    return terminal.file.getvalue()  # type: ignore[attr-defined]


def acts(shown: str) -> set[str]:
    """The characters that a terminal obeys."""
    return {c for c in shown if c != "\n" and unicodedata.category(c) in ACTING}


def arm(words: str) -> Arm:
    return Arm(words, words, "best_of_n", 4)


def solved(words: str) -> Solution:
    candidate = RankedCandidate(Candidate((words, "two"), (0.5, NAN), "stop"), NAN, words)
    plan = Plan(words, words, "best_of_n", 4, reason=words)
    return Solution(
        answer=words,
        text=words,
        confidence=0.5,
        finished="cap",
        plan=plan,
        bill=Bill({"search": Cost(flops=NAN)}),
        candidates=(candidate,),
        errors=(words,),
    )


def planned(words: str) -> Outlook:
    options = (Option(arm(words), NAN, NAN), Option(None, 0.5, 1.0))
    return Outlook({words: Difficulty(NAN, NAN, NAN)}, options, 1e-4, words, None, 2, NAN)


class Fitted:
    """What `fitted_view` reads of a router."""

    def __init__(self, words: str) -> None:
        self.probe = Probe(words, words, 2)
        self.fallback = words
        self.prices = {words: 1.0}


class Ladders:
    """What `ladders_view` reads of a router."""

    def __init__(self, words: str) -> None:
        self.fallback = self.unit = words
        self.prices = {words: 1.0}
        self.accuracy = self.cost = NAN
        self.in_words = words

    def at(self, price: float) -> Ladders:
        return self


def evaluated(words: str) -> Any:
    point = {"name": words, "accuracy": NAN, "cost": NAN}
    interval = {"value": NAN, "low": NAN, "high": NAN}
    return {
        "n_problems": 3,
        "n_draws": 1,
        "split": words,
        "unit": words,
        "area": interval,
        "text_only": {"router_minus": interval},
        "at_budgets": [
            {
                "budget": NAN,
                "router": point,
                "best_fixed": {**point, "difference": interval},
                "stop_rules": [],
            }
        ],
        "savings": [{"against": words, **point, "cost_ratio": interval, "gain": interval}],
        "gap_closed": interval,
        "regret": interval,
        "guards": {"gap_closed": {"holds": False}},
        "frontier_gaps": {"worst": {"name": words, **interval}},
        "calibration": {words: {"ece_equal_mass": NAN, "ece_null": {"mean": NAN, "high": NAN}}},
        "router": {"efforts": {words: point}},
        "unfamiliar_share": NAN,
    }


def known(words: str) -> dict[str, Any]:
    model = {"spec": words, "kind": words, "bytes": 1, "n_parameters": 1, "fingerprint": words}
    backend = {"scheme": words, "kind": words, "runs_on": words, "why_not": words}
    entry = {"name": words, "kind": words, "spec": words, "why_not": words}
    prm = {"format": words, "known_by": [words], "runs_in": [words]}
    return {"embedded": [model], "backends": [backend], "prm_formats": [prm], "config": [entry]}


def by_rule(words: str) -> dict[str, Any]:
    row = {"policy": words, "prm": words, "n": 4, "majority": {"accuracy": NAN}, "by_rule": {}}
    published = {"prm": words, "majority": 0.5, "by_rule": {}}
    return {"measured": [row], "paper": [published]}


def with_prm(words: str) -> list[dict[str, Any]]:
    score = {"accuracy": NAN, "low": NAN, "high": NAN, "by_bin": {}}
    return [{"policy": words, "optimal_by_prm": {words: score}}]


def unmeasured(words: str) -> LadderRouter:
    router = ladder_router(policies=(words, "large"))
    ladders = tuple(replace(ladder, accuracy=NAN, cost=NAN) for ladder in router.ladders)
    return replace(router, ladders=ladders)


FACTS = {
    "n_problems": 3,
    "n_states": 9,
    "efforts": {"low": {"accuracy": NAN, "flops": NAN}},
    "skill": {"mend": {"value": NAN, "low": NAN, "high": NAN}},
    "unfamiliar": {"refused": NAN},
}
GRADED = ("id", "read", "from", "gold", "why")
VIEWS: dict[str, Callable[[str], RenderableType]] = {
    "solution": lambda w: solution_view(solved(w), candidates=True),
    "withheld": lambda w: solution_view(solved(w).withheld_below(0.9), candidates=True),
    "plan": lambda w: outlook_view(planned(w)),
    "trained": lambda w: fitted_view(Fitted(w), {**FACTS, "ablation": {"auc": {w: NAN}}}),  # type: ignore[arg-type]
    "ladders": lambda w: ladders_view(unmeasured(w), {"n_problems": 3, "n_orders": 4, "share_cut": {w: NAN}}),
    "evaluation": lambda w: evaluation_view(evaluated(w)),
    "doctor": lambda w: _findings_view([Finding(w, "problem", w, w)]),
    "models": lambda w: _models_view(known(w)),
    "portfolio": lambda w: _portfolio_view(Portfolio(w, (arm(w),))),
    "sweep": lambda w: _summary_view([Line(w, 3, NAN, {4: NAN}, NAN)]),
    "votes": lambda w: _votes(by_rule(w)),
    "each prm": lambda w: _with_each_prm(with_prm(w)),
    "problems": lambda w: _table(_Look(w, [Problem(f"1 {w}", w, w)], 1, [])),
    "graded": lambda w: _as_text(dict.fromkeys(GRADED, w) | {"verdict": "different"}),
    "left out": lambda w: _as_text({"verdict": "left out", "id": w, "read": None, "why": w}),
    "string": lambda w: w,
    "panel": lambda w: Panel(w, title=text(w)),
    "table": lambda w: Table(w, title=w, caption=w),
    "group": lambda w: Group(w, text(w, "bold")),
}


@pytest.mark.parametrize("words", HOSTILE, ids=ascii)
@pytest.mark.parametrize("view", VIEWS)
def test_every_view_shows_text_to_the_letter(view: str, words: str) -> None:
    shown = rendered(VIEWS[view](words))
    assert visible(words) in shown
    assert acts(shown) == set()


@pytest.mark.parametrize("view", VIEWS)
def test_no_view_shows_nan_as_a_figure(view: str) -> None:
    assert "nan" not in rendered(VIEWS[view]("words")).lower()


def test_a_batch_without_figures_shows_none() -> None:
    assert "nan" not in rendered(summary_view(Summary(3, cost=Cost(flops=NAN))))


@pytest.mark.parametrize("words", HOSTILE, ids=ascii)
def test_lines_on_both_streams_are_safe(words: str, capsys: pytest.CaptureFixture[str]) -> None:
    for tell in (say, warn, show):
        tell(words)
    found = capsys.readouterr()
    assert visible(words) in found.out
    assert found.err == f"{visible(words)}\ntts-select: {visible(words)}\n"
    assert acts(found.out + found.err) == set()


@pytest.mark.parametrize("words", HOSTILE, ids=ascii)
def test_progress_is_safe(words: str, monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal(file=io.StringIO(), width=2000, force_terminal=True, color_system=None)
    monkeypatch.setattr(_terminal, "Terminal", lambda **_: terminal)
    with _progress.bar("working", 3) as advance:
        advance(1, words)
    with _progress.counter("counting") as count:
        count(1, words)
    with _progress.status(words) as note:
        note(words)
    shown = terminal.file.getvalue()  # type: ignore[attr-defined]
    assert shown.count(visible(words)) >= 3
    assert words.isprintable() or words not in shown


def test_json_is_exact_whatever_the_text(capsys: pytest.CaptureFixture[str]) -> None:
    show_json({"text": HOSTILE, "value": NAN})
    shown = capsys.readouterr().out
    assert acts(shown) == set()
    assert json.loads(shown) == {"text": HOSTILE, "value": None}


@pytest.mark.parametrize(("value", "shown"), [(0.5, "0.50"), (NAN, "-"), (None, "-"), (float("inf"), "-")])
def test_a_figure_that_is_not_known_is_a_dash(value: float | None, shown: str) -> None:
    assert figure(value, ".2f") == shown
