from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from tts_select.core.arm import Arm
from tts_select.selector.calibration import Calibration
from tts_select.selector.evidence import Evidence, Observed
from tts_select.selector.features import TEXT_FEATURES
from tts_select.selector.router import (
    Calibrated,
    DifficultyModel,
    Router,
    fingerprint_mismatch,
    is_open,
    words_of,
)


def samples(n: int, *prms: str, n_tokens: int = 10, group: int = 0) -> list[Observed]:
    return [Observed(group, n_tokens, -1.0, 1, dict.fromkeys(prms, (0.5,)))] * n


def names(router: Router, evidence: Evidence) -> set[str]:
    return {option.name for option in router.options(evidence)}


def test_every_arm_is_an_option_before_anything_is_known(router: Router, problem: str) -> None:
    assert names(router, Evidence(problem, {})) == {arm.name for arm in router.portfolio.arms}


def test_an_arm_whose_samples_are_all_there_is_no_option(router: Router, problem: str) -> None:
    found = names(router, Evidence(problem, {"p": samples(4, "r")}))
    assert found == {arm.name for arm in router.portfolio.arms} - {
        "majority@2 p",
        "majority@4 p",
        "best_of_n@2 p r",
        "best_of_n@4 p r",
    }


@pytest.mark.parametrize(
    ("arm", "seen", "open_"),
    [
        (Arm("p", None, "majority", 4), samples(3), True),
        (Arm("p", None, "majority", 4), samples(4), False),
        (Arm("p", "r", "best_of_n", 4), samples(4, "r"), False),
        (Arm("p", "r", "best_of_n", 4), samples(4, "s"), True),
        (Arm("p", "r", "best_of_n", 4), [*samples(4, "r"), *samples(1, group=-1)], False),
        (Arm("p", "r", "beam", 4), samples(64, "r"), True),
        (Arm("q", None, "majority", 1), samples(4), True),
    ],
)
def test_an_arm_is_open_while_there_is_something_to_sample_or_to_score(
    arm: Arm, seen: list[Observed], open_: bool
) -> None:
    assert is_open(arm, Evidence("x", {"p": seen})) == open_


def test_with_every_arm_run_there_are_no_options(constant_router: Callable[..., Router]) -> None:
    router = constant_router([{"policy": "p", "prm": "r", "method": "best_of_n", "budget": [1, 2]}])
    assert router.options(Evidence("x", {"p": samples(2, "r")})) == []


@pytest.mark.parametrize("method", ["beam", "dvts"])
def test_the_answer_of_the_probes_is_judged_in_a_portfolio_without_their_method(
    constant_router: Callable[..., Router], method: str
) -> None:
    router = constant_router([{"policy": "p", "prm": "r", "method": method, "budget": 4}])
    evidence = Evidence("x", {"p": samples(2, "r")})
    for arm in (router.probe.arm, Arm("p", None, "majority", 2)):
        assert 0 < router.sureness(evidence, arm, 0, 0.5) < 1


def test_options_are_calibrated_and_their_cost_is_a_power_of_ten(
    constant_router: Callable[..., Router],
) -> None:
    router = constant_router([{"policy": "p", "method": "cot"}], p=0.75, log10_flops=7.5)
    (option,) = router.options(Evidence("x", {}))
    assert option.p_correct == pytest.approx((0.4 + 0.95) / 2)
    assert option.flops == pytest.approx(10**7.5)


def test_probabilities_are_probabilities(router: Router, problem: str) -> None:
    for n in range(4):
        evidence = Evidence(problem, {"p": samples(n, "r"), "q": samples(2 * n)})
        assert all(0 <= o.p_correct <= 1 and o.flops > 0 for o in router.options(evidence))
        assert 0 <= router.sureness(evidence, router.probe.arm, 0, 0.5) <= 1


def test_an_option_does_not_depend_on_the_others(router: Router, problem: str) -> None:
    evidence = Evidence(problem, {"p": samples(2, "r")})
    together = {o.name: o for o in router.options(evidence)}
    for arm in router.portfolio.arms:
        row = np.concatenate([router.layout.state(evidence), router.layout.arm(arm, evidence)])[None]
        if arm.name in together:
            assert together[arm.name].p_correct == float(router.success(row)[0])
            assert together[arm.name].flops == float(router.flops(row)[0])


def test_tokens_are_expected_from_the_samples_so_far(router: Router) -> None:
    nothing, some = Evidence("x", {}), Evidence("x", {"p": samples(3, n_tokens=50)})
    majority, beam = Arm("p", None, "majority", 8), Arm("p", "r", "beam", 4)
    assert router.tokens(majority, nothing) == 8 * 20
    assert router.tokens(majority, some) == 5 * 50
    assert router.tokens(beam, some) == 4 * 50
    assert router.tokens(Arm("q", None, "majority", 8), some) == 8 * 20


def test_the_difficulty_is_estimated_for_every_policy(router: Router, problem: str) -> None:
    found = router.difficulties(Evidence(problem, {"p": samples(2, "r")}))
    assert set(found) == {"p", "q"}
    assert all(0 <= d.low <= d.pass_at_1 <= d.high <= 1 for d in found.values())


@pytest.mark.parametrize(
    ("p", "low", "high"),
    [(0.0, 0.0, 0.3), (0.49, 0.29, 0.79), (0.5, 0.4, 0.6), (0.95, 0.85, 1.0)],
)
def test_the_interval_is_that_of_the_band_of_the_prediction(p: float, low: float, high: float) -> None:
    found = interval(p, ((-1.0, -0.2, 0.3), (0.5, -0.1, 0.1)))
    assert found == pytest.approx((low, high))


@pytest.mark.parametrize(("p", "errors"), [(0.95, (0.1, 0.2)), (0.05, (-0.2, -0.1))])
def test_an_interval_never_leaves_zero_and_one(p: float, errors: tuple[float, float]) -> None:
    low, high = interval(p, ((-1.0, *errors),))
    assert 0 <= low <= high <= 1


def interval(p: float, errors: tuple[tuple[float, float, float], ...]) -> tuple[float, float]:
    class Fixed:
        def predict(self, rows: np.ndarray, num_threads: int) -> np.ndarray:
            return np.full(len(rows), p)

    model = DifficultyModel(Calibrated(Fixed(), Calibration((0.0, 1.0), (0.0, 1.0))), errors)
    (found,) = model(np.zeros((1, 3)))
    assert found.pass_at_1 == pytest.approx(p)
    return found.low, found.high


def test_a_problem_of_the_training_is_familiar(router: Router, problem: str) -> None:
    assert router.unfamiliar(problem) is None
    assert router.unfamiliar(problem.replace("12", "13")) is None


def test_a_length_out_of_range_is_named(router: Router, problem: str) -> None:
    reason = router.unfamiliar(" ".join([problem] * 9))
    assert reason == f"its chars is {9 * len(problem) + 8}, in training it was {len(problem) / 2:.3g} to 63"


@pytest.mark.parametrize(
    "name", ["words", "sentences", "numbers", "digits", "latex_commands", "distinct_word_share"]
)
def test_each_text_feature_out_of_range_is_named(router: Router, problem: str, name: str) -> None:
    ranges = tuple((900.0, 1000.0) if feature == name else (0.0, 900.0) for feature in TEXT_FEATURES)
    reason = replace(router, text_ranges=ranges).unfamiliar(problem) or ""
    assert reason.startswith(f"its {name.replace('_', ' ')} is ")
    assert reason.endswith("in training it was 900 to 1e+03")


def test_a_tenth_beyond_the_range_is_still_familiar(router: Router, problem: str) -> None:
    n = len(problem)
    for low, high, familiar in [(n - 100, n - 10, False), (n - 101, n - 1, True), (n + 1, n + 101, True)]:
        ranges = ((float(low), float(high)), *router.text_ranges[1:])
        assert (replace(router, text_ranges=ranges).unfamiliar(problem) is None) == familiar


def test_an_unknown_word_is_named(router: Router, problem: str) -> None:
    strange = problem.replace("Add", "Subtract")
    assert router.unfamiliar(strange) == "the word 'subtract' was never in training"


def test_without_known_words_no_word_is_strange(router: Router, problem: str) -> None:
    assert replace(router, words=frozenset()).unfamiliar(problem.replace("Add", "Subtract")) is None


def test_words_are_lower_case_without_marks_and_numbers() -> None:
    assert words_of("What is (the) SUM, of 3 and x7?") == {"what", "is", "the", "sum", "of", "and"}


def test_the_models_have_to_be_those_of_the_training() -> None:
    trained = {"p": "fp-p", "r": "fp-r"}
    assert fingerprint_mismatch(trained, {"r": "fp-r"}) is None
    assert fingerprint_mismatch(trained, {"r": "fp-r", "p": "new"}) == (
        "the router was trained for 'p' as fp-p; this one is new"
    )
    assert fingerprint_mismatch(trained, {"q": "fp-q"}) == (
        "the router was trained for 'q' as not in its portfolio; this one is fp-q"
    )
