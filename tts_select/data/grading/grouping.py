"""Puts equivalent answers into groups, as votes are counted: in one call, or beside an event loop.

Each answer is compared with the first of each group. `_grouping` says which comparisons take mathematics; the
two public functions differ only in how they wait for them.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import itertools
import re
import threading
import time
from collections.abc import Callable, Generator, Sequence
from functools import partial
from typing import TypeVar

from tts_select.data.grading import workers
from tts_select.data.grading.grading import Essence, Verdict, essence, judge, quick_verdict, verdict_of

NO_ANSWER = -1
_PLAIN = re.compile(r"0|-?[1-9][0-9]*")
"""An integer that is written in its one plain way: another one is another number."""
_GRACE_S = 0.1
"""What needs no mathematics is still told for so long after a deadline."""

T = TypeVar("T")
Verdicts = Sequence[Verdict]
Grouping = Generator[list[Essence], Verdicts, list[int]]


def group_equivalent(answers: Sequence[str | None]) -> list[int]:
    """Number the answers, alike where they are equivalent, in the order of the first of each; None is -1.

    >>> group_equivalent(["0.5", "x", None, "1/2", r"\\frac12"])
    [0, 1, -1, 0, 0]

    Raises:
        BackendError: the grading workers cannot start.
    """
    grouping = _grouping(answers, None)
    asked, groups = _step(grouping, None)
    while groups is None:
        asked, groups = _step(grouping, judge(asked))
    return groups


async def group_answers(answers: Sequence[str | None], *, deadline: float | None = None) -> list[int]:
    """Number the answers as `group_equivalent` does, without holding up the event loop.

    `deadline` is a time of `time.monotonic()`: an answer that has not been compared by then is a group of its
    own. Nothing that is left of the work delays the end of the loop or of the process, nor does it when this
    is cancelled.

    Raises:
        BackendError: the grading workers cannot start.
    """
    grouping = _grouping(answers, deadline)
    asked, groups = await _off_the_loop(partial(_step, grouping, None))
    while groups is None:
        verdicts = await _judge(asked, deadline)
        asked, groups = await _off_the_loop(partial(_step, grouping, verdicts))
    return groups


def _step(grouping: Grouping, verdicts: Verdicts | None) -> tuple[list[Essence], list[int] | None]:
    """What has to be asked next, or the groups."""
    try:
        return (next(grouping) if verdicts is None else grouping.send(verdicts)), None
    except StopIteration as done:
        return [], done.value


def _grouping(answers: Sequence[str | None], deadline: float | None) -> Grouping:
    group_of: dict[str, int] = {}
    left = list(dict.fromkeys(answer for answer in answers if answer is not None))
    for group in itertools.count():
        if not left:
            break
        first, *others = left
        same: dict[str, bool] = {}
        if deadline is None or time.monotonic() < deadline + _GRACE_S:
            same = yield from _same_as(first, others)
        members = {first, *(other for other in others if same.get(other))}
        group_of |= dict.fromkeys(members, group)
        left = [other for other in others if other not in members]
    return [NO_ANSWER if answer is None else group_of[answer] for answer in answers]


def _same_as(first: str, others: Sequence[str]) -> Generator[list[Essence], Verdicts, dict[str, bool]]:
    is_plain = _PLAIN.fullmatch(first)
    pairs = {o: essence(o, first) for o in others if not (is_plain and _PLAIN.fullmatch(o))}
    found = {pair: quick_verdict(pair) for pair in pairs.values()}
    if hard := [pair for pair, verdict in found.items() if verdict is None]:
        found |= zip(hard, (yield hard), strict=True)
    return {other: found[pair] == "equivalent" for other, pair in pairs.items()}


async def _judge(pairs: Sequence[Essence], deadline: float | None) -> list[Verdict]:
    """As `judge`; what is not decided in time cannot be graded, and is stopped."""
    left = None if deadline is None else deadline - time.monotonic()
    if left is not None and left <= 0:
        return ["cannot be graded"] * len(pairs)
    judging = await _off_the_loop(partial(workers.schedule, pairs))
    try:
        await asyncio.wait([asyncio.wrap_future(future) for future in judging], timeout=left)
        return [
            verdict_of(pair, workers.outcome(future)) if future.done() else "cannot be graded"
            for pair, future in zip(pairs, judging, strict=True)
        ]
    finally:
        for future in judging:
            future.cancel()


async def _off_the_loop(work: Callable[[], T]) -> T:
    """In a thread that nobody waits for at the end, unlike those of `asyncio.to_thread`."""
    future: concurrent.futures.Future[T] = concurrent.futures.Future()
    future.set_running_or_notify_cancel()

    def run() -> None:
        try:
            future.set_result(work())
        except BaseException as error:  # noqa: BLE001  it is raised where it is awaited
            future.set_exception(error)

    threading.Thread(target=run, name="grading", daemon=True).start()
    return await asyncio.wrap_future(future)
