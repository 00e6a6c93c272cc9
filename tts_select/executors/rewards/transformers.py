"""A PRM run by `transformers`: a causal LM whose logits at certain positions are read as scores.

Texts are scored step by step, all that are waiting together, so that every distinct prefix is computed once,
whoever asks for it; its keys and values and its score are kept for those that grow from it.
"""

from __future__ import annotations

import asyncio
import math
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from tts_select.core.cost import Cost, inference_flops
from tts_select.core.errors import BackendError, ProblemTooLong
from tts_select.core.protocols import Meter
from tts_select.executors.rewards.formats import PrmFormat
from tts_select.executors.rewards.reading import reader_of
from tts_select.executors.runtime.loading import LoadedModel
from tts_select.executors.runtime.prefix_tree import PrefixTree
from tts_select.executors.runtime.ragged import RaggedCache, cache_tokens, right_aligned
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
    """See `RewardModel`."""

    def __init__(self, loaded: LoadedModel, *, name: str, format: PrmFormat) -> None:
        self.name = name
        self.n_parameters = loaded.n_parameters
        self.fingerprint = loaded.fingerprint
        self._context = loaded.context
        self._model, self._tokenizer, self._format = loaded.model, loaded.tokenizer, format
        self._reader = reader_of(format, loaded.tokenizer, name)
        self._tree = PrefixTree(cache_tokens(loaded.model))
        self._log_scores: OrderedDict[Prefix, float] = OrderedDict()
        self._worker = Worker(self._step, self._fail)

    async def score(self, problem: str, steps: Sequence[str], *, meter: Meter | None = None) -> list[float]:
        """See `RewardModel.score`."""
        if empty := [k for k, step in enumerate(steps) if not step.strip()]:
            raise ValueError(f"step {empty[0] + 1} is empty; an empty step cannot be scored")
        if not steps:
            return []
        future: asyncio.Future[list[float]] = asyncio.get_running_loop().create_future()
        ids, closed = self._encode(problem, steps)
        self._worker.submit(_Job(ids, closed, (problem, *steps), meter, future))
        return await future

    def _encode(self, problem: str, steps: Sequence[str]) -> tuple[np.ndarray, list[int]]:
        """The text is tokenised piece by piece, so that a step's tokens never depend on what follows it."""
        pieces = [self._format.prompt_template.format(problem=problem)]
        pieces += [step + self._format.separator for step in steps]
        encoded = self._tokenizer(pieces, add_special_tokens=False)["input_ids"]
        ids = np.array([i for piece in encoded for i in piece], dtype=np.int64)
        closed = np.cumsum([len(piece) for piece in encoded]) - 1
        if len(ids) > self._context:
            raise ProblemTooLong(n_tokens=len(ids), context=self._context, model=self.name)
        return ids, closed.tolist()

    def _step(self, jobs: list[_Job]) -> bool:
        """Score everything that is waiting, each depth after the one that it grows from."""
        with torch.inference_mode():
            for depth in range(max(len(job.text) for job in jobs)):
                for batch in _batches(self._unknown(jobs, depth)):
                    self._compute(batch)
        for job in jobs:
            self._answer(job)
        while len(self._log_scores) > _REMEMBERED_SCORES:
            self._log_scores.popitem(last=False)
        return False

    def _unknown(self, jobs: Sequence[_Job], depth: int) -> list[_Unit]:
        """The distinct prefixes of this depth without a score, and the prompts that others grow from."""
        units: dict[Prefix, _Unit] = {}
        for job in jobs:
            if depth < len(job.text) and job.text[: max(depth, 1) + 1] not in self._log_scores:
                unit = _Unit(job, depth)
                units.setdefault(unit.prefix, unit)
        return [u for u in units.values() if depth or not self._is_cached(u.ids)]

    def _is_cached(self, ids: np.ndarray) -> bool:
        return sum(s.shape[-2] for s in self._tree.match(ids, len(ids))) == len(ids)

    def _compute(self, units: Sequence[_Unit]) -> None:
        needed = [self._reader.positions(u.start, u.job.closed[u.depth]) for u in units]
        # a step shares what is before it, never its first tokens with a sibling that happened to come first:
        # so the bill of a step does not depend on the order of arrival
        limits = [
            min(n.start, u.start + 1) if u.depth else len(u.ids) - 1
            for n, u in zip(needed, units, strict=True)
        ]
        segments = [self._tree.match(u.ids, limit) for u, limit in zip(units, limits, strict=True)]
        known = [sum(s.shape[-2] for s in row) for row in segments]
        new = [u.ids[k:] for u, k in zip(units, known, strict=True)]
        lengths = np.array([len(ids) for ids in new])
        cache = RaggedCache.from_segments(self._model, segments, lengths.tolist())
        ids = right_aligned(new, self._model.device)
        hidden = cache.forward(self._model.base_model, ids, lengths).last_hidden_state
        for i, unit in enumerate(units):
            unit.job.computed += int(lengths[i])
            self._tree.insert(unit.ids, cache.row(i, int(lengths[i])))
        if units[0].depth:
            self._read(units, needed, hidden)

    def _read(self, units: Sequence[_Unit], needed: Sequence[range], hidden: torch.Tensor) -> None:
        """The vocabulary is projected at the needed positions only."""
        width = hidden.shape[1]
        places = [(i, p) for i, positions in enumerate(needed) for p in positions]
        rows = torch.tensor([i for i, _ in places], device=hidden.device)
        columns = torch.tensor([width - len(units[i].ids) + p for i, p in places], device=hidden.device)
        # a sign is read at a text's last token, which nothing follows: that reader ignores what stands there
        next_ids = [int(units[i].ids[min(p + 1, len(units[i].ids) - 1)]) for i, p in places]
        is_end = [p + 2 == len(units[i].ids) for i, p in places]
        logits = self._model.get_output_embeddings()(hidden[rows, columns]).float()
        read = self._reader.log_scores(
            logits,
            torch.tensor(next_ids, device=hidden.device),
            torch.tensor(is_end, device=hidden.device),
        )
        sums = torch.zeros(len(units), device=hidden.device).index_add_(0, rows, read)
        for unit, log_score in zip(units, sums.tolist(), strict=True):
            before = self._log_scores.get(unit.prefix[:-1], 0.0) if self._reader.is_cumulative else 0.0
            self._log_scores[unit.prefix] = before + log_score

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
        scores = [math.exp(self._log_scores[job.text[: k + 1]]) for k in range(1, len(job.text))]
        hand_back(job.future, scores)

    def _fail(self, jobs: list[_Job], error: Exception) -> None:
        failure = BackendError(f"{self.name} failed: {error}")
        for job in jobs:
            hand_back(job.future, failure)


def _batches(units: Sequence[_Unit]) -> Iterator[list[_Unit]]:
    """Cut by the tokens of their texts, similar lengths together."""
    batch: list[_Unit] = []
    n_tokens = 0
    for unit in sorted(units, key=lambda u: len(u.ids)):
        n_new = len(unit.ids) - unit.start
        if batch and n_tokens + n_new > _BATCH_TOKENS:
            yield batch
            batch, n_tokens = [], 0
        batch.append(unit)
        n_tokens += n_new
    if batch:
        yield batch
