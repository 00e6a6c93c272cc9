"""Labels of hand-made solutions: `+` right, `-` wrong, `.` not judged; one sign a token."""

from __future__ import annotations

import pytest

from tts_select.data.world.checker import check_steps
from tts_select.data.world.suite import STEP_DELIMITER, WorldProblem
from tts_select.data.world.tokenizer import PROMPT_TEMPLATE, build_tokenizer
from tts_select.training.world.corpus import IGNORE, Example
from tts_select.training.world.samples import label

TOKENIZER = build_tokenizer()
PROBLEM = "Start with 14. Multiply by 3. Subtract 2. What is the result?"
N_PROMPT = len(TOKENIZER.encode(PROMPT_TEMPLATE.format(problem=PROBLEM)).ids)
RIGHT = "14 * 3 = 42\n\n42 - 2 = 40\n\nAnswer: \\boxed{40}"
SIGNS = {1: "+", 0: "-", IGNORE: "."}


def signs(example: Example) -> str:
    """Of the solution's tokens, a space after each step."""
    found = ""
    for token, verdict in zip(example.ids[N_PROMPT:], example.verdicts[N_PROMPT:], strict=True):
        found += SIGNS[int(verdict)] + " " * (TOKENIZER.id_to_token(int(token)) == STEP_DELIMITER)
    return found.strip()


@pytest.mark.parametrize(
    ("solution", "expected"),
    [
        pytest.param(RIGHT, "++++++++ ++++++++ +++++++", id="right"),
        # 1, 4, *, 3, =, 4, 3 and the delimiter
        pytest.param("14 * 3 = 43\n\n43 - 2 = 41", "++++++-- ........", id="wrong digit"),
        pytest.param("15 * 3 = 45", "+-.....-", id="wrong operand"),
        pytest.param("14 * 3 = 421", "+++++++--", id="one digit too many"),
        pytest.param("14 * 3 = 4", "++++++-", id="truncated"),
        pytest.param("14 * 3 = 42\n\n42", "++++++++ ++-", id="truncated in the second step"),
        pytest.param(
            "3 * 14 = 42\n\n42 - 2 = 40\n\nAnswer: \\boxed{40}",
            "++++++++ ++++++++ +++++++",
            id="right in another order",
        ),
        pytest.param("3 * 14 = 42\n\n42 - 2 = 41", "++++++++ ++++++--", id="then wrong"),
        pytest.param("Answer: \\boxed{40}", "-.....-", id="an answer without steps"),
        pytest.param(RIGHT + "\n\n1 + 1 = 2", "++++++++ ++++++++ +++++++ -....-", id="more after it"),
    ],
)
def test_every_token_is_labelled(solution: str, expected: str) -> None:
    assert signs(label(PROBLEM, solution, TOKENIZER)) == expected


def test_the_tokens_are_those_of_the_prompt_and_the_closed_steps() -> None:
    example = label(PROBLEM, RIGHT, TOKENIZER)
    text = PROMPT_TEMPLATE.format(problem=PROBLEM) + RIGHT + STEP_DELIMITER
    assert example.ids.tolist() == TOKENIZER.encode(text).ids
    assert (example.verdicts[:N_PROMPT] == IGNORE).all()


def test_right_tokens_are_to_be_predicted_and_no_others() -> None:
    example = label(PROBLEM, "14 * 3 = 43\n\n43 - 2 = 41", TOKENIZER)
    right = TOKENIZER.encode("14 * 3 = 4").ids
    assert example.next_ids[N_PROMPT - 1 : N_PROMPT - 1 + len(right)].tolist() == right
    assert (example.next_ids[: N_PROMPT - 1] == IGNORE).all()
    assert (example.next_ids[N_PROMPT - 1 + len(right) :] == IGNORE).all()


def test_nothing_is_written_wrong_by_an_empty_sample() -> None:
    example = label(PROBLEM, "", TOKENIZER)
    assert len(example.ids) == N_PROMPT
    assert (example.verdicts == IGNORE).all()


def test_the_verdict_at_a_delimiter_is_the_checkers_up_to_the_first_wrong_step(
    world_problems: list[WorldProblem],
) -> None:
    delimiter = TOKENIZER.token_to_id(STEP_DELIMITER)
    for problem in world_problems[::3]:
        steps = [s.replace("7", "8") for s in problem.steps]
        example = label(problem.problem, STEP_DELIMITER.join(steps), TOKENIZER)
        checked = check_steps(problem.problem, steps)
        until = checked.index(False) + 1 if False in checked else len(checked)
        expected = [*map(int, checked[:until]), *[IGNORE] * (len(checked) - until)]
        assert example.verdicts[example.ids == delimiter].tolist() == expected
