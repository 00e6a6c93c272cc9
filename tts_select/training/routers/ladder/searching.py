"""Searches the ladder for each price: ladders of one policy, then those of one policy more, as long as that
pays on held-out problems.

Every ladder is judged by rules that have not seen the problem (folds within the training problems), at every
price. A few dozen problems say little about small differences, so a ladder's worth at a price is the mean
over the prices beside it too, and one more rung has to gain more than noise does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from tts_select.selector.routers.learned_prior import Prior
from tts_select.selector.routers.rungs import LOOKS, Rung
from tts_select.selector.routers.tally import AnswerModel, Usual
from tts_select.training.replay.climbing import Climb, believed, climb, outcome
from tts_select.training.replay.orders import Replay
from tts_select.training.routers.ladder.beginning import ByBeginning, TextChoice, choose_by_text
from tts_select.training.routers.ladder.smoothing import around
from tts_select.training.routers.ladder.starting import PRIOR_PROBLEMS, Expectations, Worths
from tts_select.training.routers.ladder.stopping import MOST_ROWS, StoppingRules, fit_answers, induce

MOST_DRAWS = LOOKS[-1]
"""The most draws from a pool of a ladder, if the log has so many: how far it goes is for the price to say."""
FIRST_DRAWS = (1, 2, 4)
"""The numbers of draws from a pool before another is asked."""
N_FOLDS = 4
MOST_KEPT = 3
"""The number of ladders whose neighbours are tried."""
MARGIN = 0.1
"""The gain that one more rung has to bring, in P(correct) less its price, over the root of the number of
problems. The best of many looks better than it is, more so where there are fewer problems."""
ROWS_JUDGED, FEWEST_ORDERS = 3000, 6
"""A ladder is judged on so many rows, or on so many orders of each problem if that is more; rules are learned
from all rows."""
FEW_ROWS = 800
"""The same as `MOST_ROWS` for judging a ladder, of which there are many."""

Rungs = tuple[Rung, ...]


@dataclass(frozen=True, slots=True)
class Candidate:
    """A ladder, and what its rules come to on problems that they have not seen; shape (prices, problems)
    each."""

    rungs: Rungs
    correct: np.ndarray
    cost: np.ndarray


@dataclass(frozen=True, slots=True)
class Choice:
    """A ladder for one price, its rules from all training problems, and what is expected of it."""

    rungs: Rungs
    answers: AnswerModel
    stops: np.ndarray
    correct: float
    cost: float
    length: float
    """The length of all samples together."""


@dataclass(frozen=True, slots=True)
class Found:
    """What was found, the choice for each price, and where the text is to choose among others."""

    choices: list[Choice]
    by_text: TextChoice | None
    beginnings: Mapping[int, list[Choice]]
    """By the place of a price, the choices that the text has there."""


def search(
    replay: Replay,
    prices: np.ndarray,
    usual: Mapping[str, Usual],
    *,
    seed: int,
    prior: Prior | None = None,
    note: Callable[[str], None] = lambda _: None,
) -> Found:
    """Find the best ladder for each price, and the prices where the text chooses a better one; their rules
    start from the prior, if there is one."""
    n_problems = len(np.unique(replay.problem))
    margin = MARGIN / n_problems**0.5
    few = replay.thinned(max(FEWEST_ORDERS, ROWS_JUDGED // n_problems))
    judge = _judge(few, prices, usual, fold_of(len(replay.ids), N_FOLDS, seed), prior)
    tried = {c.rungs: c for c in (judge.of(rungs) for rungs in first_ladders(replay))}
    note(f"{len(tried)} ladders of one policy")
    best = _best(list(tried.values()), prices, margin)
    for n_rungs in range(2, len(replay.draws) + 1):
        kept = [c for c in _most_frequent(best) if len(c.rungs) == n_rungs - 1][:MOST_KEPT]
        near = dict.fromkeys(n for c in kept for n in neighbours(c.rungs, replay))
        if not near:
            break
        note(f"{len(near)} ladders of {n_rungs} policies")
        tried |= {rungs: judge.of(rungs) for rungs in near}
        best = _best(list(tried.values()), prices, margin)
    begun = [_best([c for c in tried.values() if c.rungs[0].pool == p], prices, margin) for p in replay.draws]
    by_price = [[own[k] for own in begun] for k in range(len(prices))]
    note("what texts say")
    by_text = _by_text(replay, best, by_price, prices, judge.fold)
    by_place = {k: by_price[k] for k in by_text.heads} if by_text else {}
    note("the rules of the best")
    judge = _judge(replay, prices, usual, judge.fold, prior)
    needed = [*best, *(c for own in by_place.values() for c in own)]
    rules = {rungs: judge.rules(rungs) for rungs in dict.fromkeys(c.rungs for c in needed)}
    return Found(
        [_choice(c, rules[c.rungs], k) for k, c in enumerate(best)],
        by_text,
        {k: [_choice(c, rules[c.rungs], k) for c in own] for k, own in by_place.items()},
    )


def _by_text(
    replay: Replay,
    best: Sequence[Candidate],
    begun: Sequence[Sequence[Candidate]],
    prices: np.ndarray,
    fold: np.ndarray,
) -> TextChoice | None:
    problems = np.unique(replay.problem)
    ladders = ByBeginning(
        np.stack([[c.correct[k] for c in own] for k, own in enumerate(begun)]),
        np.stack([[c.cost[k] for c in own] for k, own in enumerate(begun)]),
    )
    usual = np.stack([c.correct[k] - prices[k] * c.cost[k] for k, c in enumerate(best)])
    return choose_by_text([replay.texts[n] for n in problems], ladders, usual, prices, fold[problems])


def fold_of(n: int, n_folds: int, seed: int) -> np.ndarray:
    """Return a fold for each of n problems, all of almost the same size."""
    return np.random.default_rng(seed).permutation(n) % n_folds


def first_ladders(replay: Replay) -> Iterator[Rungs]:
    """Yield a ladder for each pool alone."""
    for pool in replay.draws:
        yield (Rung(pool, _most(replay, pool)),)


def neighbours(rungs: Rungs, replay: Replay) -> Iterator[Rungs]:
    """Yield ladders with one more pool: before the ladder, or in place of what is left after the first draws
    of its last rung."""
    *before, last = rungs
    for pool in [pool for pool in replay.draws if pool not in {rung.pool for rung in rungs}]:
        most = _most(replay, pool)
        for n in FIRST_DRAWS:
            if n <= most:
                yield Rung(pool, n), *rungs
            if n <= last.n:
                yield *before, Rung(last.pool, n), Rung(pool, most)


def _most(replay: Replay, pool: str) -> int:
    return min(MOST_DRAWS, int(replay.draws[pool].group.shape[1]))


def _judge(
    replay: Replay, prices: np.ndarray, usual: Mapping[str, Usual], fold: np.ndarray, prior: Prior | None
) -> _Judge:
    start = Expectations(prior, replay, prices) if prior is not None else None
    return _Judge(replay, prices, usual, fold, start)


@dataclass(frozen=True, slots=True)
class _Judge:
    replay: Replay
    prices: np.ndarray
    usual: Mapping[str, Usual]
    fold: np.ndarray
    start: Expectations | None

    def of(self, rungs: Rungs) -> Candidate:
        walked, expected = self._climbed(rungs)
        rows = self.fold[self.replay.problem]
        correct, cost = (np.empty((len(rows), len(self.prices))) for _ in range(2))
        for k in np.unique(rows):
            found = self._fitted(walked, expected, rows != k, most_rows=FEW_ROWS)[1]
            correct[rows == k], cost[rows == k] = found.correct[rows == k], found.cost[rows == k]
        return Candidate(rungs, self._by_problem(correct), self._by_problem(cost))

    def rules(self, rungs: Rungs) -> _Rules:
        """Return the rules learned from all rows."""
        walked, expected = self._climbed(rungs)
        every = np.ones(len(self.replay), bool)
        answers, found = self._fitted(walked, expected, every, most_rows=MOST_ROWS)
        beliefs = believed(answers, walked)
        lengths = [outcome(stops, beliefs, walked.lengths)[2].mean() for stops in found.stops]
        return _Rules(answers, found.stops, np.array(lengths))

    def _by_problem(self, values: np.ndarray) -> np.ndarray:
        """The means over the orders of each problem, which all have equally many."""
        n = len(np.unique(self.replay.problem))
        means: np.ndarray = values.reshape(n, -1, len(self.prices)).mean(axis=1).T
        return means

    def _climbed(self, rungs: Rungs) -> tuple[Climb, list[Worths]]:
        walked = climb(rungs, self.replay, self.usual)
        return walked, self.start.of(rungs, walked.looks) if self.start else []

    def _fitted(
        self, walked: Climb, expected: Sequence[Worths], rows: np.ndarray, *, most_rows: int
    ) -> tuple[AnswerModel, StoppingRules]:
        answers = fit_answers(walked.tallies, rows, most_rows=most_rows)
        beliefs = believed(answers, walked)
        n = len(np.unique(self.replay.problem[rows]))
        trust = n / (n + PRIOR_PROBLEMS)
        return answers, induce(beliefs, walked.costs, self.prices, rows, expected=expected, trust=trust)


@dataclass(frozen=True, slots=True)
class _Rules:
    answers: AnswerModel
    stops: np.ndarray
    """The coefficients of the stop rules, shape (prices, looks - 1, terms)."""
    lengths: np.ndarray
    """The expected length of all samples together, at each price."""


def _choice(candidate: Candidate, rules: _Rules, price: int) -> Choice:
    return Choice(
        candidate.rungs,
        rules.answers,
        rules.stops[price],
        correct=float(candidate.correct[price].mean()),
        cost=float(candidate.cost[price].mean()),
        length=float(rules.lengths[price]),
    )


def _most_frequent(candidates: Sequence[Candidate]) -> list[Candidate]:
    """Return each once, the most frequent first."""
    rungs = [c.rungs for c in candidates]
    by_stages = {c.rungs: c for c in candidates}
    return sorted(by_stages.values(), key=lambda c: -rungs.count(c.rungs))


def _best(candidates: Sequence[Candidate], prices: np.ndarray, margin: float) -> list[Candidate]:
    """Return the best candidate for each price."""
    worth = [
        (c.correct - prices[:, None] * c.cost).mean(axis=1) - margin * (len(c.rungs) - 1) for c in candidates
    ]
    return [candidates[k] for k in around(np.stack(worth, axis=1)).argmax(axis=1).tolist()]
