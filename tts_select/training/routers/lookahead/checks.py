"""Whether a router can be learned from a sweep."""

from __future__ import annotations

from collections.abc import Sequence

from tts_select.core.errors import InputError
from tts_select.selector.portfolio import Portfolio
from tts_select.selector.routers.lookahead import Probe
from tts_select.training.log.manifest import pools_of
from tts_select.training.replay.cases import Case

FEWEST_PROBLEMS = 30


def check_trainable(cases: Sequence[Case], portfolio: Portfolio, probe: Probe) -> None:
    """Raises:
    InputError: there are too few problems, outcomes are all alike, or nobody has such probes.
    """
    if len(cases) < FEWEST_PROBLEMS:
        raise InputError(
            f"the sweep has {len(cases)} problems: a router needs at least {FEWEST_PROBLEMS}; sweep more"
        )
    if probe.n:
        _check_probes(cases, portfolio, probe)
    shares = {float(right) for case in cases for all_ in case.correct.values() for right in all_}
    shares |= {float(run.correct) for case in cases for runs in case.runs.values() for run, _ in runs}
    if len(shares) < 2:
        what = "right" if shares == {1.0} else "wrong"
        raise InputError(
            f"every sample of the sweep is {what}: there is nothing to choose; sweep other problems"
        )


def _check_probes(cases: Sequence[Case], portfolio: Portfolio, probe: Probe) -> None:
    pool = pools_of(portfolio.arms).get(probe.arm.pool)
    if pool is None or probe.prm not in (None, *pool.prms):
        scored = f", scored by {probe.prm}" if probe.prm else ""
        raise InputError(
            f"the probes are of {probe.arm.pool}{scored}, which the sweep does not have: "
            "choose probes that an arm of the sweep takes"
        )
    fewest = min(len(case.observed[probe.arm.pool]) for case in cases)
    if probe.n > fewest:
        raise InputError(
            f"the probes are {probe.n} samples of {probe.arm.pool}, of which the sweep has {fewest}: "
            "ask for fewer"
        )
