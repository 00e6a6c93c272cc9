"""A PRM run by `transformers`: a model whose logits at certain positions are read as scores.

Texts are scored step by step, all that are waiting together, so that every distinct prefix is computed once,
whoever asks for it; its keys and values and its score are kept for those that grow from it.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from tts_select.core.cost import Cost, inference_flops
from tts_select.core.errors import BackendError, ProblemTooLong
from tts_select.core.protocols import Meter
from tts_select.executors.prms.checkpoints import Part
from tts_select.executors.prms.encoding import Encoder
from tts_select.executors.prms.formats import PrmFormat
from tts_select.executors.prms.lanes import Lane
from tts_select.executors.prms.reading import reader_of
from tts_select.executors.prms.rules import Verdict
from tts_select.executors.prms.validation import check_steps
from tts_select.executors.runtime.worker import Worker, hand_back

_REMEMBERED_SCORES = 200_000
_BATCH_TOKENS = 8192

Prefix = tuple[str, ...]
"""A problem and its first steps: what a score belongs to."""


@dataclass(slots=True, eq=False)
class _Job:
    """`closed[k]` is the index of the token that closes the prompt (k = 0) or step k."""

    ids: np.ndarray
    closed: list[int]
    text: Prefix
    meter: Meter | None
    future: asyncio.Future[list[float]]
    computed: int = 0


@dataclass(frozen=True, slots=True)
class _Unit:
    """A prefix to compute, on behalf of the job that asked first; depth 0 is the prompt alone."""

    job: _Job
    depth: int

    @property
    def prefix(self) -> Prefix:
        return self.job.text[: self.depth + 1]

    @property
    def ids(self) -> np.ndarray:
        return self.job.ids[: self.job.closed[self.depth] + 1]

    @property
    def start(self) -> int:
        """The index of the token that closes what is before."""
        return self.job.closed[self.depth - 1] if self.depth else 0


class TransformersRewardModel:
    """See `RewardModel`. `parts` are the models that take part; a token counts once on the bill, whatever
    their number, and its FLOPs are those of all of them."""

    def __init__(self, parts: Sequence[Part], *, name: str, format: PrmFormat) -> None:
        """Prepare to score with these parts.

        Raises:
            InputError: the tokenizer does not suit the format.
        """
        tokenizer = parts[0].loaded.tokenizer
        assert not isinstance(format.rule, Verdict)
        self.name = name
        self.n_parameters = sum(part.n_parameters for part in parts)
        self.fingerprint = format.mark("+".join(part.loaded.fingerprint for part in parts))
        self._context = min(part.loaded.context for part in parts)
        self._encoder = Encoder(format.layout, tokenizer, name)
        self._reader = reader_of(format.rule, tokenizer, name)
        self._lanes = [Lane(part) for part in parts]
        self._values: OrderedDict[Prefix, float] = OrderedDict()
        self._worker = Worker(self._step, self._fail)

    async def score(self, problem: str, steps: Sequence[str], *, meter: Meter | None = None) -> list[float]:
        """See `RewardModel.score`."""
        check_steps(steps)
        if not steps:
            return []
        ids, closed = self._encoder(problem, steps)
        if len(ids) > self._context:
            raise ProblemTooLong(n_tokens=len(ids), context=self._context, model=self.name)
        future: asyncio.Future[list[float]] = asyncio.get_running_loop().create_future()
        self._worker.submit(_Job(ids, closed, (problem, *steps), meter, future))
        return await future

    async def forget(self) -> None:
        """See `core.protocols.forget`."""
        await self._worker.do(self._forget)

    def _forget(self) -> None:
        self._values.clear()
        for lane in self._lanes:
            lane.forget()

    def _step(self, jobs: list[_Job]) -> bool:
        """Score everything that is waiting, each depth after the one that it grows from."""
        # the keys and values of a batch take no more memory than those that are kept
        slots = min(lane.tree.max_tokens for lane in self._lanes)
        with torch.inference_mode():
            for depth in range(max(len(job.text) for job in jobs)):
                for batch in _batches(self._unknown(jobs, depth), slots):
                    self._compute(batch)
        for job in jobs:
            self._answer(job)
        while len(self._values) > _REMEMBERED_SCORES:
            self._values.popitem(last=False)
        return False

    def _unknown(self, jobs: Sequence[_Job], depth: int) -> list[_Unit]:
        """The distinct prefixes of this depth without a score, and the prompts that others grow from."""
        units: dict[Prefix, _Unit] = {}
        for job in jobs:
            if depth < len(job.text) and job.text[: max(depth, 1) + 1] not in self._values:
                unit = _Unit(job, depth)
                units.setdefault(unit.prefix, unit)
        return [u for u in units.values() if depth or not all(lane.is_cached(u.ids) for lane in self._lanes)]

    def _compute(self, units: Sequence[_Unit]) -> None:
        texts = [u.ids for u in units]
        needed = [self._reader.positions(u.start, u.job.closed[u.depth]) for u in units]
        values = np.zeros(len(units))
        for lane in self._lanes:
            computed = lane.compute(texts, [self._limit(lane, unit) for unit in units])
            if units[0].depth:
                values += lane.read(self._reader, texts, needed, computed)
            if lane is self._lanes[0]:
                for unit, n in zip(units, computed.n_new.tolist(), strict=True):
                    unit.job.computed += n
        if units[0].depth:
            self._remember(units, values.tolist())

    def _limit(self, lane: Lane, unit: _Unit) -> int:
        """Return the token from which the text is computed, whatever is known of it.

        A step shares what is before it, never its first tokens with a sibling that happened to come first:
        so the bill of a step does not depend on the order of arrival.
        """
        if not unit.depth:
            return len(unit.ids) - 1
        end = unit.start + 1
        return unit.start if self._reader.reads_all and not lane.knows_end(unit.ids[:end]) else end

    def _remember(self, units: Sequence[_Unit], values: Sequence[float]) -> None:
        for unit, value in zip(units, values, strict=True):
            before = self._values.get(unit.prefix[:-1], 0.0) if self._reader.is_cumulative else 0.0
            self._values[unit.prefix] = before + value

    def _answer(self, job: _Job) -> None:
        if job.meter is not None:
            job.meter.charge(
                Cost(
                    prm_tokens=job.computed,
                    prm_reused_tokens=max(0, len(job.ids) - job.computed),
                    prm_calls=1,
                    flops=inference_flops(self.n_parameters, job.computed),
                )
            )
        values = [self._values[job.text[: k + 1]] for k in range(1, len(job.text))]
        hand_back(job.future, [self._reader.score(value) for value in values])

    def _fail(self, jobs: list[_Job], error: Exception) -> None:
        failure = BackendError(f"{self.name} failed: {error}")
        for job in jobs:
            hand_back(job.future, failure)


def _batches(units: Sequence[_Unit], slots: int) -> Iterator[list[_Unit]]:
    """Cut the units into batches by their new tokens and by the slots that their rows take, similar lengths
    together."""
    batch: list[_Unit] = []
    n_tokens = 0
    for unit in sorted(units, key=lambda u: len(u.ids)):
        n_new = len(unit.ids) - unit.start
        is_full = n_tokens + n_new > _BATCH_TOKENS or (len(batch) + 1) * len(unit.ids) > slots
        if batch and is_full:
            yield batch
            batch, n_tokens = [], 0
        batch.append(unit)
        n_tokens += n_new
    if batch:
        yield batch
