"""An OpenAI-compatible server on this machine, that reads from a script; a token is a word, or a blank line.

It does what vLLM does: continues a chat's last message, says which stop string it met, gives choice k the
seed of the request plus k, writes no more than its context has room for, and counts its tokens. Each ability
can be taken away, and any request be met with a fault, so that one's own code is tested on real connections.
"""

from __future__ import annotations

import json
import re
import threading
import time
import zlib
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal, NamedTuple, Self

Fault = Callable[[BaseHTTPRequestHandler], None]
"""Answers a request in place of the server, or leaves it without an answer."""

_TURN_ENDS = " </s> "
_THINK, _THOUGHT_ENDS = "<think>\n", "\n</think>\n\n"
_TOKEN = re.compile(r"\n\n|[^\S\n]*\S+|\s")


@dataclass(frozen=True, slots=True)
class Abilities:
    """What a server is able to do; vLLM all of it."""

    chats: bool = True
    completes: bool = True
    continues: bool = True
    """Whether it continues the last message of a chat."""
    keeps_ends: bool = True
    """Its chat template leaves the blank line at the end of a message."""
    tells_stops: bool = True
    tells_logprobs: bool = True
    top_logprobs: int = 20
    """For how many of the most likely tokens it tells them; it refuses to tell more."""
    knows_n: bool = True
    most_n: int = 128
    """The most choices of one request; more are refused."""
    counts: Literal["all", "each"] = "all"
    """Whose tokens usage holds: those of all choices, or, with the token that ends a text, of the first
    alone, and in a stream of each one as it ends (llama.cpp's server)."""
    clips: bool = True
    """Writes as many tokens as fit, if it is asked for more; else it refuses."""
    tells_tokens: bool = True
    """Whether it tells the ids of tokens, and stops at those of `stop_token_ids`; a server that does not is
    not vLLM."""
    thinks: Literal["no", "apart", "in content", "opened"] = "no"
    """Where the thought before a chat's answer is, if there is one: in a field of its own, in the content,
    from `<think>` on, or in the content behind a `<think>` that the chat template has written."""
    switch: str | None = "enable_thinking"
    """The variable of its chat template that is false where it is not to think; None: there is none."""


class FakeServer:
    """A context manager; `url` is its base URL while it runs.

    >>> from tts_select import load_policy, solve
    >>> with FakeServer(lambda prompt, seed: r"It is \\boxed{2}.") as server:
    ...     policy = load_policy("openai:fake", base_url=server.url, fresh=True)
    ...     solve("1 + 1?", policy=policy, method="majority", budget=3).answer
    '2'
    """

    def __init__(
        self,
        write: Callable[[str, int], str],
        *,
        model: str = "fake",
        can: Abilities | None = None,
        context: int = 4096,
        token_seconds: float = 0.0,
        thought: str = "Let me see.\n\nYes.",
        finishes: Mapping[int, str | None] | None = None,
        sharpness: Callable[[str], float] = lambda _token: 1.0,
    ) -> None:
        """`write` gives the rest of a solution, for the prompt so far and a seed; `thought` comes before it,
        if it thinks; `finishes` are the finish reasons of some choices of a request for several, by their
        indices; number j of the most likely tokens has log-probability -j times the `sharpness` of the token
        that is written."""
        self.write, self.model, self.can = write, model, can or Abilities()
        self.context, self.token_seconds = context, token_seconds
        self.thought, self.finishes = thought, dict(finishes or {})
        self.sharpness = sharpness
        self.requests: list[dict[str, Any]] = []
        """The bodies of all requests for continuations so far."""
        self.headers: list[dict[str, str]] = []
        """The headers of these requests, with names in lower case."""
        self.faults: deque[Fault] = deque()
        """What the next requests meet with, one each."""
        self.n_left = 0
        """Requests whose client went away before the end."""
        self._http: ThreadingHTTPServer | None = None

    @property
    def url(self) -> str:
        """The base URL of the API."""
        assert self._http is not None, "use it as a context manager"
        return f"http://127.0.0.1:{self._http.server_address[1]}/v1"

    def __enter__(self) -> Self:
        handler = type("Handler", (_Handler,), {"fake": self})
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._http.daemon_threads = True
        threading.Thread(target=self._http.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        """Take no more connections; those that wait are closed."""
        if self._http is not None:
            self._http.shutdown()
            self._http.server_close()


class _Written(NamedTuple):
    tokens: list[str]
    finish: str | None
    stopped_by: str | int | None


class _Handler(BaseHTTPRequestHandler):
    fake: FakeServer

    def log_message(self, *_: Any) -> None:
        """Log nothing."""

    def do_GET(self) -> None:
        owner = "vllm" if self.fake.can.tells_tokens else "someone"
        card = {"id": self.fake.model, "object": "model", "owned_by": owner}
        self._send(200, {"data": [{**card, "max_model_len": self.fake.context}]})

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.fake.requests.append(body)
        self.fake.headers.append({name.lower(): value for name, value in self.headers.items()})
        if self.fake.faults:
            self.fake.faults.popleft()(self)
            return
        try:
            self._answer(body)
        except OSError:
            self.fake.n_left += 1

    def _answer(self, body: dict[str, Any]) -> None:
        can, is_chat = self.fake.can, "/chat/completions" in self.path
        if not (can.chats if is_chat else can.completes):
            self._send(404, {"error": {"message": "no such endpoint"}})
            return
        if body.get("logprobs") and not can.tells_logprobs:
            self._send(400, {"error": {"message": "logprobs are not supported"}})
            return
        if (top := _top(body)) > max(can.top_logprobs, 0 if is_chat else 1):
            self._send(400, {"error": {"message": f"{top} log-probabilities are too many"}})
            return
        prompt = self._chat_text(body) if is_chat else body["prompt"]
        n_prompt = len(_TOKEN.findall(prompt))
        room = self.fake.context - n_prompt
        wanted = body.get("max_tokens") or max(1, room)
        asked = min(wanted, max(1, room)) if can.clips else wanted
        if room < asked or wanted > self.fake.context:
            said = f"This model's maximum context length is {self.fake.context} tokens"
            self._send(400, {"error": {"message": said}})
            return
        n = (body.get("n") or 1) if can.knows_n else 1
        if n > can.most_n:
            self._send(400, {"error": {"message": f"'n' must be at most {can.most_n}"}})
            return
        written = [self._write(prompt, body, k, asked) for k in range(n)]
        if body.get("stream"):
            self._stream(body, n_prompt, written)
            return
        time.sleep(self.fake.token_seconds * max(len(w.tokens) for w in written))
        choices = [self._choice(body, k, w, 0, len(w.tokens), ended=True) for k, w in enumerate(written)]
        told = can.tells_tokens and body.get("return_token_ids")
        ids = {"prompt_token_ids": [_id_of(token) for token in _TOKEN.findall(prompt)]} if told else {}
        self._send(200, {"choices": choices, "usage": self._usage(n_prompt, written), **ids})

    def _chat_text(self, body: dict[str, Any]) -> str:
        *before, last = [(m["role"], m["content"]) for m in body["messages"]]
        text = "".join(f"{role}: {content}{_TURN_ENDS}" for role, content in before)
        if last[0] == "assistant" and body.get("continue_final_message") and self.fake.can.continues:
            begun = last[1] if self.fake.can.keeps_ends else last[1].rstrip()
            return f"{text}assistant: {begun}"
        opened = _THINK if self._thinks(body) and self.fake.can.thinks == "opened" else ""
        return f"{text}{last[0]}: {last[1]}{_TURN_ENDS}assistant: {opened}"

    def _thinks(self, body: dict[str, Any]) -> bool:
        """Whether a thought is to come: only in an answer that has not begun."""
        can, told = self.fake.can, body.get("chat_template_kwargs", {})
        is_off = can.switch is not None and told.get(can.switch) is False
        is_new = "messages" in body and body["messages"][-1]["role"] != "assistant"
        return can.thinks != "no" and is_new and not is_off

    def _text(self, prompt: str, body: dict[str, Any], seed: int) -> str:
        text = self.fake.write(prompt.removesuffix(_THINK), seed)
        if not self._thinks(body):
            return text
        opening = "" if self.fake.can.thinks == "opened" else _THINK
        return f"{opening}{self.fake.thought}{_THOUGHT_ENDS}{text}"

    def _write(self, prompt: str, body: dict[str, Any], k: int, room: int) -> _Written:
        stopped_by: str | int | None
        text = self._text(prompt, body, (body.get("seed") or 0) + k)
        text, stopped_by = self._until_stop_token(text, body)
        for stop in body.get("stop") or []:
            if stop in text:
                text, stopped_by = text.split(stop)[0], stop
        tokens = _TOKEN.findall(text)
        if len(tokens) > room:
            return _Written(tokens[:room], "length", None)
        return _Written(tokens, self.fake.finishes.get(k, "stop") if body.get("n") else "stop", stopped_by)

    def _until_stop_token(self, text: str, body: dict[str, Any]) -> tuple[str, int | None]:
        tokens, stops = _TOKEN.findall(text), body.get("stop_token_ids") or ()
        for place, token in enumerate(tokens):
            if _id_of(token) in stops:
                return "".join(tokens[:place]), _id_of(token)
        return text, None

    def _choice(
        self, body: dict[str, Any], k: int, written: _Written, start: int, end: int, *, ended: bool
    ) -> dict[str, Any]:
        tokens = written.tokens[start:end]
        text = "".join(tokens)
        choice: dict[str, Any] = {"index": k, "finish_reason": written.finish if ended else None}
        if self.fake.can.tells_stops and ended:
            choice["stop_reason"] = written.stopped_by
        if self.fake.can.tells_tokens and body.get("return_token_ids"):
            choice["token_ids"] = [_id_of(token) for token in tokens]
        logprobs = [-1.0 for _ in tokens] if body.get("logprobs") else None
        if "messages" not in body:
            told = None
            if logprobs is not None:
                others = [{f"{k}": p for k, p in enumerate(row)} for row in self._most_likely(tokens, body)]
                told = {"token_logprobs": logprobs, "tokens": tokens, "top_logprobs": others}
            return {**choice, "text": text, "logprobs": told}
        content = None
        if logprobs is not None:
            rows = [[{"token": "", "logprob": p} for p in row] for row in self._most_likely(tokens, body)]
            told_of = zip(tokens, rows, strict=True)
            content = [{"token": t, "logprob": -1.0, "top_logprobs": row} for t, row in told_of]
        said = "delta" if body.get("stream") else "message"
        message = {"role": "assistant", "content": text}
        if self.fake.can.thinks == "apart" and self._thinks(body):
            message |= _apart(written.tokens, start, end)
        return {**choice, said: message, "logprobs": content and {"content": content}}

    def _most_likely(self, tokens: list[str], body: dict[str, Any]) -> list[list[float]]:
        """Number j has log-probability -j times a number of the token's own."""
        return [[-j * self.fake.sharpness(token) for j in range(1, _top(body) + 1)] for token in tokens]

    def _stream(self, body: dict[str, Any], n_prompt: int, written: list[_Written]) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.end_headers()
        for piece in self._pieces(body, n_prompt, written):
            self.wfile.write(b"data: " + json.dumps(piece).encode() + b"\n\n")
            self.wfile.flush()
        self.wfile.write(b"data: [DONE]\n\n")

    def _pieces(
        self, body: dict[str, Any], n_prompt: int, written: list[_Written]
    ) -> Iterator[dict[str, Any]]:
        counts = (body.get("stream_options") or {}).get("continuous_usage_stats")
        for place in range(max(len(w.tokens) for w in written) + 1):
            time.sleep(self.fake.token_seconds)
            for k, w in enumerate(written):
                if place <= len(w.tokens):
                    choice = self._choice(body, k, w, place, place + 1, ended=place == len(w.tokens))
                    usage = {"prompt_tokens": n_prompt, "completion_tokens": place}
                    yield {"choices": [choice], **({"usage": usage} if counts else {})}
                    if self.fake.can.counts == "each" and place == len(w.tokens):
                        yield {"choices": [], "usage": self._usage(n_prompt, [w])}
        if self.fake.can.counts == "all":
            yield {"choices": [], "usage": self._usage(n_prompt, written)}

    def _usage(self, n_prompt: int, written: list[_Written]) -> dict[str, int]:
        if self.fake.can.counts == "all":
            return _usage(n_prompt, sum(len(w.tokens) for w in written))
        return _usage(n_prompt, len(written[0].tokens) + 1)

    def _send(self, status: int, body: dict[str, Any]) -> None:
        content = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)


def _apart(tokens: list[str], start: int, end: int) -> dict[str, str]:
    """Return the thought and the content of a message, or of a piece of one, without what is around the
    thought."""
    over = next((k for k, token in enumerate(tokens) if token.strip() == _THOUGHT_ENDS.strip()), len(tokens))
    numbered = list(enumerate(tokens))[start:end]
    thought = "".join(token for k, token in numbered if 2 <= k < over)  # `<think>` and the line's end
    return {"content": "".join(token for k, token in numbered if k > over + 1), "reasoning_content": thought}


def _top(body: dict[str, Any]) -> int:
    """How many of the most likely tokens a request asks for."""
    return int(body.get("top_logprobs" if "messages" in body else "logprobs") or 0)


def _id_of(token: str) -> int:
    return zlib.crc32(token.encode())


def _usage(n_prompt: int, generated: int) -> dict[str, int]:
    return {
        "prompt_tokens": n_prompt,
        "completion_tokens": generated,
        "total_tokens": n_prompt + generated,
    }
