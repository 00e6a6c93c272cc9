"""What turned out to be right: lines of JSON beside a router, to learn from later (docs/outcomes.md).

A line has what was said of an answer (its confidence, what that is, the policy, the price, the cost), whether
it was right, and which router said it. Several processes may append to a file. Of two lines of a problem the
later one counts.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tts_select.core.errors import InputError
from tts_select.core.json_text import to_json
from tts_select.core.problem import Problem
from tts_select.core.solution import Solution
from tts_select.data.prior.artifacts import PRIOR
from tts_select.data.problems.files import read_records
from tts_select.data.world.artifacts import ROUTER
from tts_select.selector.routers.artifact import OUTCOMES

if TYPE_CHECKING:
    from tts_select.selector.outlook import Spending

MOST_OPEN = 100_000
"""So many solved problems wait for their outcomes; the oldest are forgotten first."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What was said of an answer, and whether it was right."""

    id: str
    correct: bool | None
    """None until it is known."""
    confidence: float | None
    confidence_kind: str | None = None
    answer: str | None = None
    policy: str | None = None
    effort: str | None = None
    price: float | str | None = None
    """What compute was worth, where that was said instead of an effort."""
    cost: Mapping[str, Any] | None = None
    router: str | None = None
    """The identity of the router that said it (`selector/routers/artifact.py`), if it is known."""

    @classmethod
    def open_for(
        cls, problem: Problem, solution: Solution, spending: Spending, router: str | None
    ) -> Outcome:
        """Return what is known as soon as the problem is solved."""
        return cls(
            id=problem.id,
            correct=None,
            confidence=solution.confidence,
            confidence_kind=solution.confidence_kind,
            answer=solution.answer,
            policy=solution.plan.policy,
            effort=None if spending.price is not None else spending.effort,
            price=spending.price,
            cost=solution.bill.total.as_dict(),
            router=router,
        )


class Solved:
    """The solved problems whose outcomes are not known yet, and the file for those that are."""

    def __init__(self, file: Path | None, router: str | None) -> None:
        self._file, self._router = file, router
        self._open: dict[str, Outcome] = {}

    def note(self, problem: Problem, solution: Solution, spending: Spending) -> None:
        """Remember a solved problem, if there is a file for its outcome; of one that was solved twice, the
        later solution."""
        if self._file is None:
            return
        self._open.pop(problem.id, None)
        self._open[problem.id] = Outcome.open_for(problem, solution, spending, self._router)
        if len(self._open) > MOST_OPEN:
            del self._open[next(iter(self._open))]

    def settle(self, problem_id: str, *, correct: bool) -> Outcome:
        """Append the outcome of a solved problem to the file.

        Raises:
            InputError: no file is named, it cannot be written, or no such problem was solved here.
        """
        if self._file is None:
            raise InputError(
                "what is shipped or named keeps no outcomes: name a file for them, as in "
                'Selector.load(outcomes="mine.jsonl") or Selector.of(policy=..., outcomes="mine.jsonl")'
            )
        if problem_id not in self._open:
            raise InputError(
                f"no problem '{problem_id}' waits for its outcome here: give the id of one that this "
                "selector solved"
            )
        found = replace(self._open[problem_id], correct=bool(correct))
        append(self._file, [found])
        del self._open[problem_id]
        return found


def file_beside(folder: Path) -> Path | None:
    """The file of a router's outcomes; None for what is shipped, whose folders are not the user's."""
    shipped = (ROUTER.resolve(), PRIOR.resolve())
    return None if folder.resolve() in shipped else folder / OUTCOMES


def append(file: Path, outcomes: Iterable[Outcome]) -> None:
    """Append a line for each outcome, in one write each, so that those of several processes never mix.

    Raises:
        InputError: the file cannot be written.
    """
    try:
        end = os.open(file, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o666)
        try:
            if _is_torn(end):
                os.write(end, b"\n")
            for outcome in outcomes:
                os.write(end, (to_json(asdict(outcome)) + "\n").encode())
        finally:
            os.close(end)
    except OSError as error:
        raise InputError(f"cannot write the outcomes '{file}': {error.strerror or error}") from error


def read(file: Path) -> list[Outcome]:
    """The outcomes of a file, the last one of each problem; a line that is half written is passed over with a
    warning.

    Raises:
        InputError: it cannot be read, or a line is no outcome.
    """
    if not file.is_file():
        raise InputError(f"no outcomes in '{file}': record some first (docs/outcomes.md)")
    found: dict[str, Outcome] = {}
    for record in read_records(file, ".jsonl"):
        if record.data is None:
            _log.warning("'%s', %s is passed over: %s", file, record.place, record.complaint)
            continue
        outcome = outcome_of(record.data, f"'{file}', {record.place}")
        found.pop(outcome.id, None)
        found[outcome.id] = outcome
    return list(found.values())


def outcome_of(record: Mapping[str, Any], place: str) -> Outcome:
    """The outcome of a record in JSON or CSV; `correct` and `confidence` may be missing.

    Raises:
        InputError: it has no id, or what it says is no outcome.
    """
    id_ = record.get("id")
    if id_ is None or isinstance(id_, dict | list | bool) or str(id_) == "":
        raise InputError(f'{place} is no outcome: it needs an id, as in {{"id": "p1", "correct": true}}')
    kept = {name: record.get(name) for name in ("answer", "policy", "effort", "price", "cost", "router")}
    return Outcome(
        id=str(id_),
        correct=_truth(record.get("correct"), place),
        confidence=_probability(record.get("confidence"), place),
        confidence_kind=record.get("confidence_kind"),
        **kept,
    )


def _truth(said: Any, place: str) -> bool | None:
    if said is None or said == "":
        return None
    words = {"true": True, "1": True, "1.0": True, "false": False, "0": False, "0.0": False}
    known = words.get(str(said).strip().lower())
    if known is None:
        raise InputError(f"{place}: 'correct' is {said!r}: say true or false")
    return known


def _probability(said: Any, place: str) -> float | None:
    if said is None or said == "":
        return None
    try:
        found = float(said)
    except (TypeError, ValueError):
        found = float("nan")
    if not isfinite(found) or not 0 <= found <= 1:
        raise InputError(f"{place}: 'confidence' is {said!r}: it is a number from 0 to 1")
    return found


def _is_torn(file: int) -> bool:
    """Whether the last line lacks its end."""
    size = os.fstat(file).st_size
    return size > 0 and os.pread(file, 1, size - 1) != b"\n"
