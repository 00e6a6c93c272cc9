"""Spans for OpenTelemetry, where its API is installed: numbers and names, and never what was said.

The names are those of its conventions for generative AI (`gen_ai.*`). Where they go is for whoever starts the
server to say, as with `opentelemetry-instrument`.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from tts_select.core.extras import missing_from
from tts_select.solving.session import Session

if TYPE_CHECKING:
    from opentelemetry.trace import Span

_NAME = "tts_select"


class RunSpan:
    """The span of one request, and of each step under it."""

    def __init__(self, model: str, run_id: str) -> None:
        self._span: Span | None = None
        self._since = time.time_ns()
        if missing_from("otel"):
            return
        from opentelemetry import trace

        known = {
            "gen_ai.operation.name": "chat",
            "gen_ai.provider.name": _NAME,
            "gen_ai.request.model": model,
            "gen_ai.response.id": run_id,
        }
        tracer = trace.get_tracer(_NAME)
        self._span = tracer.start_span(f"chat {model}", kind=trace.SpanKind.SERVER, attributes=known)

    def stepped(self, session: Session) -> None:
        """A step is over."""
        if self._span is None:
            return
        from opentelemetry import trace

        step, now = session.steps[-1], time.time_ns()
        said = {
            "tts.arm": step.arm,
            "tts.samples": step.n,
            "tts.p_before": step.p_before,
            "tts.p_after": step.p_after,
            **_usage(step.cost.policy_prompt_tokens, step.cost.policy_generated_tokens),
        }
        under = trace.set_span_in_context(self._span)
        span = trace.get_tracer(_NAME).start_span(
            "tts.step", context=under, start_time=self._since, attributes=_known(said)
        )
        span.end(now)
        self._since = now

    def ended(self, status: int, tts: Mapping[str, Any]) -> None:
        """The request was answered with this status, and this was said of its run, if there was one."""
        if self._span is None:
            return
        from opentelemetry.trace import Status, StatusCode

        plan, bill = tts.get("plan", {}), tts.get("bill", {})
        said = {
            "tts.policy": plan.get("policy"),
            "tts.method": plan.get("method"),
            "tts.confidence": tts.get("confidence"),
            **_usage(bill.get("policy_prompt_tokens"), bill.get("policy_generated_tokens")),
        }
        self._span.set_attributes(_known(said))
        if status != 200:
            self._span.set_attribute("error.type", str(status))
            self._span.set_status(Status(StatusCode.ERROR))
        self._span.end()


def _usage(read: int | None, written: int | None) -> dict[str, int | None]:
    return {"gen_ai.usage.input_tokens": read, "gen_ai.usage.output_tokens": written}


def _known(said: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in said.items() if value is not None}
