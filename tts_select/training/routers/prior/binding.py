"""A prior on the samples of a log."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from tts_select.core.errors import InputError
from tts_select.core.imported import plain_name
from tts_select.selector.routers.prior import PriorRouter
from tts_select.training.log.manifest import policies, pool_size, pools_of
from tts_select.training.log.records import SweepLog
from tts_select.training.replay.costs import own_costs_of
from tts_select.training.replay.orders import single_sample


def on_log(router: PriorRouter, log: SweepLog, budget: int) -> PriorRouter:
    """The prior for the samples of the log's only policy, and its greedy solutions if it has them.

    Raises:
        InputError: the log has several policies, or greedy solutions alone.
    """
    known = policies(log.manifest)
    if len(known) > 1:
        names = ", ".join(plain_name(name) for name in known)
        raise InputError(f"a prior is measured on one policy at a time: specify --policy, one of {names}")
    pools = list(pools_of(log.manifest.arms).values())
    sampled = [pool for pool in pools if pool.arm.temperature > 0]
    greedy = [single_sample(pool.arm) for pool in pools if pool.arm.temperature == 0]
    if not sampled:
        raise InputError("the log has greedy solutions alone: a prior needs samples")
    if log.manifest.imported is None:  # all problems of a sweep have equally many samples
        budget = min(budget, pool_size(log.manifest, sampled[0]) + len(greedy))
    arm = replace(single_sample(sampled[0].arm), budget=budget)
    return router.on(arm, own_costs_of(log.manifest).unit, greedy=greedy[0] if greedy else None)


def policies_seen(trained_on: Mapping[str, Any], log: SweepLog) -> list[str]:
    """The policies of the log whose samples a prior has learned from, by the facts in its manifest."""
    learned = {fact["policy"] for fact in trained_on.get("policies", [])}
    return [plain_name(name) for name in policies(log.manifest) if name in learned]
