"""The judge that everyone has: any policy, asked of each beginning of a solution whether it is right.

What it says is one token, `Yes` or `No`, and how sure it is of it makes the score. It may write a critique
first. A policy on a server or in vLLM reads what the prompts share from its prefix cache.
"""

from __future__ import annotations

import asyncio
import math
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass

from tts_select.core.cost import Cost
from tts_select.core.protocols import Continuation, Meter, Policy, SampleRequest, charge_unsure
from tts_select.executors.accounting import Ledger
from tts_select.executors.prms.rules import Verdict
from tts_select.executors.prms.validation import check_steps

_REMEMBERED_SCORES = 100_000
_IN_ONE_WORD = "Answer with one word,{good} or{bad}."

Prefix = tuple[str, ...]
"""A problem and its first steps: what a score belongs to."""


class PolicyJudge:
    """See `RewardModel`. What the policy reads and writes are PRM tokens on the bill. A score is NaN where
    the policy says something else than the two words."""

    def __init__(self, policy: Policy, rule: Verdict, *, name: str, format_name: str) -> None:
        self.name, self.policy = name, policy
        self.fingerprint = f"{policy.fingerprint}+{format_name}"
        self._rule = rule
        self._scores: OrderedDict[Prefix, asyncio.Future[float]] = OrderedDict()

    @property
    def n_parameters(self) -> int | None:
        """See `Policy.n_parameters`."""
        return self.policy.n_parameters

    async def score(self, problem: str, steps: Sequence[str], *, meter: Meter | None = None) -> list[float]:
        """See `RewardModel.score`. A beginning that several solutions share is judged once."""
        check_steps(steps)
        prefixes = [(problem, *steps[: k + 1]) for k in range(len(steps))]
        return list(await asyncio.gather(*(self._shared(prefix, meter) for prefix in prefixes)))

    async def _shared(self, prefix: Prefix, meter: Meter | None) -> float:
        while True:
            known = self._scores.get(prefix)
            if known is None or (known.get_loop() is not asyncio.get_running_loop() and not known.done()):
                return await self._first(prefix, meter)
            try:
                return await asyncio.shield(known)
            except asyncio.CancelledError:
                if not known.cancelled():
                    raise  # it was this request that was given up

    async def _first(self, prefix: Prefix, meter: Meter | None) -> float:
        """Judge for all who ask meanwhile; who asked first pays."""
        future = self._scores[prefix] = asyncio.get_running_loop().create_future()
        try:
            score = await self._verdict(prefix, meter)
        except BaseException as error:
            del self._scores[prefix]
            if isinstance(error, asyncio.CancelledError):
                future.cancel()
            else:
                future.set_exception(error)
                future.exception()  # somebody has seen it
            raise
        future.set_result(score)
        while len(self._scores) > _REMEMBERED_SCORES:
            self._scores.popitem(last=False)
        return score

    async def _verdict(self, prefix: Prefix, meter: Meter | None) -> float:
        payer = _AsPrm(meter) if meter is not None else Ledger().phase("judge")
        request = self._request(prefix)
        if self._rule.max_tokens:
            critique = await self._ask(request, payer, self._rule.max_tokens)
            request = f"{request}\n\n[Critique]\n\n{critique.text.strip()}"
        asked = f"{request}\n\n{self._question}"
        return self._read(await self._ask(asked, payer, 1))

    async def _ask(self, text: str, meter: Meter, max_tokens: int) -> Continuation:
        request = SampleRequest(text, max_new_tokens=max_tokens, temperature=0.0, as_is=True)
        (said,) = await self.policy.sample(request, meter)
        return said

    def _request(self, prefix: Prefix) -> str:
        problem, *steps = prefix
        numbered = [self._rule.step.format(number=k, step=step.strip()) for k, step in enumerate(steps, 1)]
        return self._rule.request.format(problem=problem.strip(), steps="\n".join(numbered))

    @property
    def _question(self) -> str:
        words = _IN_ONE_WORD.format(good=self._rule.good, bad=self._rule.bad)
        return f"{self._rule.question} {words}"

    def _read(self, said: Continuation) -> float:
        """How likely the good word is, as the two words share what is likely."""
        word = said.text.strip().lower()
        sure = 1.0 if math.isnan(said.logprob) else math.exp(min(0.0, said.logprob))
        if word and self._rule.good.strip().lower().startswith(word):
            return sure
        if word and self._rule.bad.strip().lower().startswith(word):
            return 1.0 - sure
        return math.nan


@dataclass(frozen=True, slots=True)
class _AsPrm:
    """Charges what a policy reads and writes as a PRM's."""

    meter: Meter

    def charge(self, cost: Cost) -> None:
        self.meter.charge(_as_prm(cost))

    def charge_unsure(self, cost: Cost, why: str) -> None:
        charge_unsure(self.meter, _as_prm(cost), why)


def _as_prm(cost: Cost) -> Cost:
    return Cost(
        prm_tokens=cost.policy_prompt_tokens + cost.policy_generated_tokens,
        prm_reused_tokens=cost.policy_reused_tokens,
        prm_calls=cost.policy_calls,
        flops=cost.flops,
    )
