"""A policy behind an OpenAI-compatible server: vLLM, SGLang, llama.cpp, or a hosted one."""

from __future__ import annotations

import asyncio
import hashlib
import math
import weakref
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tts_select.core.certainty import mean, token_certainty
from tts_select.core.cost import Cost, inference_flops
from tts_select.core.errors import BackendError, ProblemTooLong
from tts_select.core.protocols import (
    Continuation,
    ContinuationFinish,
    Meter,
    SampleRequest,
    Told,
    charge_unsure,
)
from tts_select.core.seeds import derive_seed
from tts_select.executors.backend_options import OpenAIOptions
from tts_select.executors.openai_api.abilities import (
    CONTINUE,
    TELL_TOKENS,
    Abilities,
    as_api,
    ask_logprobs,
    find_abilities,
)
from tts_select.executors.openai_api.asking import ContextFull, Reply, ask
from tts_select.executors.openai_api.bounds import CANCELLED, UNTOLD
from tts_select.executors.openai_api.client import Body, Client, ServerError
from tts_select.executors.openai_api.passing import Passing
from tts_select.executors.openai_api.responses import CUT, ENDED, Choice, Usage
from tts_select.executors.policies.sizes import size_in_name
from tts_select.executors.prompts.rendering import (
    NO_STEPS_WHEN_THINKING,
    Renderer,
    renderer_for,
    solution_in,
    solution_tokens_for,
)
from tts_select.executors.prompts.templates import BARE, BOXED, PLAIN, THINKING, Prompt, prompt_named
from tts_select.executors.runtime.background import BackgroundLoop

_SEEDS = 1 << 30
"""The number of base seeds: with a sample's index a seed still has 31 bits, which every server takes."""
_MOST_AT_ONCE = 1 << 30
"""Samples that one request asks for, until the server refuses so many: OpenAI's writes 128, llama.cpp's as
many as it has slots."""


class OpenAIPolicy:
    """Asks for all samples of a request at once where the server counts each one's tokens, by their
    log-probabilities; else for each alone, so that `usage` counts it.

    Sample k has the seed of the request plus k, which is what vLLM gives to the k-th choice of a request.
    """

    step_delimiter = "\n\n"

    def __init__(self, model: str, options: OpenAIOptions, *, name: str) -> None:
        """Asks the server what it can do.

        Raises:
            InputError: an option cannot be used, or the server has no such model.
            BackendError: the server cannot be reached, or cannot do what is needed.
        """
        self.name, self._model = name, model
        size = size_in_name(model) if options.params is None else round(float(options.params))
        self.n_parameters: int | None = size
        self._renderer = _renderer(options, self.step_delimiter)
        api = "completions" if self._renderer else as_api(options.api)
        self._client = Client(
            options.base_url,
            concurrency=options.concurrency,
            timeout=options.timeout,
            retries=options.retries,
        )
        self._background = BackgroundLoop("tts-select-server")
        self._end = weakref.finalize(self, self._background.stop, self._client.close)
        find = find_abilities(
            self._client,
            model,
            api=as_api(api),
            delimiter=self.step_delimiter,
            thinking=options.thinking,
            renders=self._renderer is not None,
        )
        try:
            self._can = self._background.wait_for(find)
        except BaseException:
            self.close()
            raise
        thinks = self._can.thinks if options.thinking is None else options.thinking
        self._most_at_once = _MOST_AT_ONCE
        self.thinks = self._renderer.thinks if self._renderer else thinks
        self._prompt = self._renderer.prompt if self._renderer else _prompt(options, self._can, thinks=thinks)
        self.why_no_steps = NO_STEPS_WHEN_THINKING if self.thinks else self._can.no_steps
        self.solution_tokens = solution_tokens_for(thinks=self.thinks)
        self.fingerprint = self._prompt.mark(hashlib.sha256(self._can.identity.encode()).hexdigest()[:16])

    def close(self) -> None:
        """Close the connections; requests in flight fail. It happens by itself when nothing refers to it."""
        self._end()

    async def check_alive(self) -> None:
        """See `core.protocols.check_alive`."""
        await self._background.run(self._client.check_alive())

    async def sample(self, request: SampleRequest, meter: Meter) -> list[Continuation]:
        """See `Policy.sample`."""
        if request.n == 0:
            return []
        return await self._background.run(self._sample(request, meter))

    @property
    def passes_chats(self) -> bool:
        """See `core.protocols.pass_on`."""
        return self._can.api == "chat"

    async def pass_on(
        self, body: Mapping[str, Any], meter: Meter, told: Told | None = None
    ) -> dict[str, Any]:
        """See `core.protocols.pass_on`."""
        return await self._background.run(self._pass_on(body, meter, told))

    async def _pass_on(self, body: Mapping[str, Any], meter: Meter, told: Told | None) -> dict[str, Any]:
        passing = Passing(
            self._client,
            {**body, "model": self._model},
            context=self._can.context,
            counts_pieces=self._can.counts_pieces,
        )
        why = UNTOLD
        try:
            return await (passing.whole() if told is None else passing.in_pieces(told))
        except asyncio.CancelledError:
            why, passing.has_begun = CANCELLED, True
            raise
        finally:
            if passing.usage is not None:
                meter.charge(self._cost(passing.usage))
            elif passing.has_begun:
                charge_unsure(meter, self._cost(passing.at_most), why)

    async def _sample(self, request: SampleRequest, meter: Meter) -> list[Continuation]:
        at_once = (self._can.logprobs or self._can.token_ids) and request.temperature > 0
        each = min(request.n, self._most_at_once) if at_once else 1
        shares = [(k, min(each, request.n - k)) for k in range(0, request.n, each)]
        found = await asyncio.gather(*(self._share(request, meter, *share) for share in shares))
        written = [c for share in found for c in share.written]
        errors = [error for share in found for error in share.errors]
        if not errors:
            return written
        if any(isinstance(error, ContextFull) for error in errors):
            raise ProblemTooLong(n_tokens=None, context=self._can.context, model=self.name)
        failure = _together(errors, f"{request.n - len(written)} of {request.n} solutions")
        failure.written, failure.lost_tokens = written, sum(share.lost_tokens for share in found)
        raise failure

    async def _share(self, request: SampleRequest, meter: Meter, k: int, n: int) -> _Share:
        """`n` samples from the k-th on. Asks again for those that a server which knows no `n` left out, and
        for half as many where it refuses so many at once."""
        share, n_read = _Share(), 0
        try:
            while (missing := min(n - n_read, self._most_at_once)) > 0:
                try:
                    answer = await self._asked(request, meter, k + n_read, missing)
                except ServerError as error:
                    if not error.is_too_many or missing == 1:
                        raise
                    self._most_at_once = missing // 2
                    continue
                for usage in answer.usages:
                    meter.charge(self._cost(usage))
                for choice in answer.choices[:missing]:
                    self._take(choice, request, share)
                n_read += len(answer.choices)
                if answer.error is not None:
                    share.errors.append(answer.error)
                    break
        except BackendError as error:
            share.errors.append(error)
        return share

    async def _asked(self, request: SampleRequest, meter: Meter, k: int, n: int) -> Reply:
        return await ask(
            self._client,
            self._body(request, k, n),
            deadline=request.deadline,
            can=self._can,
            cut_off=lambda usage: charge_unsure(meter, self._cost(usage), CANCELLED),
        )

    def _take(self, choice: Choice, request: SampleRequest, share: _Share) -> None:
        """A choice that failed is lost, and no other with it."""
        try:
            share.written.append(self._continuation(choice, request))
        except ServerError as error:
            share.errors.append(error)
            share.lost_tokens += choice.n_tokens or 0

    def _body(self, request: SampleRequest, k: int, n: int) -> Body:
        """Return the body of the HTTP request for `n` samples from the k-th on."""
        seed = derive_seed(self._model, request.seed) % _SEEDS
        body: Body = {
            "model": self._model,
            "n": n,
            "seed": seed + request.first + k,
            "temperature": request.temperature,
            "top_p": request.top_p,
            "max_tokens": request.max_new_tokens,
        }
        if request.stop_at_step:
            body["stop"] = [self.step_delimiter]
        more: Body = {}
        if self._can.api == "chat":
            body["messages"] = self._messages(request)
            more |= {**self._can.switch, **(CONTINUE if request.steps else {})}
        else:
            body["prompt"] = self._text(request)
        if request.stop_at_step and self._can.closing_id is not None:
            more["stop_token_ids"] = [self._can.closing_id]
        top = self._top(request)
        if self._can.token_ids and not (request.logprobs or top):
            more |= TELL_TOKENS
        elif self._can.logprobs:
            body |= ask_logprobs(top, chat=self._can.api == "chat")
        return {**body, "extra_body": more} if more else body

    def _top(self, request: SampleRequest) -> int:
        """For how many of the most likely tokens the log-probabilities are asked."""
        return min(request.top_logprobs, self._can.top_logprobs)

    def _messages(self, request: SampleRequest) -> list[dict[str, str]]:
        prompt = BARE if request.as_is else self._prompt
        messages = prompt.messages(request.problem, chat=request.chat)
        if request.steps:
            messages.append({"role": "assistant", "content": self._joined(request.steps)})
        return messages

    def _text(self, request: SampleRequest) -> str:
        if self._renderer is None:
            prompt = BARE if request.as_is else self._prompt
            return prompt.text(request.problem) + self._joined(request.steps)
        return self._renderer.text_without_bos(request)

    def _joined(self, steps: Sequence[str]) -> str:
        return "".join(step + self.step_delimiter for step in steps)

    def _continuation(self, choice: Choice, request: SampleRequest) -> Continuation:
        if choice.fault is not None:
            raise ServerError(choice.fault)
        finish = self._finish(choice, request)
        text = choice.text
        if request.stop_at_step:
            text = text.split(self.step_delimiter)[0]
        text = solution_in(text, ended=finish == "stop", thinks=self.thinks)
        if choice.n_tokens is None:
            raise ServerError(f"{self._client.where} does not say how long each of its choices is")
        top = self._top(request)
        certainty = mean([token_certainty(row, top) for row in choice.top_logprobs]) if top else math.nan
        return Continuation(text, finish, choice.n_tokens, choice.logprob, certainty)

    def _finish(self, choice: Choice, request: SampleRequest) -> ContinuationFinish:
        said = str(choice.finish).lower()
        if said == "deadline":
            return "deadline"
        if said in CUT:
            return "length"
        if said not in ENDED:
            how = f"with '{choice.finish}'" if choice.finish else "without saying why"
            raise ServerError(f"{self._client.where} ended a solution {how}")
        ends = {self.step_delimiter, self._can.closing_id} - {None}
        return "step" if request.stop_at_step and choice.matched in ends else "stop"

    def _cost(self, usage: Usage) -> Cost:
        computed = usage.prompt - usage.cached
        return Cost(
            policy_prompt_tokens=computed,
            policy_reused_tokens=usage.cached,
            policy_generated_tokens=usage.generated,
            policy_calls=1,
            flops=inference_flops(self.n_parameters, computed + usage.generated),
        )


@dataclass(slots=True)
class _Share:
    """What became of some samples of a request."""

    written: list[Continuation] = field(default_factory=list)
    errors: list[BackendError] = field(default_factory=list)
    lost_tokens: int = 0
    """The tokens of choices that failed: they are on the bill."""


def _together(errors: Sequence[BackendError], missing: str) -> BackendError:
    """Return one error for all of them, that gives each reason once."""
    if len(errors) == 1:
        return errors[0]
    reasons = "; ".join(dict.fromkeys(str(error) for error in errors))
    return ServerError(f"{reasons} ({missing} are missing)", retryable=errors[0].retryable)


def _renderer(options: OpenAIOptions, delimiter: str) -> Renderer | None:
    """Return the renderer of the tokenizer that is to render chats here."""
    if options.tokenizer is None:
        return None
    from tts_select.executors.runtime.loading import load_tokenizer

    tokenizer = load_tokenizer(options.tokenizer)
    return renderer_for(tokenizer, delimiter=delimiter, prompt=options.prompt, thinking=options.thinking)


def _prompt(options: OpenAIOptions, can: Abilities, *, thinks: bool) -> Prompt:
    by_server = PLAIN if can.api == "completions" else THINKING if thinks else BOXED
    return prompt_named(options.prompt or by_server, chats=can.api == "chat")
