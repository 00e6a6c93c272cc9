"""The report that all kinds of routers have, put together; a kind adds its sections."""

from __future__ import annotations

from tts_select.training.evaluation.behaviour import calibrations, choices, decision_ms, unfamiliar_share
from tts_select.training.evaluation.cheapest import costs_against_cheapest
from tts_select.training.evaluation.compared import Compared
from tts_select.training.evaluation.comparing import frontier_gaps, gap_to
from tts_select.training.evaluation.each_training import each_training
from tts_select.training.evaluation.kinds import kind_of
from tts_select.training.evaluation.measured import Measured
from tts_select.training.evaluation.records import SCHEMA, FrontierPoint, PricePoint, Report, point_of
from tts_select.training.evaluation.text_only import text_only
from tts_select.training.replay.curves import Curve
from tts_select.training.replay.fixed import oracle


def report_of(measured: Measured, *, n_left_out: int, n_trained: int | None, split: str) -> Report:
    """All figures; `n_left_out` problems of the log were not replayed."""
    kind, compared = kind_of(measured.parts[0].router), Compared(measured)
    headline = compared.headline
    ratio = headline.cost_ratio()
    return {
        "schema": SCHEMA,
        "kind": kind.name,
        "unit": measured.unit,
        "policies": list(dict.fromkeys(arm.policy for arm in measured.board.arms)),
        "n_problems": len(measured.cases),
        "n_left_out": n_left_out,
        "n_trained": n_trained,
        "n_draws": measured.board.correct.shape[-1],
        "split": split,
        "router": {"frontier": _frontier(measured), "efforts": _efforts(measured)},
        "area": compared.area(),
        "at_budgets": compared.at_budgets(),
        "cost_at_accuracies": compared.cost_at_accuracies(),
        "costs_against_cheapest": costs_against_cheapest(compared),
        "rules": compared.rule_records(),
        "guards": {
            "gap_closed": headline.distance_to_oracle(),
            "cost_ratio_at_equal_accuracy": headline.distance_above_best(),
        },
        "n_trainings": len(measured.trainings),
        "trainings": each_training(compared),
        "savings": compared.savings(),
        "arms": compared.arms(),
        "best_fixed": compared.best_fixed(),
        "near_best": compared.near_best(),
        "oracle": compared.point(oracle(measured.board)),
        "paper_bins": {k: [compared.point(p) for p in found] for k, found in compared.paper_bins.items()},
        "baselines": compared.baselines(),
        "text_only": text_only(measured),
        "cost_ratio_at_equal_accuracy": ratio,
        **compared.reached(ratio["value"]),
        "gap_closed": headline.gap_closed(),
        "regret": headline.regret(),
        "frontier_gaps": frontier_gaps(compared.router, measured.scores, compared.fixed),
        "bins_gaps": {k: gap_to(compared.router, Curve.of(p)) for k, p in compared.paper_bins.items()},
        "calibration": calibrations(measured, compared.estimate),
        "choices": choices(measured),
        "unfamiliar_share": unfamiliar_share(measured),
        "decision_ms": decision_ms(measured),
        "probe_share": measured.frontier.walked[measured.middle].probe_share,
        **kind.sections(measured),
    }


def _frontier(measured: Measured) -> list[FrontierPoint]:
    f = measured.frontier
    return [
        {"price": price, **point_of(score, measured.unit), "probe_share": walked.probe_share}
        for price, walked, score in zip(f.prices, f.walked, f.scores, strict=True)
    ]


def _efforts(measured: Measured) -> dict[str, PricePoint]:
    return {
        effort: {"price": price, **point_of(score, measured.unit)}
        for effort, (price, score) in measured.efforts.items()
    }
