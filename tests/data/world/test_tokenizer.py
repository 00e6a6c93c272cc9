from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tts_select.data.world.suite import STEP_DELIMITER, WorldProblem
from tts_select.data.world.tokenizer import (
    EOS,
    PROMPT_TEMPLATE,
    UNK,
    build_tokenizer,
    vocabulary,
)

TOKENIZER = build_tokenizer()
CONTEXT = 512


def text_of(problem: WorldProblem) -> str:
    return PROMPT_TEMPLATE.format(problem=problem.problem) + STEP_DELIMITER.join(problem.steps)


def test_every_problem_and_solution_round_trips_and_fits(world_problems: list[WorldProblem]) -> None:
    unk = TOKENIZER.token_to_id(UNK)
    for problem in world_problems:
        ids = TOKENIZER.encode(text_of(problem)).ids
        assert TOKENIZER.decode(ids, skip_special_tokens=False) == text_of(problem)
        assert unk not in ids
        assert len(ids) < CONTEXT


def test_the_saved_tokenizer_is_the_same_one(tiny_llama: Any, world_problems: list[WorldProblem]) -> None:
    saved = tiny_llama.tokenizer
    assert saved.eos_token == EOS
    assert len(saved) == len(vocabulary())
    for problem in world_problems[::7]:
        ids = saved(text_of(problem))["input_ids"]
        assert ids == TOKENIZER.encode(text_of(problem)).ids
        assert saved.decode(ids) == text_of(problem)


def test_the_vocabulary_is_exactly_what_the_tokenizer_has() -> None:
    assert len(set(vocabulary())) == len(vocabulary()) == TOKENIZER.get_vocab_size()
    assert [TOKENIZER.token_to_id(token) for token in vocabulary()] == list(range(len(vocabulary())))


def test_a_step_has_the_same_tokens_alone_and_in_its_solution(world_problems: list[WorldProblem]) -> None:
    delimiter = TOKENIZER.token_to_id(STEP_DELIMITER)
    for problem in world_problems[::5]:
        prompt = TOKENIZER.encode(PROMPT_TEMPLATE.format(problem=problem.problem)).ids
        pieces = [TOKENIZER.encode(step).ids for step in problem.steps]
        joined = [i for piece in pieces for i in [*piece, delimiter]][:-1]
        assert TOKENIZER.encode(text_of(problem)).ids == prompt + joined


@pytest.mark.parametrize("sign", ["+", "-"])
def test_the_signs_of_a_verdict_are_tokens_that_no_solution_has(
    sign: str, world_problems: list[WorldProblem]
) -> None:
    assert len(TOKENIZER.encode(sign).ids) == 1
    (token,) = TOKENIZER.encode(sign).ids
    assert not any(token in TOKENIZER.encode(text_of(p)).ids for p in world_problems)


@given(st.integers(0, 10**9))
def test_a_number_is_written_digit_by_digit(number: int) -> None:
    assert len(TOKENIZER.encode(f"has {number} apples").ids) == 2 + len(str(number))
    assert TOKENIZER.decode(TOKENIZER.encode(f" {number}").ids) == f" {number}"


@given(st.text(max_size=30))
def test_any_text_can_be_encoded_and_only_unknown_words_are_lost(text: str) -> None:
    ids = TOKENIZER.encode(text).ids
    if TOKENIZER.token_to_id(UNK) not in ids:
        assert TOKENIZER.decode(ids, skip_special_tokens=False) == text
