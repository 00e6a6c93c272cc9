from __future__ import annotations

import pytest

from tts_select.core.candidate import Candidate, Finish


@pytest.mark.parametrize("finish", ["length", "deadline", "cap", "open"])
def test_a_solution_that_the_policy_did_not_end_is_not_complete(finish: Finish) -> None:
    assert not Candidate(("a",), finish=finish).is_complete
    assert Candidate(("a",), finish="stop").is_complete


def test_a_candidate_takes_one_score_a_step() -> None:
    assert Candidate(("a", "b")).scored([0.1, 0.2]).step_scores == (0.1, 0.2)
    with pytest.raises(ValueError, match="1 scores for 2 steps"):
        Candidate(("a", "b")).scored([0.1])
