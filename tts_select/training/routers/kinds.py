"""The kinds of routers that a log can train, by name. A new kind is a line in `TRAINERS`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

from tts_select.core.errors import UnknownName
from tts_select.selector.routers.kinds import LADDER, LOOK_AHEAD, PRIOR
from tts_select.selector.routers.learned_prior import Prior
from tts_select.selector.routers.prior import DEFAULT_BUDGET
from tts_select.selector.routers.protocol import Router
from tts_select.training.log.records import SweepLog
from tts_select.training.replay.costs import in_unit
from tts_select.training.routers.ladder.fit import fit_ladders
from tts_select.training.routers.lookahead.fit import fit_router
from tts_select.training.routers.lookahead.probes import probe_for
from tts_select.training.routers.prior.binding import on_log
from tts_select.training.routers.prior.fit import fit_prior

Note = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class TrainedRouter:
    """A router, and what was learned in training it."""

    router: Router
    facts: Mapping[str, Any]


class Trainer(Protocol):
    """A function that makes a router from a log alone."""

    def __call__(self, log: SweepLog, *, seed: int, note: Note) -> TrainedRouter:
        """Train on every problem of the log."""


def trainer_of(log: SweepLog, kind: str | None = None, *, prior: Prior | None = None) -> Trainer:
    """Return the trainer of the kind, or of the usual one for such a log if it is None; a ladder starts from
    the prior.

    Raises:
        UnknownName: there is no such kind.
    """
    kind = kind or usual_kind(log)
    if kind not in TRAINERS:
        raise UnknownName("kind of router", kind, TRAINERS)
    return partial(TRAINERS[kind], prior=prior) if kind == LADDER else TRAINERS[kind]


def usual_kind(log: SweepLog) -> str:
    """Return the usual kind for a log; one of samples alone trains ladders, which need few problems."""
    return LOOK_AHEAD if log.manifest.imported is None else LADDER


def _lookahead(log: SweepLog, *, seed: int, note: Note) -> TrainedRouter:
    log = in_unit(log, None)  # its models of costs are of FLOPs
    fitted = fit_router(log, probe_for(log.manifest), seed=seed, note=note)
    return TrainedRouter(fitted.router, fitted.facts)


def _ladder(log: SweepLog, *, seed: int, note: Note, prior: Prior | None = None) -> TrainedRouter:
    fitted = fit_ladders(log, prior=prior, seed=seed, note=note)
    return TrainedRouter(fitted.router, fitted.facts)


def _prior(log: SweepLog, *, seed: int, note: Note) -> TrainedRouter:
    fitted = fit_prior({"log": log}, seed=seed, note=note)
    return TrainedRouter(on_log(fitted.router, log, DEFAULT_BUDGET), fitted.facts)


TRAINERS: dict[str, Callable[..., TrainedRouter]] = {LOOK_AHEAD: _lookahead, LADDER: _ladder, PRIOR: _prior}
