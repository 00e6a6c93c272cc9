"""What stands around an answer and is none of it: Markdown, chat tokens, currency, the end of a sentence."""

from __future__ import annotations

import re

_CHAT_TOKEN = re.compile(
    r"<\|[^|<>\n]{1,40}\|>(?:user|assistant|system)?|</?s>|<eos>|<(?:start|end)_of_turn>|<pad>|\[/?INST\]|<\uff5c[^\uff5c]*\uff5c>"
)
_HTML = re.compile(r"</?(?:b|i|u|em|strong|code|p|div|span|answer|br|h[1-6])\s*/?>", re.IGNORECASE)
_MARKS = re.compile("[✅✓✔☑✨🎯🎉👉➡]\ufe0f?")
_EMPHASIS = re.compile(
    r"(?<![\w)\]}*\\^])(\*\*\*|\*\*|\*|___|__|``|`)(?=\S)(?!\1)(.{1,400}?)(?<=\S)\1(?![\w(*])"
)
_OPEN_EMPHASIS = re.compile(
    r"(?<![\w)\]}])\*\*(?!\w*\()|(?<=[\s:.!?])\*\*(?=\s|$)|\*\*(?=\s*$)", re.MULTILINE
)
_HEADING = re.compile(r"^[ \t]*#{1,6}[ \t]+(?=[A-Za-z])", re.MULTILINE)
_LIST_MARK = re.compile(r"^[ \t]*[-*•+>][ \t]+(?=\S)", re.MULTILINE)
_CURRENCY = re.compile(r"(?:\\\$|[€£¥₹]|(?<![\w}\\$])\$)\s*(?=[\d.])")
_QUOTED = re.compile(r"'[^']+'|\u2018[^\u2019]+\u2019")
_RATE = re.compile(
    r"(?<=\d)\s*(?:(?:per|an?|each|every|in|dollars?)\b.*|altogether|total|overall)$",
    re.IGNORECASE | re.DOTALL,
)
_AROUND = ' \t\r\n:;,=*`"“”'
_BEFORE = re.compile(
    r"^(?:#{1,6}\s+|[→⇒]\s*|[-=]>\s*|\\approx\s*|[≈≃]\s*|(?:about|approximately|approx\.?|roughly|around|exactly|simply|therefore|thus)\s+(?=[^a-zA-Z]))+",
    re.IGNORECASE,
)
_OPEN_BOX = re.compile(r"^\\+boxed\{(?=(?:[^{}]|\{[^{}]*\})*$)")
_HOPE = re.compile(r"\.?\s*I hope\b.*", re.DOTALL)
_DELIMITED = re.compile(r"(\$\$?)(.*)\1|\\\((.*)\\\)|\\\[(.*)\\\]", re.DOTALL)


def without_markup(text: str) -> str:
    """The text without Markdown, list and check marks, and the tokens of chat templates."""
    found = _MARKS.sub("", _CHAT_TOKEN.sub(" ", text))
    if "<" in found or "&" in found:
        found = _HTML.sub("", found).replace("&nbsp;", " ").replace("&lt;", "<").replace("&gt;", ">")
    if "#" in found:
        found = _HEADING.sub("", found)
    if "*" in found or "_" in found or "`" in found:
        found = _OPEN_EMPHASIS.sub("", _EMPHASIS.sub(r"\2", _EMPHASIS.sub(r"\2", found)))
    return _LIST_MARK.sub("", found)


def cleaned(answer: str) -> str:
    """The answer without what only ends its sentence or says that it is money.

    >>> cleaned("**\\\\$18 per day.**"), cleaned("(B)."), cleaned("$$\\\\frac12$$.")
    ('18', '(B)', '$$\\\\frac12$$')
    """
    found = _HOPE.sub("", without_markup(_OPEN_BOX.sub("", answer))).strip(_AROUND)
    found = _without_full_stop(_BEFORE.sub("", found))
    if found.count("$") - found.count("\\$") in (0, 1) or "$" not in found:
        priced = _CURRENCY.sub("", found)
        found = _RATE.sub("", priced) if priced != found else found
    found = found.strip(_AROUND)
    return found[1:-1] if _QUOTED.fullmatch(found) else found


def undelimited(answer: str) -> str:
    """The answer without the dollars or brackets that mark the whole of it as mathematics."""
    found = _DELIMITED.fullmatch(answer.strip())
    if found is None:
        return answer.strip()
    inside = next(part for part in found.groups()[1:] if part is not None)
    return answer.strip() if "$" in inside.replace("\\$", "") else inside.strip()


def _without_full_stop(text: str) -> str:
    if re.search(r"(?i)\b[ap]\.m\.$|\.\.\.$", text):
        return text
    return re.sub(r"(?<=[^\s.])\s*\.+$|(?<=[a-z]{2})!+$", "", text)
