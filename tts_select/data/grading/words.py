"""Answers in words, and whatever else is no mathematics: compared as normalised text."""

from __future__ import annotations

import re

_TEXT = re.compile(r"\\text\{([^{}]*)\}")
_WORDS = re.compile(r"[a-zA-Z][a-zA-Z' -]*")
_CONSTANTS = frozenset({"e", "i", "I", "E", "pi"})
_SHORT = 3
"""Letters of which a product of variables may be made; longer words are words."""
_SHORT_WORDS = frozenset({"yes", "no", "odd", "dne", "all", "am", "pm"})
_SAME = {
    "no solution": (
        "none|no solutions|no real solutions?|no real roots?|no real values?|(?:the )?empty set|null set"
        "|nothing|there is no solution|there are no solutions|no such [a-z]+|no integer solutions?|no answer"
    ),
    "does not exist": "dne|doesn't exist|undefined|not defined|is undefined|limit does not exist",
    "infinitely many": "infinite|infinitely many solutions|infinite solutions|infinite number of solutions",
    "all real numbers": (
        "all reals|all real|real numbers|(?:the )?set of (?:all )?real numbers|all real values"
        "|any real number|every real number|reals"
    ),
}
_SYNONYM = {re.compile(pattern): word for word, pattern in _SAME.items()}
_INNER_CAPITAL = re.compile(r"[a-z][A-Z]")
"""As in AaBb, which is not AABB."""
_LEADING = re.compile(r"^(?:the|a|an|it is|its|they are) (?=\w)")


def plain_text(text: str) -> str:
    """A rewritten answer as text: without fonts, case, and the punctuation and spaces that say nothing."""
    found = _TEXT.sub(r" \1 ", text).lower()
    found = (
        re.sub(r"[{}\\]", " ", found) if "\\" not in text else found.replace("{", " { ").replace("}", " } ")
    )
    return " ".join(re.sub(r"(?<=\w)[.,;:!?]+(?=\s|$)|[\"]", " ", found).split())


def word_of(text: str) -> tuple[str | None, bool]:
    """The words of an answer, and whether they are surely no product of variables; else (None, False)."""
    if text == "\\emptyset":
        return "no solution", True
    bare = _TEXT.sub(r" \1 ", text).strip().rstrip(".!")
    if not _WORDS.fullmatch(bare) or bare in _CONSTANTS:
        return None, False
    cased = bare if _INNER_CAPITAL.search(bare) else bare.lower()
    word = _LEADING.sub("", " ".join(cased.replace("-", " ").split()))
    is_sure = "\\text" in text or len(word) > _SHORT or word in _SHORT_WORDS
    return next((same for pattern, same in _SYNONYM.items() if pattern.fullmatch(word)), word), is_sure
