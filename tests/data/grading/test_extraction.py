from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tts_select.data.grading.extraction import extract_answer, extract_answers


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
        pytest.param(r"\boxed{\left\{ x \right.}", r"\left\{ x \right.", id="an escaped brace opens nothing"),
        pytest.param(r"\beginboxed{8}", "8", id="a box that is misspelt"),
        pytest.param(r"\\boxed{8}", "8", id="escaped once too often"),
        pytest.param("The final answer is $7$. I hope it is correct.", "$7$", id="a hope"),
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
    assert extract_answer(f"The answer is 1{' ' * 200_000}2") is not None


@pytest.mark.parametrize(
    ("text", "answers"),
    [
        (r"\boxed{1} and \boxed{2}", ["1", "2"]),
        (r"\boxed{1}, \boxed{2}, or \boxed{3}.", ["1", "2", "3"]),
        (r"\boxed{1}$ papers and $\boxed{2}$ bins", ["1", "2"]),
        (r"First \boxed{1}. Checking it again, we see that it is wrong, so \boxed{2}", ["2"]),
        (r"\boxed{\boxed{5}}", ["5"]),
        ("#### 4", ["4"]),
        ("nothing", []),
    ],
)
def test_boxes_that_are_enumerated_belong_together(text: str, answers: list[str]) -> None:
    assert extract_answers(text) == answers


@given(st.text(alphabet="ab{}", max_size=20))
def test_a_box_around_balanced_text_gives_it_back(inner: str) -> None:
    depth = 0
    for character in inner:
        depth += {"{": 1, "}": -1}.get(character, 0)
        if depth < 0:
            return
    if depth == 0 and inner.strip():
        assert extract_answer(f"x \\boxed{{{inner}}} y") == inner.strip()
