"""`/v1/tts/plan`: what would be run on a chat, and why; nothing is spent, or probes alone."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import nullcontext
from typing import Any

from tts_select.core.errors import TtsSelectError
from tts_select.serving.catalogue import Single
from tts_select.serving.chat import read_chat
from tts_select.serving.errors import as_api_error, bad_field
from tts_select.serving.keys import Key
from tts_select.serving.service import Service
from tts_select.serving.singles import not_votable
from tts_select.serving.tickets import Ticket


async def plan_of(service: Service, body: Any, key: Key) -> dict[str, Any]:
    """The plan for the body of a chat request. With `"probe": true` the router has its first look, and the
    key pays for it.

    Raises:
        ApiError: the request cannot be used, or a model failed.
    """
    asked = dict(body) if isinstance(body, Mapping) else {}
    may_probe = asked.pop("probe", False)
    if not isinstance(may_probe, bool):
        raise bad_field("probe", "probe is true or false")
    ticket = service.admit(read_chat(asked), key)
    ticket.run.status = "planned"
    try:
        async with service.room.place(key.name) if may_probe else nullcontext():
            return {"run_id": ticket.run.id, **await _plan(ticket, may_probe=may_probe)}
    except TtsSelectError as error:
        raise as_api_error(error) from error
    finally:
        service.book(ticket)


async def _plan(ticket: Ticket, *, may_probe: bool) -> dict[str, Any]:
    request, choice = ticket.request, ticket.choice
    if isinstance(choice, Single):
        return {"chosen": f"one sample of {choice.policy.name}", "reason": choice.why, "options": []}
    problem = request.problem(ticket.run.id)
    options = {**choice.options, **ticket.caps.as_options}
    session = choice.selector.session(problem, seed=request.seed, **options)
    ticket.bill = lambda: session.bill
    outlook = await session.outlook(may_probe=may_probe and not request.unvotable)
    found = {**outlook.as_dict(), "bill": session.bill.as_dict(), "ignored": ticket.run.ignored}
    if request.unvotable:
        found["reason"] = not_votable(request.unvotable)
    return found
