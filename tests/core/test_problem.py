from __future__ import annotations

from tts_select.core.problem import Problem


def test_a_problem_without_an_id_is_named_after_its_text() -> None:
    assert Problem("1 + 1?").id == Problem("1 + 1?", answer="2").id
    assert Problem("1 + 1?").id != Problem("1 + 2?").id
    assert Problem("1 + 1?", id="mine").id == "mine"
