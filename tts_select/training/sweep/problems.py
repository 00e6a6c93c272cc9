"""The problems of a sweep, from a JSONL file; each has its answer, since a sweep is there to grade."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tts_select.batch import read_problems
from tts_select.core.errors import InputError
from tts_select.core.problem import Problem
from tts_select.training.sweep.codec import decode
from tts_select.training.sweep.records import LoggedProblem


def read_swept_problems(path: Path) -> list[LoggedProblem]:
    """With the level and the family of those that have them.

    Raises:
        InputError: the file cannot be read, a line of it is no problem, or one has no answer.
    """
    problems, complaints = read_problems(path)
    if complaints:
        raise InputError(f"{complaints[0]}; correct the line, or take it out")
    lines = [line for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
    return [_logged(problem, json.loads(line), path) for problem, line in zip(problems, lines, strict=True)]


def _logged(problem: Problem, data: dict[str, Any], path: Path) -> LoggedProblem:
    where = f"the problem '{problem.id}' in '{path}'"
    if not (problem.answer or "").strip():
        raise InputError(f"{where} has no answer, so it cannot be graded: add it, or take the problem out")
    extras = {name: data.get(name) for name in ("level", "family")}
    text = {"id": problem.id, "problem": problem.text, "answer": problem.answer}
    try:
        logged = decode({"kind": "problem", **text, **extras})
    except ValueError as error:
        raise InputError(f"{where}: {error}; level is a whole number, family a word") from error
    assert isinstance(logged, LoggedProblem)
    return logged
