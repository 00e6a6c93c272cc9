"""A policy that reads from a script; a token is a word, so every count can be checked by eye."""

from __future__ import annotations

import asyncio
import math
import re
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

from tts_select.core.cost import Cost, inference_flops
from tts_select.core.errors import ProblemTooLong
from tts_select.core.pricing import TokenPrice
from tts_select.core.protocols import Continuation, ContinuationFinish, Meter, SampleRequest

Script = Mapping[tuple[str, tuple[str, ...]], Sequence[str]] | Callable[[SampleRequest, int], str]
"""What is written: for each (problem, steps so far) the rest of the solution, one text a sample, in turn;
or a function of the request and the sample's index."""

_WORD = re.compile(r"\S+")
_STOP: ContinuationFinish = "stop"
_STEP: ContinuationFinish = "step"


class FakePolicy:
    """Sample k of a request is the script's text k, whatever else is asked for.

    A text is the whole rest of a solution: with `stop_at_step` only its first step is given. The end and the
    step delimiter count as no token; a token's log-probability is -1, and NaN where none is asked for; so is
    the certainty of a text, which `certainty` gives, by default 1.

    >>> import asyncio
    >>> from tts_select.core.protocols import SampleRequest
    >>> from tts_select.executors.accounting import Ledger
    >>> policy = FakePolicy({("1 + 1?", ()): ["Add them.\\n\\nIt is 2."]})
    >>> ledger = Ledger()
    >>> request = SampleRequest("1 + 1?", stop_at_step=True)
    >>> asyncio.run(policy.sample(request, ledger.phase("search")))[0].text
    'Add them.'
    >>> ledger.bill.total.policy_generated_tokens
    2
    """

    def __init__(
        self,
        script: Script,
        *,
        name: str = "fake",
        n_parameters: int = 1000,
        step_delimiter: str = "\n\n",
        delay: float = 0.0,
        errors: Mapping[int, Exception] | None = None,
        context: int | None = None,
        price: TokenPrice | None = None,
        certainty: Callable[[str], float] = lambda _text: 1.0,
    ) -> None:
        """A call takes `delay` seconds; call k, counted from 0, raises `errors[k]` if there is one; a prompt
        and its continuation have no more than `context` tokens."""
        self.name = name
        self.price = price
        self.n_parameters = n_parameters
        self.fingerprint = f"{name}-script"
        self.step_delimiter = step_delimiter
        self.requests: list[SampleRequest] = []
        """Every request so far, those that raised an error too."""
        self._script = script
        self._delay = delay
        self._errors = dict(errors or {})
        self._certainty = certainty
        self._context = sys.maxsize if context is None else context

    async def sample(self, request: SampleRequest, meter: Meter) -> list[Continuation]:
        """See `Policy.sample`.

        Raises:
            KeyError: the script says nothing about this problem and these steps.
        """
        call = len(self.requests)
        self.requests.append(request)
        room = self._context - _length(request)
        if room < 1:
            raise ProblemTooLong(n_tokens=_length(request), context=self._context, model=self.name)
        request = replace(request, max_new_tokens=min(room, request.max_new_tokens))
        share = await self._write_until(request.deadline)
        if call in self._errors:
            raise self._errors[call]
        written = [self._continuation(request, k, share) for k in range(request.n)]
        meter.charge(self._cost(request, written))
        return written

    async def _write_until(self, deadline: float | None) -> float:
        """The share of the delay that there was time for."""
        left = self._delay if deadline is None else deadline - time.monotonic()
        await asyncio.sleep(max(0.0, min(self._delay, left)))
        if left >= self._delay:
            return 1.0
        return max(0.0, left) / self._delay if self._delay else 0.0

    def _continuation(self, request: SampleRequest, k: int, share: float) -> Continuation:
        text, ended = self._text(request, request.first + k), _STOP
        if request.stop_at_step and self.step_delimiter in text:
            text, ended = text.split(self.step_delimiter)[0], _STEP
        ends = [word.end() for word in _WORD.finditer(text)]
        told = _Told(
            -1.0 if request.logprobs else math.nan,
            self._certainty(text) if request.top_logprobs else math.nan,
        )
        in_time = int(share * len(ends))
        if share < 1 and in_time <= request.max_new_tokens:
            return _first_words(text, ends[:in_time], "deadline", told)
        if len(ends) > request.max_new_tokens:
            return _first_words(text, ends[: request.max_new_tokens], "length", told)
        return Continuation(text, ended, len(ends), told.logprob * len(ends), told.certainty)

    def _text(self, request: SampleRequest, index: int) -> str:
        if callable(self._script):
            return self._script(request, index)
        texts = self._script[request.problem, request.steps]
        return texts[index % len(texts)]

    def _cost(self, request: SampleRequest, written: Sequence[Continuation]) -> Cost:
        prompt = _length(request)
        generated = sum(c.n_tokens for c in written)
        return Cost(
            policy_prompt_tokens=prompt,
            policy_reused_tokens=(request.n - 1) * prompt,
            policy_generated_tokens=generated,
            policy_calls=1,
            flops=inference_flops(self.n_parameters, prompt + generated),
        )


def _length(request: SampleRequest) -> int:
    return len(" ".join((request.problem, *request.steps)).split())


class _Told(NamedTuple):
    """What is told of each token."""

    logprob: float
    certainty: float


def _first_words(text: str, ends: Sequence[int], finish: ContinuationFinish, told: _Told) -> Continuation:
    begun = text[: ends[-1]] if ends else ""
    return Continuation(begun, finish, len(ends), told.logprob * len(ends), told.certainty)
