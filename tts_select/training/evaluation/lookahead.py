"""What is asked of a look-ahead router alone: is it as sure of its options as it should be, and is deciding
again worth it?"""

from __future__ import annotations

import math
from array import array
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from tts_select.selector.deciding import Caps, Decision, ranked
from tts_select.selector.evidence import Evidence
from tts_select.selector.routers.lookahead import LookaheadRouter
from tts_select.training.evaluation.decides import lookahead_decides
from tts_select.training.evaluation.difficulty import first_looks
from tts_select.training.evaluation.frontier import Part, Walked
from tts_select.training.evaluation.measured import Measured
from tts_select.training.evaluation.records import DecisionTime, Sections, point_of
from tts_select.training.evaluation.timing import N_TIMED, decision_times
from tts_select.training.replay.calibration_error import ReliabilityRecord, in_views
from tts_select.training.replay.many import in_chunks
from tts_select.training.replay.metrics import auc
from tts_select.training.replay.walks import Walk, after, judge
from tts_select.training.routers.lookahead.fit import SOLVABLE_FROM

Routed = tuple[LookaheadRouter, Part, list[Walk]]
"""A router, its part, and the walks of its problems after the first look."""


def lookahead_sections(measured: Measured) -> Sections:
    """What each kind of feature tells of difficulty in training, whether solvable problems are told from
    others, and what one decision comes to."""
    facts = measured.parts[0].trained_on
    refused = [part.trained_on.get("unfamiliar", {}).get("refused", math.nan) for part in measured.parts]
    first, *_ = [part.router for part in measured.parts if isinstance(part.router, LookaheadRouter)]
    return {
        "decides": lookahead_decides(first),
        "first_steps": _first_steps(measured),
        "first_decision_ms": _first_decision_ms(measured),
        "difficulty": dict(facts.get("ablation", {})) if len(measured.parts) == 1 else {},
        "unfamiliar_share_in_training": float(np.mean(refused)),
        "solvable_auc": _solvable_auc(measured),
        "decide_once": point_of(_once(measured).score, "FLOPs"),
    }


def _first_steps(measured: Measured) -> dict[str, float]:
    """What ran first at the middle price, as shares; nothing where that is not decided."""
    price, found = measured.frontier.prices[measured.middle], Counter[str]()
    for part in measured.parts:
        if part.router.first_look is None:
            for places in in_chunks(part.places):
                looks = [Evidence(measured.problems[k].problem) for k in places]
                decided = part.router.decide(looks, price, [Caps()] * len(looks))
                found.update(decision.arm.name for decision in decided if decision.arm)
    return {name: n / found.total() for name, n in found.most_common()}


def _first_decision_ms(measured: Measured) -> DecisionTime:
    """One decision of what to run first, the reading of the text included."""
    part, price = measured.parts[0], measured.frontier.prices[measured.middle]
    # the same words, of which nothing is kept
    texts = [f"{measured.problems[k].problem} " for k in part.places[:N_TIMED]]
    return decision_times(part.router, [Evidence(text) for text in texts], price)


def predicted(measured: Measured) -> ReliabilityRecord:
    """P(correct) of every arm after the probes, beside what the arm came to."""
    said, came_to, names = array("d"), array("d"), list[str]()
    for router, _, walks in _routed(measured):
        later = []
        for w, decision in zip(walks, _decided(router, walks, 0.0), strict=True):
            by_arm = {option.arm: option.p_correct for option in decision.options}
            arms = [arm for arm in router.portfolio.arms if arm in by_arm]
            said.extend(by_arm[arm] for arm in arms)
            names += [arm.name for arm in arms]
            later += [after(w, arm) for arm in arms]
        judge(router.layout, router.confidence, later)
        came_to.extend(w.correct for w in later)
    return in_views(np.array(said), np.array(came_to), np.array(names, object))


def _solvable_auc(measured: Measured) -> float:
    """Of the best P(correct) after the probes."""
    solvable = measured.board.correct.mean(axis=-1).max(axis=0) >= SOLVABLE_FROM
    said = np.zeros(len(measured.cases))
    for router, part, walks in _routed(measured):
        said[part.places] = [max(o.p_correct for o in router.options(w.evidence)) for w in walks]
    return auc(said, solvable)


def _once(measured: Measured) -> Walked:
    """Deciding once, after the probes, at the price of medium effort; a problem unlike those of the training
    gets the fallback, as in every walk."""
    found: list[tuple[np.ndarray, Walked]] = []
    for router, part, looks in _routed(measured):
        walks = [_begun(router, w) for w in looks]
        price = router.prices["medium"]
        for w, decision in zip(walks, _decided(router, walks, price), strict=True):
            best = ranked(decision.options, price, Caps())[0]
            if w.unfamiliar is not None:
                w.run(router.portfolio[router.fallback_at(price)])
            elif best.arm is not None:
                w.run(best.arm)
        judge(router.layout, router.confidence, walks)
        found.append((part.places, Walked.of([walks])))
    return Walked.joined(found)


def _begun(router: LookaheadRouter, looked: Walk) -> Walk:
    """After the first look; without it where the text alone says that the problem is unfamiliar."""
    problem = looked.case.problem.problem
    if (why := router.unfamiliar(problem, Evidence(problem))) is not None:
        return Walk(looked.case, looked.order, unfamiliar=why)
    return replace(looked, unfamiliar=router.unfamiliar(problem, looked.evidence))


def _routed(measured: Measured) -> Iterator[Routed]:
    """Some problems of a router after the other."""
    for part in measured.parts:
        if isinstance(part.router, LookaheadRouter):
            for places, looks in first_looks(part, measured.cases, measured.seed):
                yield part.router, replace(part, places=np.array(places)), looks


def _decided(router: LookaheadRouter, walks: Sequence[Walk], price: float) -> list[Decision]:
    return router.decide([w.evidence for w in walks], price, [Caps()] * len(walks))
