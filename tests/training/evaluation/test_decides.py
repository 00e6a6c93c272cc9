"""Which features decide: shares of groups, of models whose features are known to matter or not."""

from __future__ import annotations

import numpy as np
import pytest

from tests.ladders import by_certainty, by_length, ladder_router
from tts_select.selector.calibration import Calibration
from tts_select.selector.linear import Linear
from tts_select.selector.routers.lookahead import CalibratedModel
from tts_select.training.evaluation import decides
from tts_select.training.evaluation.decides import COUNTS, WORDS, group_of, ladder_decides, mixture_shares
from tts_select.training.routers.lookahead.boosting import boost

NAMES = ("text/chars", "text/axis_0", "samples/p/n", "arm/by_text", "arm/policy")


@pytest.mark.parametrize(
    ("name", "group"),
    [
        ("text/chars", COUNTS),
        ("text/axis_3", WORDS),
        ("text/pass_at_1 world:small", WORDS),
        ("arm/by_text", WORDS),
        ("arm/strength", "the arm"),
        ("samples/world:small/n", "samples"),
        ("prm/world:small/world:prm/best", "PRM scores"),
        ("held/surest", "how sure of them"),
        ("answer/support", "answers at hand"),
        ("found/world:small/n", "searches"),
    ],
)
def test_every_feature_has_a_group(name: str, group: str) -> None:
    assert group_of(name) == group


def model(trees: float) -> CalibratedModel:
    """Trees that split by a text's axis alone, and a line along what samples there are and the arm's text."""
    rng = np.random.default_rng(0)
    rows = np.zeros((400, len(NAMES)))
    rows[:, 1] = rng.normal(size=400)
    booster = boost(rows, (rows[:, 1] > 0) * 1.0, probability=True)
    flat = (0.0,) * len(NAMES)
    linear = Linear(flat, (1.0,) * len(NAMES), (0.0, 0.0, 3.0, -1.0, 0.0), 0.0)
    return CalibratedModel(booster, Calibration((0.0, 1.0), (0.0, 1.0)), linear, trees)


@pytest.mark.parametrize("trees", [0.0, 0.5, 1.0])
def test_gain_and_coefficients_are_weighed_as_they_are_mixed(trees: float) -> None:
    found = mixture_shares(model(trees), NAMES)
    assert found.get(WORDS, 0.0) == pytest.approx(trees + (1 - trees) * 0.25)
    assert found.get("samples", 0.0) == pytest.approx((1 - trees) * 0.75)
    assert sum(found.values()) == pytest.approx(1.0)
    assert list(found.values()) == sorted(found.values(), reverse=True)


def test_a_ladder_says_what_its_answers_and_its_rules_rest_on() -> None:
    found = ladder_decides(ladder_router())
    assert set(found) == {"an answer is right", "going on"}
    for shares in found.values():
        assert sum(shares.values()) == pytest.approx(1.0)
    assert decides._OF_A_BELIEF.count("") == 1  # the constant


def test_a_ladder_says_how_much_it_goes_by_certainties() -> None:
    answers = ladder_decides(by_certainty(ladder_router()))["an answer is right"]
    assert answers == pytest.approx({"votes": 0.8, "certainties": 0.2, "lengths": 0.0})


def test_a_ladder_says_by_what_of_a_text_it_is_picked() -> None:
    assert ladder_decides(by_length(ladder_router()))["whose ladder"] == {COUNTS: 1.0}
