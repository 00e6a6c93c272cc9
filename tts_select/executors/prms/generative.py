"""A PRM that writes a critique of the steps so far and then says whether they are right.

A step's score is the verdict on the solution up to its end, with a critique of its own. It is so the same
whether more steps follow or not. Critiques are written greedily, those of all solutions in one batch.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from tts_select.core.cost import Cost, inference_flops
from tts_select.core.errors import BackendError, ProblemTooLong
from tts_select.core.protocols import Meter
from tts_select.executors.prms.checkpoints import Part
from tts_select.executors.prms.critiques import Interview
from tts_select.executors.prms.formats import PrmFormat
from tts_select.executors.prms.lanes import Lane
from tts_select.executors.prms.reading import reader_of
from tts_select.executors.prms.rules import Sign, Verdict
from tts_select.executors.prms.validation import check_steps
from tts_select.executors.runtime.decoding import Decoder, Job
from tts_select.executors.runtime.endings import end_ids, ids_that_may_close
from tts_select.executors.runtime.worker import Worker, hand_back

_REMEMBERED_SCORES = 200_000
_MAX_ROWS = 64

Prefix = tuple[str, ...]
"""A problem and its first steps: what a score belongs to."""


@dataclass(slots=True, eq=False)
class _Request:
    text: Prefix
    meter: Meter | None
    future: asyncio.Future[list[float]]
    is_given_up: bool = False

    @property
    def prefixes(self) -> list[Prefix]:
        return [self.text[: k + 1] for k in range(1, len(self.text))]

    def charge(self, cost: Cost) -> None:
        if self.meter is not None:
            self.meter.charge(cost)


@dataclass(slots=True, eq=False)
class _Critique:
    """The critique of one prefix: the first request that asked for it pays for it."""

    prefix: Prefix
    requests: list[_Request]
    job: Job | None = None


class GenerativeRewardModel:
    """See `RewardModel`. Tokens that it writes are PRM tokens on the bill, as those that it reads are."""

    def __init__(self, part: Part, *, name: str, format: PrmFormat) -> None:
        """Prepare to read critiques with a policy.

        Raises:
            InputError: the tokenizer does not suit the format.
        """
        rule, loaded = format.rule, part.loaded
        assert isinstance(rule, Verdict)
        self.name = name
        self.n_parameters = part.n_parameters
        self.fingerprint = format.mark(loaded.fingerprint)
        self._context, self._max_tokens = loaded.context, rule.max_tokens
        self._interview = Interview(rule, loaded.tokenizer, name)
        self._reader = reader_of(Sign(rule.good, rule.bad), loaded.tokenizer, name)
        self._lane = Lane(part)
        self._decoder = Decoder(
            loaded.model,
            self._lane.tree,
            end_ids=end_ids(loaded.model, loaded.tokenizer),
            is_step_end=self._interview.asks,
            step_end_ids=ids_that_may_close(rule.question, loaded.tokenizer),
            max_rows=_MAX_ROWS,
        )
        self._scores: OrderedDict[Prefix, float] = OrderedDict()
        self._open: dict[_Request, None] = {}
        self._critiques: dict[Prefix, _Critique] = {}
        self._ended: list[_Critique] = []
        self._worker = Worker(self._step, self._fail)

    async def score(self, problem: str, steps: Sequence[str], *, meter: Meter | None = None) -> list[float]:
        """See `RewardModel.score`."""
        check_steps(steps)
        if not steps:
            return []
        n_tokens = len(self._interview.prompt(problem, steps)) + self._interview.n_question + 1
        if n_tokens > self._context:
            raise ProblemTooLong(n_tokens=n_tokens, context=self._context, model=self.name)
        future: asyncio.Future[list[float]] = asyncio.get_running_loop().create_future()
        request = _Request((problem, *steps), meter, future)
        self._worker.submit(request)
        try:
            return await future
        finally:
            request.is_given_up = not future.done() or future.cancelled()

    async def forget(self) -> None:
        """See `core.protocols.forget`."""
        await self._worker.do(self._forget)

    def _forget(self) -> None:
        self._scores.clear()
        self._lane.forget()

    def _step(self, requests: list[_Request]) -> bool:
        for request in requests:
            request.charge(Cost(prm_calls=1))
            self._open[request] = None
            self._ask(request)
        for critique in self._critiques.values():
            if critique.job is not None and all(r.is_given_up for r in critique.requests):
                critique.job.cancelled = True
        with torch.inference_mode():
            self._decoder.tick()
            has_news = bool(requests or self._ended)
            self._read_verdicts()
        if has_news:
            for request in list(self._open):
                self._answer(request)
        while len(self._scores) > _REMEMBERED_SCORES and not self._open:
            self._scores.popitem(last=False)
        return not self._decoder.is_idle

    def _ask(self, request: _Request) -> None:
        """Ask for a critique of every prefix without a score that nobody has asked for yet."""
        for prefix in request.prefixes:
            if prefix in self._critiques:
                self._critiques[prefix].requests.append(request)
            elif prefix not in self._scores:
                critique = _Critique(prefix, [request])
                self._critiques[prefix] = critique
                critique.job = self._job(critique)
                self._decoder.submit(critique.job)

    def _job(self, critique: _Critique) -> Job:
        def done(_: Job) -> None:
            self._ended.append(critique)

        ids = self._interview.prompt(critique.prefix[0], critique.prefix[1:])
        room = self._context - len(ids) - self._interview.n_question
        return Job(
            ids=np.array(ids, dtype=np.int64),
            n=1,
            max_new_tokens=min(self._max_tokens, room),
            temperature=0.0,
            top_p=1.0,
            seed=0,
            first=0,
            deadline=None,
            stop_at_step=True,
            done=done,
            is_kept=True,
        )

    def _read_verdicts(self) -> None:
        ended, self._ended = self._ended, []
        for critique in ended:
            del self._critiques[critique.prefix]
            self._charge_writing(critique)
        whole = [c for c in ended if c.job is not None and not c.job.cancelled]
        if whole:
            self._weigh(whole)
        for critique in ended:
            for request in critique.requests:
                if critique not in whole and not request.is_given_up:
                    self._ask(request)  # it asked while the critique was being given up

    def _weigh(self, critiques: Sequence[_Critique]) -> None:
        texts = [self._text(c) for c in critiques]
        computed = self._lane.compute(texts, [len(ids) - 1 for ids in texts])
        needed = [self._reader.positions(0, len(ids) - 1) for ids in texts]
        values = self._lane.read(self._reader, texts, needed, computed)
        for critique, n, value in zip(critiques, computed.n_new.tolist(), values, strict=True):
            self._scores[critique.prefix] = self._reader.score(value)
            critique.requests[0].charge(self._cost(n))

    def _text(self, critique: _Critique) -> np.ndarray:
        assert critique.job is not None
        written = critique.job.written[0]
        critique_ids = written.ids[:-1] if written.finish == "stop" else written.ids
        question = self._interview.with_question(critique_ids)
        return np.concatenate([critique.job.ids, np.array(question, dtype=np.int64)])

    def _charge_writing(self, critique: _Critique) -> None:
        assert critique.job is not None
        written = sum(len(w.ids) for w in critique.job.written.values())
        critique.requests[0].charge(self._cost(critique.job.computed + written, critique.job.reused))

    def _cost(self, computed: int, reused: int = 0) -> Cost:
        return Cost(
            prm_tokens=computed,
            prm_reused_tokens=reused,
            flops=inference_flops(self.n_parameters, computed),
        )

    def _answer(self, request: _Request) -> None:
        if request.is_given_up:
            del self._open[request]
        elif all(prefix in self._scores for prefix in request.prefixes):
            del self._open[request]
            hand_back(request.future, [self._scores[prefix] for prefix in request.prefixes])

    def _fail(self, requests: list[_Request], error: Exception) -> None:
        failure = BackendError(f"{self.name} failed: {error}")
        lost = dict.fromkeys([*self._open, *requests])
        self._decoder.abandon()
        self._open, self._critiques, self._ended = {}, {}, []
        for request in lost:
            hand_back(request.future, failure)
