"""Any router against every fixed arm and strategy, on problems that it was not trained on.

`evaluate` measures a router on a log, `cross_evaluate` one for each fold of a log's problems that was trained
on the others. A router is asked what its protocol has; `kinds.py` has what a kind adds to the report.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from tts_select.core.errors import InputError
from tts_select.selector.routers.lookahead import LookaheadRouter
from tts_select.selector.routers.protocol import Router
from tts_select.training.evaluation.checks import check_alike, check_measurable
from tts_select.training.evaluation.folds import Folds, trained_in_folds
from tts_select.training.evaluation.frontier import Part
from tts_select.training.evaluation.measuring import measure
from tts_select.training.evaluation.records import Report
from tts_select.training.evaluation.report import report_of
from tts_select.training.evaluation.shift import shift_of, sides_of
from tts_select.training.evaluation.spread import HERE, Note, Spread
from tts_select.training.log.records import SweepLog
from tts_select.training.replay.costs import in_unit
from tts_select.training.replay.many import Cases
from tts_select.training.replay.orders import MOST_SAMPLES, replayable
from tts_select.training.routers.kinds import TrainedRouter, Trainer


def evaluate(
    router: Router,
    log: SweepLog,
    trained_on: Mapping[str, Any],
    *,
    again: Sequence[TrainedRouter] = (),
    trained: SweepLog | None = None,
    most_samples: int = MOST_SAMPLES,
    n_orders: int | None = None,
    unit: str | None = None,
    seed: int = 1,
    note: Note = lambda _: None,
    spread: Spread = HERE,
) -> Report:
    """The report, as `report.json` holds it; `again` are other trainings of the router, whose noise is then
    in the intervals, `trained` is the router's own sweep, for the held-out shift, and `unit` that of costs,
    by default the log's own. Votes and stop rules have at most so many samples of a policy, and problems are
    replayed in so many orders of them.

    Raises:
        InputError: the log is of other models or other costs than the routers were trained for, or of their
            training problems, cannot express its costs in the unit, the routers are of several kinds, or the
            logs have too few problems of known levels for a shift.
    """
    log = in_unit(replayable(log, note=note), unit)
    routers = [TrainedRouter(router, trained_on), *again]
    check_alike([found.router for found in routers])
    for found in routers:
        check_measurable(found.router, log, found.facts)
    sides = sides_of(trained, log) if trained else None
    cases = Cases(log)
    every = np.arange(len(cases))
    measured = measure(
        [[Part(found.router, found.facts, every)] for found in routers],
        log,
        cases,
        seed=seed,
        note=note,
        most_samples=most_samples,
        n_orders=n_orders,
        spread=spread,
    )
    note("comparing")
    report = report_of(
        measured,
        n_left_out=len(log.problems) - len(cases),
        n_trained=trained_on.get("n_problems"),
        split="test",
    )
    if isinstance(router, LookaheadRouter):
        report["shift"] = shift_of(*sides, router.probe, seed=seed, note=note) if sides else None
    return report


def cross_evaluate(
    log: SweepLog,
    train: Trainer,
    *,
    folds: int = 5,
    trainings: int = 1,
    n_orders: int | None = None,
    unit: str | None = None,
    seed: int = 1,
    note: Note = lambda _: None,
    spread: Spread = HERE,
) -> Report:
    """The same report of routers that were each trained on the other folds of the problems; a ladder is
    trained in the unit, too. Each of several trainings cuts its own folds, so that its routers differ in
    their training problems and in their seeds.

    Raises:
        InputError: a fold leaves too few problems to train on, or nothing that can be learned, or the log
            cannot express its costs in the unit.
    """
    log = in_unit(replayable(log, note=note), unit)
    cases = Cases(log)
    ids = [problem.id for problem in cases.problems]
    if len(ids) < folds:
        problems = "1 problem" if len(ids) == 1 else f"{len(ids)} problems"
        raise InputError(
            f"the log has {problems} with samples of every policy, which is too few for {folds} folds"
        )
    trained = trained_in_folds(Folds(log, ids, train, folds), trainings, seed=seed, spread=spread, note=note)
    measured = measure(trained, log, cases, seed=seed, note=note, n_orders=n_orders, spread=spread)
    note("comparing")
    again = f", {trainings} times" if trainings > 1 else ""
    return report_of(
        measured,
        n_left_out=len(log.problems) - len(cases),
        n_trained=round(len(ids) * (1 - 1 / folds)),
        split=f"{folds} folds over problems{again}",
    )
