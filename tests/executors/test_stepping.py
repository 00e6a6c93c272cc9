from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tts_select.executors.stepping import split_steps


@pytest.mark.parametrize(
    ("text", "steps"),
    [
        ("a\n\nb", ("a", "b")),
        ("a\n\nb\n\n", ("a", "b")),
        ("\n\na", ("a",)),
        ("a\n\n\n\nb", ("a", "b")),
        ("a\n\n\nb", ("a", "b")),
        ("a\nb\n\nc", ("a\nb", "c")),
        ("  a \n\n \n\nb", ("  a ", "b")),
        ("", ()),
        ("\n\n \n\n", ()),
    ],
)
def test_a_solution_is_cut_at_blank_lines(text: str, steps: tuple[str, ...]) -> None:
    assert split_steps(text, "\n\n") == steps


@given(st.text(alphabet="ab \n", max_size=30))
def test_no_step_is_empty_and_none_is_lost(text: str) -> None:
    steps = split_steps(text, "\n\n")
    assert all(step.strip() for step in steps)
    assert "".join("".join(steps).split()) == "".join(text.split())
    assert split_steps("\n\n".join(steps), "\n\n") == steps
