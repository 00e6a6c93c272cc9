"""The accuracy and cost of every fixed arm, and of every strategy that needs no router, on the cases of a
sweep.

All figures are per problem and draw, shape (problems, draws), so that intervals come from the problems.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypedDict

import numpy as np

from tts_select.core.arm import Arm
from tts_select.selector.difficulty import EASY_FROM, MEDIUM_FROM
from tts_select.selector.portfolio import Portfolio
from tts_select.training.replay.cases import Case, Order
from tts_select.training.replay.resampling import mean_of_all

N_DRAWS = 4


class PointRecord(TypedDict):
    """An accuracy with its interval and the mean cost of a problem, as JSON holds them."""

    accuracy: float
    low: float
    high: float
    cost: float


@dataclass(frozen=True, slots=True)
class Score:
    """The results of a strategy: `correct` and `flops` have the shape (problems,), means over draws; those of
    a router that was trained more than once (trainings, problems). `flops` are in the unit of costs, whatever
    that is."""

    correct: np.ndarray
    flops: np.ndarray

    @classmethod
    def joined(cls, parts: Sequence[Score]) -> Score:
        """From the scores of some problems after the other."""
        if len(parts) == 1:
            return parts[0]
        correct, flops = (np.concatenate([getattr(p, name) for p in parts]) for name in ("correct", "flops"))
        return cls(correct, flops)

    @property
    def accuracy(self) -> float:
        """The mean over all problems."""
        return float(self.correct.mean())

    @property
    def cost(self) -> float:
        """The mean FLOPs of a problem."""
        return float(self.flops.mean())

    def as_dict(self) -> PointRecord:
        """A point of the report."""
        found = mean_of_all(self.correct)
        return {"accuracy": found.value, "low": found.low, "high": found.high, "cost": self.cost}


@dataclass(frozen=True, slots=True)
class Board:
    """Every arm's outcome on every problem and draw."""

    arms: tuple[Arm, ...]
    correct: np.ndarray
    """Whether each answer is right, shape (arms, problems, draws)."""
    flops: np.ndarray

    def score(self, name: str) -> Score:
        """Return the score of one arm."""
        k = next(k for k, arm in enumerate(self.arms) if arm.name == name)
        return Score(self.correct[k].mean(axis=-1), self.flops[k].mean(axis=-1))

    def scores(self) -> dict[str, Score]:
        """Return the score of every arm."""
        return {arm.name: self.score(arm.name) for arm in self.arms}

    def of(self, problems: np.ndarray) -> Board:
        """Return the board for some problems (a mask)."""
        return Board(self.arms, self.correct[:, problems], self.flops[:, problems])

    @classmethod
    def joined(cls, parts: Iterable[Board]) -> Board:
        """Return the board of all problems from those of some after the other. Costs of more than one part
        are means over draws, since nobody asks for more, and what is right or wrong is kept as such."""
        some = [cls(part.arms, _narrow(part.correct), part.flops) for part in parts]
        if len(some) == 1:
            return some[0]
        correct = np.concatenate([part.correct for part in some], axis=1)
        costs = [part.flops.mean(axis=-1, keepdims=True) for part in some]
        return cls(some[0].arms, correct, np.concatenate(costs, axis=1))

    def only(self, names: Sequence[str]) -> Board:
        """Return the board for the arms of these names, in their order.

        Raises:
            KeyError: there is no such arm.
        """
        places = {arm.name: k for k, arm in enumerate(self.arms)}
        some = [places[name] for name in names]
        return Board(tuple(self.arms[k] for k in some), self.correct[some], self.flops[some])


def _narrow(correct: np.ndarray) -> np.ndarray:
    """The same as booleans, an eighth of the memory, where nothing is right in part."""
    is_whole = ((correct == 0) | (correct == 1)).all()
    return correct.astype(bool) if is_whole else correct


Orders = Sequence[Sequence[Order]]
"""The draws of each case."""


def orders_of(cases: Sequence[Case], seed: int, n_draws: int = N_DRAWS) -> list[list[Order]]:
    """Draw random orders of every case."""
    rng = np.random.default_rng(seed)
    return [[case.order(rng) for _ in range(n_draws)] for case in cases]


def board_of(cases: Sequence[Case], portfolio: Portfolio, seed: int, n_draws: int = N_DRAWS) -> Board:
    """Replay every arm on every case, in random draws."""
    return board_in(cases, portfolio.arms, orders_of(cases, seed, n_draws))


def board_in(cases: Sequence[Case], arms: Sequence[Arm], orders: Orders) -> Board:
    """Replay arms on every case in these draws. What a vote or a search comes to depends on the draw; what
    the best of some samples comes to is known without bias from all of them."""
    shape = (len(arms), len(cases), len(orders[0]))
    correct, flops = np.empty(shape), np.empty(shape)
    for a, arm in enumerate(arms):
        for c, case in enumerate(cases):
            for d, order in enumerate(orders[c]):
                won = case.outcome(arm, order)
                correct[a, c, d], flops[a, c, d] = won.correct, won.flops
            if arm.method == "best_of_n" and arm.settings.selection == "max":
                correct[a, c] = case.best_of(arm)
    return Board(tuple(arms), correct, flops)


def best_of(scores: Mapping[str, Score]) -> str:
    """The name of the most accurate arm; of equals the cheaper one."""
    return min(scores, key=lambda name: (-scores[name].accuracy, scores[name].cost))


def cheapest_as_accurate(scores: dict[str, Score], accuracy: float) -> Score:
    """The cheapest fixed arm that is at least so accurate; the most accurate one if there is none."""
    enough = [s for s in scores.values() if s.accuracy >= accuracy]
    return min(enough, key=lambda s: s.cost) if enough else max(scores.values(), key=lambda s: s.accuracy)


def oracle(board: Board, price: float = 0.0) -> Score:
    """Return the score of the arm with the best expected success (minus price x cost) on each problem,
    then the cheapest. It picks on half of the draws and is scored on the other half, so that it cannot
    pick luck."""
    half = board.correct.shape[-1] // 2
    picked = board.correct[..., :half].mean(-1) - price * board.flops.mean(-1)
    among = np.where(picked >= picked.max(axis=0) - 1e-12, board.flops.mean(-1), np.inf)
    pick = among.argmin(axis=0)
    places = np.arange(pick.size)
    return Score(board.correct[..., half:].mean(-1)[pick, places], board.flops.mean(-1)[pick, places])


@dataclass(frozen=True, slots=True)
class BinTable:
    """The success and FLOPs of every arm on the training problems of each difficulty bin, shape (3, arms).

    A bin without problems has the means of all problems.
    """

    success: np.ndarray
    flops: np.ndarray

    def as_dict(self) -> dict[str, list[list[float]]]:
        """Return the table for JSON."""
        return {"success": self.success.tolist(), "flops": self.flops.tolist()}

    @classmethod
    def from_dict(cls, record: dict[str, list[list[float]]]) -> BinTable:
        """The inverse of `as_dict`."""
        return cls(np.array(record["success"]), np.array(record["flops"]))


def bin_table(board: Board, bins: np.ndarray) -> BinTable:
    """Return the table of the training problems in their bins."""
    success, flops = board.correct.mean(-1), board.flops.mean(-1)
    masks = [bins == k if (bins == k).any() else np.ones_like(bins, bool) for k in range(3)]
    return BinTable(
        np.stack([success[:, m].mean(1) for m in masks]), np.stack([flops[:, m].mean(1) for m in masks])
    )


def by_bins(table: BinTable, test: Board, bins: np.ndarray, budgets: Sequence[float]) -> list[Score]:
    """Apply the paper's compute-optimal strategy: for each difficulty bin and budget (FLOPs) the most
    accurate arm within the budget on the training problems (arXiv 2502.06703, section 3.2)."""
    success, flops = test.correct.mean(-1), test.flops.mean(-1)
    places = np.arange(success.shape[1])
    points = []
    for budget in budgets:
        allowed = table.flops <= np.maximum(budget, table.flops.min(axis=1, keepdims=True))
        pick = np.where(allowed, table.success, -1.0).argmax(axis=1)[bins]
        points.append(Score(success[pick, places], flops[pick, places]))
    return points


def bins_of(pass_at_1: np.ndarray) -> np.ndarray:
    """Return the bin of each problem: 2 easy, 1 medium, 0 hard."""
    return (pass_at_1 >= EASY_FROM).astype(int) + (pass_at_1 >= MEDIUM_FROM)
