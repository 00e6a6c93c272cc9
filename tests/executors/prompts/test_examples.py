"""Worked examples as turns of the chat."""

from __future__ import annotations

from pathlib import Path

import pytest

from tts_select import InputError, load_policy, solve
from tts_select.core.problem import Message
from tts_select.data.world.artifacts import folder_of
from tts_select.executors.prompts.templates import Example, Prompt, prompt_named
from tts_select.testing import Abilities, FakeServer

TEXTS = """
plain = "{problem}"
user = "Q: {problem}"
system = "Be brief."
[[examples]]
problem = "1 + 1?"
solution = "2"
[[examples]]
problem = "2 + 2?"
solution = "4"
"""
SHOWN = [("user", "Q: 1 + 1?"), ("assistant", "2"), ("user", "Q: 2 + 2?"), ("assistant", "4")]


@pytest.fixture
def file(tmp_path: Path) -> str:
    (tmp_path / "mine.toml").write_text(TEXTS)
    return str(tmp_path / "mine.toml")


def test_they_are_turns_before_the_problems(file: str) -> None:
    prompt = prompt_named(file)
    system, *turns = [(m["role"], m["content"]) for m in prompt.messages("3 + 3?")]
    assert turns == [*SHOWN, ("user", "Q: 3 + 3?")]
    assert system == ("system", "Be brief.")


def test_a_template_without_system_messages_has_them_in_the_first_example(file: str) -> None:
    first, *_ = prompt_named(file).messages("3 + 3?", merged=True)
    assert first == {"role": "user", "content": "Be brief.\n\nQ: 1 + 1?"}


def test_they_come_before_a_chat_of_several_messages() -> None:
    prompt = Prompt("x@1", "{problem}", "{problem}", examples=(Example("1 + 1?", "2"),))
    chat = (Message("user", "2 + 2?"), Message("assistant", "4"), Message("user", "Sure?"))
    said = [m["content"] for m in prompt.messages("unused", chat=chat)]
    assert said == ["1 + 1?", "2", "2 + 2?", "4", "Sure?"]


def test_other_examples_mark_a_model_differently() -> None:
    marks = [
        Prompt("x@1", "{problem}", "{problem}", examples=examples).mark("fp")
        for examples in ((), (Example("1 + 1?", "2"),), (Example("1 + 1?", "3"),))
    ]
    assert len(set(marks)) == 3


def test_a_server_is_sent_them(file: str) -> None:
    with FakeServer(lambda _prompt, _seed: "\\boxed{6}") as server:
        policy = load_policy("openai:fake", base_url=server.url, fresh=True, prompt=file)
        assert solve("3 + 3?", policy=policy, method="cot").answer == "6"
        sent = [(m["role"], m["content"]) for m in server.requests[-1]["messages"]]
    assert sent == [("system", "Be brief."), *SHOWN, ("user", "Q: 3 + 3?")]


def test_a_model_without_a_chat_is_refused_when_it_is_loaded(file: str) -> None:
    with (
        FakeServer(lambda _prompt, _seed: "6", can=Abilities(chats=False)) as server,
        pytest.raises(InputError, match="examples, which are turns of a chat"),
    ):
        load_policy("openai:fake", base_url=server.url, fresh=True, prompt=file)
    with pytest.raises(InputError, match="examples, which are turns of a chat"):
        load_policy(f"hf:{folder_of('policy', 'small')}", fresh=True, prompt=file)
