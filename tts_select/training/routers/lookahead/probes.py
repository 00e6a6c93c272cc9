"""The first look of a router: what was asked for, or else the cheapest one that the sweep shows."""

from __future__ import annotations

from tts_select.core.plan import Settings
from tts_select.selector.portfolio import Portfolio
from tts_select.selector.routers.lookahead import Probe
from tts_select.training.log.manifest import policies, pools_of
from tts_select.training.log.records import Manifest


def probe_for(
    manifest: Manifest, *, policy: str | None = None, prm: str | None = None, n: int | None = None
) -> Probe:
    """Of the samples that fit those of the smallest policy, greedy ones first; none if every arm is a search.

    `n` = 0 asks for one greedy sample. What the sweep does not have is for `fit_router` to refuse.
    """
    sizes = _sizes(manifest)
    policy_or_smallest = policy or min(sizes, key=sizes.__getitem__)
    pools = pools_of(manifest.arms).values()
    if not pools and policy is None and prm is None and n is None:
        return Probe(policy_or_smallest, None, 0)
    fitting = [
        pool.arm
        for pool in pools
        if policy in (None, pool.arm.policy)
        and prm in (None, *pool.prms)
        and (n is None or (n == 0) == (pool.arm.temperature == 0))
    ]
    if not fitting:
        return Probe(policy_or_smallest, prm, n or 1, Settings().temperature if n else 0.0)
    arm = min(fitting, key=lambda arm: (sizes[arm.policy], arm.temperature))
    return Probe(arm.policy, prm, n or 1, arm.temperature)


def scored_probe(probe: Probe, portfolio: Portfolio, n: int) -> Probe:
    """These probes, or `n` others if no PRM has scored samples of theirs, for measuring what PRMs tell."""
    if probe.prm is not None and probe.temperature > 0:
        return probe
    scored = [arm for arm in portfolio.arms if arm.is_sampling and arm.prm and arm.temperature > 0]
    if not scored:
        return probe
    most = max(arm.budget for arm in portfolio.arms if arm.is_sampling and arm.pool == scored[0].pool)
    return Probe(scored[0].policy, scored[0].prm, min(n, most), scored[0].temperature)


def _sizes(manifest: Manifest) -> dict[str, int]:
    """Of the policies; one that is not known counts as small."""
    return {name: manifest.models[name].n_parameters or 0 for name in policies(manifest)}
