from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tts_select import InputError, UnknownName
from tts_select.executors.prompts.templates import Prompt, prompt_named, prompt_names

TEXTS = 'plain = "{problem}"\nuser = "{problem}"\n'
VERSIONS = {  # a text that changes is a new version: add a line here, and change none
    "boxed@1": "+c756ef5e",
    "plain@1": "",
    "qwen-math@1": "+8ae19ef8",
    "thinking@1": "+3a6b59d9",
}


def test_a_published_prompt_never_changes() -> None:
    assert {name: prompt_named(name).mark("") for name in prompt_names()} == VERSIONS


@given(st.text())
def test_a_problem_is_put_in_as_it_is(problem: str) -> None:
    prompt = Prompt("x@1", "<{problem}>{}", "[{problem}]\\boxed{}", "{0}")
    assert prompt.text(problem) == f"<{problem}>{{}}"
    assert prompt.messages(problem)[1]["content"] == f"[{problem}]\\boxed{{}}"
    assert prompt.messages(problem)[0]["content"] == "{0}"


def test_a_system_message_can_be_merged_into_the_users() -> None:
    prompt = Prompt("x@1", "{problem}", "{problem}", "Be brief.")
    assert prompt.messages("1 + 1?", merged=True) == [{"role": "user", "content": "Be brief.\n\n1 + 1?"}]


def test_two_prompts_mark_a_model_differently() -> None:
    one, other = Prompt("a@1", "{problem}", "{problem}"), Prompt("a@1", "{problem}.", "{problem}")
    assert len({one.mark("fp"), other.mark("fp"), "fp"}) == 3


def test_a_file_of_ones_own_is_a_prompt(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text('plain = "Q: {problem}\\nA: "\nuser = "{problem}"\n')
    assert prompt_named(str(file)).text("1 + 1?") == "Q: 1 + 1?\nA: "


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (f"{TEXTS}examples = 3", "[[examples]]"),
        (f"{TEXTS}examples = ['1 + 1?']", "[[examples]]"),
        (f"{TEXTS}[[examples]]\nproblem = '1 + 1?'", "needs a problem and a solution"),
        (f"{TEXTS}[[examples]]\nproblem = '1 + 1?'\nsolution = 2", "not a text"),
        (f"{TEXTS}[[examples]]\nproblem = '1 + 1?'\nsolutoin = '2'", "did you mean 'solution'"),
        ('plain = "{problem}"', "'user'"),
        ('plain = "x"\nuser = "{problem}"', "'plain'"),
        ('plain = "{problem}"\nuser = "{problem}"\nsistem = "x"', "did you mean 'system'"),
        ('plain = "{problem}"\nuser = "{problem}"\nsystem = 1', "not a text"),
        ("plain = ", "cannot read the prompt"),
    ],
)
def test_a_file_that_is_no_prompt_is_refused(tmp_path: Path, content: str, complaint: str) -> None:
    file = tmp_path / "mine.toml"
    file.write_text(content)
    with pytest.raises(InputError) as refused:
        prompt_named(str(file))
    assert complaint in str(refused.value)


def test_a_name_or_a_file_that_is_not_there_is_refused() -> None:
    with pytest.raises(UnknownName, match="did you mean 'boxed@1'"):
        prompt_named("boxed@2")
    with pytest.raises(InputError, match="cannot read the prompt"):
        prompt_named("nowhere.toml")
