"""Many problems in flight at once, each result on disk as soon as it is there."""

from __future__ import annotations

import asyncio
import json
import math
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, TypeVar

from tts_select.core.cost import Cost
from tts_select.core.errors import InputError, TtsSelectError
from tts_select.core.json_text import to_json
from tts_select.core.problem import Problem
from tts_select.core.solution import Solution
from tts_select.data.grading import is_equivalent
from tts_select.data.problems import Fields, Note, load_problems

DEFAULT_CONCURRENCY = 64

T = TypeVar("T")
R = TypeVar("R")


@dataclass(slots=True)
class Summary:
    """A batch so far; problems that were done before a `--resume` are not in it."""

    n_problems: int
    n_answered: int = 0
    n_unanswered: int = 0
    n_graded: int = 0
    n_correct: int = 0
    cost: Cost = field(default_factory=Cost)
    errors: list[TtsSelectError] = field(default_factory=list)

    @property
    def n_done(self) -> int:
        """Problems that ended, in an answer or not."""
        return self.n_answered + self.n_unanswered + len(self.errors)

    def as_dict(self) -> dict[str, Any]:
        """Return the record of the summary for JSON."""
        accuracy = self.accuracy()
        return {
            "problems": self.n_problems,
            "answered": self.n_answered,
            "failed": len(self.errors),
            "graded": self.n_graded,
            "correct": self.n_correct,
            "accuracy": accuracy and dict(zip(("value", "low", "high"), accuracy, strict=True)),
            "cost": self.cost.as_dict(),
        }

    def accuracy(self) -> tuple[float, float, float] | None:
        """(share of the graded problems that are right, low, high), a 95 % Wilson interval."""
        return wilson(self.n_correct, self.n_graded) if self.n_graded else None


async def in_flight(work: Callable[[T], Awaitable[R]], items: Iterable[T], limit: int) -> list[R]:
    """The results of `work` on all items, in their order, with at most `limit` of them at the same time."""
    room = asyncio.Semaphore(limit)

    async def one(item: T) -> R:
        async with room:
            return await work(item)

    return await asyncio.gather(*(one(item) for item in items))


def wilson(n_right: int, n: int) -> tuple[float, float, float]:
    """A share with its 95 % interval (Wilson score)."""
    z, share = 1.96, n_right / n
    centre = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    return share, centre - half, centre + half


async def solve_many(
    problems: Sequence[Problem],
    solver: Callable[[Problem], Awaitable[Solution]],
    out: IO[str],
    *,
    concurrency: int = DEFAULT_CONCURRENCY,
    progress: Callable[[Summary], None],
    with_candidates: bool = False,
) -> Summary:
    """Solve all of them; one that fails is reported in the summary and in its line, and stops no other.

    Lines are written as results come; `put_in_order` sorts them when all are there.

    Raises:
        OSError: a result cannot be written; those written before are whole.
    """
    room = asyncio.Semaphore(concurrency)
    summary = Summary(len(problems))

    async def one(problem: Problem) -> None:
        async with room:
            try:
                solution = await solver(problem)
            except TtsSelectError as error:
                summary.errors.append(error)
                record = _failure(problem, error)
            else:
                record = await _result(problem, solution, with_candidates=with_candidates)
                _count(summary, record, solution)
        out.write(to_json(record) + "\n")
        out.flush()
        progress(summary)

    try:
        async with asyncio.TaskGroup() as group:
            for problem in problems:
                group.create_task(one(problem))
    except ExceptionGroup as failures:  # a full disk, say: the first failure stops the batch
        raise failures.exceptions[0] from None
    return summary


def read_problems(path: Path, fields: Fields | None = None) -> tuple[list[Problem], list[str]]:
    """The problems of a file or a public data set, and a line for each of its records that is left out.

    Raises:
        InputError: it cannot be read, or none of its records is a problem.
        BackendError: a public data set cannot be reached.
    """
    complaints: list[str] = []

    def note(found: Note) -> None:
        if found.is_left_out:
            complaints.append(str(found))

    problems = list(load_problems(path, fields, note=note))
    if not problems:
        reason = f": {complaints[0]}" if complaints else ""
        raise InputError(
            f"no problem in '{path}'{reason}; each line is an object like "
            '{"problem": "...", "id": "...", "answer": "..."}'
        )
    return problems, complaints


def keep_finished(path: Path) -> dict[str, dict[str, float]]:
    """The ids already solved in a results file, each with its bill; a torn last line and failed problems are
    taken out of it.

    Raises:
        InputError: it is no results file, or cannot be read.
    """
    if not path.exists():
        return {}
    solved = {str(record["id"]): (line, record) for line, record in _lines(path) if "error" not in record}
    _replace(path, [line for line, _ in solved.values()])
    return {id_: record.get("cost") or {} for id_, (_, record) in solved.items()}


def read_results(path: Path) -> list[dict[str, Any]]:
    """The results in a file, those of problems that failed too.

    Raises:
        InputError: it is no results file, or cannot be read.
    """
    return [record for _, record in _lines(path)]


def put_in_order(path: Path, problems: Sequence[Problem]) -> None:
    """Sort the lines of a results file as the problems are; those of other problems come last."""
    if not path.is_file():  # a device or a pipe
        return
    position = {problem.id: k for k, problem in enumerate(problems)}
    found = [(position.get(str(record["id"]), len(position)), line) for line, record in _lines(path)]
    in_order = sorted(found, key=lambda entry: entry[0])
    if in_order != found:
        _replace(path, [line for _, line in in_order])


def _lines(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield each line with its record; the last line may be torn, and is then left out."""
    try:
        lines = path.read_text(encoding="utf-8").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"cannot read '{path}': {error}") from error
    for number, line in enumerate(lines, start=1):
        record = _decoded(line)
        if isinstance(record, dict) and "id" in record:
            yield line, record
        elif line.strip() and number < len(lines):
            raise InputError(f"'{path}', line {number} is not a result: name a results file, or a new one")


def _decoded(line: str) -> Any:
    try:
        return json.loads(line)
    except (ValueError, RecursionError):
        return None


def _replace(path: Path, lines: Sequence[str]) -> None:
    target = path.resolve()  # a link stays one
    partial = target.with_name(target.name + ".partial")
    partial.write_text("".join(line + "\n" for line in lines), encoding="utf-8")
    partial.replace(target)


async def _result(problem: Problem, solution: Solution, *, with_candidates: bool) -> dict[str, Any]:
    whole = solution.as_dict()
    more = ("errors", "candidates") if with_candidates else ("errors",)
    return {
        **_asked(problem),
        "answer": solution.answer,
        "correct": await _is_correct(problem, solution),
        **{key: whole[key] for key in ("confidence", "confidence_kind", "finished", "cost", "plan", "text")},
        **{key: whole[key] for key in more if key in whole},
    }


def _failure(problem: Problem, error: TtsSelectError) -> dict[str, Any]:
    spent = {"cost": error.bill.as_dict()} if error.bill else {}
    return {**_asked(problem), "answer": None, "error": str(error), **spent}


def _asked(problem: Problem) -> dict[str, Any]:
    return {"id": problem.id, "problem": problem.text, "gold": problem.answer}


async def _is_correct(problem: Problem, solution: Solution) -> bool | None:
    """Grade off the event loop: some answers take seconds, and other searches are in flight."""
    gold, answer = problem.answer, solution.answer
    if gold is None:
        return None
    return answer is not None and await asyncio.to_thread(is_equivalent, answer, gold)


def _count(summary: Summary, record: dict[str, Any], solution: Solution) -> None:
    summary.n_answered += solution.answer is not None
    summary.n_unanswered += solution.answer is None
    summary.cost += solution.bill.total
    if record["correct"] is not None:
        summary.n_graded += 1
        summary.n_correct += record["correct"]
