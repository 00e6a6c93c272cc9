"""A server in this process over a policy that reads from a script, and its client."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from starlette.testclient import TestClient

from tts_select.core.protocols import SampleRequest
from tts_select.serving.catalogue import Catalogue
from tts_select.serving.service import Service
from tts_select.solving.choosing import selector_for
from tts_select.testing import FakePolicy

QUESTION = "What is 1 + 1?"


@dataclass(frozen=True)
class Served:
    """A server, and a client of it."""

    service: Service
    http: TestClient
    policy: FakePolicy

    def chat(self, content: Any = QUESTION, model: str = "tts-select/auto", **fields: Any) -> Any:
        """The response to a chat; `content` may be a whole list of messages."""
        is_whole = isinstance(content, list) and content and "role" in content[0]
        messages = content if is_whole else [{"role": "user", "content": content}]
        headers = fields.pop("headers", None)
        return self.http.post(
            "/v1/chat/completions", json={"model": model, "messages": messages, **fields}, headers=headers
        )


def solutions(request: SampleRequest, index: int) -> str:
    """Two of three samples say 2."""
    return f"We add.\n\nIt is \\boxed{{{3 if index % 3 == 2 else 2}}}."


def catalogue_of(policy: Any, *, outcomes: Path | None = None, **options: Any) -> Catalogue:
    """What a server has that a policy was named for, with the prior, or with the method of `options`."""
    selector, given = selector_for({"policy": policy, "prm": None, **options}, outcomes=outcomes)
    return Catalogue(selector, given, {policy.name: policy}, {}, None, {})


def pieces(response: Any) -> list[dict[str, Any]]:
    """The events of a stream, without its end."""
    lines = [line for line in response.text.split("\n\n") if line.startswith("data: ")]
    return [json.loads(line[6:]) for line in lines if line != "data: [DONE]"]


def joined(found: list[dict[str, Any]], field: str = "content") -> str:
    """What the pieces of a stream say together."""
    deltas = [choice["delta"] for piece in found for choice in piece.get("choices", [])]
    return "".join(delta.get(field) or "" for delta in deltas)
