from __future__ import annotations

import pytest

from tts_select.selector.difficulty import Bin, Difficulty, bin_of


@pytest.mark.parametrize(
    ("pass_at_1", "bin_"),
    [(1.0, "easy"), (0.5, "easy"), (0.499, "medium"), (0.1, "medium"), (0.099, "hard"), (0.0, "hard")],
)
def test_the_bins_are_those_of_the_paper(pass_at_1: float, bin_: Bin) -> None:
    assert bin_of(pass_at_1) == bin_
    assert Difficulty(pass_at_1, 0.0, 1.0).bin == bin_


def test_json_has_the_bin_too() -> None:
    assert Difficulty(0.3, 0.1, 0.6).as_dict() == {
        "pass_at_1": 0.3,
        "low": 0.1,
        "high": 0.6,
        "bin": "medium",
    }
