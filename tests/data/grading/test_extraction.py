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
        ("The roots are $\\boxed{1}$ and $\\boxed{2}$.", ["1", "2"]),
        ("(a) \\boxed{1}\n(b) \\boxed{2}", ["1", "2"]),
        (r"\boxed{1}. So it would be \boxed{2}", ["2"]),
        (r"\boxed{1}, or rather: check that it is not, but \boxed{2}", ["2"]),
        (r"\boxed{2}, and indeed \boxed{2}", ["2"]),
    ],
)
def test_boxes_that_are_enumerated_belong_together(text: str, answers: list[str]) -> None:
    assert extract_answers(text) == answers


SAID = {
    "**Answer**\n\n42": "42",
    "### Final Answer\n\n**42**": "42",
    "\N{WHITE HEAVY CHECK MARK} Final answer: `x+1`": "x+1",
    "**The answer is (C).**": "(C)",
    "Answer:\n- 12%": "12%",
    "The final answer is:\n\\[\n\\frac{3}{4}\n\\]": "\\[ \\frac{3}{4} \\]",
    "FINAL ANSWER: 12 apples": "12 apples",
    "The correct option is B.": "B",
    "Answer: A) 12": "A) 12",
    "the answer is 2**3": "2**3",
    "The answer is 42.<|im_end|>": "42",
    "The answer is 42</s>": "42",
    "The answer is $5$ because 2+3=5.": "$5$",
    "The answer is correct. The answer is 6.": "6",
    "The answer is 7. The check shows that the answer is correct.": "7",
    "The answer to the first question is **7**.": "7",
    "Answer: \\$18 per day.": "18",
    "The answer is 10:30 a.m.": "10:30 a.m",
    "So the answer is 3 bags * 4 = <<3*4=12>>12 apples": "12 apples",
    "#### $1,250": "1,250",
    "#### **42**": "42",
    "###### 42": "42",
    "#### Step 1\nWe add.\n\nThe answer is 5.": "5",
    "### Step 2: add 3": None,
    "#### Solution\nWe add.": None,
    "<think>It may be 5.</think>The answer is 4.": "4",
    "It may be 5.</think>The answer is 4.": "4",
    "<think>It may be 5.</think>The answer is 4.<think>Or": "4",
    "<think>The answer is 5.": None,
    "<|channel|>analysis<|message|>The answer is 5": None,
    "She has 3 apples left.": "3",
    "Hence the area is $\\frac{1}{2}$.": "$\\frac{1}{2}$",
    "So, the total cost is $1,234.50.": "1,234.50",
    "The pair that solves it is $(x, y) = (7, 6)$. I hope it is correct.": "$(x, y) = (7, 6)$",
    "There are $9$ divisors of 196.": "$9$",
    "So there are at least 5.": None,
    "Then we add 12 to the": None,
    "We get 17 and then 1": None,
    "The set \\boxed{A} is finite.\n\n**Answer: D**": "D",
    "\\boxed{7}\n\nThe answer is a nice number that many people would not have guessed at once.": "7",
    "$\\frac{6\\sqrt{1789-240\\sqrt{21}}+8}{5} + \\frac{6\\sqrt{1789-240\\sqrt{21}}}{5}$": (
        "$\\frac{6\\sqrt{1789-240\\sqrt{21}}+8}{5} + \\frac{6\\sqrt{1789-240\\sqrt{21}}}{5}$"
    ),
}


@pytest.mark.parametrize("text", SAID)
def test_the_answer_is_read_from_where_it_is_said(text: str) -> None:
    assert extract_answer(text) == SAID[text]


LONG = [
    "*",
    "(",
    "#",
    "$",
    "`",
    "**a",
    "\\text{",
    "1,",
    "answer is ",
    "\n",
    "#### ",
    "\\boxed{1} and ",
    "<think>",
]


@pytest.mark.timeout(20)
@pytest.mark.parametrize(
    "piece", [*LONG, "\\\\", ". ", "=1", "$a", "\\[", "<", "is ", "- ", "[asy]", "\\begin{pmatrix}"]
)
def test_no_text_takes_long_to_read(piece: str) -> None:
    extract_answer(piece * (100_000 // len(piece)))


@given(st.text(alphabet="ab{}", max_size=20))
def test_a_box_around_balanced_text_gives_it_back(inner: str) -> None:
    depth = 0
    for character in inner:
        depth += {"{": 1, "}": -1}.get(character, 0)
        if depth < 0:
            return
    if depth == 0 and inner.strip():
        assert extract_answer(f"x \\boxed{{{inner}}} y") == inner.strip()
