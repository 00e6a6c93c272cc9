"""What a client gets: OpenAI's shape, whole or in pieces, with the object `tts` beside it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tts_select.core.cost import Bill, Cost
from tts_select.core.solution import Solution
from tts_select.selector.deciding import Decision
from tts_select.serving.runs import Run
from tts_select.solving.session import Session

_RUNNERS_UP = 3
_WITHHELD = "The answer is withheld: its confidence of {:.2f} is below min_confidence."


@dataclass(frozen=True, slots=True)
class Reply:
    """What is said; `usage` and `tts` as in the JSON."""

    text: str
    finish: str
    usage: Mapping[str, Any] | None
    tts: Mapping[str, Any]
    extra: Mapping[str, Any] = field(default_factory=dict)
    """Further fields of the message, as `tool_calls` and `refusal`."""
    logprobs: Mapping[str, Any] | None = None

    def whole(self, run: Run) -> dict[str, Any]:
        """The response to a request that does not stream."""
        message = {"role": "assistant", "content": self.text, "refusal": None, **self.extra}
        choice = {
            "index": 0, "message": message, "logprobs": self.logprobs, "finish_reason": self.finish,
        }  # fmt: skip
        head = head_of(run, "chat.completion")
        return {**head, "choices": [choice], "usage": self.usage, "tts": self.tts}

    def pieces(self, run: Run) -> Iterator[dict[str, Any]]:
        """The pieces of a stream between its first one and its end; put together they say the same."""
        for line in self.text.splitlines(keepends=True):
            yield piece(run, {"content": line})
        if self.extra:
            yield piece(run, _numbered(self.extra))

    def ending(self, run: Run, *, with_usage: bool) -> Iterator[dict[str, Any]]:
        """The pieces with which a stream ends."""
        yield {**piece(run, {}, self.finish), "tts": self.tts}
        if with_usage:
            yield {**head_of(run, "chat.completion.chunk"), "choices": [], "usage": self.usage}

    @property
    def headers(self) -> dict[str, str]:
        """The facts that fit into headers."""
        confidence, usage = self.tts.get("confidence"), self.usage or {}
        found = {"x-tts-confidence": confidence, "x-tts-total-tokens": usage.get("total_tokens")}
        return {
            name: f"{value:.4g}" if isinstance(value, float) else str(value)
            for name, value in found.items()
            if value is not None
        }


def head_of(run: Run, kind: str) -> dict[str, Any]:
    """What every response and every piece begins with."""
    return {"id": f"chatcmpl-{run.id}", "object": kind, "created": run.created, "model": run.model}


def piece(
    run: Run, delta: Mapping[str, Any], finish: str | None = None, logprobs: Any = None
) -> dict[str, Any]:
    """A piece of a stream."""
    choice = {"index": 0, "delta": delta, "logprobs": logprobs, "finish_reason": finish}
    return {**head_of(run, "chat.completion.chunk"), "choices": [choice]}


def cut_at(text: str, stops: Sequence[str]) -> str:
    """The text up to the first of the stop strings.

    >>> cut_at("It is 4. Question: 5?", ["Question:", "?"])
    'It is 4. '
    """
    return text[: min((found for stop in stops if (found := text.find(stop)) >= 0), default=len(text))]


def usage_of(cost: Cost) -> dict[str, Any]:
    """The tokens of all calls of policies; those of PRMs are on the bill alone."""
    prompt = cost.policy_prompt_tokens + cost.policy_reused_tokens
    generated = cost.policy_generated_tokens
    return {
        "prompt_tokens": prompt,
        "completion_tokens": generated,
        "total_tokens": prompt + generated,
        "prompt_tokens_details": {"cached_tokens": cost.policy_reused_tokens},
        "completion_tokens_details": {"reasoning_tokens": None},
    }


def bill_of(bill: Bill) -> dict[str, Any]:
    """The bill; what is not known is null."""
    return bill.as_dict()


def text_of(solution: Solution) -> str:
    """The whole text of the chosen candidate; without an answer, of the first one that has a text."""
    return solution.text or next((c.text for c in solution.candidates if c.text), "")


def reply_of(
    run: Run, session: Session, solution: Solution, *, stops: Sequence[str], least: float | None, show: str
) -> Reply:
    """What is said of a solution; an answer that is less sure than `least` is withheld."""
    shown = solution if least is None else solution.withheld_below(least)
    text, finish = cut_at(text_of(solution), stops), _finish(solution)
    is_withheld = shown.best_guess is not None
    record = {
        "run_id": run.id,
        "answer": shown.answer,
        "confidence": solution.confidence,
        "confidence_kind": solution.confidence_kind,
        "withheld": is_withheld,
        "plan": _plan(session, solution),
        "steps": [step.as_dict() for step in solution.steps],
        "votes": [] if is_withheld else [tally.as_dict() for tally in session.tallies()],
        "bill": bill_of(solution.bill),
        "limits_met": [] if solution.finished == "complete" else [solution.finished],
        "errors": list(solution.errors),
        "ignored": list(run.ignored),
    }
    if show == "candidates" and not is_withheld:
        record["candidates"] = [candidate.as_dict() for candidate in solution.candidates]
    extra = {}
    if is_withheld:
        text, extra = "", {"refusal": _WITHHELD.format(solution.confidence or 0.0)}
    return Reply(text, finish, usage_of(solution.bill.total), record, extra)


@dataclass(frozen=True, slots=True)
class Sample:
    """One sample that nothing was compared with: its message, and why it ended."""

    message: Mapping[str, Any]
    finish: str
    bill: Bill
    usage: Mapping[str, Any] | None
    """None: the server behind us does not tell it."""
    plan: Mapping[str, Any]
    logprobs: Mapping[str, Any] | None = None

    def reply(self, run: Run) -> Reply:
        """What is said of it."""
        unknown = dict.fromkeys(("answer", "confidence", "confidence_kind"))
        nothing: dict[str, list[Any]] = {"steps": [], "votes": [], "limits_met": [], "errors": []}
        record = {
            "run_id": run.id,
            **unknown,
            "withheld": False,
            "plan": self.plan,
            **nothing,
            "bill": bill_of(self.bill),
            "ignored": list(run.ignored),
        }
        extra = {k: v for k, v in self.message.items() if k not in ("role", "content") and v is not None}
        text = str(self.message.get("content") or "")
        return Reply(text, self.finish, self.usage, record, extra, self.logprobs)


def options_of(decision: Decision, price: float, unit: str) -> list[dict[str, Any]]:
    """The options that were weighed and not taken, the best first, with why they lost."""
    chosen = decision.option
    if chosen is None:
        return []
    others = [option for option in decision.options if option is not chosen][:_RUNNERS_UP]
    best = chosen.value(price)
    found = []
    for other in others:
        value = other.value(price)
        why = f"{chosen.name} was decided on"
        if math.isfinite(value) and math.isfinite(best):
            costs = f"P(correct) {other.p_correct:.2f}, {other.flops:.3g} {unit} more"
            why = f"worth {value:.3f}, and {chosen.name} {best:.3f}: {costs}"
        found.append(
            {
                "name": other.name,
                "p_correct": other.p_correct,
                "cost": other.flops,
                "value": value,
                "why": why,
            }
        )
    return found


def _plan(session: Session, solution: Solution) -> dict[str, Any]:
    plan = solution.plan
    decision = session.decision
    return {
        "policy": plan.policy,
        "prm": plan.prm,
        "method": plan.method,
        "budget": plan.budget,
        "temperature": plan.settings.temperature,
        "max_new_tokens": plan.settings.max_new_tokens,
        "difficulty": plan.difficulty,
        "price": session.price,
        "unit": session.unit,
        "reason": plan.reason,
        "runners_up": options_of(decision, session.price, session.unit) if decision else [],
    }


def _finish(solution: Solution) -> str:
    said = text_of(solution)
    chosen = next((c.candidate for c in solution.candidates if c.text == said), None)
    return "stop" if chosen is None or chosen.is_complete else "length"


def _numbered(extra: Mapping[str, Any]) -> dict[str, Any]:
    """The tool calls of a piece have their indices."""
    calls = extra.get("tool_calls")
    return {**extra, "tool_calls": [{"index": k, **c} for k, c in enumerate(calls)]} if calls else dict(extra)
