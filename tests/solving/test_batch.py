"""Many problems: files in and out, resuming, failures."""

from __future__ import annotations

import asyncio
import io
import json
from pathlib import Path
from typing import Any

import pytest

from tts_select import BackendError, InputError, Problem
from tts_select.solving.api import Solver, solver_for
from tts_select.solving.batch import keep_finished, read_problems, solve_many, wilson
from tts_select.testing import FakePolicy

ANSWER = "It is \\boxed{4}"


def solver_of(policy: FakePolicy) -> Solver:
    return solver_for({"policy": policy, "prm": None, "method": "majority", "budget": 1})


def run(problems: list[Problem], policy: FakePolicy, **more: Any) -> tuple[Any, list[dict[str, Any]]]:
    out = io.StringIO()
    summary = asyncio.run(solve_many(problems, solver_of(policy), out, progress=lambda _: None, **more))
    return summary, [json.loads(line) for line in out.getvalue().splitlines()]


def test_each_problem_has_its_line_and_is_graded() -> None:
    problems = [Problem("a", "1", "4"), Problem("b", "2", "5"), Problem("c", "3")]
    summary, records = run(problems, FakePolicy(lambda *_: ANSWER))
    assert {r["id"]: r["correct"] for r in records} == {"1": True, "2": False, "3": None}
    assert (summary.n_answered, summary.n_graded, summary.n_correct) == (3, 2, 1)
    assert summary.cost.policy_generated_tokens == sum(r["cost"]["policy_generated_tokens"] for r in records)


@pytest.mark.parametrize("known", ["", " ", "4", None])
def test_no_answer_is_neither_right_nor_answered(known: str | None) -> None:
    summary, (record,) = run([Problem("a", "1", known)], FakePolicy(lambda *_: "no idea"))
    assert record["answer"] is None
    assert not record["correct"]
    assert (summary.n_answered, summary.n_correct) == (0, 0)


def test_a_failed_problem_stops_no_other() -> None:
    problems = [Problem(str(k), str(k)) for k in range(5)]
    policy = FakePolicy(lambda *_: ANSWER, errors={2: BackendError("down")})
    summary, records = run(problems, policy, concurrency=1)
    assert [r["answer"] for r in records] == ["4", "4", None, "4", "4"]
    assert records[2]["error"] == "down"
    assert [e.exit_code for e in summary.errors] == [4]


def test_no_more_problems_than_allowed_are_in_flight() -> None:
    class Watched(FakePolicy):
        now = most = 0

        async def sample(self, *args: Any) -> Any:
            self.now += 1
            self.most = max(self.most, self.now)
            try:
                return await super().sample(*args)
            finally:
                self.now -= 1

    policy = Watched(lambda *_: ANSWER, delay=0.01)
    run([Problem(str(k)) for k in range(9)], policy, concurrency=3)
    assert policy.most == 3


def test_a_result_that_cannot_be_written_stops_the_batch() -> None:
    class Full(io.StringIO):
        def write(self, _: str) -> int:
            raise OSError(28, "No space left on device")

    solver = solver_of(FakePolicy(lambda *_: ANSWER))
    with pytest.raises(OSError, match="No space left"):
        asyncio.run(solve_many([Problem("a")], solver, Full(), progress=lambda _: None))


def test_malformed_lines_are_named_and_the_others_read(tmp_path: Path) -> None:
    path = tmp_path / "p.jsonl"
    lines = ['{"problem": "a", "answer": 4}', "{", "", "[1]", '{"problem": " "}', '{"problem": "a"}']
    path.write_text("\n".join(lines))
    problems, complaints = read_problems(path)
    assert [(p.text, p.answer) for p in problems] == [("a", "4")]
    assert [c.split(": ")[0].rsplit(" ", 1)[1] for c in complaints] == ["2", "4", "5", "6"]


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe", b'{"text": "a"}'])
def test_a_file_without_problems_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "p.jsonl"
    path.write_bytes(content)
    with pytest.raises(InputError):
        read_problems(path)


def test_resuming_drops_torn_and_failed_lines_and_keeps_the_rest(tmp_path: Path) -> None:
    path = tmp_path / "r.jsonl"
    good = json.dumps({"id": "1", "answer": "4"})
    path.write_text(f'{good}\n{{"id": "2", "answer": null, "error": "down"}}\n{{"id": "3", "ans')
    assert keep_finished(path) == {"1": {}}
    assert path.read_text() == good + "\n"
    assert keep_finished(tmp_path / "none.jsonl") == {}


@pytest.mark.parametrize(("right", "n"), [(0, 5), (5, 5), (3, 10), (50, 100)])
def test_the_interval_holds_the_share_and_stays_within_bounds(right: int, n: int) -> None:
    share, low, high = wilson(right, n)
    assert -1e-9 <= low <= share <= high <= 1 + 1e-9
