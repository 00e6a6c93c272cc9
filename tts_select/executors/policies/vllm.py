"""A policy run by vLLM in this process: its scheduler batches requests, its prefix cache shares prompts."""

from __future__ import annotations

import asyncio
import itertools
import math
import time
import weakref
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tts_select.core.certainty import mean, token_certainty
from tts_select.core.cost import Cost, inference_flops
from tts_select.core.errors import BackendError, InputError, ProblemTooLong
from tts_select.core.protocols import Continuation, ContinuationFinish, Meter, SampleRequest
from tts_select.core.seeds import derive_seed
from tts_select.data.fingerprint import fingerprint_of
from tts_select.executors.backend_options import VllmOptions
from tts_select.executors.policies.sizes import size_in_folder, size_in_name
from tts_select.executors.prompts.rendering import (
    NO_STEPS_WHEN_THINKING,
    renderer_for,
    solution_tokens_for,
)
from tts_select.executors.runtime.background import BackgroundLoop
from tts_select.executors.runtime.endings import ids_that_close
from tts_select.executors.runtime.loading import load_tokenizer
from tts_select.executors.runtime.vllm_engine import (
    as_prompt,
    check_vllm,
    forget_prefixes,
    imported_vllm,
    shut_down,
    started_engine,
)


class VllmPolicy:
    """Sample k has a seed of its own, and is a request of its own to the engine: each is stopped, counted
    and aborted alone, and the prompt that they share is found in the prefix cache."""

    step_delimiter = "\n\n"

    def __init__(self, source: str, options: VllmOptions, engine: dict[str, Any], *, name: str) -> None:
        """`engine` are arguments of vLLM's `AsyncEngineArgs`.

        Raises:
            InputError: an option cannot be used, or the folder is not a model's.
            BackendError: vLLM is not installed, or cannot load the model.
        """
        check_vllm()
        self.name = name
        self._tokenizer = load_tokenizer(source)
        self._renderer = renderer_for(
            self._tokenizer,
            delimiter=self.step_delimiter,
            prompt=options.prompt,
            thinking=options.thinking,
        )
        self.fingerprint = self._renderer.prompt.mark(fingerprint_of(Path(source), source))
        self.thinks = self._renderer.thinks
        self.why_no_steps = NO_STEPS_WHEN_THINKING if self.thinks else None
        self.solution_tokens = solution_tokens_for(thinks=self.thinks)
        self.n_parameters: int | None = _size(source, options)
        self._closing_ids = sorted(ids_that_close(self.step_delimiter, self._tokenizer))
        self._vllm = imported_vllm()
        self._background = BackgroundLoop("tts-select-vllm")
        self._engine = started_engine(self._vllm, source, engine, self._background)
        self._end = weakref.finalize(self, shut_down, self._engine, self._background)
        self._context = int(self._engine.model_config.max_model_len)
        self._most_logprobs = _most_logprobs(self._engine.model_config)
        self._ids = itertools.count()

    def close(self) -> None:
        """End the engine and free its memory. It happens by itself when nothing refers to the policy."""
        self._end()

    async def forget(self) -> None:
        """See `core.protocols.forget`."""
        await self._background.run(forget_prefixes(self._engine, self.name))

    async def sample(self, request: SampleRequest, meter: Meter) -> list[Continuation]:
        """See `Policy.sample`."""
        ids = self._renderer.ids(self._renderer.text_of(request))
        if len(ids) >= self._context:
            raise ProblemTooLong(n_tokens=len(ids), context=self._context, model=self.name)
        return await self._background.run(self._sample(request, ids, meter))

    async def _sample(self, request: SampleRequest, ids: list[int], meter: Meter) -> list[Continuation]:
        found = await asyncio.gather(
            *(self._one(request, ids, k, meter) for k in range(request.n)), return_exceptions=True
        )
        written = [c for c in found if isinstance(c, Continuation)]
        errors = [e for e in found if isinstance(e, BaseException)]
        if not errors:
            return written
        if not isinstance(errors[0], BackendError):
            raise errors[0]
        errors[0].written = written
        errors[0].lost_tokens = sum(getattr(error, "lost_tokens", 0) for error in errors)
        raise errors[0]

    async def _one(self, request: SampleRequest, ids: list[int], k: int, meter: Meter) -> Continuation:
        so_far = _SoFar(n_prompt=len(ids))
        left = None if request.deadline is None else max(0.0, request.deadline - time.monotonic())
        try:
            async with asyncio.timeout(left), aclosing(self._outputs(request, ids, k)) as outputs:
                async for output in outputs:
                    so_far.take(output)
        except TimeoutError:
            so_far.finish = "deadline"
        except self._vllm.refusal as error:
            raise InputError(f"vLLM does not take the request: {error}") from error
        except self._vllm.failures as error:
            raise _lost(f"{self.name} failed: {error}", so_far) from error
        finally:
            meter.charge(self._cost(so_far))
        return self._continuation(so_far, request)

    def _outputs(self, request: SampleRequest, ids: list[int], k: int) -> AsyncGenerator[Any, None]:
        kind = self._vllm.output_kind
        top = min(request.top_logprobs, self._most_logprobs)
        sampling = self._vllm.sampling_params(
            n=1,
            seed=derive_seed(request.seed, request.first + k),
            temperature=request.temperature,
            top_p=request.top_p,
            max_tokens=min(request.max_new_tokens, self._context - len(ids)),
            stop=[self.step_delimiter] if request.stop_at_step else None,
            # the engine itself stops at a token. A stop string is found in this process, and by the time that
            # the engine hears of it, it has written on: more than the step, where steps are short
            stop_token_ids=self._closing_ids if request.stop_at_step else None,
            # a stop string is looked for in the text; else the tokens are decoded once, when all are there,
            # since token by token, as vLLM does it, is the dearest thing beside the engine
            detokenize=request.stop_at_step,
            # 0: of the sampled token alone
            logprobs=top or (0 if request.logprobs else None),
            flat_logprobs=bool(top) or request.logprobs,
            output_kind=kind.FINAL_ONLY if request.deadline is None else kind.DELTA,
            **self._vllm.of_one_request,
        )
        outputs: AsyncGenerator[Any, None] = self._engine.generate(
            as_prompt(ids), sampling, f"{self.name}-{next(self._ids)}"
        )
        return outputs

    def _continuation(self, so_far: _SoFar, request: SampleRequest) -> Continuation:
        # a second end token, as chat models have it, is named as a reason too
        at_step = request.stop_at_step and so_far.stopped_by in (self.step_delimiter, *self._closing_ids)
        meanings: dict[str | None, ContinuationFinish] = {
            "stop": "step" if at_step else "stop",
            "length": "length",
            "deadline": "deadline",
        }
        if so_far.finish not in meanings:
            raise _lost(f"{self.name} failed: vLLM ended a solution with '{so_far.finish}'", so_far)
        finish = meanings[so_far.finish]
        text = self._text(so_far.ids, ended=finish == "stop")
        if request.stop_at_step:
            text = text.split(self.step_delimiter)[0]
        text = self._renderer.solution(text, ended=finish == "stop")
        certainty = so_far.certainty if request.top_logprobs else math.nan
        return Continuation(text, finish, so_far.n_tokens, so_far.logprob, certainty)

    def _text(self, ids: list[int], *, ended: bool) -> str:
        """Return the text without the token that ended the solution."""
        text: str = self._tokenizer.decode(ids[:-1] if ended else ids, skip_special_tokens=True)
        return text

    def _cost(self, so_far: _SoFar) -> Cost:
        computed = so_far.n_prompt - so_far.n_cached if so_far.is_begun else 0
        return Cost(
            policy_prompt_tokens=computed,
            policy_reused_tokens=so_far.n_cached,
            policy_generated_tokens=so_far.n_tokens,
            policy_calls=1,
            flops=inference_flops(self.n_parameters, computed + so_far.n_tokens),
        )


@dataclass(slots=True)
class _SoFar:
    """What the engine has given of one sample, in one piece or in many."""

    n_prompt: int
    ids: list[int] = field(default_factory=list)
    logprob: float = 0.0
    finish: str | None = None
    stopped_by: Any = None
    n_cached: int = 0
    is_begun: bool = False
    certainties: list[float] = field(default_factory=list)
    """Of its tokens, where the engine gives the most likely ones of each."""

    @property
    def certainty(self) -> float:
        """That of all tokens so far."""
        return mean(self.certainties)

    @property
    def n_tokens(self) -> int:
        """The number of tokens sampled so far."""
        return len(self.ids)

    def take(self, output: Any) -> None:
        """Add a piece."""
        (piece,) = output.outputs
        self.ids += piece.token_ids
        self.logprob = math.nan if piece.cumulative_logprob is None else piece.cumulative_logprob
        self.certainties += _certainties(piece.logprobs)
        self.finish, self.stopped_by = piece.finish_reason, piece.stop_reason
        self.n_cached = output.num_cached_tokens or 0
        self.is_begun = True


def _certainties(flat: Any | None) -> list[float]:
    """The certainty of each token, from vLLM's `FlatLogprobs`: of each token the sampled one comes first, and
    then the most likely ones."""
    if flat is None:
        return []
    places = zip(flat.start_indices, flat.end_indices, strict=True)
    return [token_certainty(flat.logprobs[start + 1 : end]) for start, end in places]


def _most_logprobs(model_config: Any) -> int:
    """The most log-probabilities that the engine gives for a token; it takes -1 for its whole vocabulary."""
    most, vocabulary = int(model_config.max_logprobs), int(model_config.get_vocab_size())
    return vocabulary if most < 0 else min(most, vocabulary)


def _lost(reason: str, so_far: _SoFar) -> BackendError:
    error = BackendError(reason)
    error.lost_tokens = so_far.n_tokens
    return error


def _size(source: str, options: VllmOptions) -> int | None:
    if options.params is not None:
        return round(float(options.params))
    if Path(source).is_dir():
        return size_in_folder(Path(source))
    return size_in_name(source)
