"""Chats of more than one message, as a prompt puts them to a model."""

from __future__ import annotations

from tts_select.core.problem import Message
from tts_select.executors.prompts.templates import BARE, BOXED, THINKING, prompt_named

CHAT = (
    Message("system", "Be kind."),
    Message("user", "1 + 1?"),
    Message("assistant", "2"),
    Message("user", "Sure?"),
)


def as_pairs(found: list[dict[str, str]]) -> list[tuple[str, str]]:
    return [(message["role"], message["content"]) for message in found]


def test_what_the_client_says_as_system_comes_behind_what_is_said_here() -> None:
    prompt = prompt_named(BOXED)
    system, *rest = as_pairs(prompt.messages("unused", chat=CHAT))
    assert system == ("system", f"{prompt.system}\n\nBe kind.")
    assert rest == [("user", "1 + 1?"), ("assistant", "2"), ("user", "Sure?")]


def test_the_last_question_is_put_as_any_problem_is() -> None:
    found = as_pairs(prompt_named(THINKING).messages("unused", chat=CHAT))
    (alone,) = as_pairs(prompt_named(THINKING).messages("Sure?"))
    assert found == [("system", "Be kind."), ("user", "1 + 1?"), ("assistant", "2"), alone]


def test_a_template_without_system_messages_has_them_in_the_first_turn() -> None:
    prompt = prompt_named(BOXED)
    found = as_pairs(prompt.messages("unused", merged=True, chat=CHAT))
    assert found[0] == ("user", f"{prompt.system}\n\nBe kind.\n\n1 + 1?")
    assert [role for role, _ in found] == ["user", "assistant", "user"]


def test_without_a_word_of_ours_the_chat_is_as_it_came() -> None:
    assert as_pairs(BARE.messages("unused", chat=CHAT)) == [(m.role, m.text) for m in CHAT]
    assert as_pairs(BARE.messages("1 + 1?")) == [("user", "1 + 1?")]
