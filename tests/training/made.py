"""A made-up imported log: problems of some difficulty, policies of some skill, wrong answers that scatter."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from tts_select.core.arm import Arm
from tts_select.training.log.records import (
    ImportFacts,
    LoggedProblem,
    Manifest,
    ModelCard,
    Pool,
    Sample,
    SweepLog,
)

SKILL = {"log:weak": 0.0, "log:strong": 1.5}
SIZES = {"log:weak": 1_000_000, "log:strong": 4_000_000}


def made_log(
    n_problems: int = 30,
    *,
    n_samples: int = 10,
    policies: tuple[str, ...] = ("log:weak", "log:strong"),
    sized: bool = True,
    p_right: float | None = None,
    prefix: str = "p",
    seed: int = 0,
) -> SweepLog:
    """`p_right` is that of every sample instead of what skill and difficulty make it."""
    rng = np.random.default_rng(seed)
    problems, pools = {}, {}
    for k in range(n_problems):
        difficulty = rng.normal()
        problem = LoggedProblem(f"{prefix}{k}", f"Add {k} and {k}.", str(1000 + k))
        problems[problem.id] = problem
        for name in policies:
            p = 1 / (1 + np.exp(difficulty - SKILL[name])) if p_right is None else p_right
            samples = tuple(_sample(problem, rng.random() < p, rng) for _ in range(n_samples))
            pools[problem.id, name] = Pool(problem.id, name, 0.7, None, samples, {})
    arms = tuple(Arm(name, None, "majority", k) for name in policies for k in (1, n_samples))
    models = {n: ModelCard("policy", SIZES[n] if sized else None, f"fp-{n}") for n in policies}
    imported = ImportFacts("jsonl", ("made.jsonl",), "tokens", len(pools), 0, 0, len(pools))
    manifest = Manifest("made", arms, n_samples, 1, 0, models, "log", imported)
    return SweepLog(manifest, problems, pools, {})


def scored(log: SweepLog, *prms: str, skill: float = 2.0, seed: int = 0) -> SweepLog:
    """The log as if these PRMs had scored its samples: right ones are so much ahead, in log-odds."""
    rng = np.random.default_rng(seed)

    def judged(sample: Sample) -> Sample:
        odds = {prm: rng.normal(skill * sample.correct) for prm in prms}
        return replace(sample, scores={prm: (0.5, float(1 / (1 + np.exp(-x)))) for prm, x in odds.items()})

    pools = {
        key: replace(
            pool,
            samples=tuple(map(judged, pool.samples)),
            prm_tokens={prm: {k: 70 * k for k in (1, 2, 4, 8, len(pool.samples))} for prm in prms},
        )
        for key, pool in log.pools.items()
    }
    arms = [Arm(arm.policy, prm, "best_of_n", arm.budget) for arm in log.manifest.arms for prm in prms]
    cards = {prm: ModelCard("prm", 2_000_000, f"fp-{prm}") for prm in prms}
    models = {**log.manifest.models, **cards}
    manifest = replace(log.manifest, arms=(*log.manifest.arms, *arms), models=models)
    return replace(log, manifest=manifest, pools=pools)


def certain(log: SweepLog, *, skill: float = 2.0, seed: int = 0) -> SweepLog:
    """The log as if its policies had told how certain they were: of right samples so much more, about 10. Of
    every seventh sample it is not known."""
    rng = np.random.default_rng(seed)

    def told(sample: Sample) -> Sample:
        is_known, certainty = rng.random() > 1 / 7, float(rng.normal(10 + skill * sample.correct))
        return replace(sample, certainty=certainty if is_known else None)

    pools = {key: replace(pool, samples=tuple(map(told, pool.samples))) for key, pool in log.pools.items()}
    return replace(log, pools=pools)


def _sample(problem: LoggedProblem, right: bool, rng: np.random.Generator) -> Sample:
    answer = problem.answer if right else str(rng.integers(0, 6))
    n_tokens = int(rng.integers(20, 60) if right else rng.integers(30, 120))
    return Sample(answer, bool(right), n_tokens, None, None, None, {})
