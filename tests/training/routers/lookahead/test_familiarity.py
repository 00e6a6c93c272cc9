"""Few problems like the training's are refused, at any number of them; most of other kinds are."""

from __future__ import annotations

import runpy
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tts_select.selector.familiarity import DESCRIPTION, Familiarity, RunCounts
from tts_select.selector.routers.lookahead import LookaheadRouter, Probe
from tts_select.training.replay.cases import Case
from tts_select.training.replay.walks import probed
from tts_select.training.routers.lookahead.familiarity import (
    REFUSED,
    REFUSED_LATER,
    described_apart,
    fit_familiarity,
    limit_of,
    usual_of,
)
from tts_select.training.routers.lookahead.fit import FittedRouter

MADE_UP = runpy.run_path(str(Path(__file__).parents[2] / "written.py"))
STORIES, COMPETITION, CODE = (MADE_UP[name] for name in ("STORIES", "COMPETITION", "CODE"))
written: Callable[..., list[str]] = MADE_UP["written"]


def learn(texts: list[str], share: float = REFUSED) -> tuple[Familiarity, np.ndarray]:
    part = np.arange(len(texts)) % 10
    text, strange = usual_of(DESCRIPTION, described_apart(texts, part), part, share)
    return Familiarity(RunCounts.of(texts), text, None), strange


def refused(known: Familiarity, texts: list[str]) -> float:
    return float(np.mean([known.of_text(text) is not None for text in texts]))


@pytest.mark.parametrize("n", [30, 200, 500])
@pytest.mark.parametrize("kind", ["STORIES", "COMPETITION"])
def test_few_problems_of_the_same_kind_are_refused_at_any_number_of_them(kind: str, n: int) -> None:
    known, strange = learn(written(MADE_UP[kind], n, seed=0))
    assert refused(known, written(MADE_UP[kind], 400, seed=1)) <= 0.03
    assert strange.mean() <= 0.04


@pytest.mark.parametrize("n", [30, 200, 500])
def test_problems_of_other_kinds_are_refused(n: int) -> None:
    known, _ = learn(written(STORIES, n, seed=0))
    assert refused(known, written(COMPETITION, 100, seed=1)) > 0.9
    assert refused(known, written(CODE, 100, seed=1)) > 0.9
    other, _ = learn(written(COMPETITION, n, seed=0))
    assert refused(other, written(STORIES, 100, seed=1)) > 0.9


def test_a_word_that_was_never_in_training_refuses_nothing() -> None:
    known, _ = learn(written(STORIES, 100, seed=0))
    new = [
        text.replace("apples", "umbrellas").replace("Maria", "Xenia")
        for text in written(STORIES, 300, seed=1)
    ]
    assert refused(known, new) <= 0.15


@pytest.mark.parametrize("n", [30, 100, 500, 2000])
@pytest.mark.parametrize("share", [0.01, 0.05])
def test_a_limit_leaves_as_many_above_it_as_it_is_to(n: int, share: float) -> None:
    rng = np.random.default_rng(0)
    above = [(rng.normal(size=4000) > limit_of(rng.normal(size=n), share)).mean() for _ in range(50)]
    assert np.mean(above) == pytest.approx(share, rel=0.35)


def test_many_problems_show_their_own_tail() -> None:
    heavy = np.random.default_rng(0).standard_cauchy(5000)
    assert (heavy > limit_of(heavy, 0.01)).mean() == pytest.approx(0.01, rel=0.1)


def test_no_text_is_described_by_counts_of_itself() -> None:
    texts = written(STORIES, 20, seed=0)
    part = np.arange(20) % 10
    found = described_apart(texts, part)
    for k in (0, 13):
        counts = RunCounts.of([t for t, p in zip(texts, part, strict=True) if p != part[k]])
        assert found[k] == pytest.approx(counts.describe(texts[k]))


def test_what_was_refused_is_on_record(
    fitted: FittedRouter, router: LookaheadRouter, cases: list[Case]
) -> None:
    facts = fitted.facts["unfamiliar"]
    assert facts["aimed_at"] == pytest.approx(REFUSED + REFUSED_LATER)
    assert 0 <= facts["refused"] <= 0.1
    texts = [case.problem.problem for case in cases]
    assert np.mean([router.unfamiliar(text) is not None for text in texts]) <= 0.03


def test_probes_unlike_those_of_the_training_are_named(
    router: LookaheadRouter, cases: list[Case], probe: Probe
) -> None:
    case = cases[0]
    order = case.order(np.random.default_rng(0))
    evidence = probed(probe.first_look, case, order).evidence
    assert router.unfamiliar(evidence.problem, evidence) is None
    pool = probe.arm.pool
    endless = [replace(s, n_tokens=10**6, logprob=-1e7, n_steps=900) for s in evidence.of(pool)]
    reason = router.unfamiliar(evidence.problem, replace(evidence, samples={pool: endless}))
    assert reason is not None
    assert reason.startswith("the probes' ")


def test_without_probes_there_is_the_text(cases: list[Case], router: LookaheadRouter) -> None:
    known, _ = fit_familiarity(cases, router.layout, Probe("world:small", None, 0), seed=0)
    assert known.probes is None
    assert known.of_probes(np.zeros(3)) is None


def test_the_same_cases_give_the_same_facts(cases: list[Case], router: LookaheadRouter, probe: Probe) -> None:
    one, other = (fit_familiarity(cases, router.layout, probe, seed=0) for _ in range(2))
    assert one == other


def test_probes_that_are_all_alike_are_no_obstacle(
    cases: list[Case], router: LookaheadRouter, probe: Probe
) -> None:
    def same(case: Case) -> Any:
        return replace(
            case, observed={name: [some[0]] * len(some) for name, some in cases[0].observed.items()}
        )

    known, facts = fit_familiarity([same(case) for case in cases], router.layout, probe, seed=0)
    assert known.probes is not None
    assert facts["refused"] <= 0.1
