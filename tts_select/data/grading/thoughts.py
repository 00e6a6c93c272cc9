"""The first stage from text to answer: what a model thinks aloud before its answer is cut off."""

from __future__ import annotations

import re

_TAGS = "think|thinking|thought|reasoning|scratchpad"
_OPENS = re.compile(rf"<(?:{_TAGS})>|\[THINK\]|◁think▷|<\|begin_of_thought\|>|<seed:think>", re.IGNORECASE)
_CLOSES = re.compile(
    rf"</(?:{_TAGS})>|\[/THINK\]|◁/think▷|<\|end_of_thought\|>|</seed:think>|<\|channel\|>final<\|message\|>",
    re.IGNORECASE,
)
_CHANNEL = re.compile(r"<\|channel\|>(?:analysis|commentary)")


def without_thoughts(text: str) -> str:
    """What follows the last thought; a thought that is not over is followed by nothing.

    >>> without_thoughts("<think>Is it 5? No.</think>It is 4.")
    'It is 4.'
    >>> without_thoughts("<think>Is it 5? L")
    ''
    """
    start = max((found.end() for found in _CLOSES.finditer(text)), default=0)
    rest = text[start:]
    opened = _OPENS.search(rest) or _CHANNEL.search(rest)
    return rest[: opened.start()] if opened else rest
