"""One sample, and no vote: of a policy that was named, or where answers cannot be compared."""

from __future__ import annotations

import asyncio
from typing import Any

from tts_select.core.errors import CapTooLow, InputError
from tts_select.core.plan import Settings
from tts_select.core.pricing import price_of_tokens, unknown_price
from tts_select.core.protocols import Policy, SampleRequest, pass_on, solution_tokens
from tts_select.core.seeds import derive_seed
from tts_select.executors.accounting import Ledger
from tts_select.executors.limits import DollarCap, LimitedPolicy, Limits
from tts_select.serving.catalogue import Routed
from tts_select.serving.chat import ChatRequest
from tts_select.serving.errors import TIMED_OUT, ApiError, bad_field
from tts_select.serving.replies import Reply, Sample, cut_at, usage_of
from tts_select.serving.tickets import Ticket

_PASSED_ON = (
    "messages", "tools", "tool_choice", "parallel_tool_calls", "functions", "function_call",
    "response_format", "temperature", "top_p", "seed", "stop", "frequency_penalty", "presence_penalty",
    "logit_bias", "logprobs", "top_logprobs",
)  # fmt: skip
"""The fields that a server behind us is sent as they came."""
_PHASE = "sample"


async def answer_once(ticket: Ticket) -> Reply:
    """Have one reply written.

    Raises:
        ApiError: it asks for more than text of a policy that writes nothing else, or time was up.
        TtsSelectError: the policy failed.
    """
    policy, why = await _who(ticket)
    ledger = Ledger()
    ticket.bill = lambda: ledger.bill
    plan = {"policy": policy.name, "prm": None, "method": "single", "budget": 1, "reason": why}
    by_server = pass_on(policy)
    try:
        async with asyncio.timeout(ticket.caps.deadline_s):
            if by_server is None:
                return await _sampled(ticket, policy, ledger, plan)
            meter = ledger.phase(_PHASE, policy=price_of_tokens(policy))
            with ledger.timed(_PHASE):
                response = await by_server(_body(ticket, policy), meter, ticket.told)
    except TimeoutError as error:
        message = "the deadline passed before the reply was written"
        raise ApiError(TIMED_OUT, message, code="deadline") from error
    choice = response["choices"][0]
    usage = response.get("usage") and usage_of(ledger.bill.total)
    said = choice.get("message") or {}
    finish = choice.get("finish_reason") or "stop"
    sample = Sample(said, finish, ledger.bill, usage, plan, choice.get("logprobs"))
    return sample.reply(ticket.run)


def not_votable(why: str) -> str:
    """The reason of a plan that is one sample."""
    return f"one sample, not votable: {why}"


async def _who(ticket: Ticket) -> tuple[Policy, str]:
    """The policy, and why there is one sample."""
    request, choice = ticket.request, ticket.choice
    if not isinstance(choice, Routed):
        return choice.policy, choice.why
    session = choice.selector.session(request.problem(ticket.run.id), **choice.options)
    decision = await session.decide(may_probe=False)
    names = choice.selector.router.portfolio.policies
    name = decision.arm.policy if decision.arm else names[0]
    return choice.selector.models.policy(name), not_votable(request.unvotable or "")


async def _sampled(ticket: Ticket, policy: Policy, ledger: Ledger, plan: dict[str, Any]) -> Reply:
    request, run = ticket.request, ticket.run
    if not request.is_text:
        raise bad_field(
            "messages", f"{policy.name} reads and writes text alone ({request.unvotable}): ask another policy"
        )
    if request.unvotable:
        run.ignored.append(f"tools: {policy.name} writes text alone")
    usual = Settings()
    problem = request.problem(run.id)
    sample = SampleRequest(
        problem.text,
        max_new_tokens=min(_caps(ticket, policy), default=solution_tokens(policy)),
        temperature=usual.temperature if request.temperature is None else request.temperature,
        top_p=usual.top_p if request.top_p is None else request.top_p,
        seed=derive_seed(request.seed, problem.text),
        chat=problem.chat,
        as_is=True,
        logprobs=False,
    )
    limited = LimitedPolicy(policy, Limits())
    meter = ledger.phase(_PHASE, policy=price_of_tokens(policy))
    with ledger.timed(_PHASE):
        written = [c async for some in limited.sample(sample, meter) for c in some]
    finish = "stop" if written[0].finish == "stop" else "length"
    message = {"content": cut_at(written[0].text, request.stop)}
    return Sample(message, finish, ledger.bill, usage_of(ledger.bill.total), plan).reply(run)


def _caps(ticket: Ticket, policy: Policy) -> list[int]:
    """What caps the tokens of a reply.

    Raises:
        InputError: it is dollars, and the price of the policy is not known.
        CapTooLow: it allows none.
    """
    found = [n for n in (ticket.request.max_tokens, ticket.caps.max_tokens) if n is not None]
    if ticket.caps.max_dollars is not None:
        price = price_of_tokens(policy)
        if price is None:
            raise InputError(unknown_price(policy.name))
        found.append(DollarCap(ticket.caps.max_dollars, lambda: 0.0).tokens(price))
    if found and min(found) < 1:
        raise CapTooLow("the caps allow no token: raise max_dollars")
    return found


def _body(ticket: Ticket, policy: Policy) -> dict[str, Any]:
    """The request as the server behind us is to have it."""
    request: ChatRequest = ticket.request
    body = {name: request.body[name] for name in _PASSED_ON if request.body.get(name) is not None}
    caps = _caps(ticket, policy)
    return {**body, **({"max_tokens": min(caps)} if caps else {})}
