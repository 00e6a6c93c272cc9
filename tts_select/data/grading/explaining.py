"""Why two answers are or are not the same: what was read of each, from where, and what decided."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tts_select.data.grading.extraction import find_answer
from tts_select.data.grading.grading import Verdict, answer_in, grade, quick_verdict
from tts_select.data.grading.reading import Reading, read
from tts_select.data.grading.thoughts import without_thoughts

LONGEST_ANSWER = 60
"""In characters: a text that is longer, or has a box, is a solution, and its answer is looked for."""


@dataclass(frozen=True, slots=True)
class Explanation:
    """What was read of an answer and a gold answer, and how they compare."""

    answer: str | None
    rule: str
    """Where the answer was found, or why there is none."""
    gold: str | None
    verdict: Verdict
    why: str


def explain(pairs: Sequence[tuple[str | None, str | None]], *, strict: bool = False) -> list[Explanation]:
    """Grade (prediction, gold) pairs, each with its reasons; a prediction may be a whole response.

    Raises:
        BackendError: the grading workers cannot start.
    """
    found = [_found(prediction) for prediction, _ in pairs]
    golds = [gold for _, gold in pairs]
    decided_early = [_is_quick(a, g, strict) for (a, _), g in zip(found, golds, strict=True)]
    verdicts = grade(((a, g) for (a, _), g in zip(found, golds, strict=True)), strict=strict)
    return [
        Explanation(a, rule, g, verdict, _why(a, g, verdict, is_quick=early))
        for (a, rule), g, verdict, early in zip(found, golds, verdicts, decided_early, strict=True)
    ]


def describe(reading: Reading) -> str:
    """What an answer was read as: `the number 5 in m`, `a set of 2`.

    >>> describe(read("5 km")), describe(read("x in all"))
    ('the number 5 in 1000 m', 'the words x in all')
    """
    if reading.choice:
        return f"the choice {reading.choice}"
    if reading.kind == "value":
        return _describe_value(reading)
    if reading.region is not None:
        return f"the real numbers {reading.text}"
    if reading.kind in _SAID_OF:
        return _SAID_OF[reading.kind]
    article = "an" if reading.kind == "interval" else "a"
    return f"{article} {reading.kind} of {len(reading.items)}"


_SAID_OF = {"prose": "a sentence", "opaque": "too long or too deeply nested to be read"}


def _describe_value(reading: Reading) -> str:
    named = f"{reading.name} = " if reading.name else ""
    if reading.numeral is not None:
        percent = " %" if reading.numeral.is_percent else ""
        return f"the number {named}{reading.numeral.value}{percent}{_unit_in_words(reading)}"
    if reading.is_surely_word:
        return f"the words {reading.word}"
    return f"the formula or text {named}{reading.value}{_unit_in_words(reading)}"


def _unit_in_words(reading: Reading) -> str:
    unit = reading.unit
    base = " ".join(name if n == 1 else f"{name}^{n}" for name, n in unit.dimensions)
    size = f"{unit.factor} " if unit.factor != 1 else ""
    words = " ".join(sorted(unit.words))
    return (f" in {size}{base}" if base else "") + (f" of {words}" if words else "")


def _found(prediction: str | None) -> tuple[str | None, str]:
    if prediction is None or not prediction.strip():
        return None, "there is no text"
    bare = without_thoughts(prediction).strip()
    if not bare:
        return None, "the thought is not over"
    found = find_answer(prediction)
    if (
        len(bare) <= LONGEST_ANSWER
        and "boxed" not in bare
        and (found is None or found.rule == "last sentence")
    ):
        return bare, "the text itself"
    return (found.answer, found.rule) if found else (None, "nothing says the answer")


def _is_quick(answer: str | None, gold: str | None, strict: bool) -> bool:
    if answer is None or gold is None:
        return True
    return quick_verdict((answer_in(answer), answer_in(gold)), strict=strict) is not None


def _why(answer: str | None, gold: str | None, verdict: Verdict, *, is_quick: bool) -> str:
    if answer is None or gold is None:
        return "no answer is the same as none" if gold is not None else "there is no gold answer"
    a, g = read(answer_in(answer)), read(answer_in(gold))
    if a.text == g.text:
        return "the same text, written in one way"
    how = "by reading alone" if is_quick else "by computing"
    if verdict == "cannot be graded":
        how = "not decided within the limits of time, memory and length"
    return f"{describe(a)}; {describe(g)}: {how}"
