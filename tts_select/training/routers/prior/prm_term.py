"""Fits what the scores of a PRM add to a prior, on logs in which PRMs have scored the samples.

Each pair of a policy and a PRM counts as much as any other. There are few PRMs to learn from, and those of
whoever uses the prior may be weaker; so each pair is learned from thrice: as it is, and as if the PRM had
mixed up half or all of its scores within each problem. What is learned is how far to trust a PRM of which
nothing is known.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from tts_select.core.arm import Arm
from tts_select.core.errors import InputError
from tts_select.core.imported import plain_name
from tts_select.selector.agreement import tokens_a_length
from tts_select.selector.linear import logistic
from tts_select.selector.routers.learned_prior import Prior, PrmTerm
from tts_select.selector.routers.prior import DEFAULT_BUDGET, looks_within
from tts_select.selector.routers.prior_prm import (
    ScoredPrior,
    change_terms,
    correct_before,
    correct_terms,
    settled_terms,
)
from tts_select.training.log.manifest import pools_of
from tts_select.training.log.records import SweepLog
from tts_select.training.replay.cases import cases_of
from tts_select.training.replay.grouping import RIGHT
from tts_select.training.replay.orders import Replay, as_arrays, random_orders, with_policies
from tts_select.training.replay.rounds import looked_at
from tts_select.training.replay.scored import Scored, scored_in
from tts_select.training.routers.prior.fit import (
    FEWEST_PROBLEMS,
    FEWEST_SAMPLES,
    FittedPrior,
    Note,
    efforts_of,
    gain_of,
)
from tts_select.training.routers.prior.rows import PoolLooks, Rows, change_rows, correct_rows, gain_rows

LOOKS = (2, 3, 4, 6, 8, 12, 16, 24, 32)
N_ORDERS = 4
"""Of each problem."""
MIXED_UP = (0.0, 0.5, 1.0)
"""The shares of its scores that each PRM is taken to have mixed up."""
MOST_ROWS = 200_000
N_STEPS, RIDGE = 12, 10.0


@dataclass(frozen=True, slots=True)
class Pair:
    """The samples of a policy in some orders, and the scores of a PRM on them."""

    log: str
    place: int
    """The place of the log among all."""
    arm: Arm
    """Best-of-N of the pair."""
    replay: Replay
    scored: Scored

    def looks(self, numbers: Sequence[int], share: float, seed: int) -> PoolLooks:
        """What is seen of them after these numbers of samples, with a share of the scores mixed up; the vote
        is that of the last look."""
        scored = self.scored.shuffled(share, np.random.default_rng(seed))
        draws, per = self.replay.draws[self.arm.pool], tokens_a_length(self.replay.unit)
        looks = looked_at(draws, numbers, tokens_a_length=per, scored=scored)
        return PoolLooks(self.place, self.replay.problem, looks, looks[-1].first == RIGHT)

    def is_new_to(self, others: Sequence[Pair]) -> bool:
        """Whether none of them has its policy or its PRM."""
        return not any(self.arm.policy == o.arm.policy or self.arm.prm == o.arm.prm for o in others)


def with_prm_term(
    fitted: FittedPrior, logs: Mapping[str, SweepLog], *, seed: int = 0, note: Note = lambda _: None
) -> FittedPrior:
    """The prior with what PRM scores add to it, learned from these logs by their names; the rest of it stays
    as it is.

    Raises:
        InputError: no PRM has scored samples enough.
    """
    note("the scores of PRMs")
    pairs = list(pairs_of(logs, seed=seed))
    if not pairs:
        raise InputError(
            f"no PRM of the logs has scored {FEWEST_SAMPLES} samples of {FEWEST_PROBLEMS} problems: name "
            "logs with scores, or leave --onto out"
        )
    prior = fitted.router.prior
    term = fit_term(prior, pairs, seed)
    held_out = []
    for pair in pairs:
        note(f"what it says of {plain_name(pair.arm.policy)} and {plain_name(pair.arm.prm or '')} unseen")
        other = ScoredPrior(prior, fit_term(prior, unlike(pair, pairs), seed))
        held_out += [(other, pair.looks(looks_within(DEFAULT_BUDGET), share, seed)) for share in MIXED_UP]
    router = replace(fitted.router, prior=replace(prior, term=replace(term, efforts=efforts_of(held_out))))
    described = [
        {"log": p.log, "policy": p.arm.policy, "prm": p.arm.prm, "problems": len(p.replay.ids)} for p in pairs
    ]
    return FittedPrior(router, {**fitted.facts, "prm": {"pairs": described, "mixed_up": list(MIXED_UP)}})


def unlike(pair: Pair, pairs: Sequence[Pair]) -> Sequence[Pair]:
    """Those with neither the policy nor the PRM of a pair; if there are none all but this pair, and of a
    single pair itself."""
    new = [other for other in pairs if other.is_new_to([pair])]
    return new or [other for other in pairs if other is not pair] or [pair]


def pairs_of(logs: Mapping[str, SweepLog], *, seed: int, n_orders: int = N_ORDERS) -> Iterator[Pair]:
    """Each policy that is sampled with each PRM that has scored it, where there are problems and samples
    enough."""
    for place, (name, log) in enumerate(logs.items()):
        for pool, plan in pools_of(log.manifest.arms).items():
            if plan.arm.temperature == 0 or not plan.prms:
                continue
            cases = cases_of(with_policies(log, [plan.arm.policy]))
            orders = random_orders(cases, n_orders, seed)
            replay = as_arrays(cases, orders, log.manifest, most_samples=LOOKS[-1]).only([pool])
            for prm in plan.prms:
                arm = Arm(plan.arm.policy, prm, "best_of_n", DEFAULT_BUDGET, plan.arm.settings)
                scored = scored_in(cases, orders, arm, replay.draws[pool].group.shape[1])
                enough = (~np.isnan(scored.score)).sum(axis=1) >= FEWEST_SAMPLES
                if len(np.unique(replay.problem[enough])) >= FEWEST_PROBLEMS:
                    yield Pair(name, place, arm, replay, scored)


def fit_term(votes: Prior, pairs: Sequence[Pair], seed: int) -> PrmTerm:
    """Fit the term to pairs; its efforts have no prices."""
    pools = [pair.looks(LOOKS, share, seed) for pair in pairs for share in MIXED_UP]
    correct, change, gain = (
        rows(pools).some(MOST_ROWS, seed) for rows in (correct_rows, change_rows, gain_rows)
    )
    own, ratio = change.features[:, :-1], change.features[:, -1:]
    term = PrmTerm(
        correct=_logistic(correct_terms(correct.features), correct, correct_before(votes, correct.features)),
        settled=_logistic(settled_terms(votes, correct.features), correct, np.zeros(len(correct.labels))),
        change=_logistic(change_terms(votes, own, ratio)[:, 0], change, np.zeros(len(ratio))),
        gain=gain_of(gain, np.zeros(len(gain.labels))),
        efforts={},
    )
    settled = logistic(settled_terms(votes, gain.features) @ np.array(term.settled))
    return replace(term, gain=gain_of(gain, settled))


def _logistic(terms: np.ndarray, rows: Rows, before: np.ndarray) -> tuple[float, ...]:
    """The coefficients of a logistic regression that corrects log-odds, by Newton's method: scikit-learn's
    knows none that are given."""
    found = np.zeros(terms.shape[1])
    for _ in range(N_STEPS):
        p = logistic(before + terms @ found)
        slope = terms.T @ (rows.weights * (rows.labels - p)) - RIDGE * found
        curvature = (terms * (rows.weights * p * (1 - p))[:, None]).T @ terms + RIDGE * np.eye(len(found))
        found += np.linalg.solve(curvature, slope)
    return tuple(float(c) for c in found)
