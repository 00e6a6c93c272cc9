from __future__ import annotations

import asyncio
import hashlib
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from pebble import ProcessExpired

from tts_select.core.errors import BackendError
from tts_select.data.grading import grade, is_equivalent, workers

HARD = ("(a+1)^2-b", "a^2+2a+1-b")


@pytest.fixture
def no_pool_yet(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The test starts a pool of its own, which ends with it."""
    monkeypatch.setattr(workers, "_pool", None)
    yield
    workers._shut_down()


HOSTILE = [
    pytest.param("10^{10^{10}}", id="power"),
    pytest.param("2^{2^{2^{2^{2^{2}}}}}", id="tower"),
    pytest.param("(10^{9})!", id="factorial"),
    pytest.param(r"\binom{10^8}{10^7}", id="binomial"),
    pytest.param(r"\sum_{k=1}^{10^9} k", id="sum"),
    pytest.param(r"\sin(10^{10^{10}})", id="sine"),
    pytest.param("x^{99999}+1-(x+1)^{9999}", id="degree"),
    pytest.param(r"\sqrt{" * 28 + "2" + "}" * 28, id="nested"),
    pytest.param("+".join(f"x_{{{k}}}" for k in range(200)), id="many terms"),
    pytest.param("x=" * 500 + "x", id="chain"),
    pytest.param("^" * 1900, id="carets"),
    pytest.param("$" * 1900, id="dollars"),
    pytest.param(r"\left" * 300, id="left"),
    pytest.param("\0\ud800", id="null and surrogate"),
]


@pytest.mark.parametrize("answer", HOSTILE)
def test_hostile_answers_are_harmless(answer: str) -> None:
    verdict, honest = grade([(answer, "5"), HARD])
    assert verdict != "equivalent"
    assert honest == "equivalent"


@pytest.mark.skipif(sys.platform == "win32", reason="the clock alone limits a worker there")
@pytest.mark.usefixtures("no_pool_yet")
def test_a_worker_in_one_long_operation_is_killed_by_the_system(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: 1)
    pool = workers._running_pool()
    pool.schedule(workers._limit_computing).result()
    minutes = ("sha256", b"", b"", 10**9)  # in which Python looks at no signal
    key = pool.schedule(hashlib.pbkdf2_hmac, args=minutes)
    with pytest.raises(ProcessExpired):
        key.result(timeout=100)
    assert workers.judge([HARD]) == [True]


def test_a_worker_that_waits_for_ever_is_killed_and_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workers, "_judge_one", time.sleep)
    monkeypatch.setattr(workers, "CLOCK_LIMIT_S", 0.5)
    assert workers.judge([(600,)]) == [None]  # type: ignore[list-item]
    monkeypatch.undo()
    assert workers.judge([("p+q", "q+p"), ("p", "q")]) == [True, False]


def test_a_worker_that_dies_costs_its_pair_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workers, "_judge_one", os._exit)
    assert workers.judge([(3,)]) == [None]  # type: ignore[list-item]
    monkeypatch.undo()
    assert workers.judge([("p+q", "q+p")]) == [True]


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux limits a process's memory")
def test_the_memory_of_a_worker_is_bounded() -> None:
    too_much = workers._running_pool().schedule(bytearray, args=(2 * workers.MEMORY_BYTES,))
    with pytest.raises(MemoryError):
        too_much.result()


@pytest.mark.usefixtures("no_pool_yet")
def test_a_pool_that_broke_is_replaced_once() -> None:
    workers._running_pool().stop()
    assert workers.judge([("p+q", "q+p")]) == [True]


@pytest.mark.usefixtures("no_pool_yet")
def test_workers_start_only_when_they_are_needed() -> None:
    is_equivalent("42", "43")
    assert workers._pool is None
    assert is_equivalent("r+s+1", "1+s+r")
    assert workers._pool is not None


def test_threads_and_event_loops_may_grade() -> None:
    pairs = [(f"m+{k}n", f"{k}n+m") for k in range(8)]
    with ThreadPoolExecutor(4) as threads:
        assert all(threads.map(lambda pair: is_equivalent(*pair), pairs))

    async def graded() -> bool:
        return is_equivalent("m+9n", "9n+m")

    assert asyncio.run(graded())


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork on this system")
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_a_forked_child_has_workers_of_its_own() -> None:
    is_equivalent(*HARD)
    child = os.fork()
    if child == 0:
        found = is_equivalent("v+w+2", "2+w+v")
        workers._shut_down()
        os._exit(0 if found else 1)
    assert os.waitpid(child, 0)[1] == 0


def test_a_script_without_a_main_guard_grades_and_leaves_no_process_behind(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(
        "import os, sys\n"
        "from tts_select.data.grading import is_equivalent, workers\n"
        "print('runs', is_equivalent('a+b', 'b+a'))\n"
        "print(workers._running_pool().schedule(os.getpid).result())\n"
    )
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, timeout=60, check=True)
    runs, worker = done.stdout.split("\n")[:2]
    assert runs == "runs True"
    assert done.stderr == ""
    with pytest.raises(ProcessLookupError):
        os.kill(int(worker), 0)


@pytest.mark.usefixtures("no_pool_yet")
@pytest.mark.filterwarnings("ignore")
def test_workers_that_cannot_start_are_an_error_with_a_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workers, "_prepare_worker", sys.exit)
    with pytest.raises(BackendError, match="cannot start"):
        is_equivalent("c+d+3", "3+d+c")
