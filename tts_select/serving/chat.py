"""A request of `/v1/chat/completions`, read and checked: what is asked, and what may not be voted on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tts_select.core.problem import Message, Problem
from tts_select.serving.errors import bad_field
from tts_select.serving.extension import Extension, is_number, is_whole

EFFORTS = ("none", "minimal", "low", "medium", "high", "xhigh")
"""OpenAI's words; `none` is one sample."""
_ROLES = {
    "system": "system",
    "developer": "system",
    "user": "user",
    "assistant": "assistant",
    "tool": "user",
    "function": "user",
}
"""The roles, and what each is to a policy that writes text."""
_READ = frozenset(
    {
        "model", "messages", "max_tokens", "max_completion_tokens", "stop", "seed", "stream",
        "stream_options", "reasoning_effort", "tts", "n", "temperature", "top_p", "tools", "tool_choice",
        "parallel_tool_calls", "functions", "function_call", "response_format",
    }
)  # fmt: skip
_SILENT = frozenset({"user", "metadata", "store", "safety_identifier", "prompt_cache_key"})
"""Fields that ask for nothing."""
_MOST_STOPS, _MOST_EXTRA = 16, 32


@dataclass(frozen=True, slots=True)
class ChatRequest:
    """What a client asks for."""

    model: str
    messages: tuple[Message, ...]
    body: Mapping[str, Any]
    """All that it sent."""
    tts: Extension
    seed: int = 0
    max_tokens: int | None = None
    """The most tokens of one candidate."""
    stop: tuple[str, ...] = ()
    stream: bool = False
    with_usage: bool = False
    """Whether a stream ends with the usage."""
    effort: str | None = None
    temperature: float | None = None
    top_p: float | None = None
    unvotable: str | None = None
    """Why no answers can be compared, if that is known beforehand."""
    extra: tuple[str, ...] = ()
    """Fields that are not known here."""

    @property
    def is_text(self) -> bool:
        """Whether text alone is asked and answered, so that any policy can do it."""
        return self.unvotable is None or self.unvotable == _TOOLS

    def problem(self, run_id: str) -> Problem:
        """The chat as a problem: the question itself, or all of it where there is more than one."""
        if len(self.messages) == 1 and self.messages[0].role == "user":
            return Problem(self.messages[0].text.strip(), run_id)
        text = "\n\n".join(m.text.strip() for m in self.messages if m.text.strip())
        return Problem(text, run_id, chat=self.messages)


_TOOLS = "tools may be called, and calls are not compared"


def read_chat(body: Any) -> ChatRequest:
    """Read the body of a request.

    Raises:
        ApiError: a field is missing or cannot be used.
    """
    if not isinstance(body, Mapping):
        raise bad_field("messages", 'the body is a JSON object, as in {"model": ..., "messages": [...]}')
    model = body.get("model")
    if not isinstance(model, str) or not model:
        raise bad_field("model", "model is missing: name one of GET /v1/models, as tts-select/auto")
    if body.get("n") not in (None, 1):
        raise bad_field("n", "n is 1 here: the candidates that were compared come with tts.show = candidates")
    messages, has_images = _messages(body.get("messages"))
    effort = body.get("reasoning_effort")
    if effort is not None and effort not in EFFORTS:
        raise bad_field(
            "reasoning_effort", f"reasoning_effort is {str(effort)[:80]!r}: choose from {', '.join(EFFORTS)}"
        )
    options = body.get("stream_options")
    return ChatRequest(
        model=model,
        messages=messages,
        body=body,
        tts=Extension.read(body.get("tts")),
        seed=_whole(body, "seed", None) or 0,
        max_tokens=_whole(body, "max_completion_tokens", 1) or _whole(body, "max_tokens", 1),
        stop=_stops(body.get("stop")),
        stream=_truth(body, "stream"),
        with_usage=isinstance(options, Mapping) and bool(options.get("include_usage")),
        effort=effort,
        temperature=_number(body, "temperature", 2),
        top_p=_number(body, "top_p", 1),
        unvotable=_unvotable(body, has_images=has_images),
        extra=_extra(body),
    )


def _extra(body: Mapping[str, Any]) -> tuple[str, ...]:
    """The first of the fields that are not known: they are kept with the run."""
    found = sorted(k for k in body if k not in _READ and k not in _SILENT and body[k] is not None)
    return tuple(name[:80] for name in found[:_MOST_EXTRA])


def _messages(said: Any) -> tuple[tuple[Message, ...], bool]:
    """The messages, and whether there is more in them than text."""
    if not isinstance(said, Sequence) or isinstance(said, str) or not said:
        raise bad_field("messages", 'messages is missing: write [{"role": "user", "content": "..."}]')
    found, has_images = [], False
    for k, message in enumerate(said):
        where = f"messages[{k}]"
        role = message.get("role") if isinstance(message, Mapping) else None
        if not isinstance(role, str) or role not in _ROLES:
            raise bad_field(where, f"{where} needs a role: {', '.join(_ROLES)}")
        text, more = _text(message.get("content"), where)
        has_images |= more
        found.append(Message(_ROLES[role], text))
    if not any(m.text.strip() for m in found) and not has_images:
        raise bad_field("messages", "the messages are empty: write the problem in the last one")
    return tuple(found), has_images


def _text(content: Any, where: str) -> tuple[str, bool]:
    if content is None:
        return "", False
    if isinstance(content, str):
        return content, False
    if not isinstance(content, Sequence) or not all(isinstance(part, Mapping) for part in content):
        raise bad_field(f"{where}.content", f"{where}.content is a text, or a list of parts")
    texts = [part.get("text") for part in content if part.get("type") == "text"]
    if not all(isinstance(text, str) for text in texts):
        raise bad_field(f"{where}.content", f"{where}.content has a part of type text without a text")
    return "\n".join(str(text) for text in texts), len(texts) < len(content)


def _unvotable(body: Mapping[str, Any], *, has_images: bool) -> str | None:
    if has_images:
        return "it has images, which routers and PRMs do not see"
    form = body.get("response_format")
    if form is not None and not isinstance(form, Mapping):
        raise bad_field("response_format", 'response_format is an object, as in {"type": "text"}')
    if form is not None and form.get("type", "text") != "text":
        return f"the format is {str(form['type'])[:80]}, and such answers are not compared"
    choice = body.get("tool_choice", body.get("function_call"))
    if (body.get("tools") or body.get("functions")) and choice != "none":
        return _TOOLS if choice in (None, "auto") else "a tool must be called, and calls are not compared"
    if any(
        isinstance(m, Mapping) and (m.get("tool_calls") or m.get("role") == "tool") for m in body["messages"]
    ):
        return _TOOLS
    return None


def _stops(said: Any) -> tuple[str, ...]:
    stops = [said] if isinstance(said, str) else said or []
    if (
        not isinstance(stops, Sequence)
        or not all(isinstance(s, str) for s in stops)
        or len(stops) > _MOST_STOPS
    ):
        raise bad_field("stop", f"stop is a text, or a list of at most {_MOST_STOPS}")
    return tuple(stop for stop in stops if stop)


def _truth(body: Mapping[str, Any], name: str) -> bool:
    value = body.get(name)
    if value is not None and not isinstance(value, bool):
        raise bad_field(name, f"{name} is {str(value)[:80]!r}: write true or false")
    return bool(value)


def _whole(body: Mapping[str, Any], name: str, least: int | None) -> int | None:
    value: int | None = body.get(name)
    if value is None:
        return None
    if not is_whole(value) or (least is not None and value < least):
        at_least = "" if least is None else f" from {least} on"
        raise bad_field(name, f"{name} is {str(value)[:80]!r}: write a whole number{at_least}")
    return value


def _number(body: Mapping[str, Any], name: str, most: float) -> float | None:
    value: float | None = body.get(name)
    if value is None:
        return None
    if not is_number(value) or not 0 <= value <= most:
        raise bad_field(name, f"{name} is {str(value)[:80]!r}: write a number from 0 to {most:g}")
    return float(value)
