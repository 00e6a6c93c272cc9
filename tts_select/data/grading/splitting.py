"""Takes texts apart at what stands in no brackets."""

from __future__ import annotations

import re

_OPENING, _CLOSING = ("(", "[", "{", "\\{"), (")", "]", "}", "\\}")
_TOKEN = re.compile(
    r"\\begin\{[^{}]*\}|\\end\{[^{}]*\}|\\[a-zA-Z]+|\\.|[()\[\]{}]|, | and | or |.", re.DOTALL
)


def enclosed(text: str) -> tuple[str, str]:
    """(brackets, inside) if the first bracket is closed by the last, else two empty texts."""
    tokens = _TOKEN.findall(text)
    if len(tokens) < 2 or tokens[0] not in _OPENING or tokens[-1] not in _CLOSING:
        return "", ""
    depth = 0
    for k, token in enumerate(tokens):
        depth += _step(token)
        if depth == 0 and k < len(tokens) - 1:
            return "", ""
    return (tokens[0] + tokens[-1], "".join(tokens[1:-1]).strip()) if depth == 0 else ("", "")


def split(text: str, separators: tuple[str, ...]) -> list[str]:
    """The parts between separators that are in no brackets."""
    return [part for part, _ in split_with(text, separators)]


def split_with(text: str, separators: tuple[str, ...]) -> list[tuple[str, str]]:
    """As `split`, each part with the separator before it."""
    parts, depth = [["", ""]], 0
    for token in _TOKEN.findall(text):
        depth += _step(token)
        if depth == 0 and token in separators:
            parts.append(["", token])
        else:
            parts[-1][0] += token
    return [(part.strip(), separator) for part, separator in parts]


def depth_of(text: str) -> int:
    """How deeply its brackets are nested."""
    deepest = depth = 0
    for token in _TOKEN.findall(text):
        depth += _step(token)
        deepest = max(deepest, depth)
    return deepest


def _step(token: str) -> int:
    if token in _OPENING or token.startswith("\\begin{"):
        return 1
    return -1 if token in _CLOSING or token.startswith("\\end{") else 0
