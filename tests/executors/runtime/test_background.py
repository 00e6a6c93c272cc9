from __future__ import annotations

import asyncio
import gc
import threading
import weakref
from concurrent.futures import CancelledError
from contextlib import suppress

import pytest

from tts_select.executors.runtime.background import BackgroundLoop


async def _close() -> None:
    pass


def test_work_of_several_loops_runs_in_one() -> None:
    background = BackgroundLoop("test")

    async def where() -> tuple[int, asyncio.AbstractEventLoop]:
        return threading.get_ident(), asyncio.get_running_loop()

    places = {asyncio.run(background.run(where())) for _ in range(3)} | {background.wait_for(where())}
    background.stop(_close)
    assert len(places) == 1
    assert threading.get_ident() not in {thread for thread, _ in places}


def test_a_cancelled_caller_cancels_its_work() -> None:
    background = BackgroundLoop("test")
    begun, ended = threading.Event(), threading.Event()

    async def work() -> None:
        begun.set()
        try:
            await asyncio.sleep(60)
        finally:
            ended.set()

    async def call() -> None:
        task = asyncio.create_task(background.run(work()))
        await asyncio.to_thread(begun.wait, 10)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(call())
    assert ended.wait(10)
    background.stop(_close)


def test_stopping_ends_what_runs_then_closes_then_ends_the_thread() -> None:
    background = BackgroundLoop("background-test")
    order: list[str] = []
    begun = threading.Event()

    async def work() -> None:
        begun.set()
        try:
            await asyncio.sleep(60)
        finally:
            order.append("work ended")

    async def close() -> None:
        order.append("closed")

    def call() -> None:
        with suppress(CancelledError):
            background.wait_for(work())

    caller = threading.Thread(target=call)
    caller.start()
    assert begun.wait(10)
    background.stop(close)
    caller.join(10)
    background.stop(close)  # once more does nothing
    assert order == ["work ended", "closed"]
    assert "background-test" not in {thread.name for thread in threading.enumerate()}


def test_an_owner_that_is_collected_can_stop_it() -> None:
    class Owner:
        def __init__(self) -> None:
            background = BackgroundLoop("owned")
            weakref.finalize(self, background.stop, _close)

    Owner()
    gc.collect()
    assert "owned" not in {thread.name for thread in threading.enumerate()}
