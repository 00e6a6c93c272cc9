"""Many problems: files in and out, resuming, failures."""

from __future__ import annotations

import asyncio
import io
import json
import tempfile
import threading
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tts_select import BackendError, InputError, Problem
from tts_select.solving import batch
from tts_select.solving.api import Solver, solver_for
from tts_select.solving.batch import keep_finished, put_in_order, read_problems, solve_many, wilson
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


def test_a_line_holds_the_problem_its_gold_and_the_answer() -> None:
    _, (record,) = run([Problem("1 + 3?", "q", "5")], FakePolicy(lambda *_: ANSWER))
    assert {k: record[k] for k in ("id", "problem", "gold", "answer", "correct")} == {
        "id": "q",
        "problem": "1 + 3?",
        "gold": "5",
        "answer": "4",
        "correct": False,
    }
    assert record["confidence_kind"] == "vote share"
    assert "candidates" not in record


def test_candidates_are_there_on_request() -> None:
    _, (record,) = run([Problem("1 + 3?")], FakePolicy(lambda *_: ANSWER), with_candidates=True)
    (candidate,) = record["candidates"]
    assert (candidate["text"], candidate["answer"]) == (ANSWER, "4")


def test_a_failed_problem_has_its_text_and_gold_too() -> None:
    down = FakePolicy(lambda *_: ANSWER, errors={0: BackendError("down")})
    _, (record,) = run([Problem("1 + 3?", "q", "4")], down)
    assert (record["problem"], record["gold"], record["answer"]) == ("1 + 3?", "4", None)


def test_grading_lets_other_problems_go_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """The one that is graded waits for the other, which is written meanwhile."""
    written = threading.Event()

    def wait(answer: str, gold: str) -> bool:
        return written.wait(5) if gold == "slow" else answer == gold

    monkeypatch.setattr(batch, "is_equivalent", wait)

    class Out(io.StringIO):
        def write(self, text: str) -> int:
            written.set()
            return super().write(text)

    problems = [Problem("a", "a", "slow"), Problem("b", "b", "4")]
    solver, out = solver_of(FakePolicy(lambda *_: ANSWER)), Out()
    summary = asyncio.run(solve_many(problems, solver, out, progress=lambda _: None))
    assert [json.loads(line)["id"] for line in out.getvalue().splitlines()] == ["b", "a"]
    assert summary.n_correct == 2


@given(st.permutations(range(6)), st.sets(st.integers(0, 5)))
def test_lines_are_put_in_the_order_of_the_problems(order: list[int], others: set[int]) -> None:
    """Lines of problems that are not in the file stay, behind them."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "r.jsonl"
        path.write_text("".join(json.dumps({"id": str(k), "answer": None}) + "\n" for k in order))
        put_in_order(path, [Problem(str(k), str(k)) for k in range(6) if k not in others])
        found = [int(json.loads(line)["id"]) for line in path.read_text().splitlines()]
        assert found == [*sorted(set(range(6)) - others), *(k for k in order if k in others)]
        assert [p.name for p in Path(folder).iterdir()] == ["r.jsonl"]


def test_a_link_to_the_results_stays_one(tmp_path: Path) -> None:
    target, link = tmp_path / "r.jsonl", tmp_path / "link.jsonl"
    target.write_text('{"id": "2", "answer": null}\n{"id": "1", "answer": null}\n')
    link.symlink_to(target)
    put_in_order(link, [Problem("a", "1"), Problem("b", "2")])
    assert link.is_symlink()
    assert target.read_text().startswith('{"id": "1"')


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


@pytest.mark.parametrize(
    "content", ["not results\nat all\n", '{"problem": "a"}\n{"problem": "b"}\n', "[1]\n\n", "\xff\n"]
)
def test_a_file_that_holds_no_results_is_not_emptied(tmp_path: Path, content: str) -> None:
    path = tmp_path / "r.jsonl"
    path.write_bytes(content.encode("latin-1"))
    with pytest.raises(InputError):
        keep_finished(path)
    assert path.read_bytes() == content.encode("latin-1")


@pytest.mark.parametrize(("right", "n"), [(0, 5), (5, 5), (3, 10), (50, 100)])
def test_the_interval_holds_the_share_and_stays_within_bounds(right: int, n: int) -> None:
    share, low, high = wilson(right, n)
    assert -1e-9 <= low <= share <= high <= 1 + 1e-9
