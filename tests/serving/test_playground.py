"""The playground's page and its stream: what happens between a problem and its trace."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.serving.fakes import QUESTION, Served
from tts_select.core.errors import BackendError
from tts_select.core.methods import METHODS
from tts_select.tracing.recording import SCHEMA

Serve = Callable[..., Served]


def asked(served: Served, content: str = QUESTION, **fields: Any) -> list[dict[str, Any]]:
    """The events of a problem."""
    body = {"model": "tts-select/auto", "messages": [{"role": "user", "content": content}], **fields}
    response = served.http.post("/ui/solve", json=body)
    assert response.status_code == 200
    return [json.loads(line[6:]) for line in response.text.split("\n\n") if line.startswith("data: ")]


def test_each_step_is_an_event_and_the_trace_is_the_last(serve: Serve) -> None:
    *rounds, last = asked(serve())
    trace = last["trace"]
    assert trace["schema"] == SCHEMA
    assert trace["answer"] == last["tts"]["answer"] == "2"
    ran = [d for d in trace["decisions"] if d["cost"] is not None]
    assert [r["decision"]["chosen"] for r in rounds] == [d["chosen"] for d in ran]
    assert rounds[-1]["bill"]["policy_generated_tokens"] == trace["bill"]["policy_generated_tokens"]
    assert rounds[-1]["decision"]["now"]["answers"][0]["answer"] == "2"


def test_it_is_the_answer_of_the_api(serve: Serve) -> None:
    served = serve()
    *_, last = asked(served, seed=3)
    tts = served.chat(seed=3).json()["tts"]
    for name in ("answer", "confidence", "votes", "plan"):
        assert last["tts"][name] == tts[name]


def test_what_is_not_voted_on_has_a_text_and_no_trace(serve: Serve) -> None:
    (last,) = asked(serve(), model="tts-select/fast")
    assert last["trace"] is None
    assert "boxed" in last["text"]


def test_a_failure_is_the_last_event(serve: Serve) -> None:
    served = serve(errors={k: BackendError("it is gone") for k in range(50)})
    *_, last = asked(served)
    assert "it is gone" in last["error"]["message"]


def test_what_is_asked_wrongly_is_refused_as_by_the_api(serve: Serve) -> None:
    response = serve().http.post("/ui/solve", json={"model": "tts-select/auto", "messages": []})
    assert response.status_code == 400
    assert "messages" in response.json()["error"]["message"]


def test_the_page_runs_its_own_script_alone_and_asks_its_own_server_alone(serve: Serve) -> None:
    response = serve().http.get("/ui")
    policy = response.headers["content-security-policy"]
    assert "unsafe" not in policy
    assert "connect-src 'self'" in policy
    assert "frame-ancestors 'none'" in policy
    (script,) = re.findall(r"script-src '(sha256-[^']*)'", policy)
    assert f"script-src '{script}'" in response.text


def test_every_method_can_be_picked(serve: Serve) -> None:
    assert f'"methods": {json.dumps(list(METHODS))}' in serve().http.get("/ui").text


def test_with_keys_the_page_tells_no_models_and_solves_for_nobody(
    serve: Serve, key_file: Callable[..., Path]
) -> None:
    served = serve(api_keys=key_file(alice=""))
    page = served.http.get("/ui").text
    assert '"has_keys": true' in page
    assert '"models": ["tts-select/auto"]' in page
    assert served.http.post("/ui/solve", json={}).status_code == 401


@pytest.mark.parametrize("kept", [1, 10])
def test_traces_are_kept_where_that_is_asked_for_and_no_more_than_allowed(
    serve: Serve, tmp_path: Path, kept: int
) -> None:
    served = serve(trace=tmp_path / "traces", traces_kept=kept)
    for seed in range(3):
        assert served.chat(seed=seed).status_code == 200
    served.http.__exit__(None, None, None)  # what is behind the replies is written by its end
    found = [json.loads(path.read_text()) for path in (tmp_path / "traces").glob("*.trace.json")]
    assert len(found) == min(kept, 3)
    assert {trace["problem"]["text"] for trace in found} == {QUESTION}


def test_a_trace_that_cannot_be_written_costs_no_answer(serve: Serve, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    served = serve(trace=tmp_path / "file" / "traces")
    assert served.chat().json()["tts"]["answer"] == "2"
