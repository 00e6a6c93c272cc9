"""What is learned from texts: which problems an arm is good at, and nothing where texts say nothing."""

from __future__ import annotations

import numpy as np
import pytest

from tts_select.training.replay.metrics import auc
from tts_select.training.routers.text import fit
from tts_select.training.routers.text.fit import Outcomes, fit_model, fit_text, fit_wording

N = 60
PENS = [f"A pen costs {k} cents. What do {k + 2} pens cost?" for k in range(N // 2)]
STARTS = [f"Start with {k}. Add {k + 3}. What is the result?" for k in range(N // 2)]
TEXTS = [text for pair in zip(PENS, STARTS, strict=True) for text in pair]
IS_PEN = np.arange(N) % 2 == 0


def outcomes(seed: int = 0) -> Outcomes:
    """An arm that is good with pens, one that is with starts, and one that is right at random; pens are
    dear."""
    rng = np.random.default_rng(seed)
    p = np.array([np.where(IS_PEN, 0.9, 0.1), np.where(IS_PEN, 0.1, 0.9), np.full(N, 0.4)])
    cost = np.where(IS_PEN, 1000.0, 100.0) * np.array([[1.0], [2.0], [1.0]])
    return Outcomes(("pens", "starts", "any"), (), (rng.random((3, N)) < p) * 1.0, cost)


def test_words_tell_which_arm_is_good_at_a_problem() -> None:
    found = fit_model(TEXTS, outcomes())
    pen = found.of_arms("A pen costs 17 cents. What do 20 pens cost?")
    start = found.of_arms("Start with 17. Add 21. What is the result?")
    assert pen.p_correct[0] - pen.p_correct[1] > 0.4
    assert start.p_correct[1] - start.p_correct[0] > 0.4
    np.testing.assert_allclose(pen.cost, [1000, 2000, 1000], rtol=0.1)
    np.testing.assert_allclose(start.cost, [100, 200, 100], rtol=0.1)


def test_where_texts_say_nothing_it_says_what_arms_do_on_average() -> None:
    rng = np.random.default_rng(1)
    right = (rng.random((2, N)) < [[0.8], [0.3]]) * 1.0
    found = fit_model(TEXTS, Outcomes(("good", "poor"), (), right, np.ones((2, N))))
    for text in TEXTS[:6]:
        assert found.of_arms(text).p_correct == pytest.approx(right.mean(axis=1), abs=0.12)


def test_texts_that_are_all_alike_are_no_trouble() -> None:
    right = np.array([[1.0, 0.0] * (N // 2)])
    found = fit_model(["Add."] * N, Outcomes(("one",), (), right, np.ones((1, N))))
    assert found.of_arms("Add.").p_correct == pytest.approx([0.5])
    assert found.of_arms("").p_correct == pytest.approx([0.5], abs=0.2)


def test_what_is_said_of_a_training_problem_has_not_seen_its_outcomes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(fit, "AXES", (4,))
    monkeypatch.setattr(fit, "PENALTIES", (10.0,))
    fold_of, before = np.arange(N) % 3, outcomes()
    changed = before.p_correct.copy()
    changed[:, 0] = 1 - changed[:, 0]
    after = Outcomes(before.arms, before.policies, changed, before.cost)
    one, other = (fit_text(TEXTS, found, fold_of) for found in (before, after))
    np.testing.assert_array_equal(
        one.apart.of_arms(TEXTS[0]).p_correct, other.apart.of_arms(TEXTS[0]).p_correct
    )
    assert not np.allclose(one.apart.of_arms(TEXTS[1]).p_correct, other.apart.of_arms(TEXTS[1]).p_correct)
    said = np.array([one.apart.of_arms(text).p_correct[0] for text in TEXTS])
    assert auc(said, before.p_correct[0] == 1) > 0.7


def test_expected_costs_are_right_on_average() -> None:
    rng = np.random.default_rng(2)
    cost = rng.lognormal(3.0, 1.0, (1, N))
    found = fit_model(TEXTS, Outcomes(("one",), (), np.ones((1, N)), cost))
    assert np.mean([found.of_arms(text).cost[0] for text in TEXTS]) == pytest.approx(cost.mean())


def test_a_wording_is_small_and_has_no_term_of_a_single_text() -> None:
    wording = fit_wording([*TEXTS, "A xylophone."], 8)
    assert "xylophone" not in wording.terms
    assert wording.axes.shape == (len(wording.terms), 8)
