"""The problems of a sweep; each has its answer, since a sweep is there to grade."""

from __future__ import annotations

from pathlib import Path

from tts_select.core.errors import InputError
from tts_select.data.problems import Fields, Note, Row, read_rows
from tts_select.data.problems.fields import level_of
from tts_select.training.log.codec import decode
from tts_select.training.log.records import LoggedProblem


def read_swept_problems(path: Path, fields: Fields | None = None) -> list[LoggedProblem]:
    """Read problems with the level and the family of those that have them.

    Raises:
        InputError: the source cannot be read, a record of it is no problem, or one has no answer.
        BackendError: a public data set cannot be reached.
    """
    problems = [_logged(row, path) for row in read_rows(path, fields, note=_refuse)]
    if not problems:
        raise InputError(
            f'no problem in \'{path}\'; each line is an object like {{"problem": "...", "answer": "..."}}'
        )
    return problems


def _refuse(note: Note) -> None:
    if note.is_left_out:
        raise InputError(f"{note}; correct the line, or take it out")


def _logged(row: Row, path: Path) -> LoggedProblem:
    problem = row.problem
    where = f"the problem '{problem.id}' in '{path}'"
    if problem.answer is None:
        raise InputError(f"{where} has no answer, so it cannot be graded: add it, or take the problem out")
    text = {"id": problem.id, "problem": problem.text, "answer": problem.answer}
    try:
        extras = {"level": level_of(row.data.get("level")), "family": row.data.get("family")}
        logged = decode({"kind": "problem", **text, **extras})
    except ValueError as error:
        raise InputError(
            f"{where}: {error}; level is a whole number or such as Level 3, family a word"
        ) from error
    assert isinstance(logged, LoggedProblem)
    return logged
