"""What is particular to ladder routers: ladders in words, and a faster replay.

On a log of samples thousands of orders are replayed at dozens of prices. `replay/climbing.py` climbs a ladder
in all orders at once; that this is the walk of `replay/walks.py`, a test says.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import numpy as np

from tts_select.selector.evidence import NO_ANSWER
from tts_select.selector.routers.ladder import LadderRouter
from tts_select.selector.routers.protocol import Router
from tts_select.selector.routers.rungs import Ladder, Rung
from tts_select.selector.routers.tally import Belief
from tts_select.training.evaluation.decides import ladder_decides
from tts_select.training.evaluation.frontier import Drawn, Part, Replayer, Walked, walker
from tts_select.training.evaluation.measured import Measured
from tts_select.training.evaluation.records import LadderRecord, Sections
from tts_select.training.log.records import Manifest
from tts_select.training.replay.cases import Case
from tts_select.training.replay.climbing import Climb, believed, climb, followed
from tts_select.training.replay.grouping import RIGHT
from tts_select.training.replay.orders import Replay, as_arrays


def ladder_sections(measured: Measured) -> Sections:
    """The ladders of each router in words."""
    routers = [part.router for part in measured.parts]
    ladders = [router for router in routers if isinstance(router, LadderRouter)]
    return {"ladders": [ladders_in_words(r) for r in ladders], "decides": ladder_decides(ladders[0])}


def ladders_in_words(router: LadderRouter) -> list[LadderRecord]:
    """Each ladder, the one of the lowest price first; with those that texts pick from, where they do."""
    found: list[LadderRecord] = [
        {
            "price": ladder.price,
            "stages": ladder.stages,
            "accuracy": ladder.accuracy,
            "cost": ladder.cost,
        }
        for ladder in router.ladders
    ]
    if router.by_text is not None:
        for place in router.by_text.at:
            found[place]["by_text"] = [ladder.stages for ladder in router.by_text.among(place)]
    return found


def ladder_prices(part: Part) -> Sequence[float]:
    """Those that there are ladders for."""
    return [x.price for x in part.router.ladders] if isinstance(part.router, LadderRouter) else []


def climber(router: Router, cases: Sequence[Case], drawn: Drawn, manifest: Manifest) -> Replayer:
    """Climb in all orders at once."""
    if not isinstance(router, LadderRouter):
        return walker(router, cases, drawn, manifest)
    return climber_over(router, as_arrays(cases, list(zip(*drawn, strict=True)), manifest))


def climber_over(router: LadderRouter, replay: Replay) -> Replayer:
    """Climb in the orders of a replay, each problem the ladder that its text calls for; a ladder that several
    prices share is climbed once, and believed once where its model of answers is the same."""
    climbs: dict[tuple[tuple[Rung, ...], tuple[int, ...]], Climb] = {}
    beliefs: dict[tuple[object, ...], list[Belief]] = {}

    def climbed(ladder: Ladder) -> Walked:
        plan = ladder.rungs, ladder.looks
        if plan not in climbs:
            climbs[plan] = climb(ladder.rungs, replay, router.usual, ladder.looks)
        model = ladder.answers
        key = *plan, model.mean.tobytes(), model.scale.tobytes(), model.weight.tobytes(), model.bias
        if key not in beliefs:
            beliefs[key] = believed(model, climbs[plan])
        n_draws = len(replay) // len(replay.ids)
        return _climbed(router, ladder, climbs[plan], beliefs[key], n_draws)

    def at(price: float) -> Walked:
        places: defaultdict[int, list[int]] = defaultdict(list)
        ladders = router.at_each(price, replay.texts)
        for place, ladder in enumerate(ladders):
            places[id(ladder)].append(place)
        found = [(np.array(own), climbed(ladders[own[0]]).only(own)) for own in places.values()]
        return Walked.joined(found)

    return at


def _climbed(
    router: LadderRouter, ladder: Ladder, climbed: Climb, beliefs: Sequence[Belief], n_draws: int
) -> Walked:
    group, p_correct, cost, n = followed(ladder, climbed, beliefs)
    if router.recalibration is not None:
        p_correct = np.where(group == NO_ANSWER, 0.0, router.recalibration(p_correct))
    arms = {arm.pool: arm.name for arm in reversed(router.portfolio.arms)}
    names = np.array([arms[pool] for pool in ladder.draws], object)

    def shaped(values: np.ndarray) -> np.ndarray:
        return values.reshape(-1, n_draws).T

    nothing = np.zeros_like(shaped(cost))
    return Walked(
        correct=shaped((group == RIGHT) * 1.0),
        cost=shaped(cost),
        probe_cost=nothing,
        confidence=shaped(p_correct),
        is_unfamiliar=nothing.astype(bool),
        last=shaped(names[n - 1]),
    )
