"""Pairs of answers in two files, one pair a line: what is the same and what is not, of every kind."""

from __future__ import annotations

from pathlib import Path

import pytest

from tts_select.data.grading import are_equivalent, grade, is_equivalent

HERE = Path(__file__).parent
N_AT_ONCE = 100


def pairs_in(name: str) -> list[tuple[str, str]]:
    lines = (HERE / name).read_text(encoding="utf-8").splitlines()
    return [(answer, gold) for answer, _, gold in (line.partition(" | ") for line in lines)]


def in_parts(name: str) -> list[object]:
    pairs = pairs_in(name)
    return [
        pytest.param(pairs[k : k + N_AT_ONCE], id=f"{name} from line {k + 1}")
        for k in range(0, len(pairs), N_AT_ONCE)
    ]


@pytest.mark.parametrize("pairs", in_parts("equivalent.txt"))
def test_answers_that_are_the_same_are_equivalent_both_ways(pairs: list[tuple[str, str]]) -> None:
    both_ways = [*pairs, *((gold, answer) for answer, gold in pairs)]
    assert [p for p, v in zip(both_ways, grade(both_ways), strict=True) if v != "equivalent"] == []


@pytest.mark.parametrize("pairs", in_parts("different.txt"))
def test_answers_that_are_not_the_same_are_different_both_ways(pairs: list[tuple[str, str]]) -> None:
    both_ways = [*pairs, *((gold, answer) for answer, gold in pairs)]
    assert [p for p, v in zip(both_ways, grade(both_ways), strict=True) if v != "different"] == []


def test_every_answer_is_itself_in_other_delimiters() -> None:
    answers = [
        answer for answer, _ in pairs_in("equivalent.txt") if "$" not in answer and "\\[" not in answer
    ]
    assert [
        a for a, same in zip(answers, are_equivalent((f" {a} ", a) for a in answers), strict=True) if not same
    ] == []


STRICT = {
    "a percentage and a decimal": ("50%", "0.5"),
    "a list in another order": ("1, 2", "2, 1"),
    "an unreduced fraction in a tuple": ("(2/4, 3)", "(1/2, 3)"),
    "a unit and none": ("5 cm", "5"),
    "a rounded number": ("0.3333", "1/3"),
    "an inequality for an interval": ("0<x<1", "(0,1)"),
}


@pytest.mark.parametrize(("answer", "gold"), STRICT.values(), ids=STRICT)
def test_strict_grading_wants_the_form_of_the_gold_answer(answer: str, gold: str) -> None:
    assert is_equivalent(answer, gold)
    assert not is_equivalent(answer, gold, strict=True)
    assert is_equivalent(gold, gold, strict=True)


def test_strict_grading_still_knows_the_same_number() -> None:
    pairs = [("0.5", "1/2"), ("x+1", "1+x"), ("(1, 2)", "(1,2)"), ("1,000", "1000"), ("5 cm", "5cm")]
    assert grade(pairs, strict=True) == ["equivalent"] * len(pairs)
