from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tts_select.core.errors import BackendError
from tts_select.data.grading import group_answers, group_equivalent, workers


def never_ends(_: str, __: str) -> bool:
    time.sleep(600)
    return True


@pytest.fixture
def slow_mathematics(monkeypatch: pytest.MonkeyPatch) -> None:
    workers.judge([("a+b", "b+a")])  # the workers are there
    monkeypatch.setattr(workers, "_judge_one", never_ends)


async def longest_pause(asked: Callable[[], object]) -> float:
    """Seconds for which a coroutine that runs beside this was not heard."""
    longest, last = 0.0, time.monotonic()
    task = asyncio.ensure_future(asked())  # type: ignore[call-overload]
    while not task.done():
        await asyncio.sleep(0.005)
        longest, last = max(longest, time.monotonic() - last), time.monotonic()
    task.result()
    return longest


@settings(max_examples=30, deadline=None)
@given(st.lists(st.none() | st.sampled_from(["7", "7.0", "x+1", "1+x", "0.5", "1/2", "yes"]), max_size=8))
def test_groups_are_those_of_the_blocking_call(answers: list[str | None]) -> None:
    assert asyncio.run(group_answers(answers)) == group_equivalent(answers)


@pytest.mark.usefixtures("slow_mathematics")
def test_intervals_that_take_long_are_given_up_in_time_and_hold_up_nobody() -> None:
    began = time.monotonic()
    found = []

    async def ask() -> None:
        answers = [f"[{k},\\sqrt{{{k + 2}}}^{{\\pi}}]" for k in range(4)]
        found.append(await group_answers(answers, deadline=began + 0.3))

    pause = asyncio.run(longest_pause(ask))
    assert time.monotonic() - began < 0.6
    assert pause < 0.2
    assert found == [[0, 1, 2, 3]]


@pytest.mark.usefixtures("slow_mathematics")
def test_what_needs_no_mathematics_is_told_when_time_is_up() -> None:
    answers = ["q+1", "7", None, "7.0", "1+q"]
    assert asyncio.run(group_answers(answers, deadline=time.monotonic())) == [0, 1, -1, 1, 2]


@pytest.mark.usefixtures("slow_mathematics")
def test_what_was_not_decided_in_time_is_decided_the_next_time(monkeypatch: pytest.MonkeyPatch) -> None:
    answers = ["q+2", "2+q"]
    assert asyncio.run(group_answers(answers, deadline=time.monotonic() + 0.05)) == [0, 1]
    monkeypatch.undo()
    assert group_equivalent(answers) == [0, 0]


@pytest.mark.usefixtures("slow_mathematics")
def test_a_call_that_is_cancelled_leaves_nothing_running() -> None:
    async def cancelled() -> None:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(group_answers(["q+3", "3+q"]), 0.2)

    began = time.monotonic()
    asyncio.run(cancelled())
    assert time.monotonic() - began < 1


def test_many_problems_are_grouped_at_once() -> None:
    async def asked() -> list[list[int]]:
        problems = [[f"{k}+t", f"t+{k}", str(k)] for k in range(30)]
        return await asyncio.gather(*(group_answers(p, deadline=time.monotonic() + 60) for p in problems))

    assert asyncio.run(asked()) == [[0, 0, 1]] * 30


def test_an_error_of_the_workers_is_raised_where_they_are_awaited(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> None:
        raise RuntimeError("no memory")

    monkeypatch.setattr(workers, "_running_pool", broken)
    with pytest.raises(BackendError, match="cannot start"):
        asyncio.run(group_answers(["q+4", "4+q"]))


def test_leftover_work_delays_no_exit(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    (tmp_path / "slow.py").write_text("import time\ndef never_ends(_, __): time.sleep(600)\n")
    script.write_text(
        "import asyncio, slow, time\n"
        "from tts_select.data.grading import group_answers, workers\n"
        "async def main():\n"
        "    workers.judge([('a+b', 'b+a')])\n"
        "    workers._judge_one = slow.never_ends\n"
        "    asyncio.ensure_future(group_answers(['q+1', '1+q']))\n"
        "    await asyncio.sleep(0.1)\n"
        "    print(time.time())\n"
        "asyncio.run(main())\n"
    )
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, timeout=60, check=True)
    assert time.time() - float(done.stdout) < 3
    assert done.stderr == ""
