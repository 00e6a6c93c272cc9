"""A PRM run by `transformers`: a causal LM that weighs two signs at the end of each step.

Scores of many candidates are computed together; the keys and values of every scored prefix are kept, so a
beam that grows by a step costs the tokens of that step; the vocabulary is projected at step ends only.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import torch

from tts_select.core.cost import Cost, inference_flops
from tts_select.core.errors import BackendError, InputError, ProblemTooLong
from tts_select.core.protocols import Meter
from tts_select.executors.rewards.formats import SignFormat
from tts_select.executors.runtime.loading import LoadedModel
from tts_select.executors.runtime.prefix_tree import PrefixTree
from tts_select.executors.runtime.ragged import RaggedCache, cache_tokens, right_aligned
from tts_select.executors.runtime.worker import Worker

_REMEMBERED_SCORES = 200_000
_BATCH_TOKENS = 8192

Prefix = tuple[str, ...]
"""A problem and its first steps: what a score belongs to."""


@dataclass(slots=True, eq=False)
class _Job:
    """`ends[k]` is the index of the token that closes step k; `missing` are the steps without a score yet."""

    ids: np.ndarray
    ends: list[int]
    prefixes: list[Prefix]
    scores: list[float | None]
    meter: Meter | None
    loop: asyncio.AbstractEventLoop
    future: asyncio.Future[list[float]]
    missing: list[int] = field(default_factory=list)


class TransformersRewardModel:
    """See `RewardModel`."""

    def __init__(self, loaded: LoadedModel, *, name: str, format: SignFormat) -> None:
        self.name = name
        self.n_parameters = loaded.n_parameters
        self.fingerprint = loaded.fingerprint
        self._context = loaded.context
        self._model, self._tokenizer, self._format = loaded.model, loaded.tokenizer, format
        self._signs = [self._sign_id(format.good), self._sign_id(format.bad)]
        self._tree = PrefixTree(cache_tokens(loaded.model))
        self._remembered: OrderedDict[Prefix, float] = OrderedDict()
        self._worker = Worker(self._step, self._fail)

    async def score(self, problem: str, steps: Sequence[str], *, meter: Meter | None = None) -> list[float]:
        """See `RewardModel.score`."""
        if empty := [k for k, step in enumerate(steps) if not step.strip()]:
            raise ValueError(f"step {empty[0] + 1} is empty; an empty step cannot be scored")
        if not steps:
            return []
        loop = asyncio.get_running_loop()
        future: asyncio.Future[list[float]] = loop.create_future()
        ids, ends = self._encode(problem, steps)
        prefixes = [(problem, *steps[: k + 1]) for k in range(len(steps))]
        job = _Job(ids, ends, prefixes, [None] * len(steps), meter, loop, future)
        self._worker.submit(job)
        return await future

    def _sign_id(self, sign: str) -> int:
        ids = self._tokenizer(sign, add_special_tokens=False)["input_ids"]
        if len(ids) != 1 or ids[0] == self._tokenizer.unk_token_id:
            raise InputError(
                f"{self.name} has no single token '{sign}': it is not a PRM of this format, "
                "choose another one with --prm-format"
            )
        return int(ids[0])

    def _encode(self, problem: str, steps: Sequence[str]) -> tuple[np.ndarray, list[int]]:
        """The text is tokenised piece by piece, so that a step's tokens never depend on what follows it."""
        pieces = [self._format.prompt_template.format(problem=problem)]
        pieces += [step + self._format.separator for step in steps]
        encoded = self._tokenizer(pieces, add_special_tokens=False)["input_ids"]
        ids = np.array([i for piece in encoded for i in piece], dtype=np.int64)
        ends = np.cumsum([len(piece) for piece in encoded])[1:] - 1
        if len(ids) > self._context:
            raise ProblemTooLong(n_tokens=len(ids), context=self._context, model=self.name)
        return ids, [int(e) for e in ends]

    def _step(self, jobs: list[_Job]) -> bool:
        """Score everything that is waiting, parents before their children so that these find them cached."""
        waiting = sorted(jobs, key=lambda j: len(j.ids))
        with torch.inference_mode():
            while waiting:
                batch, waiting = self._next_batch(waiting)
                if batch:
                    self._forward(batch)
        return False

    def _next_batch(self, waiting: list[_Job]) -> tuple[list[_Job], list[_Job]]:
        """Jobs of distinct texts up to the token limit; a job with nothing to compute is answered at once."""
        batch: list[_Job] = []
        later: list[_Job] = []
        taken: set[Prefix] = set()
        room = _BATCH_TOKENS
        for job in waiting:
            job.scores = [self._remembered.get(prefix) for prefix in job.prefixes]
            job.missing = [k for k, score in enumerate(job.scores) if score is None]
            if not job.missing:
                self._answer(job, computed=0)
            elif room <= 0 or job.prefixes[-1] in taken:
                later.append(job)
            else:
                taken.add(job.prefixes[-1])
                batch.append(job)
                room -= len(job.ids) - (job.ends[job.missing[0] - 1] if job.missing[0] else 0)
        return batch, later

    def _forward(self, batch: list[_Job]) -> None:
        segments = [self._tree.match(j.ids, j.ends[j.missing[0]]) for j in batch]
        reused = [sum(s.shape[-2] for s in row) for row in segments]
        new = [job.ids[r:] for job, r in zip(batch, reused, strict=True)]
        lengths = np.array([len(ids) for ids in new])
        cache = RaggedCache.from_segments(self._model, segments, lengths.tolist())
        ids = right_aligned(new, self._model.device)
        hidden = cache.forward(self._model.base_model, ids, lengths).last_hidden_state
        rows = [i for i, job in enumerate(batch) for _ in job.missing]
        columns = [ids.shape[1] - len(job.ids) + job.ends[k] for job in batch for k in job.missing]
        head = self._model.get_output_embeddings()
        weighed = head(hidden[rows, columns])[:, self._signs].float().softmax(-1)[:, 0]
        scores = iter(weighed.tolist())
        for i, job in enumerate(batch):
            self._tree.insert(job.ids, cache.row(i, int(lengths[i])))
            for k in job.missing:
                job.scores[k] = self._remember(job.prefixes[k], next(scores))
            self._answer(job, computed=int(lengths[i]))

    def _remember(self, prefix: Prefix, score: float) -> float:
        self._remembered[prefix] = score
        if len(self._remembered) > _REMEMBERED_SCORES:
            self._remembered.popitem(last=False)
        return score

    def _answer(self, job: _Job, *, computed: int) -> None:
        if job.meter is not None:
            job.meter.charge(
                Cost(
                    prm_tokens=computed,
                    prm_reused_tokens=len(job.ids) - computed,
                    prm_calls=1,
                    flops=inference_flops(self.n_parameters, computed),
                )
            )
        scores = [s for s in job.scores if s is not None]
        job.loop.call_soon_threadsafe(_resolve, job.future, scores)

    def _fail(self, jobs: list[_Job], error: Exception) -> None:
        failure = BackendError(f"{self.name} failed: {error}")
        for job in jobs:
            job.loop.call_soon_threadsafe(_reject, job.future, failure)


def _resolve(future: asyncio.Future[list[float]], scores: list[float]) -> None:
    if not future.done():
        future.set_result(scores)


def _reject(future: asyncio.Future[list[float]], error: Exception) -> None:
    if not future.done():
        future.set_exception(error)
