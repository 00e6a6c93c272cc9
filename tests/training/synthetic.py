"""A made-up sweep log: problems with a latent difficulty, and arms of all the kinds of the embedded world."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tts_select.core.cost import Cost, inference_flops
from tts_select.data.grading import GRADER
from tts_select.selector.portfolio import Portfolio, parse_portfolio
from tts_select.training.log.chunks import rounds
from tts_select.training.log.manifest import PoolPlan, pools_of
from tts_select.training.log.records import LoggedProblem, Manifest, ModelCard, Pool, Run, Sample, SweepLog

SIZES = {"world:small": 200_000, "world:medium": 400_000, "world:large": 700_000}
PRMS = {"world:prm": (1_500_000, 4.0), "world:prm-narrow": (900_000, 1.5)}
SKILL = {"world:small": 1.0, "world:medium": 2.0, "world:large": 3.0}
ARMS = [
    {"policy": list(SIZES), "method": "cot"},
    {"policy": list(SIZES), "prm": "world:prm", "method": "best_of_n", "temperature": 0},
    {"policy": list(SIZES), "method": "majority", "budget": [4, 16]},
    {"policy": list(SIZES), "method": "adaptive", "budget": 16},
    {"policy": list(SIZES), "prm": list(PRMS), "method": "best_of_n", "budget": [2, 16]},
    {"policy": ["world:small", "world:large"], "prm": "world:prm", "method": "beam", "budget": 16},
    {"policy": "world:large", "prm": "world:prm", "method": "dvts", "budget": 16},
]
FEW_ARMS: list[dict[str, object]] = [
    {"policy": ["world:small", "world:large"], "method": "cot"},
    {"policy": "world:small", "prm": "world:prm", "method": "best_of_n", "temperature": 0},
    {"policy": ["world:small", "world:large"], "method": "majority", "budget": 4},
    {"policy": "world:small", "method": "adaptive", "budget": 4},
    {"policy": "world:small", "prm": list(PRMS), "method": "best_of_n", "budget": [2, 4]},
    {"policy": "world:large", "prm": "world:prm", "method": "beam", "budget": 4},
]
"""Fewer of every kind, for what takes long with all of them."""
PROMPT_TOKENS = 60


def synthetic_log(
    n_problems: int = 60, *, n_samples: int = 16, seed: int = 0, arms: Sequence[dict[str, object]] = ARMS
) -> SweepLog:
    """Longer problems are harder; a PRM sees right and wrong as far apart as its sharpness."""
    rng = np.random.default_rng(seed)
    portfolio = parse_portfolio({"name": "synthetic", "arms": list(arms)}, "synthetic")
    models = {
        **{name: ModelCard("policy", SIZES[name], f"fp-{name}") for name in portfolio.policies},
        **{name: ModelCard("prm", PRMS[name][0], f"fp-{name}") for name in portfolio.prms},
    }
    problems, pools, runs = {}, {}, {}
    for k in range(n_problems):
        length = int(rng.integers(1, 9))
        text = " ".join(f"Add {rng.integers(1, 99)}." for _ in range(length))
        problem = LoggedProblem(f"p{k}", f"Start with {k}. {text} What is the result?", str(1000 + k))
        problems[problem.id] = problem
        for name, plan in pools_of(portfolio.arms).items():
            pools[problem.id, name] = _pool(problem, plan, length, plan.size(n_samples), rng)
        for arm in portfolio.arms:
            if not arm.is_sampling:
                runs[problem.id, arm.name] = tuple(
                    _run(problem, arm.name, portfolio, length, seed=s, rng=rng) for s in (0, 1)
                )
    manifest = Manifest(portfolio.name, portfolio.arms, n_samples, 2, 0, models, GRADER)
    return SweepLog(manifest, problems, pools, runs)


def p_right(policy: str, length: int) -> float:
    return float(1 / (1 + np.exp(length - 1.5 * SKILL[policy])))


def _pool(problem: LoggedProblem, plan: PoolPlan, length: int, n: int, rng: np.random.Generator) -> Pool:
    policy, temperature = plan.arm.policy, plan.arm.temperature
    right = rng.random(n) < p_right(policy, length)
    samples = []
    for is_right in right:
        answer = problem.answer if is_right else str(rng.integers(2000, 2006))
        scores = {}
        for prm in plan.prms:
            scores[prm] = (_score(is_right, PRMS[prm][1], rng),)
        samples.append(Sample(answer, bool(is_right), 8 * length, -0.3 * length, "stop", "a step", scores))
    curve = {k: PROMPT_TOKENS + 4 * length * k for k in rounds(n)}
    return Pool(
        problem.id, policy, temperature, PROMPT_TOKENS, tuple(samples), dict.fromkeys(plan.prms, curve)
    )


def _run(
    problem: LoggedProblem,
    name: str,
    portfolio: Portfolio,
    length: int,
    *,
    seed: int,
    rng: np.random.Generator,
) -> Run:
    arm = portfolio[name]
    is_right = rng.random() < 1 - (1 - p_right(arm.policy, length)) ** (1 + arm.budget / 8)
    tokens = 8 * length * arm.budget
    flops = inference_flops(SIZES[arm.policy], tokens)
    if arm.prm:
        flops += inference_flops(PRMS[arm.prm][0], PROMPT_TOKENS + tokens / 2)
    answer = problem.answer if is_right else "2001"
    cost = Cost(policy_generated_tokens=tokens, flops=flops)
    scores = (_score(is_right, PRMS[arm.prm][1], rng),) if arm.prm else ()
    return Run(problem.id, name, seed, answer, bool(is_right), 0.8, 8 * length, -0.3 * length, scores, cost)


def _score(is_right: bool, sharpness: float, rng: np.random.Generator) -> float:
    z = rng.normal(sharpness * (0.5 if is_right else -0.5), 1.0)
    return float(1 / (1 + np.exp(-z)))
