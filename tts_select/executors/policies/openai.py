"""A policy behind an OpenAI-compatible server: vLLM, SGLang, llama.cpp, or a hosted one."""

from __future__ import annotations

import asyncio
import hashlib
import weakref
from collections.abc import Sequence

from tts_select.core.cost import Cost, inference_flops
from tts_select.core.errors import BackendError, ProblemTooLong
from tts_select.core.protocols import Continuation, ContinuationFinish, Meter, SampleRequest
from tts_select.core.seeds import derive_seed
from tts_select.executors.backend_options import OpenAIOptions
from tts_select.executors.openai_api.abilities import CONTINUE, TELL_TOKENS, Abilities, as_api, find_abilities
from tts_select.executors.openai_api.asking import ContextFull, ask
from tts_select.executors.openai_api.client import Body, Client
from tts_select.executors.openai_api.responses import Choice, Usage
from tts_select.executors.policies.sizes import size_in_name
from tts_select.executors.prompts.rendering import (
    NO_STEPS_WHEN_THINKING,
    Renderer,
    renderer_for,
    solution_tokens_for,
    without_thought,
)
from tts_select.executors.prompts.templates import BOXED, PLAIN, THINKING, Prompt, prompt_named
from tts_select.executors.runtime.background import BackgroundLoop

_SEEDS = 1 << 30
"""So many that with a sample's index a seed still has 31 bits, which every server takes."""


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
        find = find_abilities(self._client, model, api=as_api(api), delimiter=self.step_delimiter)
        try:
            self._can = self._background.wait_for(find)
        except BaseException:
            self.close()
            raise
        thinks = self._can.thinks if options.thinking is None else options.thinking
        self._thinks = self._renderer.thinks if self._renderer else thinks
        self._prompt = self._renderer.prompt if self._renderer else _prompt(options, self._can, thinks=thinks)
        self.why_no_steps = NO_STEPS_WHEN_THINKING if self._thinks else self._can.no_steps
        self.solution_tokens = solution_tokens_for(thinks=self._thinks)
        self.fingerprint = self._prompt.mark(hashlib.sha256(self._can.identity.encode()).hexdigest()[:16])

    def close(self) -> None:
        """Close the connections; requests in flight fail. It happens by itself when nothing refers to it."""
        self._end()

    async def sample(self, request: SampleRequest, meter: Meter) -> list[Continuation]:
        """See `Policy.sample`."""
        if request.n == 0:
            return []
        return await self._background.run(self._sample(request, meter))

    async def _sample(self, request: SampleRequest, meter: Meter) -> list[Continuation]:
        at_once = (self._can.logprobs or self._can.token_ids) and request.temperature > 0
        shares = [(0, request.n)] if at_once else [(k, 1) for k in range(request.n)]
        found = await asyncio.gather(*(self._share(request, meter, *share) for share in shares))
        written = [c for continuations, _ in found for c in continuations]
        errors = [error for _, error in found if error is not None]
        if not errors:
            return written
        if isinstance(errors[0], ContextFull):
            raise ProblemTooLong(n_tokens=None, context=self._can.context, model=self.name) from errors[0]
        errors[0].written = written
        raise errors[0]

    async def _share(
        self, request: SampleRequest, meter: Meter, k: int, n: int
    ) -> tuple[list[Continuation], BackendError | None]:
        """`n` samples from the k-th on, and why some are missing. Asks again for those that a server which
        knows no `n` left out."""
        written: list[Continuation] = []
        try:
            while (missing := n - len(written)) > 0:
                answer = await ask(
                    self._client,
                    self._body(request, k + len(written), missing),
                    deadline=request.deadline,
                    can=self._can,
                )
                for usage in answer.usages:
                    meter.charge(self._cost(usage))
                written += [self._continuation(c, request) for c in answer.choices[:missing]]
                if answer.error is not None:
                    return written, answer.error
        except BackendError as error:
            return written, error
        return written, None

    def _body(self, request: SampleRequest, k: int, n: int) -> Body:
        """Of the HTTP request for `n` samples from the k-th on."""
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
            more |= CONTINUE if request.steps else {}
        else:
            body["prompt"] = self._text(request)
        if request.stop_at_step and self._can.closing_id is not None:
            more["stop_token_ids"] = [self._can.closing_id]
        if self._can.token_ids and not request.logprobs:
            more |= TELL_TOKENS
        elif self._can.logprobs:
            body["logprobs"] = True if self._can.api == "chat" else 1
        return {**body, "extra_body": more} if more else body

    def _messages(self, request: SampleRequest) -> list[dict[str, str]]:
        messages = self._prompt.messages(request.problem)
        if request.steps:
            messages.append({"role": "assistant", "content": self._joined(request.steps)})
        return messages

    def _text(self, request: SampleRequest) -> str:
        if self._renderer is None:
            return self._prompt.text(request.problem) + self._joined(request.steps)
        return self._renderer.text_without_bos(request.problem, request.steps)

    def _joined(self, steps: Sequence[str]) -> str:
        return "".join(step + self.step_delimiter for step in steps)

    def _continuation(self, choice: Choice, request: SampleRequest) -> Continuation:
        finish = self._finish(choice, request)
        text = choice.text
        if request.stop_at_step:
            text = text.split(self.step_delimiter)[0]
        if self._thinks:
            text = without_thought(text, ended=finish == "stop")
        if choice.n_tokens is None:
            raise BackendError(f"{self._client.where} does not say how long each of its choices is")
        return Continuation(text, finish, choice.n_tokens, choice.logprob)

    def _finish(self, choice: Choice, request: SampleRequest) -> ContinuationFinish:
        ends = {self.step_delimiter, self._can.closing_id} - {None}
        at_step = request.stop_at_step and choice.matched in ends
        stopped: ContinuationFinish = "step" if at_step else "stop"
        meanings: dict[str | None, ContinuationFinish] = {
            "stop": stopped,
            "length": "length",
            "deadline": "deadline",
        }
        if choice.finish not in meanings:
            raise BackendError(f"{self._client.where} ended a solution with '{choice.finish}'")
        return meanings[choice.finish]

    def _cost(self, usage: Usage) -> Cost:
        computed = usage.prompt - usage.cached
        return Cost(
            policy_prompt_tokens=computed,
            policy_reused_tokens=usage.cached,
            policy_generated_tokens=usage.generated,
            policy_calls=1,
            flops=inference_flops(self.n_parameters, computed + usage.generated),
        )


def _renderer(options: OpenAIOptions, delimiter: str) -> Renderer | None:
    """Of the tokenizer that is to render chats here."""
    if options.tokenizer is None:
        return None
    from tts_select.executors.runtime.loading import load_tokenizer

    tokenizer = load_tokenizer(options.tokenizer)
    return renderer_for(tokenizer, delimiter=delimiter, prompt=options.prompt, thinking=options.thinking)


def _prompt(options: OpenAIOptions, can: Abilities, *, thinks: bool) -> Prompt:
    by_server = PLAIN if can.api == "completions" else THINKING if thinks else BOXED
    return prompt_named(options.prompt or by_server)
