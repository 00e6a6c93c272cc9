from __future__ import annotations

import pytest

from tts_select.core.errors import (
    BackendError,
    InputError,
    NoAnswer,
    ProblemTooLong,
    TtsSelectError,
    UnknownName,
)


@pytest.mark.parametrize(
    ("error", "exit_code"),
    [
        (TtsSelectError("x"), 1),
        (InputError("x"), 2),
        (UnknownName("method", "x", ["beam"]), 2),
        (ProblemTooLong(n_tokens=2, context=1, model="m"), 2),
        (NoAnswer("x"), 3),
        (BackendError("x"), 4),
    ],
)
def test_every_error_has_the_base_and_its_exit_code(error: TtsSelectError, exit_code: int) -> None:
    assert isinstance(error, TtsSelectError)
    assert error.exit_code == exit_code


def test_an_unknown_name_is_answered_with_the_closest_one_and_all_of_them() -> None:
    message = str(UnknownName("method", "beem", ["majority", "beam"]))
    assert "did you mean 'beam'?" in message
    assert message.endswith("choose from beam, majority")


def test_nothing_is_guessed_when_no_name_is_close() -> None:
    assert "did you mean" not in str(UnknownName("method", "zzz", ["majority", "beam"]))


def test_a_problem_that_is_too_long_is_told_by_how_much() -> None:
    message = str(ProblemTooLong(n_tokens=1200, context=512, model="world:small"))
    assert "1,200" in message
    assert "512" in message
    assert "world:small" in message
