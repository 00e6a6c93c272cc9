from __future__ import annotations

import math
from itertools import chain
from random import Random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tts_select.core.arm import Arm
from tts_select.selector.evidence import NO_ANSWER, Evidence, Observed
from tts_select.selector.features import TEXT_FEATURES, Layout, columns, text_features

LAYOUT = Layout(("p", "q"), ("r", "s"), ("majority", "best_of_n", "beam"))

observations = st.builds(
    Observed,
    group=st.integers(NO_ANSWER, 3),
    n_tokens=st.integers(0, 50),
    logprob=st.floats(-50, 0),
    n_steps=st.integers(0, 5),
    scores=st.dictionaries(st.sampled_from("rs"), st.lists(st.floats(0, 1), min_size=1, max_size=3)),
)
evidence_ = st.builds(
    Evidence, problem=st.text(), samples=st.dictionaries(st.sampled_from("pq"), st.lists(observations))
)


def of(values: np.ndarray, prefix: str) -> dict[str, float]:
    """By what comes after the prefix in their names."""
    names = LAYOUT.outcome_names[: len(values)]
    return {
        n.removeprefix(prefix): float(v) for n, v in zip(names, values, strict=True) if n.startswith(prefix)
    }


@given(evidence_)
def test_every_feature_has_a_name_and_every_name_is_unique(evidence: Evidence) -> None:
    arm = Arm("q", "s", "beam", 4)
    state, way, won = LAYOUT.state(evidence), LAYOUT.arm(arm, evidence), LAYOUT.outcome(evidence, 0, 0.5)
    assert len(state) == len(LAYOUT.state_names)
    assert len(state) + len(way) == len(LAYOUT.arm_names)
    assert len(state) + len(way) + len(won) == len(LAYOUT.outcome_names)
    assert len(set(LAYOUT.outcome_names)) == len(LAYOUT.outcome_names)


@given(evidence_)
def test_no_feature_is_infinite(evidence: Evidence) -> None:
    assert not np.isinf(LAYOUT.state(evidence)).any()
    assert not np.isinf(LAYOUT.outcome(evidence, 1, 0.5)).any()


@given(evidence_, st.randoms(use_true_random=False))
def test_the_order_of_policies_in_the_evidence_does_not_matter(evidence: Evidence, random: Random) -> None:
    items = list(evidence.samples.items())
    random.shuffle(items)
    other = Evidence(evidence.problem, dict(items))
    np.testing.assert_array_equal(LAYOUT.state(evidence), LAYOUT.state(other))
    np.testing.assert_allclose(LAYOUT.outcome(evidence, 1, 0.5), LAYOUT.outcome(other, 1, 0.5), rtol=1e-12)


def test_the_text_is_counted() -> None:
    text = "Add 99 to 9.5. Is \\frac{1}{2} less? Add it!"
    found = dict(zip(TEXT_FEATURES, text_features(text), strict=True))
    assert found == pytest.approx(
        {
            "chars": len(text),
            "words": 9,
            "sentences": 4,
            "numbers": 4,
            "digits": 6,
            "largest_number_log10": 2.0,
            "mean_number_log10": (2 + math.log10(10.5) + math.log10(2) + math.log10(3)) / 4,
            "latex_commands": 1,
            "distinct_word_share": 8 / 9,
        }
    )


def test_an_empty_text_has_finite_features() -> None:
    assert text_features("") == [0.0] * len(TEXT_FEATURES)


def test_a_policy_without_samples_is_unknown_but_for_their_number() -> None:
    state = LAYOUT.state(Evidence("x", {}))
    samples = of(state, "samples/p/")
    assert samples.pop("n") == 0
    assert all(map(math.isnan, [*samples.values(), *of(state, "prm/p/").values()]))


def test_samples_are_described_by_agreement_likelihood_and_length() -> None:
    samples = [
        Observed(2, 10, -5.0, 2),
        Observed(2, 20, -2.0, 3),
        Observed(0, 10, -1.0, 1),
        Observed(NO_ANSWER, 40, -8.0, 4),
    ]
    state = LAYOUT.state(Evidence("x", {"q": samples}))
    assert of(state, "samples/q/") == pytest.approx(
        {
            "n": 4,
            "answered_share": 0.75,
            "distinct_answers": 2,
            "top_share": 0.5,
            "margin": 0.25,
            "entropy": 0.5 * math.log(2) + 0.25 * math.log(4),
            "token_logprob": -(0.5 + 0.1 + 0.1 + 0.2) / 4,
            "min_logprob": -8.0,
            "max_logprob": -1.0,
            "mean_tokens": 20.0,
            "mean_steps": 2.5,
        }
    )


def test_a_prm_is_described_by_the_last_scores_and_its_best_sample() -> None:
    samples = [
        Observed(0, 1, -1.0, 3, {"r": (0.9, 0.3, 0.8)}),
        Observed(1, 1, -1.0, 1, {"r": (0.2,), "s": (0.1,)}),
        Observed(1, 1, -1.0, 1),
    ]
    state = LAYOUT.state(Evidence("x", {"p": samples}))
    assert of(state, "prm/p/r/") == pytest.approx(
        {
            "best": 0.8,
            "mean": 0.5,
            "spread": 0.3,
            "vote_share": 0.8,
            "lowest_step": 0.3,
            "drop": 0.6,
        }
    )
    assert of(state, "prm/p/s/")["best"] == 0.1


def test_an_arm_is_told_how_many_samples_are_missing() -> None:
    evidence = Evidence("x", {"p": [Observed(0, 1, -1.0, 1)] * 3})
    assert LAYOUT.arm(Arm("p", None, "majority", 8), evidence).tolist() == [0, -1, 0, 3, 5]
    assert LAYOUT.arm(Arm("p", "s", "best_of_n", 2), evidence).tolist() == [0, 1, 1, 1, 0]
    assert LAYOUT.arm(Arm("q", "r", "best_of_n", 2), evidence).tolist() == [1, 0, 1, 1, 2]
    assert LAYOUT.arm(Arm("p", "r", "beam", 8), evidence).tolist() == [0, 0, 2, 3, 8]


def test_an_answer_is_described_by_its_support() -> None:
    evidence = Evidence(
        "x",
        {
            "p": [Observed(0, 1, -1.0, 1, {"r": (0.1, 0.7)}), Observed(1, 1, -1.0, 1, {"r": (0.2,)})],
            "q": [Observed(1, 1, -1.0, 1), Observed(1, 1, -1.0, 1)],
        },
    )
    assert LAYOUT.outcome(evidence, 0, 0.6).tolist() == [0.6, 0.25, 0.7, 0.5, 1]
    assert LAYOUT.outcome(evidence, 1, 0.6).tolist() == [0.6, 0.75, 0.2, 0.5, 2]


def test_an_answer_without_evidence_is_unknown() -> None:
    found = LAYOUT.outcome(Evidence("x", {}), 0, 0.6)
    np.testing.assert_array_equal(found, [0.6, math.nan, math.nan, math.nan, 0])


def test_columns_pick_the_features_of_a_kind() -> None:
    names = LAYOUT.state_names
    picked = {kind: columns(names, [kind]) for kind in ("text", "samples", "prm")}
    assert sorted(chain.from_iterable(picked.values())) == list(range(len(names)))
    assert all(names[place].startswith("prm/") for place in picked["prm"])
    assert picked["text"] == list(range(len(TEXT_FEATURES)))
