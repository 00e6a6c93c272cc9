"""Where a text says its answer, in order of trust: boxes, a phrase, a line with `####`, the last sentence."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Literal, NamedTuple

from tts_select.data.grading.boxes import Box, complete_boxes, last_together
from tts_select.data.grading.cleaning import cleaned, without_markup
from tts_select.data.grading.sentences import answer_in_sentence

Rule = Literal["box", "phrase", "####", "formula", "last sentence", "the text itself"]


class Found(NamedTuple):
    """An answer, and the rule by which it was found."""

    answer: str
    rule: Rule
    parts: tuple[str, ...] = ()
    """Of boxes that stand together."""


_PHRASE = re.compile(
    r"(?:\b(?:final|correct|right|best|my|our)\s+(?:numerical\s+)?(?:answer|result|choice|option)s?|(?<![=+*/])(?<![=+*/] )\banswers?)"
    r"(?:\s+(?:to|of|for)\s+(?:the|this|part)\s[^.:\n]{0,60}?)?(?:\s*\(?\s*in [a-z ]+\)?)?"
    r"(?:\s*(?:[:=\uff1a]|\b(?:is|are|was|would be|will be|must be|should be)\b))+",
    re.IGNORECASE,
)
_ANNOUNCED = re.compile(
    r"^[ \t]*(?:the\s+)?(?:final\s+|correct\s+)?answers?[ \t]*[:.]?[ \t]*$", re.IGNORECASE | re.MULTILINE
)
_HASHES = re.compile(r"^[ \t]*#{4,6}[ \t]*(\S[^\n]*)$", re.MULTILINE)
_INLINE_HASHES = re.compile(r"(?<!#)####(?!#)[ \t]*(\S[^\n]*)")
_TITLE = re.compile(
    r"(?i)\W*(?:step|part|case|solution|answer|final|conclusion|summary|explanation|problem|question|example|approach"
    r"|method|analysis|verification|check|note|note|result|calculation|reasoning|finding|understand\w*|therefore)\b"
)
_DISPLAY = re.compile(r"\s*(\$\$(?:.*?)\$\$|\\\[(?:.*?)\\\]|\$[^$]+?\$|\\\(.*?\\\))", re.DOTALL)
_CLAUSE = re.compile(
    r"(?<=[\w$)}%])[,]?\s+(?:because|since|which|as it|as the|so that|from the|by the|where we)\b.*",
    re.DOTALL,
)
_NEXT_SENTENCE = re.compile(r"(?<=[^\s.])[.?][\"')*]*\s+(?=[A-Z\\$<#*\"(]).*|(?<=[\w$)}])\.\s*$", re.DOTALL)
_SPACES = re.compile(r"[ \t]{3,}")
_WORD = re.compile(r"\\[a-zA-Z]+|\$[^$]*\$|\\text\s*\{[^{}]*\}|[A-Za-z]{2,}")
_NO_ANSWER = re.compile(
    r"(?i)(?:(?:in)?correct|right|wrong|as follows|below|above|shown|given|the following|unique|not|that|this"
    r"|it|obvious|clear|clearly|reasonable|valid|verified|confirmed|required|found|to be)\b.*"
)
_MAX_CHARS = 300
_MAX_FORMULA_CHARS = 250
_END_CHARS = 20_000
"""Of a text, in which its answer is looked for, if it has no box."""
_FEW_WORDS = 4


def candidates(text: str) -> Iterator[Found]:
    """The places of a text without thoughts where its answer may stand, the most trusted first."""
    boxes = complete_boxes(text)
    plain = without_markup(_SPACES.sub("  ", text)[-_END_CHARS:])
    if boxes:
        if (said := _announced_after(text, boxes[-1])) is not None:
            yield said
        if parts := last_together(text, boxes):
            yield Found(", ".join(parts), "box", tuple(parts))
        return
    if "boxed{" in text[-_MAX_CHARS:]:  # cut off within its box
        return
    phrase, hashes = _last_phrase(plain), _last_hashes(text[-_END_CHARS:])
    if hashes and phrase and hashes[0] < phrase[0]:  # what follows a finished answer is another problem's
        yield hashes[1]
    yield from (found[1] for found in (phrase, hashes) if found)
    if (formula := _bare_formula(text)) is not None:
        yield formula
    if (said_last := answer_in_sentence(plain)) is not None:
        yield Found(cleaned(said_last), "last sentence")


def _announced_after(text: str, box: Box) -> Found | None:
    """`Answer: D` in a later paragraph than the last box, which is then no answer."""
    _, blank, rest = text[box.end + 1 :].partition("\n\n")
    found = _last_phrase(without_markup(rest)) if blank else None
    if found is None or len(_WORD.findall(found[1].answer)) > 1:
        return None
    return found[1]


def _last_phrase(text: str) -> tuple[int, Found] | None:
    """The last phrase that is followed by an answer, and where it ends."""
    ends = sorted({found.end() for pattern in (_PHRASE, _ANNOUNCED) for found in pattern.finditer(text)})
    for end in reversed(ends[-8:]):
        if answer := _answer_after(text[end : end + 2 * _MAX_CHARS]):
            return end, Found(answer, "phrase")
    return None


def _answer_after(rest: str) -> str | None:
    display = _DISPLAY.match(rest.lstrip(" \t\r\n:*"))
    line = next((line for line in rest.splitlines() if line.strip(" \t:*.")), "")
    if display and "\n" in display[0].strip():
        line = " ".join(display[0].split())
    line = _without_sums(line)
    answer = cleaned(_CLAUSE.sub("", _NEXT_SENTENCE.sub("", line.strip())))
    if not answer or len(answer) > _MAX_CHARS or _NO_ANSWER.fullmatch(answer):
        return None
    if answer.count("}") > answer.count("{"):  # what a broken box leaves
        return None
    if len(_words(answer)) <= _FEW_WORDS:
        return answer
    inner = answer_in_sentence(answer + ".")
    return cleaned(inner) if inner else answer


def _without_sums(line: str) -> str:
    """`5 bags * 8 = <<5*8=40>>40 apples` says what the last of its equals says."""
    line = re.sub(r"<<[^<>]*>>", "", line)
    before, _, last = line.rpartition("=")
    is_sum = bool(_words(before)) and re.search(r"[-+*/\u00d7\u00f7]", before) is not None
    return last if is_sum and "$" not in line else line


def _last_hashes(text: str) -> tuple[int, Found] | None:
    for found in reversed([*_HASHES.finditer(text)] or [*_INLINE_HASHES.finditer(text)]):
        answer = cleaned(found[1])
        if answer and not _TITLE.match(answer) and len(_words(answer)) <= _FEW_WORDS:
            return found.end(), Found(answer, "####")
    return None


def _bare_formula(text: str) -> Found | None:
    """A text that is a formula as a whole, with a few words at most."""
    bare = text.strip()
    if (
        len(bare) > _MAX_FORMULA_CHARS
        or "boxed" in bare
        or "\\begin{align" in bare
        or ("\\" not in bare and "$" not in bare)
    ):
        return None
    starts = bare.startswith(("$", "\\", "(", "[", "{")) or re.match(r"(?![A-Z][a-z])[-\w]{1,3}\W", bare)
    return Found(cleaned(bare), "formula") if starts and len(_words(bare)) <= _FEW_WORDS else None


def _words(text: str) -> list[str]:
    return [word for word in _WORD.findall(text) if word[0] not in "\\$"]
