"""The records that an earlier sweep shares with a new one: of models, arms and problems that have not
changed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from tts_select.core.arm import POOL_SETTINGS, Arm
from tts_select.core.errors import InputError
from tts_select.training.log.manifest import PoolPlan, pool_size, pools_of
from tts_select.training.log.reading import read_manifest, read_records
from tts_select.training.log.records import LoggedProblem, Manifest, Pool, Run


def reusable(folder: Path, wanted: Manifest, problems: Sequence[LoggedProblem]) -> Iterator[Pool | Run]:
    """Yield the records of the log in `folder` that a sweep with this manifest on these problems would
    repeat.

    A pool that more PRMs have scored than are wanted loses their scores. What a record cost is what it cost
    then: the tokens that were found in a cache depend on the problems of that sweep.

    Raises:
        InputError: there is no such log, or nothing of it can be used; the message says why.
    """
    there, _ = read_manifest(folder)
    for name in ("grader", "seed"):
        if (old := getattr(there, name)) != (new := getattr(wanted, name)):
            raise InputError(f"nothing of '{folder}' can be used: its {name} is {old!r}, not {new!r}")
    same, known = _Same(there, wanted), read_records(folder, there)
    shared = {id_ for id_, problem in known.problems().items() if problem in problems}
    for record in known.by_key.values():
        if isinstance(record, LoggedProblem) or record.problem not in shared:
            continue
        found = same.pool(record) if isinstance(record, Pool) else same.run(record)
        if found is not None:
            yield found


class _Same:
    """Compares two manifests."""

    def __init__(self, there: Manifest, wanted: Manifest) -> None:
        self._models = {
            spec
            for spec, card in wanted.models.items()
            if spec in there.models and replace(there.models[spec], price=card.price) == card
        }
        self._manifests = there, wanted
        self._pools = pools_of(there.arms), pools_of(wanted.arms)
        self._arms = {arm.name: arm for arm in there.arms}, {arm.name: arm for arm in wanted.arms}
        self._last_seed = wanted.seed + wanted.n_runs

    def pool(self, record: Pool) -> Pool | None:
        old, new = (plans.get(record.name) for plans in self._pools)
        if old is None or new is None or not self._is_sampled_alike(old, new):
            return None
        prms = set(new.prms)
        if not self._models.issuperset({record.policy, *prms}) or not prms.issubset(old.prms):
            return None
        samples = tuple(
            replace(s, scores={prm: scores for prm, scores in s.scores.items() if prm in prms})
            for s in record.samples
        )
        tokens = {prm: tokens for prm, tokens in record.prm_tokens.items() if prm in prms}
        return replace(record, samples=samples, prm_tokens=tokens)

    def run(self, record: Run) -> Run | None:
        old, new = (arms.get(record.arm) for arms in self._arms)
        if new is None or old != new or not self._models.issuperset(_models_of(new)):
            return None
        return record if record.seed < self._last_seed else None

    def _is_sampled_alike(self, old: PoolPlan, new: PoolPlan) -> bool:
        n_old, n_new = (pool_size(m, plan) for m, plan in zip(self._manifests, (old, new), strict=True))
        return n_old == n_new and _sampling(old.arm) == _sampling(new.arm)


def _models_of(arm: Arm) -> set[str]:
    return {arm.policy, arm.prm} if arm.prm else {arm.policy}


def _sampling(arm: Arm) -> tuple[object, ...]:
    settings = arm.settings
    return arm.temperature, *(getattr(settings, name) for name in POOL_SETTINGS)
