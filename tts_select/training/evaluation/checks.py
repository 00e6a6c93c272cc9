"""Whether a router can be measured on a log."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tts_select.core.arm import Arm
from tts_select.core.errors import InputError
from tts_select.selector.exchange import FLOPS
from tts_select.selector.routers.protocol import Router, fingerprint_mismatch
from tts_select.training.log.manifest import pool_size, pools_of
from tts_select.training.log.records import SweepLog
from tts_select.training.replay.costs import UNITS, costs_of, own_costs_of


def check_measurable(router: Router, log: SweepLog, trained_on: Mapping[str, Any]) -> None:
    """Raises:
    InputError: the log is of other models or counts other costs than the router was trained for, lacks one of
        its arms, or is of its training problems.
    """
    _check_models(router, log)
    _check_unit(router, log)
    if missing := [arm.name for arm in router.portfolio.arms if not _can_replay(arm, log)]:
        raise InputError(f"the log lacks the router's arm '{min(missing)}': sweep the router's portfolio")
    if known := set(log.problems) & set(trained_on.get("problem_ids", ())):
        raise InputError(
            f"{len(known)} problems of the log trained the router, '{min(known)}' first: use others, or "
            "measure in folds, without a router: evaluate LOG --folds 5"
        )


def check_alike(routers: Sequence[Router]) -> None:
    """Raises:
    InputError: trainings of one router are of several kinds, or have different costs.
    """
    first = routers[0]
    for router in routers[1:]:
        if type(router) is not type(first) or router.unit != first.unit:
            raise InputError(
                "several routers are trainings of one: the same kind, and the same unit of costs; "
                "evaluate others one by one"
            )


def _check_models(router: Router, log: SweepLog) -> None:
    """A router without fingerprints was trained for no model in particular."""
    if not router.fingerprints:
        return
    own = {*router.portfolio.policies, *router.portfolio.prms}
    found = {name: card.fingerprint for name, card in log.manifest.models.items() if name in own}
    if "grader" in router.fingerprints:
        found["grader"] = log.manifest.grader
    if mismatch := fingerprint_mismatch(router.fingerprints, found):
        raise InputError(f"{mismatch}: evaluate it on a log of its own models")


def _check_unit(router: Router, log: SweepLog) -> None:
    own, asked = own_costs_of(log.manifest).unit, costs_of(log.manifest).unit
    if not router.fingerprints or router.unit in (own, asked):
        return
    may_ask = router.unit in UNITS and router.unit != FLOPS
    remedy = f", or measure it with --unit {router.unit}" if may_ask else ""
    raise InputError(
        f"the router's costs are in {router.unit}, the log's in {own}: train it again on such a log{remedy}"
    )


def _can_replay(arm: Arm, log: SweepLog) -> bool:
    """The log has run the arm, or has samples enough of its pool, scored by its PRM. The pools of an imported
    log differ in size."""
    if any(arm.name == own.name for own in log.manifest.arms):
        return True
    pool = pools_of(log.manifest.arms).get(arm.pool) if arm.is_sampling else None
    if pool is None or arm.prm not in (None, *pool.prms):
        return False
    return log.manifest.imported is not None or arm.budget <= pool_size(log.manifest, pool)
