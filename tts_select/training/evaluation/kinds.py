"""What a kind of router adds to the report that all kinds share. A new kind is a line in `KINDS`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from tts_select.selector.routers.ladder import LadderRouter, Stage
from tts_select.selector.routers.lookahead import LookaheadRouter
from tts_select.selector.routers.named import NamedArm
from tts_select.selector.routers.protocol import Router
from tts_select.training.evaluation.frontier import Part
from tts_select.training.evaluation.lookahead import lookahead_sections, predicted
from tts_select.training.evaluation.measured import Measured
from tts_select.training.evaluation.records import LadderRecord, Sections
from tts_select.training.replay.metrics import Reliability


@dataclass(frozen=True, slots=True)
class Kind:
    """What is particular to a kind of router."""

    name: str
    sections: Callable[[Measured], Sections] = lambda _: {}
    calibrations: Callable[[Measured], Mapping[str, Reliability]] = lambda _: {}
    prices: Callable[[Part], Sequence[float]] | None = None
    """Those that it is measured at; None: the usual ones."""


def kind_of(router: Router) -> Kind:
    """That of the router; one that is not in the table adds nothing."""
    found = (kind for of, kind in KINDS.items() if isinstance(router, of))
    return next(found, Kind(type(router).__name__))


def ladders_in_words(router: LadderRouter) -> list[LadderRecord]:
    """Each ladder, the one of the lowest price first."""
    return [
        {
            "price": ladder.price,
            "stages": [_stage(stage) for stage in ladder.stages],
            "accuracy": ladder.accuracy,
            "cost": ladder.cost,
        }
        for ladder in router.ladders
    ]


def _stage(stage: Stage) -> str:
    return f"{stage.policy} x {stage.n}"


def _ladder_sections(measured: Measured) -> Sections:
    routers = [part.router for part in measured.parts]
    return {"ladders": [ladders_in_words(r) for r in routers if isinstance(r, LadderRouter)]}


def _ladder_prices(part: Part) -> Sequence[float]:
    return [x.price for x in part.router.ladders] if isinstance(part.router, LadderRouter) else []


KINDS: dict[type, Kind] = {
    NamedArm: Kind("named"),
    LookaheadRouter: Kind("lookahead", lookahead_sections, lambda found: {"p_correct": predicted(found)}),
    LadderRouter: Kind("staged", _ladder_sections, prices=_ladder_prices),
}
