"""What a server does with a request: who decides, what it may spend, its turn, its run, its booking."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Coroutine
from dataclasses import replace
from typing import Any

from tts_select.core.errors import CapTooLow, InputError, TtsSelectError
from tts_select.core.solution import Solution
from tts_select.serving.catalogue import Catalogue, Routed, Single
from tts_select.serving.chat import ChatRequest
from tts_select.serving.errors import (
    BAD_REQUEST,
    INTERNAL,
    TIMED_OUT,
    UNAVAILABLE,
    UNPROCESSABLE,
    ApiError,
    as_api_error,
    bad_field,
)
from tts_select.serving.keys import Key, Keys, read_keys
from tts_select.serving.metrics import Metrics
from tts_select.serving.purses import Purses, check_purses
from tts_select.serving.queueing import Room
from tts_select.serving.replies import Reply, reply_of, text_of
from tts_select.serving.runs import Run, Runs
from tts_select.serving.settings import ServeSettings
from tts_select.serving.singles import answer_once
from tts_select.serving.tickets import Ticket, ignored_by
from tts_select.solving.api import Done
from tts_select.solving.history import History
from tts_select.solving.session import Session
from tts_select.solving.visits import Visit
from tts_select.tracing.folder import TraceFolder

OK, CLIENT_GONE = 200, 499
_SETTLE_S, _MOST_SETTLE_S = 0.2, 10.0
"""How long a bill must stay the same after a run was cancelled, and the longest wait for that."""

Seen = Callable[[Session], None]

_log = logging.getLogger(__name__)


class Service:
    """One server's; `load` before it is asked anything."""

    def __init__(self, settings: ServeSettings, catalogue: Catalogue | None = None) -> None:
        """Read the keys and open the purses; a catalogue need not be loaded.

        Raises:
            InputError: one of them cannot be used.
        """
        self.settings = settings
        self.keys: Keys = read_keys(settings.api_keys, settings.daily)
        check_purses(settings, self.keys)
        self.purses = Purses(settings.purses)
        self.room = Room(settings.concurrency, settings.queue)
        self.runs = Runs(settings.runs_kept)
        self.metrics = Metrics()
        self.is_closing = False
        self.failure: Exception | None = None
        """Why the models could not be loaded."""
        self._catalogue = catalogue
        self._tasks: set[asyncio.Task[Reply]] = set()
        self._bookings: set[asyncio.Task[None]] = set()
        self._traces = settings.trace and TraceFolder(settings.trace, most_files=settings.traces_kept)

    def load(self) -> None:
        """Load all models. It takes its time: call it in a thread.

        Raises:
            TtsSelectError: one of them cannot be loaded.
        """
        try:
            self._catalogue = Catalogue.load(self.settings)
        except Exception as error:
            self.failure = error
            raise

    async def close(self) -> None:
        """End what still runs, book it, and close the purses."""
        self.is_closing = True
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await asyncio.sleep(0)  # what ended is settled by then
        await asyncio.gather(*self._bookings)
        self.purses.close()

    @property
    def is_ready(self) -> bool:
        """Whether it takes requests."""
        return self._catalogue is not None and not self.is_closing

    @property
    def catalogue(self) -> Catalogue:
        """What is served.

        Raises:
            ApiError: nothing yet, or no longer.
        """
        if self._catalogue is None or self.is_closing:
            message = "the server is shutting down" if self.is_closing else "models are being loaded"
            raise ApiError(UNAVAILABLE, message, code="not_ready", retry_after_s=5.0)
        return self._catalogue

    def admit(self, request: ChatRequest, key: Key) -> Ticket:
        """Let a request in: all that can be refused without running anything is refused here.

        Raises:
            ApiError: it cannot be done, or not now.
        """
        catalogue = self.catalogue
        catalogue.check_name(request.model)
        key.check_model(request.model)
        asked = request.tts.within(self.settings.caps)
        choice = catalogue.who(request, asked)
        self.room.check(key.name)
        run = Run(key.name, request.model, ignored=ignored_by(request, choice))
        ticket = Ticket(request, key, run, choice, asked)
        ticket.caps = self.purses.reserve(run.id, key, asked)  # last: whoever has reserved is booked
        ticket.is_lowered = ticket.caps != asked
        self.runs.add(run)
        return ticket

    def start(
        self, ticket: Ticket, seen: Seen | None = None, done: Done | None = None
    ) -> asyncio.Task[Reply]:
        """Run it when its turn comes; `seen` is called after each step, and `done` awaited with a session
        that has ended in a solution. Whatever becomes of it, what it spent is booked. The task raises
        `ApiError` where there is no answer; cancelling it ends what runs for it.
        """
        task = asyncio.get_running_loop().create_task(self._in_turn(ticket, seen, done))
        self._tasks.add(task)
        task.add_done_callback(lambda done: self._settle(ticket, done))
        return task

    async def _in_turn(self, ticket: Ticket, seen: Seen | None, done: Done | None) -> Reply:
        async with self.room.place(ticket.key.name):
            return await self._run(ticket, seen, done)

    def record(self, run: Run, *, correct: bool) -> None:
        """Keep whether the answer of a run was right.

        Raises:
            ApiError: nothing was voted on, its outcome is known, or there is no file for outcomes.
        """
        if run.selector is None or run.outcome is not None:
            known = "has its outcome already" if run.selector else "has no answer that was voted on"
            raise bad_field("id", f"the run '{run.id}' {known}")
        try:
            run.selector.record(run.id, correct)
        except InputError as error:
            message = f"{error}; a server is given one with --outcomes FILE"
            raise ApiError(BAD_REQUEST, message, code="no_outcomes") from error
        run.outcome = correct

    def measured(self) -> bytes:
        """The metrics, as Prometheus reads them."""
        left: dict[tuple[str, str], float] = {}
        for key in self.keys.known:
            spent = self.purses.spent(key.name)
            if key.daily.tokens is not None:
                left[key.name, "tokens"] = key.daily.tokens - spent.tokens - spent.reserved_tokens
            if key.daily.dollars is not None:
                left[key.name, "dollars"] = key.daily.dollars - spent.dollars - spent.reserved_dollars
        return self.metrics.text(running=self.room.n_running, waiting=self.room.n_waiting, left=left)

    async def _run(self, ticket: Ticket, seen: Seen | None, done: Done | None) -> Reply:
        ticket = self._after_wait(ticket)
        try:
            if isinstance(ticket.choice, Single) or ticket.request.unvotable:
                return await answer_once(ticket)
            return await self._solve(ticket, ticket.choice, seen, done)
        except CapTooLow as error:
            raise (self.purses.refusal(ticket.key) if ticket.is_lowered else as_api_error(error)) from error
        except TtsSelectError as error:
            raise as_api_error(error) from error

    async def _solve(self, ticket: Ticket, choice: Routed, seen: Seen | None, done: Done | None) -> Reply:
        request, run = ticket.request, ticket.run

        def look(session: Session) -> None:
            spent = session.bill.total
            self.purses.note(run.id, spent.policy_generated_tokens, spent.dollars)
            ticket.span.stepped(session)
            if seen is not None:
                seen(session)

        session = choice.selector.session(
            request.problem(run.id),
            seed=request.seed,
            visit=Visit(request.max_tokens, choice.may_be_chat, look),
            **{**choice.options, **ticket.caps.as_options},
        )
        ticket.bill = lambda: session.bill
        solution = await session.run()
        run.selector = choice.selector
        if self._traces:
            self._behind(self._keep(self._traces, session.history(), solution))
        if done is not None:
            await done(session.history(), solution)
        if not text_of(solution):
            raise _nothing(solution.finished)
        tts = request.tts
        reply = reply_of(run, session, solution, stops=request.stop, least=tts.min_confidence, show=tts.show)
        self.metrics.ended(
            reason=solution.finished, confidence=solution.confidence, n_errors=len(solution.errors)
        )
        return reply

    def _after_wait(self, ticket: Ticket) -> Ticket:
        """The deadline runs while a request waits for its turn."""
        ticket.run.status = "running"
        if ticket.caps.deadline_s is not None:
            left = ticket.caps.deadline_s - (time.monotonic() - ticket.came)
            if left <= 0:
                raise _nothing("deadline")
            ticket.caps = replace(ticket.caps, deadline_s=left)
        return ticket

    def _settle(self, ticket: Ticket, task: asyncio.Task[Reply]) -> None:
        """Book now, or, of a run that was cut off, as soon as what was in flight has charged its bill."""
        self._tasks.discard(task)
        run, status = ticket.run, CLIENT_GONE
        if task.cancelled():
            run.status = "cancelled"
        elif (error := task.exception()) is not None:
            run.status, status = "failed", error.status if isinstance(error, ApiError) else INTERNAL
        else:
            run.status, status, run.record = "done", OK, dict(task.result().tts)
        if status in (CLIENT_GONE, TIMED_OUT) or "deadline" in run.record.get("limits_met", ()):
            self._behind(self._book_later(ticket))
        else:
            self.book(ticket)
        plan = run.record.get("plan", {}).get("method", "none")
        seconds = time.monotonic() - ticket.came
        self.metrics.request(model=run.model, plan=plan, status=status, seconds=seconds)
        ticket.span.ended(status, run.record)

    def _behind(self, work: Coroutine[Any, Any, None]) -> None:
        """Do it after the reply, and before the server has closed."""
        task = asyncio.get_running_loop().create_task(work)
        self._bookings.add(task)
        task.add_done_callback(self._bookings.discard)

    async def _keep(self, traces: TraceFolder, history: History, solution: Solution) -> None:
        try:
            await traces.keep(history, solution)
        except OSError as error:  # a full disk, say: the answer is none the worse
            _log.warning("a trace cannot be written: %s", error)

    async def _book_later(self, ticket: Ticket) -> None:
        last = ticket.bill()
        for _ in range(round(_MOST_SETTLE_S / _SETTLE_S)):
            await asyncio.sleep(_SETTLE_S)
            bill = ticket.bill()
            if bill == last:
                break
            last = bill
        self.book(ticket)

    def book(self, ticket: Ticket) -> None:
        """Book what a run has spent; it is over."""
        bill = ticket.bill()
        cost = bill.total
        ticket.run.record["bill"] = bill.as_dict()
        self.purses.book(ticket.run.id, cost.policy_generated_tokens, cost.dollars)
        self.metrics.spent(cost)


def _nothing(finished: str) -> ApiError:
    """What is said where there is no candidate at all."""
    if finished == "deadline":
        return ApiError(TIMED_OUT, "the deadline passed before anything was written", code="deadline")
    message = "the caps ended it before anything was written: raise max_tokens_total or max_dollars"
    return ApiError(UNPROCESSABLE, message, code="budget_too_small", param="tts")
