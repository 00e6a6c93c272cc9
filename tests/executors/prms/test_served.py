"""A PRM behind a local server that answers as vLLM's `/pooling` does; tests/vllm has the real one."""

from __future__ import annotations

import json
import math
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tts_select import BackendError, InputError, ProblemTooLong, RewardModel, UnknownName, load_prm, solve
from tts_select.core.extras import EXTRAS
from tts_select.core.pricing import TokenPrice
from tts_select.executors.accounting import Ledger
from tts_select.testing import FakePolicy

MODEL, FORMAT = "math-prm", "qwen2.5-math-prm"
PROBLEM, STEPS = "What is 2 + 2?", ["We add them.", "It is 4."]
CONTEXT = 200
LOCAL = EXTRAS["local"]


class FakePooling(BaseHTTPRequestHandler):
    """The good class of the token at place k has the probability k / 1000."""

    tag: int | None = None
    spoil: Callable[[dict[str, Any]], Any] = staticmethod(lambda response: response)
    seen: list[tuple[str, dict[str, Any]]]

    def log_message(self, *_: Any) -> None: ...

    def do_GET(self) -> None:
        self._send({"data": [{"id": MODEL, "object": "model", "owned_by": "vllm", "max_model_len": CONTEXT}]})

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.seen.append((self.path, body))
        ids = body["input"]
        rows = [[1 - k / 1000, k / 1000] for k, i in enumerate(ids) if self.tag in (None, i)]
        self._send(self.spoil({"data": [{"data": rows}], "usage": {"prompt_tokens": len(ids)}}))

    def _send(self, body: Any) -> None:
        content = json.dumps(body).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)


@pytest.fixture
def server() -> Iterator[tuple[str, type[FakePooling]]]:
    """Its base URL and its handler."""
    handler = type("Handler", (FakePooling,), {"seen": []})
    http = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=http.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{http.server_address[1]}/v1", handler
    http.shutdown()
    http.server_close()
    thread.join()


@pytest.fixture
def load(server: tuple[str, Any], checkpoint: Callable[[str], Path]) -> Iterator[Callable[..., Any]]:
    loaded = []

    def load_served(model: str = MODEL, format: str = FORMAT, **options: Any) -> RewardModel:
        given = {"base_url": server[0], "tokenizer": str(checkpoint(FORMAT)), "params": 7e9, "retries": 0}
        loaded.append(load_prm(f"served:{model}", format, fresh=True, **{**given, **options}))
        return loaded[-1]

    yield load_served
    for prm in loaded:
        prm.close()  # type: ignore[attr-defined]


def test_a_served_prm_needs_no_model_library_here(
    server: tuple[str, Any], checkpoint: Callable[[str], Path]
) -> None:
    """In a process that cannot import what the base installation lacks."""
    options = {"base_url": server[0], "params": 7e9, "tokenizer": str(checkpoint(FORMAT))}
    code = f"""
import asyncio, sys
for name in {LOCAL}: sys.modules[name] = None
from tts_select import load_prm
prm = load_prm("served:{MODEL}", "{FORMAT}", **{options})
print(asyncio.run(prm.score("{PROBLEM}", {STEPS})))
"""
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    scores = json.loads(ran.stdout)
    assert len(scores) == len(STEPS)
    assert 0 < scores[0] < scores[1] < 1


def test_what_it_reads_has_the_price_that_it_is_loaded_with(load: Callable[..., Any]) -> None:
    prm = load(price={"input": 2.0})
    policy = FakePolicy(
        {(PROBLEM, ()): ["\n\n".join([*STEPS, r"\boxed{4}"])]}, price=TokenPrice(0.0, 0.0, 0.0)
    )
    total = solve(PROBLEM, policy=policy, prm=prm, method="best_of_n", budget=1).bill.total
    assert total.prm_tokens > 0
    assert total.dollars == pytest.approx(2.0 * total.prm_tokens / 1e6)


def expected(prm: Any, steps: list[str]) -> list[float]:
    _, closed = prm._encoder(PROBLEM, steps)
    return [place / 1000 for place in closed[1:]]


def test_steps_are_read_at_the_tokens_that_close_them(
    server: tuple[str, Any], load: Callable[..., Any], in_time: Callable[..., Any]
) -> None:
    prm = load()
    assert isinstance(prm, RewardModel)
    assert prm.fingerprint.endswith("+qwen2.5-math-prm")
    for tag in (None, prm._encoder.close_id):  # of all tokens, and of those alone
        server[1].tag = tag
        assert in_time(prm.score(PROBLEM, STEPS)) == pytest.approx(expected(prm, STEPS))
    path, body = server[1].seen[-1]
    assert (path, body["model"], body["task"]) == ("/pooling", MODEL, "token_classify")
    assert body["input"][-1] == prm._encoder.close_id


def test_every_token_is_billed(load: Callable[..., Any], in_time: Callable[..., Any]) -> None:
    prm, ledger = load(), Ledger()
    in_time(prm.score(PROBLEM, STEPS, meter=ledger.phase("score")))
    _, closed = prm._encoder(PROBLEM, STEPS)
    total = ledger.bill.total
    assert (total.prm_tokens, total.prm_calls) == (closed[-1] + 1, 1)
    assert total.flops == 2 * 7e9 * total.prm_tokens


def test_what_every_prm_refuses_is_refused(
    server: tuple[str, Any], load: Callable[..., Any], in_time: Callable[..., Any]
) -> None:
    prm = load()
    with pytest.raises(ValueError, match="step 2 is empty"):
        in_time(prm.score(PROBLEM, ["We add.", " "]))
    with pytest.raises(ProblemTooLong):
        in_time(prm.score(PROBLEM, ["We add 1 and 2. " * 100]))
    assert in_time(prm.score(PROBLEM, [])) == []
    assert server[1].seen == []


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda r: {"error": "x"}, "--runner pooling"),
        (lambda r: {**r, "data": [{"data": [0.5, 0.5]}]}, "--runner pooling"),
        (lambda r: {**r, "data": [{"data": r["data"][0]["data"][:1]}]}, "gave 1 scores for 2 steps"),
        (lambda r: {**r, "data": [{"data": [[0.1]] * len(r["data"][0]["data"])}]}, "is it the PRM's model"),
        (lambda r: {**r, "data": [{"data": [[3, 7]] * len(r["data"][0]["data"])}]}, "is it the PRM's model"),
    ],
)
def test_an_answer_that_is_none_is_an_error(
    server: tuple[str, Any],
    load: Callable[..., Any],
    in_time: Callable[..., Any],
    spoil: Callable[[Any], Any],
    said: str,
) -> None:
    server[1].spoil = staticmethod(spoil)
    with pytest.raises(BackendError) as caught:
        in_time(load().score(PROBLEM, STEPS))
    assert said in str(caught.value)


@pytest.mark.parametrize("odd", [float("nan"), float("inf"), None], ids=["nan", "infinite", "null"])
def test_scores_that_are_no_numbers_are_given_as_such(
    server: tuple[str, Any], load: Callable[..., Any], in_time: Callable[..., Any], odd: float | None
) -> None:
    """Half precision overflows; what is to be done about it is the search's to say."""

    def spoil(response: dict[str, Any]) -> dict[str, Any]:
        response["data"][0]["data"][-1] = [odd, odd]
        return response

    server[1].spoil = staticmethod(spoil)
    first, last = in_time(load().score(PROBLEM, STEPS))
    assert math.isnan(last)
    assert 0 < first < 1


def test_what_the_server_alone_knows_to_be_too_long_is_so(
    server: tuple[str, Any],
    load: Callable[..., Any],
    in_time: Callable[..., Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(handler: FakePooling) -> None:
        handler.rfile.read(int(handler.headers["Content-Length"]))
        content = b'{"error": {"message": "This model\'s maximum context length is 8 tokens."}}'
        handler.send_response(400)
        handler.send_header("Content-Type", "application/json")
        handler.send_header("Content-Length", str(len(content)))
        handler.end_headers()
        handler.wfile.write(content)

    prm = load()
    monkeypatch.setattr(server[1], "do_POST", refuse)
    with pytest.raises(ProblemTooLong):
        in_time(prm.score(PROBLEM, STEPS))


def test_what_cannot_be_served_is_refused_at_once(load: Callable[..., Any]) -> None:
    with pytest.raises(InputError, match=r"cannot read the PRM format 'skywork-o1', only qwen2.5-math-prm"):
        load(format="skywork-o1")
    with pytest.raises(InputError, match="--prm-option params=7e9"):
        load(params=None)
    with pytest.raises(UnknownName, match="did you mean 'math-prm'"):
        load("math-prn")
    with pytest.raises(BackendError, match="is it running"):
        load(base_url="http://127.0.0.1:1/v1")
