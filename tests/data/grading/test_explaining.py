from __future__ import annotations

import pytest

from tts_select.data.grading.explaining import explain


@pytest.mark.parametrize(
    ("prediction", "answer", "rule"),
    [
        (r"So it is \boxed{7}.", "7", "box"),
        ("**Answer:** 7", "7", "phrase"),
        ("#### 7", "7", "####"),
        ("7", "7", "the text itself"),
        ("He walks on, and then he rests until she comes back, so he has 7 left.", "7", "last sentence"),
        (r"<think>It may be \boxed{7}", None, "the thought is not over"),
        ("  ", None, "there is no text"),
        (None, None, "there is no text"),
        ("I have thought about this problem for a long time, and I do not know what to say", None,
         "nothing says the answer"),
    ],
)  # fmt: skip
def test_it_says_what_was_read_and_from_where(prediction: str | None, answer: str | None, rule: str) -> None:
    found = explain([(prediction, "7")])[0]
    assert (found.answer, found.rule) == (answer, rule)
    assert found.verdict == ("different" if answer is None else "equivalent")


@pytest.mark.parametrize(
    ("answer", "gold", "why"),
    [
        ("7", "7", "the same text"),
        ("500 cm", "5 m", "the number 500 in 1/100 m; the number 5 in m: by reading alone"),
        ("x^2-1", "(x-1)(x+1)", "by computing"),
        ("7", None, "there is no gold answer"),
        ("(B)", "C", "the choice B"),
        ("3 km north", "3 km south", "of north"),
        ("1" * 3000, "7", "not decided within the limits"),
    ],
)
def test_it_says_why(answer: str, gold: str | None, why: str) -> None:
    if len(answer) > 60:
        answer = rf"\boxed{{{answer}}}"
    assert why in explain([(answer, gold)])[0].why


def test_strict_grading_is_explained_too() -> None:
    assert [explain([("50%", "0.5")], strict=strict)[0].verdict for strict in (False, True)] == [
        "equivalent",
        "different",
    ]
