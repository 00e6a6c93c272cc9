"""The most that a request can have cost."""

from __future__ import annotations

from typing import Any

import pytest

from tts_select.executors.openai_api.bounds import most_of, text_bytes
from tts_select.executors.openai_api.responses import Usage

IMAGE = {"type": "image_url", "image_url": {"url": "data:image/png;base64," + "A" * 999}}


@pytest.mark.parametrize(
    ("body", "context", "expected"),
    [
        ({"prompt": "1 + 1", "max_tokens": 9, "n": 4}, None, Usage(5, 0, 36)),
        ({"prompt": "1 + 1", "max_tokens": 99}, 50, Usage(5, 0, 50)),
        ({"prompt": "√"}, 50, Usage(3, 0, 50)),
        ({"prompt": "1"}, None, Usage(1, 0, 7)),
    ],
)
def test_tokens_are_those_asked_for_else_the_context_else_the_bytes_that_came(
    body: dict[str, Any], context: int | None, expected: Usage
) -> None:
    assert most_of(body, context=context, n_bytes=7) == expected


def test_texts_count_wherever_they_are_and_images_do_not() -> None:
    call = {"function": {"name": "add", "arguments": "{}"}, "index": 0}
    message = {"content": [{"text": "see"}, IMAGE], "tool_calls": [call]}
    assert text_bytes([message, {"content": None}]) == len("seeadd{}")
