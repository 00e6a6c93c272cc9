"""The answer in a sentence that says it without announcing it: "Jane started 3 hours ago." gives 3."""

from __future__ import annotations

import re

_SPAN = r"\$\$.+?\$\$|\$[^$\n]+\$|\\\(.+?\\\)|\\\[.+?\\\]"
_DIGITS = r"\d(?:[\d,]*\d)?(?:\.\d+)?"
_NUMBER = rf"(?<![\w.])[-−]?\s?(?:\\?\$\s?)?(?:{_DIGITS}|\.\d+)(?:\s?/\s?{_DIGITS}|:\d+)?(?:\s?\\?%)?"
_CANDIDATE = re.compile(rf"(?P<span>{_SPAN})|(?P<number>{_NUMBER})", re.DOTALL)
_LAST_SPAN = re.compile(rf"({_SPAN.replace('.+?', '[^$]+')})[\s.,!*)\"]*$")
_ENDS = re.compile(r"(?<=[.!?])[\"')*]*\s+(?=[A-Z\\$*\"(])|\n\s*\n|\n(?=\s*(?:[-*•]|\d+\.)\s)")
_IS_OVER = re.compile(r"[.!$\])*}\d%]\s*$")
_VAGUE = re.compile(
    r"(?i)\b(?:at (?:least|most)|(?:more|less|fewer|greater|larger|smaller|bigger) than|between|up to|not|never|no|cannot"
    r"|n't|neither|step|case|part|question|problem|equation|method|approach)\s+[^\w\s]*$"
)
_HOPE = re.compile(r"\s*I hope\b[^.]*\.?\s*$")
_MAX_CHARS = 1_000


def answer_in_sentence(text: str) -> str | None:
    """The last formula or number of the last sentence, if that sentence is over and says how it is meant."""
    text = _HOPE.sub("", text[-_MAX_CHARS:]).strip()
    return last_candidate(text) if _IS_OVER.search(text) else None


def last_candidate(text: str) -> str | None:
    """As `answer_in_sentence`, of an answer that is said in a sentence and may lack its full stop."""
    sentences = [part for part in _ENDS.split(text) if part and part.strip()]
    if not sentences:
        return None
    sentence = sentences[-1]
    if at_end := _LAST_SPAN.search(sentence):
        return at_end[1]
    found = list(_CANDIDATE.finditer(sentence))
    if not found or _VAGUE.search(sentence[: found[-1].start()]):
        return None
    return found[-1][0].strip()
