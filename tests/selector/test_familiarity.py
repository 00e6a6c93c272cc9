from __future__ import annotations

import json
import math
import time
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tts_select.selector.evidence import Evidence, SolutionEvidence
from tts_select.selector.familiarity import (
    DESCRIPTION,
    Familiarity,
    RunCounts,
    TextRanges,
    Usual,
    probe_names,
    probe_numbers,
    words_of,
)
from tts_select.selector.routers.lookahead import LookaheadRouter
from tts_select.selector.text_features import TEXT_FEATURES

TEXTS = [f"Tom has {k} apples and buys {k + 3} more. How many apples does he have?" for k in range(2, 40)]


def usual(*, limit: float = 1.0, spread: float = 1.0) -> Usual:
    return Usual(("a/b", "sentences"), (0.0, math.log1p(4)), (spread, spread), limit)


def familiarity(limit: float) -> Familiarity:
    counts = RunCounts.of(TEXTS)
    numbers = np.array([counts.describe(text) for text in TEXTS])
    spreads = np.maximum(numbers.std(axis=0), 0.05)
    text = Usual(DESCRIPTION, tuple(numbers.mean(axis=0).tolist()), tuple(spreads.tolist()), limit)
    return Familiarity(counts, text, None)


@given(st.text())
def test_any_text_is_described_by_finite_numbers_however_strange_it_is(text: str) -> None:
    found = RunCounts.of(TEXTS).describe(text)
    assert found.shape == (len(DESCRIPTION),)
    assert np.isfinite(found).all()
    known = familiarity(limit=math.inf)
    assert np.isfinite(known.text.strangeness(found))
    assert known.of_text(text) is None


@pytest.mark.parametrize("text", ["", " ", "9" * 4000, "\ud800", "\N{GRINNING FACE}" * 50, "\\" * 999])
def test_texts_at_the_edge_have_a_reason_in_words(text: str) -> None:
    assert (familiarity(limit=0.0).of_text(text) or "").startswith("it")


def test_numbers_capitals_and_spaces_are_alike_to_the_counts() -> None:
    counts = RunCounts.of(TEXTS)
    one, other = counts.surprises("Tom has 12 apples"), counts.surprises("tom  HAS 98\napples")
    assert one == other
    assert counts.surprises("Xerxes vexes quixotically") > one


def test_counts_are_of_problems_and_not_of_how_often_a_run_is_in_one() -> None:
    once, often = (RunCounts.of([text, "b"]) for text in ("aa", "aa aa aa aa"))
    assert once.counts[1][int(np.argmax(once.counts[1]))] == 1
    assert max(often.counts[0]) <= 2
    assert once.n_problems == 2


def test_the_word_that_is_most_surprising_is_named() -> None:
    reason = familiarity(limit=-1.0).of_text(
        "Tom has 5 apples, zqjxw, and buys more. How many apples does he have?"
    )
    assert reason == "it is written unlike the training problems, as in 'zqjxw,'"


def test_a_number_far_out_is_named_with_where_it_mostly_was() -> None:
    known = familiarity(limit=1.0)
    reason = known.of_text(" ".join(TEXTS))
    assert reason is not None
    assert "in training it was mostly" in reason


def test_a_limit_is_of_all_numbers_together_and_the_farthest_is_named() -> None:
    found = usual(limit=math.log(2.0))
    assert found.strangest(np.array([1.9, math.log1p(4)])) is None
    assert found.strangest(np.array([2.1, math.log1p(4)])) == "a/b"
    assert found.strangest(np.array([1.5, math.log1p(4) + 1.9])) == "sentences"
    assert found.range_of("a/b") == (-2.0, 2.0)


@given(st.lists(st.floats(allow_nan=True, allow_infinity=True), min_size=2, max_size=2))
def test_what_is_not_known_is_not_strange_and_no_number_is_infinitely_so(values: list[float]) -> None:
    found = usual()
    assert np.isfinite(found.strangeness(np.array(values)))
    assert found.strangest(np.array([math.nan, math.nan])) is None


def test_it_comes_back_from_json_as_it_was() -> None:
    known = replace(familiarity(limit=0.3), probes=usual())
    assert Familiarity.from_dict(json.loads(json.dumps(known.as_dict()))) == known


@pytest.mark.parametrize(
    "change",
    [
        lambda r: {**r, "counts": r["counts"][:-1]},
        lambda r: {**r, "counts": [*r["counts"][:-1], "1 2 3"]},
        lambda r: {**r, "text": {**r["text"], "names": ["mood"], "means": [0.0], "spreads": [1.0]}},
        lambda r: {**r, "text": {**r["text"], "means": r["text"]["means"][:-1]}},
        lambda r: {**r, "text": {**r["text"], "spreads": [0.0] * len(DESCRIPTION)}},
    ],
    ids=["a length less", "half the counts", "other numbers", "a mean less", "no spread"],
)
def test_what_does_not_fit_is_refused(change: Callable[[dict[str, object]], dict[str, object]]) -> None:
    with pytest.raises(ValueError, match=r"numbers|means"):
        Familiarity.from_dict(change(familiarity(limit=0.3).as_dict()))


def test_a_problem_is_judged_in_a_few_milliseconds() -> None:
    known = familiarity(limit=0.3)
    known.of_text(TEXTS[0])  # the table is made once
    start = time.process_time()
    for text in TEXTS[:20]:
        known.of_text(text)
    assert (time.process_time() - start) / 20 < 0.005


def observed(n_tokens: int, **scores: float) -> SolutionEvidence:
    return SolutionEvidence(0, n_tokens, -1.0, 1, {prm: (score,) for prm, score in scores.items()})


def test_probes_are_described_by_the_first_samples_of_their_pool_alone(router: LookaheadRouter) -> None:
    layout, seen = router.layout, [observed(10, r=0.5), observed(20, r=0.7)]
    names = probe_names(layout, "p", "r")
    assert {name.split("/")[0] for name in names} == {"samples", "prm"}
    assert not [name for name in names if "/q" in name or "/s/" in name or name.endswith("/n")]
    found = probe_numbers(layout, Evidence("x", {"p": seen}), "p", "r", 2)
    later = Evidence("x", {"p": [*seen, observed(999, r=0.1)], "q": seen}, {"beam@4 q r": seen[0]})
    assert found == pytest.approx(probe_numbers(layout, later, "p", "r", 2), nan_ok=True)
    assert found is not None
    assert found[names.index("samples/p/mean_tokens")] == pytest.approx(math.log1p(15))


def test_fewer_samples_than_probes_are_not_judged(router: LookaheadRouter) -> None:
    for evidence in (Evidence("x"), Evidence("x", {"p": [observed(10)]})):
        assert probe_numbers(router.layout, evidence, "p", "r", 2) is None
    assert probe_numbers(router.layout, Evidence("x"), "p", None, 0) is None


def test_a_router_asks_the_text_first_and_then_the_probes(router: LookaheadRouter, problem: str) -> None:
    layout = router.layout
    names = probe_names(layout, "p", "r")
    usual_probes = Usual(names, (0.5,) * len(names), (1.0,) * len(names), 1.0)
    asked = replace(router, familiarity=replace(familiarity(limit=math.inf), probes=usual_probes))
    usually = Evidence(problem, {"p": [observed(2, r=0.5)] * 2})
    strange = Evidence(problem, {"p": [observed(10**6, r=0.5)] * 2})
    assert [asked.unfamiliar(problem), asked.unfamiliar(problem, Evidence(problem))] == [None, None]
    assert asked.unfamiliar(problem, usually) is None
    reason = asked.unfamiliar(problem, strange) or ""
    assert reason.startswith("the probes' mean tokens is 1e+06, in training it was mostly 0 to ")
    text_first = replace(asked, familiarity=replace(asked.familiarity, text=familiarity(limit=-99.0).text))
    assert (text_first.unfamiliar(problem, strange) or "").startswith("it")


@pytest.fixture
def known(router: LookaheadRouter) -> TextRanges:
    """As routers had it before."""
    assert isinstance(router.familiarity, TextRanges)
    return router.familiarity


def test_a_problem_within_the_ranges_is_familiar(
    known: TextRanges, router: LookaheadRouter, problem: str
) -> None:
    assert known.of_text(problem) is None
    assert router.unfamiliar(problem.replace("12", "13")) is None
    assert router.unfamiliar(problem, Evidence(problem, {"p": [observed(10**9)] * 2})) is None


def test_a_length_out_of_range_is_named(known: TextRanges, problem: str) -> None:
    reason = known.of_text(" ".join([problem] * 9))
    assert reason == f"its chars is {9 * len(problem) + 8}, in training it was {len(problem) / 2:.3g} to 63"


@pytest.mark.parametrize(
    "name", ["words", "sentences", "numbers", "digits", "latex_commands", "distinct_word_share"]
)
def test_each_text_feature_out_of_range_is_named(known: TextRanges, problem: str, name: str) -> None:
    ranges = tuple((900.0, 1000.0) if feature == name else (0.0, 900.0) for feature in TEXT_FEATURES)
    reason = replace(known, ranges=ranges).of_text(problem) or ""
    assert reason.startswith(f"its {name.replace('_', ' ')} is ")
    assert reason.endswith("in training it was 900 to 1e+03")


def test_a_tenth_beyond_the_range_is_still_familiar(known: TextRanges, problem: str) -> None:
    n = len(problem)
    for low, high, familiar in [(n - 100, n - 10, False), (n - 101, n - 1, True), (n + 1, n + 101, True)]:
        ranges = ((float(low), float(high)), *known.ranges[1:])
        assert (replace(known, ranges=ranges).of_text(problem) is None) == familiar


def test_an_unknown_word_is_named(known: TextRanges, problem: str) -> None:
    strange = problem.replace("Add", "Subtract")
    assert known.of_text(strange) == "the word 'subtract' was never in training"


def test_without_known_words_no_word_is_strange(known: TextRanges, problem: str) -> None:
    assert replace(known, words=frozenset()).of_text(problem.replace("Add", "Subtract")) is None


def test_words_are_lower_case_without_marks_and_numbers() -> None:
    assert words_of("What is (the) SUM, of 3 and x7?") == {"what", "is", "the", "sum", "of", "and"}
