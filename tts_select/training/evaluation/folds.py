"""Routers that are trained in folds: for each fold one that has not seen its problems."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from tts_select.core.errors import InputError
from tts_select.training.evaluation.frontier import Part
from tts_select.training.evaluation.replays import numbered
from tts_select.training.evaluation.spread import Note, Spread
from tts_select.training.log.packed import Viewed
from tts_select.training.log.records import SweepLog
from tts_select.training.routers.kinds import Trainer

SEEDS_APART = 1000
"""Between two trainings in folds, each of whose folds has a seed of its own."""


@dataclass(frozen=True, slots=True)
class Folds:
    """A log whose problems are cut into folds, and what a router is trained by."""

    log: SweepLog
    ids: list[str]
    train: Trainer
    n_folds: int


def trained_in_folds(
    given: Folds, n_trainings: int, *, seed: int, spread: Spread, note: Note
) -> list[list[Part]]:
    """The parts of each training, wherever they are trained.

    Raises:
        InputError: a fold leaves too few problems to train on, or nothing that can be learned.
    """
    parts = list(spread(_trained, given, _folds(given, n_trainings, seed), note=note))
    return [parts[k : k + given.n_folds] for k in range(0, len(parts), given.n_folds)]


@dataclass(frozen=True, slots=True)
class _Fold:
    """One fold of one of the trainings, each of which cuts its own."""

    k: int
    training: int
    n_trainings: int
    places: np.ndarray
    """Of the problems inside."""
    seed: int


def _folds(given: Folds, n_trainings: int, seed: int) -> Iterator[_Fold]:
    n = len(given.ids)
    for training in range(n_trainings):
        own = seed + training * SEEDS_APART
        fold = np.random.default_rng(own).permutation(n) % given.n_folds
        for k in range(given.n_folds):
            yield _Fold(k, training, n_trainings, np.flatnonzero(fold == k), own + k)


def _trained(given: Folds, fold: _Fold, note: Note) -> Part:
    """A router that was trained on the problems outside of the fold."""
    said, name = numbered(note, fold.training + 1, fold.n_trainings), f"fold {fold.k + 1} of {given.n_folds}"
    outside = set(given.ids) - {given.ids[place] for place in fold.places}
    log = _only(given.log, outside)
    try:
        trained = given.train(log, seed=fold.seed, note=lambda text: said(f"{name}: {text}"))
    except InputError as error:
        left = f"{len(outside)} of {len(given.ids)} problems are left to train on"
        raise InputError(f"in {name} {left}: {error}") from error
    return Part(trained.router, trained.facts, fold.places)


def _only(log: SweepLog, ids: set[str]) -> SweepLog:
    """The log as if it were of these problems alone."""
    return replace(
        log,
        problems={id_: problem for id_, problem in log.problems.items() if id_ in ids},
        pools=Viewed(log.pools, {key for key in log.pools if key[0] in ids}),
        runs=Viewed(log.runs, {key for key in log.runs if key[0] in ids}),
    )
