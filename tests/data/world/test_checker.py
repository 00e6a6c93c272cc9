from __future__ import annotations

import re
from itertools import accumulate, pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tts_select.data.world.checker import check_steps, is_strictly_right
from tts_select.data.world.suite import WorldProblem, generate


def _result(step: str) -> str:
    return step.rsplit(maxsplit=1)[-1]


def _numbers(problem: WorldProblem) -> list[str]:
    return re.findall(r"\d+", problem.problem)


PROBLEMS = [p for level in (1, 3, 5, 8) for p in generate(30, seed=11, split="train", level=level)]
CHAINS = [
    p
    for p in PROBLEMS
    if all(
        _result(a) in re.findall(r"\d+", b) and _result(a) not in _numbers(p) for a, b in pairwise(p.steps)
    )
    and "together" not in p.problem
]
"""Problems each of whose steps needs the one before, as no other number of theirs is its result."""
MACHINE = "Start with 14. Multiply by 3. Subtract 2. What is the result?"
SHOP = (
    "Pens cost 3 coins each. Cups cost 5 coins each. Mia buys 2 pens and 4 cups. How many coins does Mia pay?"
)


def with_wrong_digit(data: st.DataObject, steps: tuple[str, ...], k: int) -> list[str]:
    """The steps with one digit of step k replaced by another one."""
    step = steps[k]
    place = data.draw(st.sampled_from([m.start() for m in re.finditer(r"\d", step)]))
    digit = data.draw(st.sampled_from([d for d in "0123456789" if d != step[place]]))
    return [*steps[:k], step[:place] + digit + step[place + 1 :], *steps[k + 1 :]]


@given(st.data(), st.sampled_from(PROBLEMS))
def test_a_wrong_digit_anywhere_makes_its_step_wrong_and_the_answer_too(
    data: st.DataObject, problem: WorldProblem
) -> None:
    k = data.draw(st.integers(0, len(problem.steps) - 1))
    verdicts = check_steps(problem.problem, with_wrong_digit(data, problem.steps, k))
    assert verdicts[:k] == [True] * k
    assert not verdicts[k]
    assert not verdicts[-1]


@given(st.data(), st.sampled_from(CHAINS))
def test_what_depends_on_a_wrong_step_is_wrong(data: st.DataObject, problem: WorldProblem) -> None:
    k = data.draw(st.integers(0, len(problem.steps) - 1))
    verdicts = check_steps(problem.problem, with_wrong_digit(data, problem.steps, k))
    assert verdicts == [place < k for place in range(len(problem.steps))]


def test_a_right_calculation_with_a_wrong_number_is_wrong() -> None:
    steps = ["14 * 3 = 43", "43 - 2 = 41", "Answer: \\boxed{41}"]
    assert check_steps(MACHINE, steps) == [False, False, False]


def test_a_lucky_answer_is_wrong() -> None:
    steps = ["14 * 3 = 43", "43 - 3 = 40", "Answer: \\boxed{40}"]
    assert check_steps(MACHINE, steps) == [False, False, False]


def test_what_does_not_depend_on_a_wrong_step_stays_right() -> None:
    steps = ["2 * 3 = 7", "4 * 5 = 20", "7 + 20 = 27"]
    assert check_steps(SHOP, steps) == [False, True, False]


@given(st.sampled_from(PROBLEMS))
def test_operands_may_be_swapped_where_that_changes_nothing(problem: WorldProblem) -> None:
    swapped = [re.sub(r"(\d+) ([-+*]) (\d+)", r"\3 \2 \1", step) for step in problem.steps]
    subtracts = [
        " - " in before and before != after for before, after in zip(problem.steps, swapped, strict=True)
    ]
    verdicts = check_steps(problem.problem, swapped)
    first_wrong = subtracts.index(True) if True in subtracts else len(verdicts)
    assert all(verdicts[:first_wrong])
    assert not any(v for v, subtract in zip(verdicts, subtracts, strict=True) if subtract)


@pytest.mark.parametrize(
    "step",
    [
        "",
        "Now 14 * 3 = 42",
        "014 * 3 = 42",
        "14 * 3 = 042",
        "14 * ٣ = 42",
        "42",
        "14 * 3 = 42 ",
        " 14 * 3 = 42",
        "14*3 = 42",
        "14 x 3 = 42",
        "14 * 3 = 42.",
        "14 + 28 = 42",
        "7 * 6 = 42",
        "14 * 3 = -42",
        "So 14 * 3 = 42",
        "14 * 3 = 42\n42 - 2 = 40",
        "Answer: \\boxed{}",
        "Answer: 40",
        "Answer: \\boxed{40}",
        "Answer: \\boxed{40} or so",
        "The answer is 40",
    ],
)
def test_a_line_that_is_no_step_of_the_solution_is_wrong(step: str) -> None:
    assert check_steps(MACHINE, [step]) == [False]


@given(st.text(max_size=30))
def test_any_line_can_be_judged(step: str) -> None:
    verdict = check_steps(MACHINE, [step])
    assert verdict == [step in ("14 * 3 = 42", "3 * 14 = 42")]


def test_a_wrong_line_is_not_forgiven_and_may_be_corrected() -> None:
    steps = ["14 * 3 = 43", "14 * 3 = 42", "42 - 2 = 40", "Answer: \\boxed{40}"]
    assert check_steps(MACHINE, steps) == [False, True, True, True]
    assert not is_strictly_right(MACHINE, steps)


def test_a_step_that_was_made_is_not_made_again() -> None:
    assert check_steps(MACHINE, ["14 * 3 = 42", "14 * 3 = 42"]) == [True, False]


@given(st.sampled_from(PROBLEMS), st.sampled_from(["1 + 1 = 2", "", "So it is.", None]))
def test_whatever_follows_the_answer_is_wrong(problem: WorldProblem, more: str | None) -> None:
    steps = [*problem.steps, problem.steps[-1] if more is None else more]
    assert check_steps(problem.problem, steps) == [True] * len(problem.steps) + [False]
    assert not is_strictly_right(problem.problem, steps)


def test_steps_after_a_wrong_answer_are_wrong() -> None:
    steps = ["14 * 3 = 42", "Answer: \\boxed{1}", "42 - 2 = 40", "Answer: \\boxed{40}"]
    assert check_steps(MACHINE, steps) == [True, False, False, False]


def test_an_answer_without_its_steps_is_wrong() -> None:
    assert check_steps(MACHINE, ["Answer: \\boxed{40}"]) == [False]


def test_a_distractor_is_no_step_towards_the_answer() -> None:
    problem = (
        "Mia has 14 apples. Tom has 3 times as many as Mia. Eva has 5 more than Mia. "
        "How many apples does Tom have?"
    )
    assert check_steps(problem, ["14 + 5 = 19", "14 * 3 = 42", "Answer: \\boxed{42}"]) == [False, True, True]


def test_what_is_needed_twice_may_be_computed_once_or_twice() -> None:
    problem = (
        "Mia has 14 apples. Tom has 5 more than Mia. Eva has 2 times as many as Tom. Leo has 3 times as many "
        "as Tom. How many apples do Eva and Leo have together?"
    )
    rest = ["19 * 2 = 38", "3 * 19 = 57", "38 + 57 = 95", "Answer: \\boxed{95}"]
    assert is_strictly_right(problem, ["14 + 5 = 19", *rest])
    assert is_strictly_right(problem, ["14 + 5 = 19"] * 2 + rest)
    assert is_strictly_right(problem, ["14 + 5 = 19", "19 * 2 = 38", "14 + 5 = 19", *rest[1:]])
    assert check_steps(problem, ["14 + 5 = 19"] * 3) == [True, True, False]


@pytest.mark.parametrize(
    "steps",
    [
        ["20 + 30 = 50", "50 - 8 = 42", "42 + 6 = 48"],
        ["30 - 8 = 22", "22 + 6 = 28", "20 + 28 = 48"],
        ["8 - 6 = 2", "20 + 30 = 50", "50 - 2 = 48"],
        ["20 - 8 = 12", "30 + 6 = 36", "36 + 12 = 48"],
    ],
)
def test_a_sum_may_be_grouped_in_any_way(steps: list[str]) -> None:
    problem = "Start with 20. Add 30. Subtract 8. Add 6. What is the result?"
    assert is_strictly_right(problem, [*steps, "Answer: \\boxed{48}"])


def test_a_number_taken_and_one_added_are_no_sum() -> None:
    problem = "Start with 20. Add 30. Subtract 8. Add 6. What is the result?"
    assert check_steps(problem, ["30 + 8 = 38", "8 + 6 = 14", "20 - 30 = -10"]) == [False] * 3


def test_what_is_multiplied_later_is_not_added_to_what_was_there_before() -> None:
    problem = "Start with 2. Add 3. Multiply by 4. Add 5. What is the result?"
    assert check_steps(problem, ["3 + 5 = 8", "3 * 4 = 12", "2 + 3 = 5", "5 + 5 = 10", "5 * 4 = 20"]) == [
        False, False, True, False, True,
    ]  # fmt: skip


def test_quantities_that_need_nothing_of_each_other_may_come_in_any_order() -> None:
    steps = ["4 * 5 = 20", "2 * 3 = 6", "6 + 20 = 26", "Answer: \\boxed{26}"]
    assert is_strictly_right(SHOP, steps)


@given(st.sampled_from(PROBLEMS), st.data())
def test_a_beginning_of_a_solution_is_right_but_not_strictly(
    problem: WorldProblem, data: st.DataObject
) -> None:
    n = data.draw(st.integers(0, len(problem.steps) - 1))
    assert check_steps(problem.problem, problem.steps[:n]) == [True] * n
    assert not is_strictly_right(problem.problem, problem.steps[:n])


@given(st.sampled_from(PROBLEMS), st.data())
def test_a_verdict_does_not_depend_on_what_follows(problem: WorldProblem, data: st.DataObject) -> None:
    k = data.draw(st.integers(0, len(problem.steps) - 1))
    steps = with_wrong_digit(data, problem.steps, k)
    whole = check_steps(problem.problem, steps)
    assert [check_steps(problem.problem, steps[: n + 1])[-1] for n in range(len(steps))] == whole
    assert list(accumulate(whole, lambda a, b: a and b)) == [place < k for place in range(len(steps))]


@pytest.mark.parametrize("text", ["", "What is 2 + 2?", "Start with 14."])
def test_only_world_problems_can_be_checked(text: str) -> None:
    with pytest.raises(ValueError, match="not a problem of the embedded world"):
        check_steps(text, ["1 + 1 = 2"])
