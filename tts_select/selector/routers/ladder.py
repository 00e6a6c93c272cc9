"""The ladder router: draw from a policy, look, then stop, go on, or ask another policy.

There is a ladder for each of some prices, or where that pays several, of which the problem's text picks one
(`beginnings.py`). It says which pool each draw is from, and after which draws to look. At a look the votes
and lengths say how likely each answer is right (`tally.py`), and a stopping rule weighs what the rest of the
ladder gains against its price. It needs samples alone, with greedy solutions if there are any: no PRM, no
log-likelihoods, and few training problems.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from tts_select.core.arm import Arm
from tts_select.selector.agreement import tokens_a_length
from tts_select.selector.calibration import Calibration
from tts_select.selector.deciding import Answer, Caps, Decision, Option
from tts_select.selector.evidence import NO_ANSWER, Evidence, SolutionEvidence
from tts_select.selector.outlook import DEFAULT_EFFORT
from tts_select.selector.portfolio import Portfolio
from tts_select.selector.routers.beginnings import LaddersByText
from tts_select.selector.routers.protocol import ByAnswersAlone
from tts_select.selector.routers.rungs import Ladder
from tts_select.selector.routers.tally import AnswerModel, Belief, Tally, Usual, knows_certainty


@dataclass(frozen=True)
class LadderRouter(ByAnswersAlone):
    """A router with all that was learned from a log of samples."""

    first_look = None
    confidence_kind = "calibrated"

    portfolio: Portfolio
    """For each pool that a ladder draws from, the arm that takes all of it; then the fallback."""
    usual: Mapping[str, Usual]
    """What a pool's samples are like, by pool."""
    ladders: tuple[Ladder, ...]
    """The ladders, the lowest price first."""
    prices: Mapping[str, float]
    """The price of each effort, in probability per unit of cost."""
    fallback: str
    """The name of the best fixed arm."""
    unit: str
    """The unit of costs and prices: FLOPs, tokens, characters, ..."""
    fingerprints: Mapping[str, str]
    """The fingerprints of the models and the grader that it was trained for, by name."""
    recalibration: Calibration | None = None
    """From how sure it was of an answer to how often such answers were right where it is used; what it
    decides stays the same (`training/routers/recalibrating.py`)."""
    by_text: LaddersByText | None = None
    """What texts decide; None: nothing."""

    def at(self, price: float, text: str | None = None) -> Ladder:
        """The ladder whose price is closest, as a ratio: that for a text, or the one for all problems."""
        return self._of(self._place(price), text)

    def at_each(self, price: float, texts: Iterable[str]) -> list[Ladder]:
        """The ladder for each of these texts."""
        place = self._place(price)
        return [self._of(place, text) for text in texts]

    def _place(self, price: float) -> int:
        if price <= 0:
            return 0
        return int(np.argmin([abs(np.log(ladder.price / price)) for ladder in self.ladders]))

    def _of(self, place: int, text: str | None) -> Ladder:
        by_text = self.by_text.ladder(place, text) if self.by_text and text is not None else None
        return by_text or self.ladders[place]

    def decide(self, evidences: Sequence[Evidence], price: float, caps: Sequence[Caps]) -> list[Decision]:
        """Decide to draw up to the next look of the ladder at this price, or to stop.

        After a draw there are two options. To stop has P(correct) of the surest answer. To go on has the cost
        of the draws up to the next look, and the P(correct) at which its value exceeds that of stopping by
        what the rule says that going on is worth; so it may lie outside of [0, 1]. Before the first draw
        there is an option for each ladder, with its accuracy and cost in training: a shared budget picks one
        of them for each problem, and with it a price. The caps are held against these draws alone, and where
        they forbid some of them, as many are made as they allow.
        """
        ladders = [self.at(price, evidence.problem) for evidence in evidences]
        found: dict[int, Decision] = {}
        for ladder in {id(ladder): ladder for ladder in ladders}.values():
            own = [k for k, other in enumerate(ladders) if other is ladder]
            decided = self._decide(ladder, [evidences[k] for k in own], price, [caps[k] for k in own])
            found |= dict(zip(own, decided, strict=True))
        return [found[k].recalibrated(self.recalibration) for k in range(len(evidences))]

    def _decide(
        self, ladder: Ladder, evidences: Sequence[Evidence], price: float, caps: Sequence[Caps]
    ) -> list[Decision]:
        """All of them are on this ladder."""
        places = [_place(ladder, evidence) for evidence in evidences]
        tally = self._tally(places)
        answers = _answers(tally, ladder.answers)
        worths = _worths(ladder, places, Belief.of(tally, ladder.answers))
        found = []
        for evidence, place, known, worth, cap in zip(evidences, places, answers, worths, caps, strict=True):
            surest = known[0] if known else None
            if place.n_passed:
                found.append(self._go_on(ladder, evidence, place, surest, worth=worth, price=price, caps=cap))
            else:
                found.append(self._begin(ladder, evidence, surest, price, cap))
        return found

    def answers(self, evidence: Evidence, price: float | None = None) -> list[Answer]:
        """The answers at hand, the surest first, as the ladder at this price judges them (None: the one of
        medium effort)."""
        ladder = self.at(self.prices[DEFAULT_EFFORT] if price is None else price, evidence.problem)
        (found,) = _answers(self._tally([_place(ladder, evidence)]), ladder.answers)
        return [answer.recalibrated(self.recalibration) for answer in found]

    def with_max_new_tokens(self, most: Mapping[str, int]) -> LadderRouter:
        """The same decisions, with so many tokens for a sample of each policy: an imported log does not say
        how many there were."""
        arms = [
            replace(arm, settings=replace(arm.settings, max_new_tokens=most[arm.policy]))
            if arm.policy in most
            else arm
            for arm in self.portfolio.arms
        ]
        names = {old.name: new.name for old, new in zip(self.portfolio.arms, arms, strict=True)}
        portfolio = Portfolio(self.portfolio.name, tuple(arms))
        return replace(self, portfolio=portfolio, fallback=names[self.fallback])

    @cached_property
    def _arms(self) -> dict[str, Arm]:
        """The arms by pool."""
        return {arm.pool: arm for arm in reversed(self.portfolio.arms)}

    def _tally(self, places: Sequence[_Place]) -> Tally:
        shape = len(places), max(1, *(len(place.samples) for place in places))
        group, weight, length = np.full(shape, NO_ANSWER), np.zeros(shape), np.zeros(shape)
        certainty = np.zeros(shape)
        pools = np.full(shape, "", object)
        for row, place in enumerate(places):
            for draw, (pool, sample) in enumerate(place.samples):
                pools[row, draw], group[row, draw] = pool, sample.group
                length[row, draw], certainty[row, draw] = self._length(sample), sample.certainty
        for pool, usual in self.usual.items():
            own = pools == pool
            weight[own], length[own] = usual.weight, usual.deviations(length[own])
            certainty[own] = usual.of_certainties(certainty[own])
        return Tally.of(group, weight, length, certainty if knows_certainty(self.usual) else None)

    def _length(self, sample: SolutionEvidence) -> float:
        return 1.0 if "samples" in self.unit else float(sample.n_tokens)

    def _draw(self, pool: str, evidence: Evidence, n: int = 1) -> Option:
        """Return the option of more samples of a pool, expected to be as long as those at hand."""
        usual, here = self.usual[pool], evidence.of(pool)
        mean = sum(map(self._length, here)) / len(here) if here else usual.mean_length
        cost = usual.per_token * (n * mean + (0.0 if here else usual.prompt))
        return Option(self._arms[pool], 0.0, cost, n * self._tokens(mean))

    def _allowed(self, pool: str, evidence: Evidence, n: int, caps: Caps) -> tuple[int, Option]:
        """Return how many of `n` more samples the caps allow, 1 at least, and their option."""
        while n > 1 and not caps.allow(self._draw(pool, evidence, n)):
            n -= 1
        return n, self._draw(pool, evidence, n)

    def _tokens(self, length: float) -> float:
        """Return about as many tokens as a length stands for; 0 where the log counts samples alone."""
        return length * tokens_a_length(self.unit)

    def _whole(self, ladder: Ladder) -> Option:
        """A ladder from its start, as in training."""
        arm, *others = dict.fromkeys(self._arms[pool] for pool in ladder.draws)
        later = next((other.policy for other in others if other.policy != arm.policy), None)
        return Option(
            arm, ladder.accuracy, ladder.cost, self._tokens(ladder.length), ladder.price, later=later
        )

    def _begin(
        self, ladder: Ladder, evidence: Evidence, surest: Answer | None, price: float, caps: Caps
    ) -> Decision:
        """The first draw of the ladder; of another one where the caps forbid that."""
        ladders = [self._of(place, evidence.problem) for place in range(len(self.ladders))]
        first = {x.draws[0]: self._draw(x.draws[0], evidence) for x in ladders}
        if not any(caps.allow(option) for option in first.values()):
            if surest is not None:
                return _stop(surest, _sure(surest))
            return Decision(None, tuple(first.values()))
        allowed = [x for x in ladders if caps.allow(first[x.draws[0]])]
        allowed.sort(key=lambda x: (x is not ladder, -self._whole(x).value(price)))
        option, *others = map(self._whole, allowed)
        n = len(evidence.of(allowed[0].draws[0])) + 1
        return Decision(option, (option, *others), n, surest, _why(allowed[0]))

    def _go_on(
        self,
        ladder: Ladder,
        evidence: Evidence,
        place: _Place,
        surest: Answer | None,
        *,
        worth: float,
        price: float,
        caps: Caps,
    ) -> Decision:
        if place.next is None:
            return _stop(surest, _sure(surest))
        wanted = next(look for look in ladder.looks if look > place.n_passed) - place.n_passed
        n, draw = self._allowed(place.next, evidence, wanted, caps)
        p = _p(surest)
        stop, draw = Option(None, p, 0.0), replace(draw, p_correct=p + worth + price * draw.flops)
        if not caps.allow(draw):
            return _stop(surest, "the caps allow no more")
        n_here = len(evidence.of(place.next))
        if caps.pace is not None and draw.arm is not None:
            draw = replace(draw, seconds=caps.pace.seconds(draw.arm, n_here, n_here + n))
        if worth <= 0:
            return Decision(stop, (stop, draw), 0, surest, _sure(surest))
        return Decision(draw, (draw, stop), n_here + n, surest, _why(ladder))


@dataclass(frozen=True, slots=True)
class _Place:
    """How far the evidence of a problem has come on a ladder."""

    samples: list[tuple[str, SolutionEvidence]]
    """The samples, each with its pool, in the order of the ladder; those that are not on it come last."""
    n_judged: int
    """Draws of the ladder up to its last sample that is there."""
    n_passed: int
    """The number of these and of the draws after them that are passed over: their pools hold no more."""
    next: str | None
    """The pool of the draw after them."""


def _place(ladder: Ladder, evidence: Evidence) -> _Place:
    samples: list[tuple[str, SolutionEvidence]] = []
    used: Counter[str] = Counter()
    n_judged, n_passed, following = 0, 0, None
    for pool in ladder.draws:
        here = evidence.of(pool)
        if used[pool] < len(here):
            samples.append((pool, here[used[pool]]))
            n_judged = n_passed + 1
        elif pool not in evidence.exhausted:
            following = pool
            break
        used[pool] += 1
        n_passed += 1
    rest = [(pool, s) for pool, here in evidence.samples.items() for s in here[used[pool] :]]
    return _Place(samples + rest, n_judged, n_passed, following)


def _answers(tally: Tally, model: AnswerModel) -> list[list[Answer]]:
    """The distinct answers of each row, the surest first; of equals the one that was drawn first."""
    found = []
    for groups, chances in zip(tally.group.tolist(), model.of_draws(tally).tolist(), strict=True):
        known = {g: p for g, p in zip(groups, chances, strict=True) if g >= 0}
        found.append([Answer(g, p) for g, p in sorted(known.items(), key=lambda item: -item[1])])
    return found


def _worths(ladder: Ladder, places: Sequence[_Place], belief: Belief) -> list[float]:
    """What going on is worth, above stopping. Where draws are passed over, all of their rules must agree."""
    terms = belief.terms()
    return [
        min((_rules(ladder, place) @ row).tolist()) if place.next is not None and place.n_judged else 0.0
        for place, row in zip(places, terms, strict=True)
    ]


def _rules(ladder: Ladder, place: _Place) -> np.ndarray:
    """The rules of the looks from the last sample to the next draw. A cap or a deadline may have ended the
    draws between two looks: there the rule is between theirs, in the logarithm of the number of draws."""
    looks = np.array(ladder.looks[:-1])
    here = (looks >= place.n_judged) & (looks <= place.n_passed)
    if here.any() or not len(looks):
        return ladder.stops[here]
    rules = [np.interp(np.log(place.n_passed), np.log(looks), of_term) for of_term in ladder.stops.T]
    return np.array([rules])


def _p(surest: Answer | None) -> float:
    return (surest.p_correct or 0.0) if surest else 0.0


def _stop(surest: Answer | None, why: str) -> Decision:
    stop = Option(None, _p(surest), 0.0)
    return Decision(stop, (stop,), 0, surest, why)


def _sure(surest: Answer | None) -> str:
    if surest is None:
        return "no answer, and nothing more is worth its cost"
    return f"sure enough ({_p(surest):.2f})"


def _why(ladder: Ladder) -> str:
    return f"the ladder for this price: {ladder.in_words}"
