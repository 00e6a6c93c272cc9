from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tts_select.data.grading import (
    GRADER,
    are_equivalent,
    grade,
    group_equivalent,
    is_equivalent,
    workers,
)
from tts_select.data.grading.grouping import NO_ANSWER

NUMBERS = (
    "1",
    "2",
    "01",
    "1.0",
    "0.5",
    "1/2",
    "0.50",
    "50",
    "50%",
    "-3",
    "3",
    "-0",
    "0",
    "-3.0",
    "1000",
    "1,000",
)

EQUAL = {
    "numbers": [
        ("42", "42.0"),
        ("1,000", "1000"),
        ("1{,}000", "1000"),
        (r"1\,000", "1000"),
        ("1 000", "1000"),
    ],
    "signs and zeros": [("-0", "0"), ("+5", "5"), (".5", "0.50"), ("05", "5"), ("\N{MINUS SIGN}3", "-3")],
    "fractions": [
        ("0.5", "1/2"),
        (r"\frac12", "1/2"),
        (r"-\frac{1}{2}", r"\frac{-1}{2}"),
        (r"2\tfrac12", "5/2"),
    ],
    "powers of ten": [
        (r"1.2\times10^{3}", "1200"),
        ("3e-2", "0.03"),
        (r"10^{-3}", "0.001"),
        ("2^10", "1024"),
    ],
    "percent": [(r"50\%", "50"), ("12.5%", r"\frac{12.5}{100}"), ("28 percent", "0.28")],
    "money": [(r"\$1,234.50", "1234.5"), ("5 dollars", "5"), ("$32$ dollars", "32")],
    "units": [(r"5\text{ cm}^2", "5"), ("60 miles per hour", "60"), ("12 apples", "12"), (r"90^\circ", "90")],
    "ordinals": [(r"12^{\text{th}}", "12"), ("3rd", "3")],
    "decimal comma": [("1,22", "1.22")],
    "rounded": [("1/3", "0.3333"), (r"2\pi", "6.2832"), (r"\sqrt{2}", "1.41421")],
    "names": [("x=5", "5"), (r"x\approx 3.14", "3.14"), ("f(x)=x^2", "x^2"), ("|AB| = 1", "1")],
    "words": [(r"\text{Yes}", "yes"), (r"\text{ no solution }", "no solution")],
    "choices": [(r"\text{(A)}", "A"), ("B.", "B"), (r"\textbf{(C)}\ 12", "C")],
    "bases": [("2516_8", "2516_{8}"), ("2516_8", "2516")],
    "tuples": [(r"\left(1, \frac12\right)", "(1,0.5)"), ("1, 2", "(1,2)")],
    "lists": [
        ("1, 2, 3", "3,2,1"),
        ("7, -2, and 5", "5, 7, -2"),
        ("x=1 or x=2", "2,1"),
        (r"1 \text{ and } 2", "2,1"),
    ],
    "named lists": [("x = 1, y = 2", "1, 2"), ("y=2, x=1", "x=1, y=2")],
    "sets": [(r"\{1,2\}", r"\{2,1\}"), (r"\{5\}", "5"), (r"\{1,2\}", "2, 1")],
    "plus and minus": [(r"\pm 3", "3, -3"), (r"x = 1\pm\sqrt2", r"1+\sqrt2, 1-\sqrt2")],
    "intervals": [(r"x\in[0,1)", r"\left[0, 1\right)"), ("(-oo, 5)", r"(-\infty,5)")],
    "unions": [(r"(-\infty,1)\cup(2,\infty)", r"(2,\infty) \cup (-\infty,1)")],
    "inequalities": [("x>2", "2<x"), (r"x\ge 2", r"[2,\infty)"), (r"1\le x\le 3", "[1,3]")],
    "matrices": [
        (r"\begin{pmatrix} 1 & 1/2 \\ 3 & 4 \end{pmatrix}", r"\begin{bmatrix}1&0.5\\3&4\end{bmatrix}")
    ],
    "expressions": [
        ("(x+1)^2", "x^2+2x+1"),
        (r"\frac{x}{2}", "0.5x"),
        ("3*x**2", "3x^2"),
        (r"\sqrt8", r"2\sqrt{2}"),
    ],
    "constants": [(r"\binom{5}{2}", "10"), ("5!", "120"), (r"\log_2 8", "3")],
    "equations": [("2x+3y=4", "4x+6y=8"), ("y = x+1", "y-x=1")],
    "solutions": [
        (r"So $x = \boxed{\frac{1}{2}}$.", "0.5"),
        (r"\boxed{1} and \boxed{2}", "1,2"),
        ("#### 7", "7"),
    ],
    "sentences": [("The answer is 5.", "5"), ("Answer $ 9 $", "9"), ("so the length is 4.5m", "4.5")],
    "escaped twice": [(r"\\frac{1}{2}", "0.5")],
}

DIFFERENT = {
    "numbers": [("42", "43"), ("4.2", "42"), ("12", "1,2"), ("12345", "1,2345"), ("100.001", "100.002")],
    "rounded too much": [("0.333", "1/3"), ("1.41", r"\sqrt2"), ("3.14", r"\pi"), ("3.1415", r"\pi")],
    "rounded decimals": [("16386.16", "16386.161")],
    "variables": [("x", "y"), ("2x", "x^2"), (r"\frac{1}{3}x", r"\frac{1}{3x}")],
    "where negative": [("|x|", "x"), (r"\sqrt{x^2}", "x")],
    "order": [("(1,2)", "(2,1)"), ("[1,3,2]", "(1,2,3)")],
    "shape": [(r"\{1,2\}", "(1,2)"), ("1,2", "1,2,3"), (r"\pm3", "3")],
    "ends": [("[1,2]", "(1,2)"), ("[0,1)", "[0,1]"), ("x>2", r"x\ge2"), ("x>2", "x<2")],
    "words": [("odd", "even"), (r"\text{Paris}", "London"), ("7", r"\text{no solution}")],
    "choices": [("(A)", "B"), ("(B) 12", "C")],
    "units": [("5 cm", "5 m"), ("2 cm", "3 cm"), (r"5\text{ hours}", "5 minutes")],
    "bases": [("2516_8", "2516_9"), ("11_2", "3")],
    "names": [("x=1", "y=1")],
    "percent": [(r"50\%", "5")],
    "nothing": [("", "0"), ("0/0", "0"), ("1/0", "2/0")],
    "not numbers": [("nan", "1"), ("inf", "1e9")],
    "huge": [("1e999999999", "1"), ("1e999999999", "1e999999998"), ("1/1e999999999", "0")],
}


def cases(table: dict[str, list[tuple[str, str]]]) -> list[object]:
    return [pytest.param(*pair, id=f"{name}: {pair}") for name, pairs in table.items() for pair in pairs]


@pytest.mark.parametrize(("answer", "gold"), cases(EQUAL))
def test_equal_answers_are_equivalent_both_ways(answer: str, gold: str) -> None:
    assert grade([(answer, gold), (gold, answer)]) == ["equivalent"] * 2


@pytest.mark.parametrize(("answer", "gold"), cases(DIFFERENT))
def test_other_answers_are_not(answer: str, gold: str) -> None:
    assert grade([(answer, gold), (gold, answer)]) == ["different"] * 2


def test_no_answer_is_equivalent_to_nothing() -> None:
    assert are_equivalent([(None, "1"), ("1", None), (None, None)]) == [False] * 3


def test_a_batch_keeps_its_order_and_grades_each_pair_once(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[str, str]] = []

    def judge(pairs: list[tuple[str, str]]) -> list[bool | None]:
        asked.extend(pairs)
        return [answer == "a+b+7" for answer, _ in pairs]

    monkeypatch.setattr(workers, "judge", judge)
    pairs = [("a+b+7", "b+a+7"), ("1", "1"), ("a+b+8", "b+a+7"), ("a+b+7", "b+a+7"), ("1", "2")]
    assert are_equivalent(pairs) == [True, True, False, True, False]
    assert are_equivalent(pairs) == [True, True, False, True, False]
    assert asked == [("a+b+7", "b+a+7"), ("a+b+8", "b+a+7")]


def test_what_a_worker_cannot_tell_is_said_to_be_so_and_is_not_equivalent(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(workers, "judge", lambda pairs: [None] * len(pairs))
    assert grade([("u+v+9", "v+u+9")]) == ["cannot be graded"]
    assert not is_equivalent("u+v+9", "v+u+9")


@pytest.mark.parametrize("hostile", ["(" * 5000 + "1" + ")" * 5000, "1" * 3_000_000, r"\frac{" * 2000])
def test_what_is_too_large_to_look_at_is_compared_as_it_is_written(hostile: str) -> None:
    assert grade([(hostile, "1"), ("1", hostile)]) == ["cannot be graded"] * 2
    assert grade([(hostile, hostile)]) == ["equivalent"]


def test_equivalent_answers_are_one_group_whatever_their_writing() -> None:
    answers = ["0.5", None, "2", r"\frac12", "x+1", "1/2", "1+x", None, "50%"]
    assert group_equivalent(answers) == [0, -1, 1, 0, 2, 0, 2, -1, 0]


def test_the_grader_names_the_version_of_the_mathematics_too() -> None:
    assert GRADER.startswith("conventions@")
    assert "math-verify@" in GRADER


@pytest.fixture
def without_workers(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(pairs: list[tuple[str, str]]) -> list[bool]:
        assert not pairs, f"needs no mathematics: {pairs}"
        return []

    monkeypatch.setattr(workers, "judge", refuse)


@pytest.mark.usefixtures("without_workers")
class TestWithoutWorkers:
    @pytest.mark.parametrize(
        "pair",
        [
            ("42", "43"),
            ("0.5", r"\frac12"),
            ("12 apples", "13"),
            ("yes", "no"),
            ("(1,2)", "(1,3)"),
            ("x", "3"),
        ],
    )
    def test_numbers_words_and_sequences_need_none(self, pair: tuple[str, str]) -> None:
        grade([pair])

    def test_votes_on_numbers_need_none(self) -> None:
        assert group_equivalent(["7", "8", "7.0", "9", None]) == [0, 1, 0, 2, -1]

    @given(st.lists(st.none() | st.sampled_from(NUMBERS), max_size=12))
    def test_the_same_group_is_given_to_equivalent_answers_alone(self, answers: list[str | None]) -> None:
        groups = group_equivalent(answers)
        first_seen = list(dict.fromkeys(g for g in groups if g != NO_ANSWER))
        assert first_seen == list(range(len(first_seen)))
        for one, group in zip(answers, groups, strict=True):
            assert (group == NO_ANSWER) == (one is None)
            for other, another in zip(answers, groups, strict=True):
                if one is not None and other is not None:
                    assert (group == another) == is_equivalent(one, other)

    @given(st.fractions(max_denominator=10**6))
    def test_a_fraction_equals_itself_expanded(self, number: object) -> None:
        top, bottom = number.numerator, number.denominator  # type: ignore[attr-defined]
        assert is_equivalent(f"{top}/{bottom}", rf"\frac{{{3 * top}}}{{{3 * bottom}}}")

    @given(st.integers(-(10**12), 10**12))
    def test_thousands_separators_do_not_matter(self, number: int) -> None:
        assert is_equivalent(f"{number:,}", str(number))
        assert not is_equivalent(f"{number:,}", str(number + 1))

    @given(st.lists(st.integers(-99, 99), min_size=2, max_size=6), st.randoms(use_true_random=False))
    def test_the_order_of_a_list_does_not_matter_and_that_of_a_tuple_does(
        self, items: list[int], dice: object
    ) -> None:
        shuffled = list(items)
        dice.shuffle(shuffled)  # type: ignore[attr-defined]
        texts = [", ".join(map(str, found)) for found in (items, shuffled)]
        assert is_equivalent(*texts)
        assert is_equivalent(f"({texts[0]})", f"({texts[1]})") == (items == shuffled)

    @given(st.text(max_size=60))
    def test_every_text_is_equivalent_to_itself(self, text: str) -> None:
        assert is_equivalent(text, text)


NOTATION = st.text(alphabet="0123456789.,;/%$ xy+-*^_=<>()[]{}\\'", max_size=12)


@settings(max_examples=25)
@given(st.lists(st.tuples(NOTATION, NOTATION), min_size=1, max_size=8))
def test_any_text_can_be_graded_and_numbers_alike_from_both_sides(pairs: list[tuple[str, str]]) -> None:
    verdicts = grade(pairs)
    assert len(verdicts) == len(pairs)
    numbers = [(a, b) for a, b in pairs if not set(a + b) & set("xy=<>\\")]
    assert are_equivalent(numbers) == are_equivalent((b, a) for a, b in numbers)
