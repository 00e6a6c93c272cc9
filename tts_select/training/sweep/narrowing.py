"""The part of an unfinished sweep that is whole: fewer problems, arms and samples, all of them there.

A pool or a search is kept if it is there for at least half as many problems as the one that has most. The
problems are those that have all that is kept; a policy has as many samples as it has for each of them.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace

from tts_select.core.arm import Arm
from tts_select.core.errors import InputError
from tts_select.training.log.chunks import chunks
from tts_select.training.log.codec import Record
from tts_select.training.log.gathering import Key, Records
from tts_select.training.log.manifest import PoolPlan, pool_size, pools_of, searches
from tts_select.training.log.records import LoggedProblem, Manifest


@dataclass(frozen=True, slots=True)
class Part:
    """A whole log, out of one that is not."""

    manifest: Manifest
    problems: list[LoggedProblem]
    records: list[Record]


def whole_part(found: Records) -> Part:
    """Return the part of the log that is whole.

    Raises:
        InputError: nothing is.
    """
    manifest, ids = found.manifest, list(found.problems())
    levels = {name: _levels(found, name, plan, ids) for name, plan in pools_of(manifest.arms).items()}
    having: dict[str, set[str]] = {
        **{name: {id_ for id_, n in of.items() if n} for name, of in levels.items()},
        **{arm.name: _searched(found, arm, ids) for arm in manifest.arms if not arm.is_sampling},
    }
    most = max(map(len, having.values()), default=0)
    kept = {name for name, there in having.items() if there and 2 * len(there) >= most}
    if not kept:
        raise InputError("no problem has enough yet to make a log of: let the sweep go on")
    in_all = set[str].intersection(*(having[name] for name in kept))
    problems = [problem for id_, problem in found.problems().items() if id_ in in_all]
    if not problems:
        raise InputError("no problem has all that most have: let the sweep go on")
    sizes = _sizes(manifest, {name: levels[name] for name in kept if name in levels}, problems)
    return _part(found, kept, problems, sizes)


def _levels(found: Records, name: str, plan: PoolPlan, ids: list[str]) -> dict[str, int]:
    """How many samples of a pool are there for each problem, with all of their scores."""
    drawn = chunks(pool_size(found.manifest, plan), found.manifest.chunk)

    def level(id_: str) -> int:
        there = 0
        for chunk in drawn:
            keys: list[Key] = [("pool", id_, name, chunk.start)]
            keys += [("scores", id_, name, prm, chunk.start) for prm in plan.prms]
            if not all(key in found.by_key for key in keys):
                break
            there = chunk.stop
        return there

    return {id_: level(id_) for id_ in ids}


def _searched(found: Records, arm: Arm, ids: list[str]) -> set[str]:
    seeds = [seed for _, seed in searches([arm], found.manifest.n_runs, found.manifest.seed)]
    return {id_ for id_ in ids if all(("run", id_, arm.name, seed) in found.by_key for seed in seeds)}


def _sizes(
    manifest: Manifest, levels: Mapping[str, Mapping[str, int]], problems: list[LoggedProblem]
) -> dict[str, int]:
    """The number of samples of each policy that all of its pools have for all problems."""
    sizes: dict[str, int] = {}
    plans = pools_of(manifest.arms)
    for name, of_problem in levels.items():
        arm = plans[name].arm
        if arm.temperature > 0:
            least = min(of_problem[problem.id] for problem in problems)
            sizes[arm.policy] = min(least, sizes.get(arm.policy, least))
    return sizes


def _part(
    found: Records, kept: Collection[str], problems: list[LoggedProblem], sizes: Mapping[str, int]
) -> Part:
    old = found.manifest
    arms = tuple(arm for arm in old.arms if _is_kept(arm, kept, sizes))
    if not arms:
        raise InputError("no arm has enough samples yet to make a log of: let the sweep go on")
    used = {spec for arm in arms for spec in (arm.policy, arm.prm)}
    n_of = {policy: n for policy, n in {**old.n_samples_of, **sizes}.items() if policy in used}
    manifest = replace(
        old,
        arms=arms,
        models={spec: card for spec, card in old.models.items() if spec in used},
        n_samples_of={policy: n for policy, n in n_of.items() if n != old.n_samples},
    )
    part = Records(manifest)
    for problem in problems:
        part.add(problem, "")
    return Part(manifest, problems, list(_records(part, found)))


def _is_kept(arm: Arm, kept: Collection[str], sizes: Mapping[str, int]) -> bool:
    if not arm.is_sampling:
        return arm.name in kept
    return arm.pool in kept and (arm.temperature == 0 or arm.budget <= sizes[arm.policy])


def _records(part: Records, found: Records) -> Iterator[Record]:
    yield from (found.by_key[key] for key in part.expected())
