"""A sweep that is asked for by its log: to go on with, or to have its samples scored by further PRMs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from tts_select.core.arm import Arm
from tts_select.core.errors import InputError
from tts_select.selector.portfolio import Portfolio
from tts_select.training.log.manifest import pools_of
from tts_select.training.log.reading import read_manifest, read_records
from tts_select.training.log.records import ModelCard
from tts_select.training.sweep.plan import Sweep


@dataclass(frozen=True, slots=True)
class Begun:
    """A sweep as its log has it."""

    sweep: Sweep
    cards: Mapping[str, ModelCard]
    """Its models."""


def begun_in(folder: Path, *, concurrency: int) -> Begun:
    """Read what the sweep in `folder` is.

    Raises:
        InputError: there is no sweep log.
    """
    manifest, _ = read_manifest(folder)
    if manifest.imported is not None:
        raise InputError(f"'{folder}' is an imported log: nothing can be added to it here")
    sweep = Sweep(
        Portfolio(manifest.portfolio, manifest.arms),
        list(read_records(folder, manifest).problems().values()),
        n_samples=manifest.n_samples,
        n_runs=manifest.n_runs,
        seed=manifest.seed,
        concurrency=concurrency,
        n_samples_of=manifest.n_samples_of,
        chunk=manifest.chunk,
    )
    return Begun(sweep, manifest.models)


def scored_by(begun: Begun, prms: Sequence[str]) -> Begun:
    """The same sweep with best-of-N arms for these PRMs, one for each budget of its sampling arms.

    Raises:
        InputError: there is no pool to score, or a PRM is there already.
    """
    portfolio = begun.sweep.portfolio
    if known := [prm for prm in prms if prm in begun.cards]:
        raise InputError(f"{known[0]} is in the log already: a sweep without --score-only goes on with it")
    added = tuple(arm for prm in prms for arm in _best_of_n(portfolio.arms, prm))
    if not added:
        raise InputError("the log has no pool of samples to score: it has greedy ones and searches alone")
    arms = Portfolio(portfolio.name, (*portfolio.arms, *added))
    return replace(begun, sweep=replace(begun.sweep, portfolio=arms))


def _best_of_n(arms: Sequence[Arm], prm: str) -> Iterator[Arm]:
    for name, plan in pools_of(arms).items():
        if plan.arm.temperature > 0:
            budgets = {arm.budget for arm in arms if arm.is_sampling and arm.pool == name}
            for budget in sorted(budgets):
                yield replace(plan.arm, prm=prm, method="best_of_n", budget=budget)
