"""Four problems, four arms, two draws and a router at three prices, written down by hand.

Everything that a report says of them can be worked out on paper; `test_report_by_hand.py` does.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from tts_select.core.arm import Arm
from tts_select.selector.deciding import Answer, Caps, Decision, Option
from tts_select.selector.difficulty import Difficulty
from tts_select.selector.evidence import Evidence
from tts_select.selector.portfolio import Portfolio
from tts_select.training.evaluation.frontier import PROBES, Frontier, Part, Walked
from tts_select.training.evaluation.measured import Measured
from tts_select.training.log.records import LoggedProblem, Manifest, ModelCard, Pool, Sample, SweepLog
from tts_select.training.replay.cases import cases_of
from tts_select.training.replay.draws import Draws
from tts_select.training.replay.fixed import Board
from tts_select.training.replay.orders import Replay

SMALL, LARGE, PRM = "made:small", "made:large", "made:prm"
ONE, ADAPTIVE = Arm(SMALL, None, "majority", 1), Arm(SMALL, None, "adaptive", 4)
BIG, BEAM = Arm(LARGE, None, "majority", 1), Arm(SMALL, PRM, "beam", 16)
GREEDY, GREEDY_LARGE, VOTE = (
    Arm(SMALL, None, "cot", 1),
    Arm(LARGE, None, "cot", 1),
    Arm(SMALL, None, "majority", 4),
)
TEXTS = {"A": "One and one?", "B": "Two and two?", "C": "Three and three?", "D": "A strange one?"}
PORTFOLIO = Portfolio("by hand", (GREEDY, GREEDY_LARGE))
PRICE_OF_LARGE = 0.05
"""Below it the router asks the large policy too."""


@dataclass(frozen=True)
class ByHand:
    """A router that looks at a greedy solution of the small policy, and asks the large one if it is cheap."""

    portfolio: Portfolio = PORTFOLIO
    first_look: Arm | None = GREEDY
    greedy_look: None = None
    fallback: str = GREEDY_LARGE.name
    prices: Mapping[str, float] = field(default_factory=lambda: {"low": 1.0, "medium": 0.1, "high": 0.001})
    unit: str = "FLOPs"
    confidence_kind: str = "calibrated"
    fingerprints: Mapping[str, str] = field(default_factory=dict)
    max_samples: None = None
    estimates: Mapping[str, float] = field(default_factory=lambda: {"A": 0.9, "B": 0.2, "C": 0.2, "D": 0.05})
    """The estimated pass@1 of the small policy."""

    def decide(self, evidences: Sequence[Evidence], price: float, caps: Sequence[Caps]) -> list[Decision]:
        """Ask the large policy once if the price is low."""
        return [self._decision(evidence, price) for evidence in evidences]

    def answers(self, evidence: Evidence, price: float | None = None) -> list[Answer]:
        """The large policy's answer with 0.8, else the small one's with 0.6."""
        for arm, p in ((GREEDY_LARGE, 0.8), (GREEDY, 0.6)):
            if evidence.of(arm.pool):
                return [Answer(evidence.of(arm.pool)[0].group, p)]
        return []

    def difficulties(self, evidence: Evidence) -> Mapping[str, Difficulty]:
        """Those of `estimates`."""
        name = next(name for name, text in TEXTS.items() if text == evidence.problem)
        return {SMALL: Difficulty(self.estimates[name], 0.0, 1.0)} if self.estimates else {}

    def unfamiliar(self, problem: str, evidence: Evidence) -> str | None:
        """The strange one is."""
        return "it is strange" if "strange" in problem else None

    def _decision(self, evidence: Evidence, price: float) -> Decision:
        surest = next(iter(self.answers(evidence)), None)
        stop, large = Option(None, 0.6, 0.0), Option(GREEDY_LARGE, 0.8, 12.0)
        if price < PRICE_OF_LARGE and not evidence.of(GREEDY_LARGE.pool):
            return Decision(large, (large, stop), 1, surest)
        return Decision(stop, (stop, large), surest=surest)


def log_by_hand() -> SweepLog:
    """Every pool that matters has one sample, or samples whose vote no order changes: nothing is luck.

    A token of the small policy costs 2 FLOPs, one of the large 4; there are no prompts.
    """
    pools: dict[tuple[str, str], Pool] = {}
    for id_, sampled, small, large in (
        ("A", "1111", "1", "1"),
        ("B", "1110", "0", "0"),
        ("C", "1000", "0", "1"),
        ("D", "0000", "0", "0"),
    ):
        for arm, right, n_tokens in ((VOTE, sampled, 1), (GREEDY, small, 1), (GREEDY_LARGE, large, 3)):
            samples = tuple(_sample(r == "1", n_tokens) for r in right)
            pools[id_, arm.pool] = Pool(id_, arm.policy, arm.temperature, 0, samples, {})
    problems = {id_: LoggedProblem(id_, text, "7") for id_, text in TEXTS.items()}
    models = {SMALL: ModelCard("policy", 1, "fp-small"), LARGE: ModelCard("policy", 2, "fp-large")}
    return SweepLog(
        Manifest("by hand", (VOTE, GREEDY, GREEDY_LARGE), 4, 1, 0, models, "grader"), problems, pools, {}
    )


def _sample(right: bool, n_tokens: int) -> Sample:
    return Sample("7" if right else "8", right, n_tokens, -0.1, "stop", "a step", {})


def board_by_hand() -> Board:
    """Mean accuracies .625, .625, .75 and .748, mean costs .6, 4, 8 and 5; the oracle is right everywhere."""
    correct = [
        [[1, 1], [1, 1], [0, 0], [0, 1]],
        [[1, 1], [1, 1], [0, 1], [0, 0]],
        [[1, 1], [0, 0], [1, 1], [1, 1]],
        [[1, 1], [1, 1], [0.5, 0.5], [0.492, 0.492]],
    ]
    cost = [[0.3, 0.9, 0.6, 0.6], [4, 4, 4, 4], [6, 10, 8, 8], [5, 5, 5, 5]]
    return Board(
        (ONE, ADAPTIVE, BIG, BEAM),
        np.array(correct, float),
        np.repeat(np.array(cost, float)[..., None], 2, 2),
    )


def frontier_by_hand() -> Frontier:
    """Accuracies .875, .75 and .375 at costs 6, 4 and 2."""
    walked = [
        _walked([[1, 1, 1, 1], [1, 1, 1, 0]], [2, 2, 10, 10]),
        _walked([[1, 1, 1, 0], [1, 0, 1, 1]], [2, 2, 6, 6]),
        _walked([[1, 1, 0, 0], [1, 0, 0, 0]], [2, 2, 2, 2]),
    ]
    return Frontier((0.001, 0.1, 1.0), walked, [w.score for w in walked])


def _walked(correct: list[list[float]], cost: list[float]) -> Walked:
    """Of every problem 1 is spent on probes; the last problem is refused in the second draw."""
    return Walked(
        correct=np.array(correct, float),
        cost=np.array([cost, cost], float),
        probe_cost=np.ones((2, 4)),
        confidence=np.array([[0.95, 0.75, 0.55, 0.35], [0.95, 0.75, 0.55, np.nan]]),
        is_unfamiliar=np.array([[False] * 4, [False, False, False, True]]),
        last=np.array(
            [[PROBES, ONE.name, BIG.name, BIG.name], [PROBES, ONE.name, ONE.name, BIG.name]], object
        ),
    )


def replay_by_hand() -> Replay:
    """Two orders of six samples of the small policy at cost 1 each; the large one has two wrong ones."""
    small = [
        *([0, 0, 0, 0, 0, 0], [0, 0, 0, -1, 0, 0]),  # A
        *([1, 0, 0, 0, 0, 0], [0, 1, 0, 0, 0, 0]),  # B
        *([2, 2, 0, 0, 0, 0], [0, 2, 0, 2, 0, 0]),  # C
        *([3, 3, 3, 3, 3, 0], [3, 3, 3, 3, 3, 0]),  # D
    ]
    draws = {
        SMALL: Draws(np.array(small), np.ones((8, 6)), np.zeros(8), 1.0),
        LARGE: Draws(np.full((8, 2), 1), np.full((8, 2), 4.0), np.zeros(8), 2.0),
    }
    rows, arms = np.repeat(np.arange(4), 2), {SMALL: ONE, LARGE: BIG}
    return Replay(tuple(TEXTS), rows, draws, "FLOPs", arms, tuple(TEXTS.values()))


TABLE = {
    "success": [[0.1, 0.2, 0.6, 0.3], [0.3, 0.5, 0.7, 0.6], [0.9, 0.95, 0.9, 0.97]],
    "flops": [[1.0, 4.0, 8.0, 5.0]] * 3,
}
"""What the arms did on hard, medium and easy training problems."""


def measured_by_hand(**changes: object) -> Measured:
    """All of the above together."""
    router = ByHand(portfolio=Portfolio("by hand", (ONE, ADAPTIVE, BIG, BEAM)), fallback=ONE.name)
    board = board_by_hand()
    found: dict[str, object] = {
        "trainings": [[Part(router, {"bins": TABLE}, np.arange(4))]],
        "cases": cases_of(log_by_hand()),
        "replay": replay_by_hand(),
        "board": board,
        "scores": board.scores(),
        "best": BIG.name,
        "frontier": frontier_by_hand(),
        "middle": 1,
        "policy": SMALL,
        "fold": np.array([0, 1, 0, 1]),
        "unit": "FLOPs",
        "is_imported": False,
        "efforts": {},
        "seed": 1,
    }
    return Measured(**{**found, **changes})  # type: ignore[arg-type]
