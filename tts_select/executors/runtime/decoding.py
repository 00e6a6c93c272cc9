"""Continuous batching: rows of all requests decode together, join as they come and leave as they end."""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch

from tts_select.core.protocols import ContinuationFinish
from tts_select.core.seeds import derive_seed
from tts_select.executors.runtime.prefix_tree import PrefixTree
from tts_select.executors.runtime.ragged import RaggedCache, right_aligned
from tts_select.executors.runtime.sampling import sample_tokens, token_certainties, uniforms


@dataclass(frozen=True, slots=True)
class RowOutput:
    """What one row wrote; `ids` end with the token that ended it, if any did."""

    ids: list[int]
    finish: ContinuationFinish
    logprob: float
    certainty: float = math.nan


@dataclass(slots=True, eq=False)
class Job:
    """A sampling request in tokens. `done` is called once, from the worker's thread."""

    ids: np.ndarray
    n: int
    max_new_tokens: int
    temperature: float
    top_p: float
    seed: int
    first: int
    deadline: float | None
    stop_at_step: bool
    done: Callable[[Job], None]
    is_kept: bool = False
    """Whether the keys and values of what was written stay in the tree however it ends, instead of at a step
    only: something is to be read behind it."""
    cancelled: bool = False
    computed: int = 0
    reused: int = 0
    written: dict[int, RowOutput] = field(default_factory=dict)
    n_admitted: int = 0
    error: Exception | None = None
    top_logprobs: int = 0
    """As in `SampleRequest`."""


@dataclass(slots=True, eq=False)
class _Row:
    job: Job
    index: int
    seed: int
    ids: list[int] = field(default_factory=list)
    logprob: float = 0.0
    certainty: float = 0.0
    """Of all of its tokens, added up."""

    @property
    def output_certainty(self) -> float:
        mean = self.certainty / len(self.ids) if self.job.top_logprobs else math.nan
        return mean if math.isfinite(mean) else math.nan


class Decoder:
    """Owns the active rows; `tick` advances each by one token."""

    def __init__(
        self,
        model: Any,
        tree: PrefixTree,
        *,
        end_ids: frozenset[int],
        is_step_end: Callable[[list[int]], bool],
        step_end_ids: frozenset[int],
        max_rows: int,
    ) -> None:
        self._model, self._tree = model, tree
        self._end_ids, self._step_end_ids = end_ids, step_end_ids
        self._is_step_end = is_step_end
        self._max_rows = max_rows
        self._open: dict[Job, None] = {}
        self._waiting: deque[Job] = deque()
        self._rows: list[_Row] = []
        self._cache: RaggedCache | None = None
        self._logits: torch.Tensor | None = None

    @property
    def is_idle(self) -> bool:
        """Whether there is nothing to do."""
        return not self._rows and not self._waiting

    def submit(self, job: Job) -> None:
        """Queue a job; its rows join as soon as there is room."""
        self._open[job] = None
        self._waiting.append(job)

    def abandon(self) -> list[Job]:
        """Forget everything, after an error; returns the jobs that are lost."""
        lost = list(self._open)
        self._open.clear()
        self._waiting.clear()
        self._rows, self._cache, self._logits = [], None, None
        return lost

    def tick(self) -> None:
        """Admit what fits, then write one token in every row."""
        if self._waiting and (len(self._rows) <= 0.9 * self._max_rows):
            self._admit()
        if self._rows:
            self._write_one()
        if self._rows:
            self._feed()

    def _admit(self) -> None:
        batch: list[tuple[Job, int]] = []
        room = self._max_rows - len(self._rows)
        while self._waiting and room > 0:
            job = self._waiting[0]
            if job.cancelled:
                self._waiting.popleft()
                self._close(job)
                continue
            take = min(room, job.n - job.n_admitted)
            batch.append((job, take))
            room -= take
            if job.n_admitted + take == job.n:
                self._waiting.popleft()
        if batch:
            self._prefill(batch)

    def _prefill(self, batch: list[tuple[Job, int]]) -> None:
        """Compute what the tree does not hold of each distinct prompt, then make a row for each sample."""
        place: dict[bytes, int] = {}
        for job, _ in batch:
            place.setdefault(job.ids.tobytes(), len(place))
        prompts = [np.frombuffer(key, dtype=np.int64) for key in place]
        segments = [self._tree.match(ids, len(ids) - 1) for ids in prompts]
        known = [sum(s.shape[-2] for s in row) for row in segments]
        new = [ids[k:] for ids, k in zip(prompts, known, strict=True)]
        lengths = np.array([len(ids) for ids in new])
        cache = RaggedCache.from_segments(self._model, segments, lengths.tolist())
        ids = right_aligned(new, self._model.device)
        logits = cache.forward(self._model, ids, lengths, logits_to_keep=1).logits[:, -1]
        for i, prompt in enumerate(prompts):
            self._tree.insert(prompt, cache.row(i, int(lengths[i])))
        self._join(cache, logits, self._new_rows(batch, place, lengths.tolist()))

    def _new_rows(
        self, batch: list[tuple[Job, int]], place: dict[bytes, int], computed: list[int]
    ) -> list[int]:
        """Append a row for each sample; returns its prompt's index. The first to ask for a prompt pays."""
        picks: list[int] = []
        for job, take in batch:
            i = place[job.ids.tobytes()]
            job.computed += computed[i]
            job.reused += take * len(job.ids) - computed[i]
            computed[i] = 0
            for k in range(job.n_admitted, job.n_admitted + take):
                self._rows.append(_Row(job, k, derive_seed(job.seed, job.first + k)))
                picks.append(i)
            job.n_admitted += take
        return picks

    def _join(self, cache: RaggedCache, logits: torch.Tensor, picks: list[int]) -> None:
        cache.repeat(picks)
        logits = logits[picks]
        if self._cache is None or self._logits is None:
            self._cache, self._logits = cache, logits
        else:
            self._cache.append(cache)
            self._logits = torch.cat([self._logits, logits])

    def _write_one(self) -> None:
        assert self._logits is not None
        rows = self._rows
        uniform = uniforms(
            np.array([r.seed for r in rows], dtype=np.uint64), np.array([len(r.ids) for r in rows])
        )
        temperature = np.array([r.job.temperature for r in rows])
        top_p = np.array([r.job.top_p for r in rows])
        tokens, logprobs = sample_tokens(self._logits, temperature, top_p, uniform)
        self._add_certainty()
        now = time.monotonic()
        dead: list[int] = []
        for i, (row, token, logprob) in enumerate(zip(rows, tokens.tolist(), logprobs.tolist(), strict=True)):
            row.ids.append(token)
            row.logprob += logprob
            finish = self._finish(row, token, now)
            if finish is not None or row.job.cancelled:
                dead.append(i)
                self._release(i, row, finish or "length")
        if len(dead) == len(rows):
            self._rows, self._cache, self._logits = [], None, None
        elif dead and self._cache is not None:
            self._rows = [rows[i] for i in self._cache.drop(dead)]

    def _add_certainty(self) -> None:
        """Only where it was asked for: it sorts the vocabulary once more."""
        top = np.array([row.job.top_logprobs for row in self._rows])
        if self._logits is not None and top.any():
            for row, value in zip(self._rows, token_certainties(self._logits, top).tolist(), strict=True):
                row.certainty += value

    def _finish(self, row: _Row, token: int, now: float) -> ContinuationFinish | None:
        job = row.job
        if token in self._end_ids:
            return "stop"
        if job.stop_at_step and token in self._step_end_ids and self._is_step_end(row.ids):
            return "step"
        if len(row.ids) >= job.max_new_tokens:
            return "length"
        if job.deadline is not None and now >= job.deadline:
            return "deadline"
        return None

    def _release(self, i: int, row: _Row, finish: ContinuationFinish) -> None:
        job = row.job
        job.written[row.index] = RowOutput(row.ids, finish, row.logprob, row.output_certainty)
        if (finish == "step" or job.is_kept) and len(row.ids) > 1 and self._cache is not None:
            # the last token was not fed: its keys and values do not exist yet
            known = np.concatenate([job.ids, np.array(row.ids[:-1], dtype=np.int64)])
            self._tree.insert(known, self._cache.row(i, len(row.ids) - 1))
        if len(job.written) == job.n or (job.cancelled and len(job.written) == job.n_admitted):
            self._close(job)

    def _close(self, job: Job) -> None:
        if self._open.pop(job, job) is None:
            job.done(job)

    def _feed(self) -> None:
        assert self._cache is not None
        newest = torch.tensor([[r.ids[-1]] for r in self._rows], device=self._model.device)
        ones = np.ones(len(self._rows), dtype=np.int64)
        output = self._cache.forward(self._model, newest, ones, logits_to_keep=1)
        self._logits = output.logits[:, -1]
