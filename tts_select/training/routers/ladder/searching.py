"""Which ladder for which price: ladders of one policy, then their neighbours, compared on held-out problems.

Every ladder is judged by rules that have not seen the problem (folds within the training problems), at every
price. A few dozen problems say little about small differences, so a ladder's worth at a price is the mean
over the prices beside it too, and one more stage has to gain more than noise does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from tts_select.selector.routers.ladder import AnswerModel, Ending, Look, Stage, Usual
from tts_select.training.replay.climbing import Climb, climb
from tts_select.training.replay.orders import Draws, Replay
from tts_select.training.routers.ladder.stopping import MOST_ROWS, Stopping, fit_answers, induce

MOST_DRAWS = 12
"""From a policy of a ladder."""
FIRST_DRAWS = (1, 2, 4)
"""From a policy before another is asked."""
N_FOLDS = 4
MOST_KEPT = 3
"""Ladders whose neighbours are tried."""
MARGIN = 0.1
"""In P(correct) less its price, over the root of the number of problems: what a second stage has to gain, and
ending samples early too. The best of many looks better than it is, more so where there are fewer problems."""
BESIDE = 1
"""Prices on either side that a ladder's worth is averaged over."""
ROWS_JUDGED, FEWEST_ORDERS = 3000, 6
"""A ladder is judged on so many rows, or on so many orders of each problem if that is more; rules are learned
from all rows."""
FEW_ROWS = 800
"""As `MOST_ROWS`, for judging a ladder, of which there are many."""
PATIENCE, CONFIRMING = 0.85, 0.3
"""Of a policy's mean number of checkpoints."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A ladder, and what its rules come to on problems that they have not seen; shape (prices,) each."""

    stages: tuple[Stage, ...]
    correct: np.ndarray
    cost: np.ndarray


@dataclass(frozen=True, slots=True)
class Choice:
    """For one price: a ladder, its rules from all training problems, and what is expected of it."""

    stages: tuple[Stage, ...]
    answers: AnswerModel
    stops: np.ndarray
    correct: float
    cost: float


def search(
    replay: Replay,
    prices: np.ndarray,
    usual: Mapping[str, Usual],
    *,
    seed: int,
    note: Callable[[str], None] = lambda _: None,
) -> list[Choice]:
    """The best ladder for each price."""
    n_problems = len(np.unique(replay.problem))
    margin = MARGIN / n_problems**0.5
    few = replay.thinned(max(FEWEST_ORDERS, ROWS_JUDGED // n_problems))
    judge = _Judge(few, prices, usual, fold_of(len(replay.ids), N_FOLDS, seed))
    tried = {c.stages: c for c in (judge.of((stage,)) for stage in first_stages(replay))}
    note(f"{len(tried)} ladders of one policy")
    kept = _most_frequent(_best(list(tried.values()), prices, margin))[:MOST_KEPT]
    near = dict.fromkeys(n for c in kept for n in neighbours(c.stages, replay))
    note(f"{len(near)} ladders of two policies")
    tried |= {stages: judge.of(stages) for stages in near}
    best = _best(list(tried.values()), prices, margin)
    note("the rules of the best")
    judge = _Judge(replay, prices, usual, judge.fold)
    rules = {stages: judge.rules(stages) for stages in dict.fromkeys(c.stages for c in best)}
    return [
        Choice(c.stages, *_at(rules[c.stages], k), float(c.correct[k]), float(c.cost[k]))
        for k, c in enumerate(best)
    ]


def fold_of(n: int, n_folds: int, seed: int) -> np.ndarray:
    """A fold for each of n problems, all of almost the same size."""
    return np.random.default_rng(seed).permutation(n) % n_folds


def first_stages(replay: Replay) -> Iterator[Stage]:
    """Each policy alone, with every way to end its samples."""
    for policy, draws in replay.draws.items():
        for ending in endings(draws):
            yield Stage(policy, min(MOST_DRAWS, draws.group.shape[1]), ending)


def neighbours(stages: tuple[Stage, ...], replay: Replay) -> Iterator[tuple[Stage, ...]]:
    """Another policy before the ladder, or in place of what is left after its first draws."""
    (own,) = stages
    for policy, draws in replay.draws.items():
        if policy == own.policy:
            continue
        kind = endings(replay.draws[own.policy]).index(own.ending)
        ending = endings(draws)[min(kind, len(endings(draws)) - 1)]
        most = min(MOST_DRAWS, draws.group.shape[1])
        for n in FIRST_DRAWS:
            if n <= most:
                yield Stage(policy, n, ending), own
            if n <= own.n:
                yield Stage(own.policy, n, own.ending), Stage(policy, most, ending)


def endings(draws: Draws) -> list[Ending]:
    """None; when it confirms what leads; when it has long stood by its answer."""
    if draws.stood is None:
        return [Ending()]
    usual = float(draws.cost[draws.is_there].mean()) / draws.checkpoint_cost
    confirming, patience = max(1, round(CONFIRMING * usual)), max(2, round(PATIENCE * usual))
    return [Ending(), Ending(confirming=confirming), Ending(patience=patience)]


@dataclass(frozen=True, slots=True)
class _Judge:
    replay: Replay
    prices: np.ndarray
    usual: Mapping[str, Usual]
    fold: np.ndarray

    def of(self, stages: tuple[Stage, ...]) -> Candidate:
        walked = climb(stages, self.replay, self.usual)
        rows = self.fold[self.replay.problem]
        correct, cost = np.zeros(len(self.prices)), np.zeros(len(self.prices))
        for k in np.unique(rows):
            found = self._fitted(walked, rows != k, most_rows=FEW_ROWS)[1]
            correct += found.correct[rows == k].sum(axis=0) / len(rows)
            cost += found.cost[rows == k].sum(axis=0) / len(rows)
        return Candidate(stages, correct, cost)

    def rules(self, stages: tuple[Stage, ...]) -> tuple[AnswerModel, Stopping]:
        """Learned from all rows."""
        walked = climb(stages, self.replay, self.usual)
        return self._fitted(walked, np.ones(len(self.replay), bool), most_rows=MOST_ROWS)

    def _fitted(self, walked: Climb, rows: np.ndarray, *, most_rows: int) -> tuple[AnswerModel, Stopping]:
        answers = fit_answers(walked.tallies, rows, most_rows=most_rows)
        looks = [Look.at(tally, answers) for tally in walked.tallies]
        return answers, induce(looks, [t.cost for t in walked.tallies], self.prices, rows)


def _at(rules: tuple[AnswerModel, Stopping], price: int) -> tuple[AnswerModel, np.ndarray]:
    return rules[0], rules[1].stops[price]


def _most_frequent(candidates: Sequence[Candidate]) -> list[Candidate]:
    """Each once."""
    stages = [c.stages for c in candidates]
    by_stages = {c.stages: c for c in candidates}
    return sorted(by_stages.values(), key=lambda c: -stages.count(c.stages))


def _best(candidates: Sequence[Candidate], prices: np.ndarray, margin: float) -> list[Candidate]:
    """The best for each price."""
    worth = np.stack([c.correct - prices * c.cost - margin * _complexity(c.stages) for c in candidates])
    n = len(prices)
    around = [worth[:, max(0, k - BESIDE) : min(n, k + BESIDE + 1)].mean(axis=1) for k in range(n)]
    return [candidates[int(w.argmax())] for w in around]


def _complexity(stages: Sequence[Stage]) -> int:
    return len(stages) - 1 + any(stage.ending != Ending() for stage in stages)
