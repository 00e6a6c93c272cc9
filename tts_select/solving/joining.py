"""Joins what turned out to be right with what was said of it, from the results of `solve --problems`."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from tts_select.core.errors import InputError
from tts_select.data.problems.files import read_records
from tts_select.solving.outcomes import Outcome, outcome_of

_log = logging.getLogger(__name__)


def joined(told: Path | None, results: Path | None, router: str | None) -> list[Outcome]:
    """The outcomes that a file tells, and those of results that were graded already.

    `told` has `id` and `correct`, and perhaps `confidence`; what it lacks is taken from the results. `router`
    is the identity of the router that the results are from.

    Raises:
        InputError: a file cannot be read or has no outcome, or none that has a result.
    """
    said = {found.id: replace(found, router=router) for found in _results(results)} if results else {}
    known = [found for found in said.values() if found.correct is not None]
    if told is None:
        if not known:
            raise InputError(f"no result in '{results}' says whether it is correct: name a file that does")
        return known
    found = {outcome.id: outcome for outcome in known}
    missing: list[str] = []
    for outcome in _told(told):
        if outcome.id in said:
            found[outcome.id] = _with(outcome, said[outcome.id])
        elif outcome.confidence is not None:
            found[outcome.id] = replace(outcome, router=outcome.router or router)
        else:
            missing.append(outcome.id)
    if missing:
        reason = f"{len(missing):,} outcomes in '{told}' have no result, the first is '{missing[0]}'"
        if not found:
            raise InputError(f"{reason}: name the file of `solve --out` with --results")
        _log.warning("%s: they are left out", reason)
    return list(found.values())


def _with(told: Outcome, said: Outcome) -> Outcome:
    own = said.confidence if told.confidence is None else told.confidence
    return replace(said, correct=told.correct, confidence=own)


def _told(path: Path) -> list[Outcome]:
    found = [outcome_of(data, place) for place, data in _records(path)]
    if open_ := [outcome.id for outcome in found if outcome.correct is None]:
        raise InputError(
            f"'{path}' does not say whether '{open_[0]}' is correct: give each id a true or false"
        )
    if not found:
        raise InputError(f'no outcome in \'{path}\': a line is like {{"id": "p1", "correct": true}}')
    return found


def _results(path: Path) -> Iterator[Outcome]:
    """The results of a file; problems that failed have none."""
    for place, record in _records(path):
        if "error" not in record:
            plan = record.get("plan")
            policy = plan.get("policy") if isinstance(plan, dict) else None
            yield outcome_of({"policy": policy, **record}, place)


def _records(path: Path) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for record in read_records(path):
        place = f"'{path}', {record.place}"
        if record.data is None:
            raise InputError(f"{place}: {record.complaint}")
        yield place, record.data
