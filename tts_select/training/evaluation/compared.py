"""The router beside fixed arms, the oracle, the paper's bins and strategies that learn nothing."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import TypedDict, cast

from tts_select.training.evaluation.baselines import Strategy, best_of_each_rule, strategies_of
from tts_select.training.evaluation.bins import Strategies, budgets_of, by_trained_table, in_folds
from tts_select.training.evaluation.budgets import (
    area_between,
    costs_at,
    difference,
    gains_at,
    is_within,
    most_accurate,
    shared_accuracies,
    shared_budgets,
)
from tts_select.training.evaluation.comparing import (
    NEAR,
    Headline,
    cost_ratios,
    gaps_to,
    near_best_of,
)
from tts_select.training.evaluation.difficulty import Estimate, estimates, regressed
from tts_select.training.evaluation.measured import Measured
from tts_select.training.evaluation.records import (
    ArmPoint,
    AtAccuracy,
    AtBudget,
    Baseline,
    NamedPoint,
    NearBest,
    Point,
    Reached,
    RivalRule,
    RuleRecord,
    Saving,
    WithinBudget,
    point_of,
)
from tts_select.training.evaluation.rules import RuleFrontier, frontiers_of
from tts_select.training.evaluation.thresholds import settings_of
from tts_select.training.replay.curves import Curve
from tts_select.training.replay.fixed import BinTable, Score, best_of, oracle
from tts_select.training.replay.metrics import Interval, IntervalRecord
from tts_select.training.replay.resampling import intervals

BEST = "the best fixed arm"
NEAR_BEST = "the cheapest arm within half a point of it"


@dataclass(frozen=True)
class Compared:
    """What was measured, compared; each comparison is made once."""

    measured: Measured

    @cached_property
    def router(self) -> Curve:
        """The router at its prices."""
        return Curve.of(self.measured.frontier.scores)

    @cached_property
    def fixed(self) -> Curve:
        """The fixed arms, in their order."""
        return Curve.of(list(self.measured.scores.values()))

    @cached_property
    def headline(self) -> Headline:
        """The router, the best fixed arm and the oracle."""
        m = self.measured
        return Headline(self.router, self.fixed, list(m.scores).index(m.best), Curve.of([oracle(m.board)]))

    @cached_property
    def estimate(self) -> Estimate | None:
        """How difficult the problems are for the policy, as far as can be told before much is spent; None
        where the log has no samples of it."""
        m = self.measured
        if found := estimates(m.parts, m.cases, seed=0).get(m.policy):
            return found
        pool = next((pool for pool in m.replay.sampled if m.replay.arms[pool].policy == m.policy), None)
        if pool is None:
            return None
        texts = [problem.problem for problem in m.problems]
        return regressed(texts, m.replay.first_of(pool), m.pass_at_1, m.fold)

    @cached_property
    def paper_bins(self) -> Strategies:
        """The paper's strategy, by the router's own table of its training problems if it has one."""
        m, estimate = self.measured, self.estimate
        if estimate is None:
            return {}
        part, budgets = m.parts[0], budgets_of(m.scores)
        own = [arm.name for arm in part.router.portfolio.arms]
        if len(m.parts) > 1 or "bins" not in part.trained_on or not set(own) <= set(m.scores):
            return in_folds(m.board, budgets, m.pass_at_1, estimate, m.fold)
        table = BinTable.from_dict(part.trained_on["bins"])
        return by_trained_table(table, m.board.only(own), budgets, m.pass_at_1, estimate)

    @cached_property
    def strategies(self) -> dict[str, Strategy]:
        """What learns nothing, by name."""
        m = self.measured
        return strategies_of(m.board, m.replay, m.parts[0].router.portfolio.policies)

    @cached_property
    def ratios(self) -> list[dict[str, Interval]]:
        """The router's cost at the accuracy of each arm, and at half a point less, over the arm's."""
        return cost_ratios(self.router, list(self.measured.scores), self.fixed, less=(0.0, NEAR))

    def point(self, score: Score) -> Point:
        """With its unit."""
        return point_of(score, self.measured.unit)

    def arms(self) -> list[ArmPoint]:
        """Every fixed arm."""
        exact, near = self.ratios
        gaps = dict(zip(self.measured.scores, intervals(gaps_to(self.router, self.fixed)), strict=True))
        return [
            {
                "name": name,
                **self.point(score),
                "cost_ratio": exact[name].as_dict(),
                "cost_ratio_near": near[name].as_dict(),
                **_gap(gaps[name]),
                **self.reached(exact[name].value),
            }
            for name, score in self.measured.scores.items()
        ]

    def best_fixed(self) -> NamedPoint:
        """The most accurate arm, of equals the cheapest."""
        name = self.measured.best
        return {"name": name, **self.point(self.measured.scores[name])}

    def near_best(self) -> NearBest:
        """The cheapest arm that is as good as the best, and the router's cost at its accuracy."""
        scores = self.measured.scores
        name = near_best_of(scores, scores[self.measured.best])
        ratio = self.ratios[0][name]
        return {
            "name": name,
            **self.point(scores[name]),
            "cost_ratio": ratio.as_dict(),
            **self.reached(ratio.value),
        }

    def reached(self, cost_ratio: float) -> Reached:
        """What the router reaches at most, where it never is as accurate as what the ratio is of."""
        best = most_accurate(self.measured.frontier.scores)
        return {"reached": self.point(best)} if math.isinf(cost_ratio) and best else {}

    def area(self) -> IntervalRecord:
        """Between the router and the fixed arms."""
        return area_between(self.router, self.fixed)

    def at_budgets(self) -> list[AtBudget]:
        """The router, the best fixed arm and the stop rules within each of some budgets."""
        budgets = shared_budgets(self.router, self.fixed)
        gains = gains_at(self.router, self.fixed, budgets)
        rules = {rule: gains_at(self.router, found.curve, budgets) for rule, found in self.rules.items()}
        return [
            {
                **self._within(budget),
                "gain": gains[k].as_dict(),
                "rule_gains": [
                    {"against": rule, "gain": found[k].as_dict()}
                    for rule, found in rules.items()
                    if is_within(self.rules[rule].cheapest, budget)
                ],
            }
            for k, budget in enumerate(budgets)
        ]

    def _within(self, budget: float) -> WithinBudget:
        m = self.measured
        router = most_accurate(m.frontier.scores, budget)
        arms = {name: score for name, score in m.scores.items() if is_within(score.cost, budget)}
        assert router is not None, "budgets begin where both can be had"
        name = best_of(arms)
        allowed = {n: s for n, s in self.strategies.items() if is_within(s.score.cost, budget)}
        rules: list[RivalRule] = [
            {
                "against": rule,
                "name": f"{rule} {strategy.policy}",
                **self.point(strategy.score),
                "difference": difference(router, strategy.score),
            }
            for rule, strategy in best_of_each_rule(allowed).items()
        ]
        best = arms[name]
        return {
            "budget": budget,
            "router": self.point(router),
            "best_fixed": {"name": name, **self.point(best), "difference": difference(router, best)},
            "stop_rules": rules,
        }

    def cost_at_accuracies(self) -> list[AtAccuracy]:
        """What accuracies cost that the router and the fixed arms both reach."""
        accuracies = shared_accuracies(self.router, self.fixed)
        return [
            {"accuracy": accuracy, "router": cost, "fixed": paid, "cost_ratio": ratio.as_dict()}
            for accuracy, (cost, paid, ratio) in zip(
                accuracies, costs_at(self.router, self.fixed, accuracies), strict=True
            )
        ]

    @cached_property
    def rules(self) -> dict[str, RuleFrontier]:
        """The stop rules, each at the best of its settings."""
        return frontiers_of(settings_of(self.measured.replay))

    def rule_records(self) -> list[RuleRecord]:
        """The router beside the frontier of each stop rule."""
        return [found.record(rule, self.router) for rule, found in self.rules.items()]

    def baselines(self) -> dict[str, Baseline]:
        """The strategies that learn nothing."""
        return {
            name: cast(Baseline, {**strategy.labels, **self.point(strategy.score)})
            for name, strategy in self.strategies.items()
        }

    def savings(self) -> list[Saving]:
        """What the router saves against what people can have without it."""
        others = list(self._others())
        curve = Curve.of([score for _, _, score in others])
        (ratios,) = cost_ratios(self.router, [against for against, _, _ in others], curve, less=(0.0,))
        gains = intervals(gaps_to(self.router, curve))
        return [
            {
                "against": against,
                "name": name,
                **self.point(score),
                "cost_ratio": ratios[against].as_dict(),
                **self.reached(ratios[against].value),
                "gain": gain.as_dict(),
            }
            for (against, name, score), gain in zip(others, gains, strict=True)
        ]

    def _others(self) -> Iterator[tuple[str, str, Score]]:
        """The best fixed arm, the cheapest that is as good, and each stop rule on its best policy."""
        scores, best = self.measured.scores, self.measured.best
        yield BEST, best, scores[best]
        near = near_best_of(scores, scores[best])
        yield NEAR_BEST, near, scores[near]
        for rule, strategy in best_of_each_rule(self.strategies).items():
            yield rule, f"{rule} {strategy.policy}", strategy.score


def _gap(found: Interval) -> _Gap:
    """Nothing where every price of the router is dearer."""
    return {} if math.isnan(found.value) else {"gap": found.as_dict()}


class _Gap(TypedDict, total=False):
    gap: IntervalRecord
