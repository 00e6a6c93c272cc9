"""What the thread that owns a model does beside its steps."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from tts_select.executors.runtime.worker import Worker, hand_back

InTime = Callable[[Coroutine[Any, Any, Any]], Any]


class Owner:
    """Answers each request in three steps."""

    def __init__(self) -> None:
        self.open: list[tuple[int, asyncio.Future[int]]] = []
        self.steps: list[int] = []
        self.worker = Worker(self._step, self._fail)

    async def ask(self) -> int:
        future: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self.worker.submit(future)
        return await future

    def _step(self, requests: list[Any]) -> bool:
        self.steps.append(threading.get_ident())
        self.open = [(left - 1, future) for left, future in self.open] + [(3, future) for future in requests]
        for left, future in self.open:
            if not left:
                hand_back(future, threading.get_ident())
        self.open = [(left, future) for left, future in self.open if left]
        return bool(self.open)

    def _fail(self, requests: list[Any], error: Exception) -> None:
        for future in requests:
            hand_back(future, error)


def test_an_errand_runs_in_the_models_thread_also_when_nothing_else_is_to_do(in_time: InTime) -> None:
    owner, threads = Owner(), []

    async def errand_alone() -> None:
        await owner.worker.do(lambda: threads.append(threading.get_ident()))

    in_time(errand_alone())
    assert owner.steps == []
    assert threads != [threading.get_ident()]
    assert in_time(owner.ask()) == threads[0]


def test_requests_that_come_with_an_errand_are_answered(in_time: InTime) -> None:
    owner = Owner()

    async def all_at_once() -> list[Any]:
        return await asyncio.gather(owner.ask(), owner.worker.do(lambda: None), owner.ask())

    first, nothing, second = in_time(all_at_once())
    assert (first, nothing) == (second, None)


def test_an_errand_that_fails_fails_for_its_caller_alone(in_time: InTime) -> None:
    owner = Owner()

    async def both() -> Any:
        return await asyncio.gather(owner.ask(), owner.worker.do(lambda: {}["lost"]), return_exceptions=True)

    answered, failed = in_time(both())
    assert isinstance(answered, int)
    assert isinstance(failed, KeyError)
    with pytest.raises(KeyError):
        in_time(owner.worker.do(lambda: {}["lost"]))
