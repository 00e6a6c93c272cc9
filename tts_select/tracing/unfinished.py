"""A sweep that is not done, as a page: what is done, spent and expected, and its workers, if it has some."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tts_select.core.cost import Cost
from tts_select.tracing.view import Page
from tts_select.training.log.parquet import is_compact
from tts_select.training.log.reading import read_manifest
from tts_select.training.sweep.engines.journal import BEGAN, JOURNAL
from tts_select.training.sweep.standing import Standings, expected_of, standings_in

_UNKNOWN = "-"
_MOST_COMPLAINTS = 50
_HEADS = ["", "#done", "#of", "share", "#tokens", "#expected", "#FLOPs", "#expected"]


def unfinished_page(folder: Path) -> Page | None:
    """The page of a sweep that is not done; None if it is.

    Raises:
        InputError: the log cannot be read.
    """
    if is_compact(folder) or read_manifest(folder)[0].imported is not None:
        return None
    standings = standings_in(folder)
    n, n_done = (sum(getattr(s, name) for s in standings.values()) for name in ("n", "n_done"))
    if standings and n == n_done:
        return None
    events = list(_events(folder / JOURNAL))
    cards = [
        {"title": "Progress", "heads": _HEADS, "rows": list(_progress(standings))},
        {
            "title": "Workers",
            "heads": ["worker", "models", "where", "state", "#units", "#lost", "#failed"],
            "rows": [worker.row(name) for name, worker in _workers(events).items()],
        },
        {
            "title": "Lost, failed and warned, the last first",
            "heads": ["", "worker", "what", "problem", "why"],
            "rows": _complaints(events),
        },
    ]
    return Page(
        {
            "kind": "tables",
            "title": folder.resolve().name,
            "subtitle": f"a sweep that is not done: {n_done:,} of {n:,} units",
            "cards": [card for card in cards if card["rows"]],
        }
    )


def _progress(standings: Standings) -> Iterator[list[Any]]:
    for name, of in standings.items():
        yield _row(name, of.n_done, of.n, of.cost, of.expected)
    every = list(standings.values())
    spent = sum((of.cost for of in every), Cost())
    n_done, n = sum(of.n_done for of in every), sum(of.n for of in every)
    yield _row("all", n_done, n, spent, expected_of(standings))


def _row(name: str, n_done: int, n: int, cost: Cost, expected: Cost | None) -> list[Any]:
    figures = [f"{_tokens(cost):,}", _UNKNOWN, f"{cost.flops:.3g}", _UNKNOWN]
    if expected is not None:
        figures[1], figures[3] = f"{_tokens(expected):,}", f"{expected.flops:.3g}"
    return [name, f"{n_done:,}", f"{n:,}", n_done / n if n else 0.0, *figures]


def _tokens(cost: Cost) -> int:
    return cost.policy_generated_tokens + cost.prm_tokens


@dataclass(slots=True)
class _Worker:
    """What the journal says of a worker."""

    models: str = ""
    where: str = ""
    state: str = "coming"
    n_done: int = 0
    n_lost: int = 0
    n_failed: int = 0

    def row(self, name: str) -> list[str]:
        counts = (f"{n:,}" for n in (self.n_done, self.n_lost, self.n_failed))
        return [name, self.models, self.where, self.state, *counts]


def _workers(events: list[Mapping[str, Any]]) -> dict[str, _Worker]:
    found: dict[str, _Worker] = {}
    for event in events:
        if event["event"] == BEGAN["event"]:
            for worker in found.values():
                worker.state = "ended" if worker.state in ("up", "coming") else worker.state
            continue
        worker, kind = found.setdefault(event["worker"], _Worker()), event["event"]
        if "unit" in event:
            worker.n_done += kind == "done"
            worker.n_lost += kind == "lost"
            worker.n_failed += kind == "failed"
        elif kind == "hired":
            worker.models = event["what"]
        elif kind == "up":
            worker.state, worker.where = "up", event.get("why", "")
        elif kind in ("lost", "ended"):
            worker.state = kind
    return found


def _complaints(events: list[Mapping[str, Any]]) -> list[list[str]]:
    found = [event for event in events if event["event"] in ("lost", "failed", "warned")]
    return [
        [event["event"], event["worker"], event["what"], event.get("problem", ""), event.get("why", "")]
        for event in reversed(found[-_MOST_COMPLAINTS:])
    ]


def _events(path: Path) -> Iterator[Mapping[str, Any]]:
    """Yield the journal's events. A line that was torn off says nothing; the log does not depend on it."""
    if not path.exists():
        return
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        try:
            found = json.loads(line)
        except ValueError:
            continue
        if isinstance(found, dict) and {"event", "worker", "what"} <= found.keys():
            yield found
