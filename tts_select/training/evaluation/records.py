"""What a report holds, as `report.json` has it; a kind of router may add the keys that are not required.

Costs are in the unit of the router. A number that could not be computed is NaN, and a cost ratio is infinite
where the router never is as accurate; how JSON tells the two apart is in `report/rendering.py`.
"""

from __future__ import annotations

from typing import Any, NotRequired, TypedDict

from tts_select.training.replay.calibration_error import ReliabilityRecord
from tts_select.training.replay.fixed import Score
from tts_select.training.replay.metrics import IntervalRecord

SCHEMA = "tts-select/report@1"


class Point(TypedDict):
    """What a strategy gets: its accuracy with a 95 % interval, and the mean cost of a problem."""

    accuracy: float
    low: float
    high: float
    cost: float
    unit: NotRequired[str]
    """Of the cost, where it is not FLOPs."""


def point_of(score: Score, unit: str) -> Point:
    """A strategy's point, with its unit where that is not FLOPs."""
    found = score.as_dict()
    point: Point = {
        "accuracy": found["accuracy"],
        "low": found["low"],
        "high": found["high"],
        "cost": found["cost"],
    }
    if unit != "FLOPs":
        point["unit"] = unit
    return point


class PricePoint(Point):
    """The router at a price, in probability per unit of cost."""

    price: float


class FrontierPoint(PricePoint):
    """The router at one of the prices that it is replayed at."""

    probe_share: float
    """The share of the probes in the cost."""


class NamedPoint(Point):
    """A fixed arm."""

    name: str


class Reached(TypedDict, total=False):
    """What there is where the router never is as accurate as something."""

    reached: Point
    """Its most accurate point."""


class Compare(NamedPoint, Reached):
    """What the router is compared with at equal accuracy."""

    cost_ratio: IntervalRecord
    """The router's cost at its accuracy over its cost."""


class ArmPoint(Compare):
    """A fixed arm."""

    cost_ratio_near: IntervalRecord
    """The same at half a point less."""
    gap: NotRequired[IntervalRecord]
    """The router's accuracy at its cost minus its accuracy, if the router can be had for that."""


class NearBest(Compare):
    """The cheapest arm that is as good as the best one within half a point."""


class Baseline(Point):
    """A strategy that learns nothing; `name` is the arm that it is, `strategy` what it does on `policy`
    (`A -> B` for a cascade)."""

    name: NotRequired[str]
    strategy: NotRequired[str]
    policy: NotRequired[str]
    same_as: NotRequired[str]
    """The baseline that it is another name of."""


class Saving(Compare):
    """What the router saves beside something that needs no router."""

    against: str
    """What that is, in words."""
    gain: IntervalRecord
    """The router's accuracy at its cost minus its accuracy."""


class Rival(NamedPoint):
    """The most accurate of its kind within a budget."""

    difference: IntervalRecord
    """The router's accuracy minus its accuracy, on the same problems."""


class RivalRule(Rival):
    """A stop rule, on the policy with which it is most accurate within the budget."""

    against: str
    """The name of the rule."""


class RuleGain(TypedDict):
    """The router beside a stop rule at the best of its settings."""

    against: str
    gain: IntervalRecord
    """The router's accuracy minus the rule's at the same cost, between the points of both."""


class WithinBudget(TypedDict):
    """What can be had within a mean cost of a problem, as it is, without mixing."""

    budget: float
    router: Point
    """At the price at which it is most accurate within the budget."""
    best_fixed: Rival
    stop_rules: list[RivalRule]
    """Those that the budget allows."""


class AtBudget(WithinBudget):
    """The same, and beside frontiers that mix."""

    gain: IntervalRecord
    """The router's accuracy minus that of the frontier of the fixed arms, at exactly this cost."""
    rule_gains: list[RuleGain]
    """Of the stop rules that can be had for it."""


class AtAccuracy(TypedDict):
    """What an accuracy costs that the router and the fixed arms both reach."""

    accuracy: float
    router: float
    """Its cost; between its prices, and between the fixed arms, costs are interpolated."""
    fixed: float
    cost_ratio: IntervalRecord


class AgainstCheapest(Reached):
    """What an accuracy costs, beside the cheapest fixed arm that has it but for a point."""

    accuracy: float
    above_best: float
    """By so much it is above the accuracy of the best fixed arm."""
    router: float
    """Infinite where the router never has it; `reached` says what it has at most."""
    arm: NotRequired[NamedPoint]
    """Not there where no arm has it."""
    cost_ratio: NotRequired[IntervalRecord]


class RulePoint(TypedDict):
    """A setting of a stop rule that nothing else of the rule beats."""

    policy: str
    threshold: float
    most_samples: int
    """Of the first policy of a cascade."""
    accuracy: float
    cost: float


class RuleRecord(TypedDict):
    """A stop rule at several thresholds, caps and policies."""

    against: str
    n_settings: int
    area: IntervalRecord
    """How much more accurate the router is than the rule's frontier at equal cost: the mean over the
    logarithm of cost."""
    points: list[RulePoint]


class WorstGap(IntervalRecord):
    """The fixed arm that the router is farthest below, or least above, at equal cost."""

    name: str


class Guard(TypedDict):
    """A distance that something is divided by, or that something must be above."""

    distance: IntervalRecord
    standard_error: float
    holds: bool
    """Whether it is at least two of its standard errors."""


class TrainingRecord(TypedDict):
    """One of several trainings of the router, alone; intervals are over problems."""

    efforts: dict[str, PricePoint]
    area: IntervalRecord
    cost_ratio: IntervalRecord
    worst: WorstGap
    folder: NotRequired[str]
    sha256: NotRequired[str]


class RouterRecord(TypedDict):
    """The router at every price, and at its efforts."""

    frontier: list[FrontierPoint]
    efforts: dict[str, PricePoint]
    folder: NotRequired[str]
    sha256: NotRequired[str]
    """Of its manifest, which has the hashes of all its files."""


class FrontierGaps(TypedDict):
    """The router minus fixed arms of the same cost."""

    worst: WorstGap
    cheaper_than_any_router: list[str]
    """Arms that cost less than the cheapest point of the router."""
    at_median_budget: IntervalRecord
    """Minus the best arm within the budget."""
    median_budget: float


class AtCost(TypedDict):
    """The router and the text-only router at equal cost; between their points accuracies are interpolated."""

    cost: float
    router: float
    text_only: float
    difference: IntervalRecord
    """The router's accuracy minus the other's, on the same problems."""


class TextOnly(TypedDict):
    """A router that decides by the text of a problem alone: one arm to its end, and no look before."""

    frontier: list[PricePoint]
    router_minus: IntervalRecord
    """The router minus it at equal cost: the mean over those of its points that are worth having."""
    at_costs: list[AtCost]
    worst: AtCost | None
    """Of these the one where the router is farthest below, or least above."""


class Ablation(TypedDict):
    """By kind of features, how well difficulty is told from them."""

    auc: dict[str, float]
    brier: dict[str, float]
    ece: dict[str, float]
    probes: dict[str, Any]


class NotFlagged(TypedDict):
    """The problems that the router did not refuse in most draws, alone."""

    n: int
    router: Point
    best_fixed: NamedPoint
    """The same arm as on all of them."""
    difference: IntervalRecord


class Shift(TypedDict):
    """A router of the lower levels on the higher ones."""

    not_flagged: NotFlagged | None
    """None where it refused all."""

    trained_on: str
    tested_on: str
    unfamiliar_share: float
    router: Point
    best_fixed: NamedPoint
    difference: IntervalRecord


class DecisionTime(TypedDict):
    """Milliseconds of one decision."""

    median: float
    p95: float


class LadderRecord(TypedDict):
    """A ladder in words, with what was expected of it in training."""

    price: float
    stages: list[str]
    accuracy: float
    cost: float
    by_text: NotRequired[list[list[str]]]
    """The stages of each of the ladders that a problem's text picks from at this price."""


class Sections(TypedDict, total=False):
    """What only some kinds of routers have."""

    difficulty: Ablation | dict[str, Any]
    solvable_auc: float
    decide_once: Point
    shift: Shift | None
    unfamiliar_share_in_training: float
    """Of held-out training problems, those that the router would refuse."""
    ladders: list[list[LadderRecord]]
    """Of each router that was measured."""
    decides: dict[str, dict[str, float]]
    """By model of the first router, the share of each group of features in what it says."""
    first_decision_ms: DecisionTime
    """One decision of what to run first, the reading of the text included."""
    first_steps: dict[str, float]
    """The shares of what a router that chooses its first step ran first, at the middle price."""


class Report(Sections, Reached):
    """The whole report; `reached` is beside the cost ratio to the best fixed arm."""

    schema: str
    kind: str
    """Of the router."""
    unit: str
    """Of all costs."""
    policies: list[str]
    n_problems: int
    n_left_out: int
    """Problems of the log that a policy has no samples of."""
    n_trained: int | None
    n_draws: int
    split: str
    router: RouterRecord
    area: IntervalRecord
    """How much more accurate the router is than fixed arms of the same cost: the mean over the logarithm of
    cost."""
    at_budgets: list[AtBudget]
    cost_at_accuracies: list[AtAccuracy]
    costs_against_cheapest: list[AgainstCheapest]
    rules: list[RuleRecord]
    guards: dict[str, Guard]
    """Of `gap_closed`, the distance from the best fixed arm to the oracle; without it there is no share, and
    `regret` says what there is to say. Of `cost_ratio_at_equal_accuracy`, how far the router's most accurate
    price is above the best fixed arm: without it the router may never be as accurate."""
    n_trainings: int
    trainings: list[TrainingRecord]
    """Each of them, if there are several; all else of the router is the mean of them."""
    savings: list[Saving]
    arms: list[ArmPoint]
    best_fixed: NamedPoint
    near_best: NearBest
    oracle: Point
    paper_bins: dict[str, list[Point]]
    baselines: dict[str, Baseline]
    text_only: TextOnly
    cost_ratio_at_equal_accuracy: IntervalRecord
    gap_closed: IntervalRecord
    regret: IntervalRecord
    frontier_gaps: FrontierGaps
    bins_gaps: dict[str, IntervalRecord]
    calibration: dict[str, ReliabilityRecord]
    choices: dict[str, dict[str, float]]
    """By difficulty, the shares of what ran last."""
    unfamiliar_share: float
    """Of the problems, those that the router refused as unlike its training problems."""
    decision_ms: DecisionTime
    probe_share: float
