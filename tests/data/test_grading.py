from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tts_select.data.grading import extract_answer, is_equivalent


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        pytest.param(r"so \boxed{42}.", "42", id="boxed"),
        pytest.param(r"\boxed{ 42 }", "42", id="spaces are trimmed"),
        pytest.param(r"\boxed{\frac{1}{2}}", r"\frac{1}{2}", id="nested braces"),
        pytest.param(r"\boxed{\sqrt{\frac{a}{b}} + {c}}", r"\sqrt{\frac{a}{b}} + {c}", id="deeper braces"),
        pytest.param(r"\boxed{1} no, \boxed{2}", "2", id="the last one"),
        pytest.param(r"\boxed{1} or \boxed{2", "1", id="an incomplete one is ignored"),
        pytest.param(r"\boxed{1} or \boxed{\frac{2}{3}", "1", id="a nested incomplete one is ignored"),
        pytest.param(r"\boxed{7", None, id="only an incomplete one"),
        pytest.param("#### 18", "18", id="hashes"),
        pytest.param("#### 1\nno\n#### 18\n", "18", id="the last hashes"),
        pytest.param("#### 1\nThe answer is 2.", "1", id="hashes before the phrase"),
        pytest.param("#### 1\n\\boxed{2}\n#### 3", "2", id="a box before hashes"),
        pytest.param("So the answer is 3.5.", "3.5", id="phrase"),
        pytest.param("The final answer is: 12", "12", id="final answer"),
        pytest.param("The answer is 1.\nThe answer is 2.\n", "2", id="the last phrase"),
        pytest.param("I do not know.", None, id="none"),
        pytest.param("", None, id="empty"),
        pytest.param(r"\boxed{}", None, id="an empty box"),
    ],
)
def test_the_answer_is_found(text: str, answer: str | None) -> None:
    assert extract_answer(text) == answer


@pytest.mark.timeout(5)  # a search that is quadratic in the boxes takes minutes
def test_a_policy_that_repeats_itself_does_not_hold_up_the_grader() -> None:
    endless = "\\boxed{" * 20_000
    assert extract_answer(endless) is None
    assert extract_answer(f"\\boxed{{42}} {endless}") == "42"


@pytest.mark.parametrize(
    ("answer", "gold"),
    [
        ("42", "42"),
        ("0.5", "1/2"),
        ("1/2", "2/4"),
        ("1,000", "1000"),
        ("1,234,567", "1234567"),
        ("1000.0", "1000"),
        ("$42$", "42"),
        ("42.", "42"),
        ("-3/6", "-0.5"),
        ("1e3", "1000"),
        (" x + 1 ", "x  +  1"),
    ],
)
def test_equal_answers_are_equivalent(answer: str, gold: str) -> None:
    assert is_equivalent(answer, gold)
    assert is_equivalent(gold, answer)


@pytest.mark.parametrize(
    ("answer", "gold"),
    [
        ("42", "43"),
        ("4.2", "42"),
        ("0.333", "1/3"),
        ("x", "y"),
        ("12", "1,2"),
        ("12345", "1,2345"),
        ("12345678", "1,2345,678"),
        ("", "0"),
        ("1e999999999", "1"),
        ("1e999999999", "1e999999998"),
        ("1e99999999999999999999", "2"),
        ("1e-999999999", "0"),
        ("1/1e999999999", "0"),
        ("1/0", "2/0"),
        ("0/0", "0"),
        ("nan", "1"),
        ("inf", "1e9"),
        ("1/2/3", "1/6"),
    ],
)
def test_other_answers_are_not_and_hostile_ones_are_harmless(answer: str, gold: str) -> None:
    assert not is_equivalent(answer, gold)
    assert not is_equivalent(gold, answer)


@given(st.text(max_size=40), st.text(max_size=40))
def test_any_text_can_be_graded(text: str, other: str) -> None:
    extract_answer(text)
    assert is_equivalent(text, text)
    assert is_equivalent(text, other) == is_equivalent(other, text)


@given(st.fractions(max_denominator=10**6))
def test_a_fraction_equals_itself_expanded(number: object) -> None:
    numerator, denominator = number.numerator, number.denominator  # type: ignore[attr-defined]
    assert is_equivalent(f"{numerator}/{denominator}", f"{3 * numerator}/{3 * denominator}")


@given(st.integers(-(10**12), 10**12))
def test_thousands_separators_do_not_matter(number: int) -> None:
    assert is_equivalent(f"{number:,}", str(number))
    assert not is_equivalent(f"{number:,}", str(number + 1))


@given(st.text(alphabet="ab{}\\", max_size=20))
def test_a_box_around_balanced_text_gives_it_back(inner: str) -> None:
    depth = 0
    for character in inner:
        depth += {"{": 1, "}": -1}.get(character, 0)
        if depth < 0:
            return
    if depth == 0 and inner.strip():
        assert extract_answer(f"x \\boxed{{{inner}}} y") == inner.strip()
