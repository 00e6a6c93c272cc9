"""Places, turns and full queues."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from tts_select.serving.errors import ApiError
from tts_select.serving.queueing import Room

InTime = Callable[[Coroutine[Any, Any, Any]], Any]


def test_keys_take_turns_however_much_each_of_them_asks(in_time: InTime) -> None:
    served: list[str] = []

    async def one(room: Room, key: str) -> None:
        async with room.place(key):
            served.append(key)
            await asyncio.sleep(0)

    async def all_of_them() -> None:
        room = Room(2, 1000)
        asked = ["greedy"] * 100 + ["modest"] * 10
        await asyncio.gather(*(one(room, key) for key in asked))
        assert (room.n_running, room.n_waiting) == (0, 0)

    in_time(all_of_them())
    assert Counter(served) == {"greedy": 100, "modest": 10}
    assert Counter(served[:22])["modest"] >= 9


def test_no_more_run_at_once_than_there_are_places(in_time: InTime) -> None:
    most = 0

    async def one(room: Room, k: int) -> None:
        nonlocal most
        async with room.place(f"key {k % 3}"):
            most = max(most, room.n_running)
            await asyncio.sleep(0.001 * (k % 4))

    async def all_of_them() -> None:
        room = Room(5, 100)
        await asyncio.gather(*(one(room, k) for k in range(60)))

    in_time(all_of_them())
    assert most == 5


def test_a_full_queue_of_one_key_is_no_matter_of_another(in_time: InTime) -> None:
    async def fill() -> None:
        room, leave = Room(1, 2), asyncio.Event()

        async def one(key: str) -> None:
            async with room.place(key):
                await leave.wait()

        tasks = [asyncio.create_task(one("a")) for _ in range(3)]
        await asyncio.sleep(0)
        room.check("b")
        with pytest.raises(ApiError) as full:
            room.check("a")
        assert (full.value.status, full.value.code) == (429, "queue_full")
        assert int(full.value.headers["Retry-After"]) >= 1
        leave.set()
        await asyncio.gather(*tasks)
        room.check("a")

    in_time(fill())


@pytest.mark.parametrize("n_cancelled", [1, 5, 9])
def test_who_goes_away_leaves_no_place_behind(in_time: InTime, n_cancelled: int) -> None:
    async def go() -> None:
        room, leave = Room(2, 100), asyncio.Event()

        async def one(key: str) -> None:
            async with room.place(key):
                await leave.wait()

        tasks = [asyncio.create_task(one(f"key {k % 2}")) for k in range(10)]
        await asyncio.sleep(0)
        for task in tasks[:n_cancelled]:  # some hold a place, some wait
            task.cancel()
        leave.set()
        found = await asyncio.gather(*tasks, return_exceptions=True)
        assert sum(isinstance(f, asyncio.CancelledError) for f in found) == n_cancelled
        assert (room.n_running, room.n_waiting) == (0, 0)

    in_time(go())


def test_who_goes_away_as_its_turn_comes_hands_it_on(in_time: InTime) -> None:
    async def go() -> None:
        room = Room(1, 10)
        inside, leave = asyncio.Event(), asyncio.Event()

        async def first() -> None:
            async with room.place("a"):
                inside.set()
                await leave.wait()

        async def then() -> str:
            async with room.place("b"):
                return "its turn"

        running = asyncio.create_task(first())
        await inside.wait()
        unlucky, lucky = asyncio.create_task(then()), asyncio.create_task(then())
        await asyncio.sleep(0)
        leave.set()
        await running  # has handed the place to the unlucky one
        unlucky.cancel()
        assert await lucky == "its turn"
        assert room.n_running == 0

    in_time(go())
