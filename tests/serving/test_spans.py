"""Spans: numbers and names by the conventions, and no word of what was asked or answered."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from tests.serving.fakes import Served
from tts_select import BackendError
from tts_select.core import extras

Serve = Callable[..., Served]


@pytest.fixture
def spans(monkeypatch: pytest.MonkeyPatch) -> Iterator[InMemorySpanExporter]:
    exporter, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    monkeypatch.setattr(trace, "get_tracer", provider.get_tracer)
    yield exporter
    provider.shutdown()


def test_a_request_is_a_span_and_its_steps_are_under_it(serve: Serve, spans: InMemorySpanExporter) -> None:
    served = serve(named={"method": "adaptive", "budget": 16})
    reply = served.chat().json()
    *steps, whole = spans.get_finished_spans()
    said = dict(whole.attributes or {})
    assert whole.name == "chat tts-select/auto"
    assert said["gen_ai.operation.name"] == "chat"
    assert said["gen_ai.response.id"] == reply["tts"]["run_id"]
    assert said["gen_ai.usage.output_tokens"] == reply["usage"]["completion_tokens"]
    assert [dict(step.attributes or {})["tts.arm"] for step in steps] == [
        s["arm"] for s in reply["tts"]["steps"]
    ]
    assert all(step.parent is not None and step.parent.span_id == whole.context.span_id for step in steps)
    assert "1 + 1" not in str([dict(span.attributes or {}) for span in spans.get_finished_spans()])


def test_a_request_that_failed_says_so(serve: Serve, spans: InMemorySpanExporter) -> None:
    serve(errors={0: BackendError("fell over: secret")}).chat()
    whole = spans.get_finished_spans()[-1]
    assert whole.status.status_code is trace.StatusCode.ERROR
    assert dict(whole.attributes or {})["error.type"] == "502"
    assert "secret" not in whole.to_json()


def test_without_the_package_there_are_none(
    serve: Serve, spans: InMemorySpanExporter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(extras, "find_spec", lambda name: None)
    assert serve().chat().status_code == 200
    assert spans.get_finished_spans() == ()
