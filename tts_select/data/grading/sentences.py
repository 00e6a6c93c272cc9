"""The answer in a sentence that says it without announcing it: "Jane started 3 hours ago." gives 3."""

from __future__ import annotations

import re

_SPAN = r"\$\$.+?\$\$|\$[^$\n]+\$|\\\(.+?\\\)|\\\[.+?\\\]"
_DIGITS = r"\d(?:[\d,]*\d)?(?:\.\d+)?"
_NUMBER = rf"(?<![\w.])[-\u2212]?\s?(?:\\?\$\s?)?(?:{_DIGITS}|\.\d+)(?:\s?/\s?{_DIGITS}|:\d+)?(?:\s?\\?%)?"
_CANDIDATE = re.compile(rf"(?P<span>{_SPAN})|(?P<number>{_NUMBER})", re.DOTALL)
_LAST_SPAN = re.compile(
    r"(\$\$[^$]+\$\$|\$[^$]+\$|\\\((?:(?!\\\().)+\\\)|\\\[(?:(?!\\\[).)+\\\])[\s.,!*)\"]*$", re.DOTALL
)
_DRAWING = re.compile(r"\[asy\].*?(?:\[/asy\]|$)", re.DOTALL)
_SAYS = re.compile(
    r"(?:\b(?:is|are|was|were|be|equals|equal to|gives|get|yields)|[=:])\s*"
    r"(?:about|approximately|exactly|just|only)?\s*$"
)
_ONLY_A_NAME = re.compile(r"[$\s\\()]*\\?[a-zA-Z](?:_\w)?[$\s\\().,]*")
_ENDS = re.compile(r"(?<=[.!?])[\"')*]*\s+(?=[A-Z\\$*\"(])|\n\s*\n|\n(?=\s*(?:[-*•]|\d+\.)\s)")
_IS_OVER = re.compile(r"(?:[.!$)*\d%]|\\\])\s*$")
_VAGUE = re.compile(
    r"(?i)\b(?:at (?:least|most)|(?:more|less|fewer|greater|larger|smaller|bigger) than"
    r"|between|up to|not|never|no"
    r"|cannot|n't|neither|step|case|part|question|problem|equation|method|approach)\s+[^\w\s]*$"
)
_HOPE = re.compile(r"\s*I hope\b[^.]*\.?\s*$")
_MAX_CHARS = 1_000


def answer_in_sentence(text: str) -> str | None:
    """The last formula or number of the last sentence, if that sentence is over and says how it is meant."""
    text = _HOPE.sub("", _DRAWING.sub("", text)[-_MAX_CHARS:]).strip()
    if not _IS_OVER.search(text):
        return None
    found = last_candidate(text)
    if found is None or not text[-1:].isdigit():
        return found
    return found if _SAYS.search(text.removesuffix(found)) else None


def last_candidate(text: str) -> str | None:
    """As `answer_in_sentence`, of an answer that is said in a sentence and may lack its full stop."""
    sentences = [part for part in _ENDS.split(text) if part and part.strip()]
    if not sentences:
        return None
    sentence = sentences[-1]
    at_end = _LAST_SPAN.search(sentence)
    if at_end and not _ONLY_A_NAME.fullmatch(at_end[1]):
        return at_end[1]
    found = [one for one in _CANDIDATE.finditer(sentence) if not _ONLY_A_NAME.fullmatch(one[0])]
    if not found or not (found[-1]["number"] and _SAYS.search(sentence[: found[-1].start()])):
        found = [one for one in found if one["span"]] or found
    if not found or _VAGUE.search(sentence[: found[-1].start()]):
        return None
    return found[-1][0].strip()
