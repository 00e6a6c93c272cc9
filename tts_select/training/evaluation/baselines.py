"""What the router is compared with beside fixed arms: strategies that learn nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

from tts_select.core.imported import plain_name
from tts_select.selector.routers.rule import DEFAULT_BUDGET
from tts_select.training.replay.fixed import Board, Score
from tts_select.training.replay.orders import Replay, ReplayInParts
from tts_select.training.replay.strategies import RULES, Opening, Outcome, Votes, stopped

CASCADE = "cascade"
ALSO_CALLED = {"adaptive consistency": "beta"}
"""Rules that have two names."""


@dataclass(frozen=True, slots=True)
class Strategy:
    """What a strategy gets, and what it is: an arm, or a rule on a policy."""

    score: Score
    arm: str | None = None
    rule: str | None = None
    policy: str | None = None
    """The policy; `A -> B` for a cascade."""
    same_as: str | None = None
    """The name of the strategy that this is another name of."""

    @property
    def labels(self) -> dict[str, str]:
        """As the report has them."""
        found = {
            "name": self.arm,
            "strategy": self.rule,
            "policy": self.policy,
            "same_as": self.same_as,
        }
        return {key: value for key, value in found.items() if value is not None}


def strategies_of(
    board: Board, replay: Replay | ReplayInParts, policies: Sequence[str]
) -> dict[str, Strategy]:
    """All of them by name: random arms, the paper's rule where the board has its arm, adaptive consistency as
    an arm, every plain stop rule on the samples of each policy, and the cascades of two policies. A policy of
    an imported log has its name without `log:` too."""
    scores = board.scores()
    found = {"random": Strategy(Score(board.correct.mean(axis=(0, 2)), board.flops.mean(axis=(0, 2))))}
    by_rule = f"beam@{DEFAULT_BUDGET} {policies[0]}"
    if rule := next((name for name in scores if name.startswith(by_rule)), None):
        found["rule"] = Strategy(scores[rule], rule)
    if adaptive := [name for name in scores if name.startswith("adaptive@")]:
        name = max(adaptive, key=lambda n: scores[n].accuracy)
        found["adaptive_consistency"] = Strategy(scores[name], name)
    first, *others = (dict(_by_rule(part)) for part in replay.parts())
    for name, strategy in first.items():
        score = Score.joined([strategy.score, *(part[name].score for part in others)])
        found[name] = replace(strategy, score=score)
    return found


def best_of_each_rule(strategies: Mapping[str, Strategy]) -> dict[str, Strategy]:
    """Each plain stop rule on the policy with which it is most accurate; of equals the cheapest."""
    found: dict[str, Strategy] = {}
    for strategy in strategies.values():
        if strategy.rule is None or strategy.same_as is not None:
            continue
        before = found.get(strategy.rule)
        if before is None or _worth(strategy.score) > _worth(before.score):
            found[strategy.rule] = strategy
    return found


def score_of(replay: Replay, outcome: Outcome) -> Score:
    """Means over the orders of each problem."""
    correct, cost = (values.reshape(len(replay.ids), -1).mean(axis=1) for values in outcome)
    return Score(correct, cost)


def _by_rule(replay: Replay) -> Iterator[tuple[str, Strategy]]:
    """Every plain stop rule on each pool of more than one sample, then the cascades of two of them."""
    openings, margins = {}, {}
    for pool, draws in replay.draws.items():
        if draws.group.shape[1] == 1:
            continue
        votes = Votes.of(draws)
        answered = {rule: stopped(votes, is_met(votes)) for rule, is_met in RULES.items()}
        openings[pool], margins[pool] = Opening.of(votes), answered["margin"]
        for rule, found in answered.items():
            name, score = f"{rule} {pool}", score_of(replay, found.outcome)
            strategy = Strategy(score, rule=rule, policy=replay.arms[pool].policy)
            yield name, strategy
            names = [name, *([f"{ALSO_CALLED[rule]} {pool}"] if rule in ALSO_CALLED else [])]
            for other in sorted({*names, *(said.replace(pool, plain_name(pool)) for said in names)} - {name}):
                yield other, replace(strategy, same_as=name)
    for cheap, dear in combinations(openings, 2):  # the pools of a replay are from cheap to dear
        if replay.arms[cheap].policy != replay.arms[dear].policy:
            score = score_of(replay, openings[cheap].then(margins[dear]).outcome)
            yield f"{CASCADE} {cheap} -> {dear}", Strategy(score, rule=CASCADE, policy=f"{cheap} -> {dear}")


def _worth(score: Score) -> tuple[float, float]:
    return score.accuracy, -score.cost
