"""A policy run by `transformers`, on a CPU or a GPU: any causal LM with full attention."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Any

import numpy as np
import torch

from tts_select.core.cost import Cost, inference_flops
from tts_select.core.errors import BackendError, InputError, ProblemTooLong
from tts_select.core.protocols import Continuation, Meter, SampleRequest
from tts_select.executors.prompts.rendering import (
    NO_STEPS_WHEN_THINKING,
    renderer_for,
    solution_tokens_for,
)
from tts_select.executors.runtime.cache_budget import shared_tree
from tts_select.executors.runtime.decoding import Decoder, Job, RowOutput
from tts_select.executors.runtime.endings import end_ids, ids_that_may_close
from tts_select.executors.runtime.loading import LoadedModel, unknown_words
from tts_select.executors.runtime.worker import Worker, hand_back


class TransformersPolicy:
    """Requests of all searches in flight are batched together, at most `max_rows` samples at once."""

    def __init__(
        self,
        loaded: LoadedModel,
        *,
        name: str,
        prompt: str | None = None,
        thinking: bool | None = None,
        step_delimiter: str = "\n\n",
        max_rows: int = 256,
    ) -> None:
        """`prompt` and `thinking` as in `renderer_for`."""
        self.name = name
        self.n_parameters = loaded.n_parameters
        self.step_delimiter = step_delimiter
        self._context = loaded.context
        self._tokenizer = loaded.tokenizer
        self._renderer = renderer_for(
            loaded.tokenizer, delimiter=step_delimiter, prompt=prompt, thinking=thinking
        )
        self.fingerprint = self._renderer.prompt.mark(loaded.fingerprint)
        self.thinks = self._renderer.thinks
        self.why_no_steps = NO_STEPS_WHEN_THINKING if self.thinks else None
        self.solution_tokens = solution_tokens_for(thinks=self.thinks)
        self._tree = shared_tree(loaded.model)
        self._decoder = Decoder(
            loaded.model,
            self._tree,
            end_ids=end_ids(loaded.model, loaded.tokenizer),
            # not a method of this object: a circle of references would keep the cache until it is found
            is_step_end=partial(_is_step_end, loaded.tokenizer, step_delimiter),
            step_end_ids=ids_that_may_close(step_delimiter, loaded.tokenizer),
            max_rows=max_rows,
        )
        self._worker = Worker(self._step, self._fail)

    async def sample(self, request: SampleRequest, meter: Meter) -> list[Continuation]:
        """See `Policy.sample`."""
        if request.n == 0:
            return []
        ids = self._encode(request)
        future: asyncio.Future[Job] = asyncio.get_running_loop().create_future()
        job = self._job(request, ids, meter, future)
        self._worker.submit(job)
        try:
            await future
        finally:
            job.cancelled = not future.done() or future.cancelled()
        return [self._continuation(job.written[k], request) for k in range(request.n)]

    async def forget(self) -> None:
        """See `core.protocols.forget`."""
        await self._worker.do(self._tree.clear)

    def _encode(self, request: SampleRequest) -> np.ndarray:
        text = self._renderer.text_of(request)
        ids = np.array(self._renderer.ids(text), dtype=np.int64)
        if len(ids) >= self._context:
            raise ProblemTooLong(n_tokens=len(ids), context=self._context, model=self.name)
        unknown = self._tokenizer.unk_token_id
        if unknown is not None and not request.steps and unknown in ids:
            raise InputError(self._unknown_words(text))
        return ids

    def _unknown_words(self, text: str) -> str:
        words = ", ".join(f"'{word}'" for word in unknown_words(text, self._tokenizer)[:8])
        return (
            f"{self.name} does not know {words}: the embedded models read only the problems of "
            "`tts-select world problems`; for others name a real model, as in --policy hf:ORG/NAME"
        )

    def _job(self, request: SampleRequest, ids: np.ndarray, meter: Meter, future: asyncio.Future[Job]) -> Job:
        def done(job: Job) -> None:
            meter.charge(self._cost(job))
            hand_back(future, job.error or job)

        return Job(
            ids=ids,
            n=request.n,
            max_new_tokens=min(request.max_new_tokens, self._context - len(ids)),
            temperature=request.temperature,
            top_p=request.top_p,
            seed=request.seed,
            first=request.first,
            deadline=request.deadline,
            stop_at_step=request.stop_at_step,
            done=done,
            top_logprobs=request.top_logprobs,
        )

    def _cost(self, job: Job) -> Cost:
        generated = sum(len(w.ids) for w in job.written.values())
        return Cost(
            policy_prompt_tokens=job.computed,
            policy_reused_tokens=job.reused,
            policy_generated_tokens=generated,
            policy_calls=1,
            flops=inference_flops(self.n_parameters, job.computed + generated),
        )

    def _continuation(self, written: RowOutput, request: SampleRequest) -> Continuation:
        ids = written.ids[:-1] if written.finish == "stop" else written.ids
        text = self._tokenizer.decode(ids, skip_special_tokens=self._renderer.is_chat)
        if request.stop_at_step:
            text = text.split(self.step_delimiter)[0]
        text = self._renderer.solution(text, ended=written.finish == "stop")
        return Continuation(text, written.finish, len(written.ids), written.logprob, written.certainty)

    def _step(self, requests: list[Job]) -> bool:
        for job in requests:
            self._decoder.submit(job)
        with torch.inference_mode():
            self._decoder.tick()
        return not self._decoder.is_idle

    def _fail(self, _requests: list[Job], error: Exception) -> None:
        for job in self._decoder.abandon():
            job.error = BackendError(f"{self.name} failed: {error}")
            job.done(job)


def _is_step_end(tokenizer: Any, delimiter: str, ids: list[int]) -> bool:
    return delimiter in tokenizer.decode(ids[-8:])
