from __future__ import annotations

import math
from itertools import chain
from random import Random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tts_select.core.arm import Arm
from tts_select.core.plan import Settings
from tts_select.selector.answers import answers_at_hand, names_of
from tts_select.selector.evidence import NO_ANSWER, Evidence, SolutionEvidence
from tts_select.selector.features import SUREST, Layout, columns
from tts_select.selector.text_features import TEXT_FEATURES, text_features

GREEDY = "p temperature=0"
BEAM, DVTS = Arm("p", "r", "beam", 8), Arm("q", "s", "dvts", 4)
VOTES, BEST, JUDGED = Arm("p", None, "majority", 8), Arm("q", "s", "best_of_n", 2), Arm("p", None, "cot", 1)
ARMS = (VOTES, BEST, JUDGED, BEAM, DVTS)
LAYOUT = Layout(
    {"p": False, GREEDY: True, "q": False},
    ("p", "q"),
    ("r", "s"),
    ("majority", "best_of_n", "cot", "beam", "dvts"),
    {BEAM.name: "p", DVTS.name: "q"},
    {arm.name: 0.1 * k for k, arm in enumerate(ARMS)},
)

observations = st.builds(
    SolutionEvidence,
    group=st.integers(NO_ANSWER, 3),
    n_tokens=st.integers(0, 50),
    logprob=st.floats(-50, 0),
    n_steps=st.integers(0, 5),
    scores=st.dictionaries(st.sampled_from("rs"), st.lists(st.floats(0, 1), min_size=1, max_size=3)),
)
evidence_ = st.builds(
    Evidence,
    problem=st.text(),
    samples=st.dictionaries(st.sampled_from(["p", GREEDY, "q"]), st.lists(observations)),
    found=st.dictionaries(st.sampled_from([BEAM.name, DVTS.name]), observations),
)


def sureness_of(answers: np.ndarray) -> np.ndarray:
    """The later, the surer."""
    return np.arange(1, len(answers) + 1) / 10


def options(evidence: Evidence) -> np.ndarray:
    _, answers = LAYOUT.answers(evidence)
    return LAYOUT.options(evidence, ARMS, answers, sureness_of(answers))


def of(values: np.ndarray, prefix: str, names: tuple[str, ...] = LAYOUT.state_names) -> dict[str, float]:
    """By what comes after the prefix in their names."""
    return {
        n.removeprefix(prefix): float(v) for n, v in zip(names, values, strict=True) if n.startswith(prefix)
    }


@given(evidence_)
def test_every_feature_has_a_name_and_every_name_is_unique(evidence: Evidence) -> None:
    groups, answers = LAYOUT.answers(evidence)
    assert LAYOUT.state(evidence).shape == (len(LAYOUT.state_names),)
    assert answers.shape == (len(groups), len(LAYOUT.answer_names))
    assert options(evidence).shape == (len(ARMS), len(LAYOUT.option_names))
    for names in (LAYOUT.state_names, LAYOUT.answer_names, LAYOUT.option_names):
        assert len(set(names)) == len(names)


@given(evidence_)
def test_no_feature_is_infinite(evidence: Evidence) -> None:
    assert not np.isinf(LAYOUT.answers(evidence)[1]).any()
    assert not np.isinf(options(evidence)).any()


@given(evidence_, st.randoms(use_true_random=False))
def test_the_order_of_pools_and_searches_in_the_evidence_does_not_matter(
    evidence: Evidence, random: Random
) -> None:
    samples, found = list(evidence.samples.items()), list(evidence.found.items())
    random.shuffle(samples)
    random.shuffle(found)
    other = Evidence(evidence.problem, dict(samples), dict(found))
    np.testing.assert_array_equal(LAYOUT.state(evidence), LAYOUT.state(other))
    one, same = (dict(zip(*LAYOUT.answers(e), strict=True)) for e in (evidence, other))
    assert set(one) == set(same)
    columns_ = [k for k, name in enumerate(LAYOUT.answer_names) if not name.endswith("/lowest_step")]
    for group, row in one.items():  # of equally good solutions it is the last one's lowest step
        np.testing.assert_allclose(row[columns_], same[group][columns_], rtol=1e-9)


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
    assert list(text_features("")) == [0.0] * len(TEXT_FEATURES)


def test_a_pool_without_samples_is_unknown_but_for_their_number() -> None:
    state = LAYOUT.state(Evidence("x", {}))
    samples = of(state, "samples/p/")
    assert samples.pop("n") == 0
    assert all(map(math.isnan, [*samples.values(), *of(state, "prm/p/").values()]))


def test_samples_are_described_by_agreement_likelihood_and_length() -> None:
    samples = [
        SolutionEvidence(2, 10, -5.0, 2),
        SolutionEvidence(2, 20, -2.0, 3),
        SolutionEvidence(0, 10, -1.0, 1),
        SolutionEvidence(NO_ANSWER, 40, -8.0, 4),
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
        SolutionEvidence(0, 1, -1.0, 3, {"r": (0.9, 0.3, 0.8)}),
        SolutionEvidence(1, 1, -1.0, 1, {"r": (0.2,), "s": (0.1,)}),
        SolutionEvidence(1, 1, -1.0, 1),
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


def test_of_a_greedy_solution_nothing_is_said_that_compares_samples() -> None:
    greedy = SolutionEvidence(1, 10, -5.0, 2, {"r": (0.9, 0.4)})
    state = LAYOUT.state(Evidence("x", {GREEDY: [greedy]}))
    assert of(state, f"samples/{GREEDY}/") == {
        "n": 1,
        "answered_share": 1,
        "token_logprob": -0.5,
        "mean_tokens": 10,
        "mean_steps": 2,
    }
    assert of(state, f"prm/{GREEDY}/r/") == {"best": 0.4, "lowest_step": 0.4, "drop": 0.5}
    assert of(state, "samples/p/")["n"] == 0


def test_searches_are_described_by_the_best_solution_that_they_found() -> None:
    found = {
        BEAM.name: SolutionEvidence(0, 1, -1.0, 2, {"r": (0.3, 0.8)}),
        DVTS.name: SolutionEvidence(1, 1, -1.0, 1),
    }
    state = LAYOUT.state(Evidence("x", {}, found))
    assert of(state, "found/p/") == {"n": 1, "best": 0.8, "lowest_step": 0.3}
    unscored = of(state, "found/q/")
    assert unscored.pop("n") == 1
    assert all(map(math.isnan, unscored.values()))
    assert of(LAYOUT.state(Evidence("x")), "found/p/")["n"] == 0


def test_an_answer_is_described_by_the_text_and_by_its_support() -> None:
    evidence = Evidence(
        "Add 3.", {"p": [SolutionEvidence(0, 1, -1.0, 1)] * 2, "q": [SolutionEvidence(1, 1, -1.0, 1)]}
    )
    groups, rows = LAYOUT.answers(evidence)
    pools = tuple(LAYOUT.pools)
    assert LAYOUT.answer_names == (*(f"text/{n}" for n in TEXT_FEATURES), *names_of(pools, LAYOUT.prms))
    for group, row, (same, values) in zip(
        groups, rows, answers_at_hand(evidence, pools, LAYOUT.prms), strict=True
    ):
        assert group == same
        np.testing.assert_array_equal(row, [*text_features("Add 3."), *values])


def test_without_an_answer_there_are_no_rows_of_answers() -> None:
    groups, rows = LAYOUT.answers(Evidence("x"))
    assert groups == []
    assert rows.shape == (0, len(LAYOUT.answer_names))


def test_an_option_is_the_state_then_the_surest_answer_then_the_arm() -> None:
    evidence = Evidence(
        "Add 3.", {"p": [SolutionEvidence(0, 1, -1.0, 1)] * 2, "q": [SolutionEvidence(1, 1, -1.0, 1)]}
    )
    _, answers = LAYOUT.answers(evidence)
    rows = LAYOUT.options(evidence, ARMS, answers, np.array([0.2, 0.7]))
    for row in rows:
        found = dict(zip(LAYOUT.option_names, row, strict=True))
        np.testing.assert_array_equal(row[: len(LAYOUT.state_names)], LAYOUT.state(evidence))
        assert (found[SUREST], found["held/second"]) == (0.7, 0.2)
        surest = dict(zip(LAYOUT.answer_names, answers[1], strict=True))
        for name in names_of(tuple(LAYOUT.pools), LAYOUT.prms):
            np.testing.assert_equal(found[name], surest[name])


def test_of_equally_sure_answers_the_first_is_held() -> None:
    evidence = Evidence(
        "x", {"p": [SolutionEvidence(0, 1, -1.0, 1)] * 2, "q": [SolutionEvidence(1, 1, -1.0, 1)]}
    )
    groups, answers = LAYOUT.answers(evidence)
    assert groups == [0, 1]
    (row,) = LAYOUT.options(evidence, [VOTES], answers, np.array([0.5, 0.5]))
    assert dict(zip(LAYOUT.option_names, row, strict=True))["answer/support"] == 2


@pytest.mark.parametrize("samples", [{}, {"p": [SolutionEvidence(NO_ANSWER, 1, -1.0, 1)]}])
def test_without_an_answer_nothing_is_held(samples: dict[str, list[SolutionEvidence]]) -> None:
    for row in options(Evidence("x", samples)):
        found = dict(zip(LAYOUT.option_names, row, strict=True))
        assert (found[SUREST], found["held/second"]) == (0.0, 0.0)
        assert all(math.isnan(found[name]) for name in names_of(tuple(LAYOUT.pools), LAYOUT.prms))


def test_a_single_answer_has_no_second() -> None:
    (row,) = LAYOUT.options(
        e := Evidence("x", {"p": [SolutionEvidence(0, 1, -1.0, 1)]}),
        [VOTES],
        LAYOUT.answers(e)[1],
        np.array([0.6]),
    )
    found = dict(zip(LAYOUT.option_names, row, strict=True))
    assert (found[SUREST], found["held/second"]) == (0.6, 0.0)


@pytest.mark.parametrize(
    ("arm", "expected"),
    [
        (VOTES, [0, -1, 0, 3, 5, 0, 0.0]),
        (BEST, [1, 1, 1, 1, 2, 0, 0.1]),
        (JUDGED, [0, -1, 2, 0, 1, 1, 0.2]),
        (BEAM, [0, 0, 3, 3, 8, 0, 0.3]),
        (DVTS, [1, 1, 4, 2, 4, 0, 0.4]),
    ],
    ids=lambda value: value.name if isinstance(value, Arm) else "",
)
def test_an_arm_is_told_how_many_samples_are_missing_and_how_strong_it_is(
    arm: Arm, expected: list[float]
) -> None:
    evidence = Evidence("x", {"p": [SolutionEvidence(0, 1, -1.0, 1)] * 3})
    _, answers = LAYOUT.answers(evidence)
    (row,) = LAYOUT.options(evidence, [arm], answers, np.array([0.5]))
    assert list(of(row, "arm/", LAYOUT.option_names).values()) == pytest.approx(expected)


def test_more_samples_than_an_arm_asks_for_are_enough() -> None:
    evidence = Evidence("x", {"q": [SolutionEvidence(0, 1, -1.0, 1)] * 3})
    (row,) = LAYOUT.options(evidence, [BEST], LAYOUT.answers(evidence)[1], np.array([0.5]))
    assert of(row, "arm/", LAYOUT.option_names)["more_samples"] == 0


def test_the_samples_of_one_temperature_are_none_of_another() -> None:
    hot = Arm("p", None, "majority", 8, Settings(temperature=1.0))
    layout = Layout({"p": False, hot.pool: False}, ("p",), (), ("majority",), {}, {hot.name: 0.5})
    evidence = Evidence("x", {"p": [SolutionEvidence(0, 1, -1.0, 1)] * 3})
    (row,) = layout.options(evidence, [hot], layout.answers(evidence)[1], np.array([0.5]))
    assert of(row, "arm/", layout.option_names)["more_samples"] == 8


def test_columns_pick_the_features_of_a_kind() -> None:
    names = LAYOUT.state_names
    picked = {kind: columns(names, [kind]) for kind in ("text", "samples", "prm", "found")}
    assert sorted(chain.from_iterable(picked.values())) == list(range(len(names)))
    assert all(names[place].startswith("prm/") for place in picked["prm"])
    assert picked["text"] == list(range(len(TEXT_FEATURES)))
