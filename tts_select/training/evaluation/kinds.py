"""What a kind of router adds to the report that all kinds share. A new kind is a line in `KINDS`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from tts_select.selector.routers.kinds import LADDER, LOOK_AHEAD, PRIOR
from tts_select.selector.routers.ladder import LadderRouter
from tts_select.selector.routers.lookahead import LookaheadRouter
from tts_select.selector.routers.named import NamedArm
from tts_select.selector.routers.prior import PriorRouter
from tts_select.selector.routers.protocol import Router
from tts_select.training.evaluation.frontier import MakeReplayer, Part, walker
from tts_select.training.evaluation.ladder import climber, ladder_prices, ladder_sections
from tts_select.training.evaluation.lookahead import lookahead_sections, predicted
from tts_select.training.evaluation.measured import Measured
from tts_select.training.evaluation.prior import prior_prices, sampler
from tts_select.training.evaluation.records import Sections
from tts_select.training.replay.calibration_error import ReliabilityRecord


@dataclass(frozen=True, slots=True)
class Kind:
    """What is particular to a kind of router."""

    name: str
    sections: Callable[[Measured], Sections] = lambda _: {}
    calibrations: Callable[[Measured], Mapping[str, ReliabilityRecord]] = lambda _: {}
    prices: Callable[[Part], Sequence[float]] | None = None
    """Those that it is measured at; None: the usual ones."""
    replayed_by: MakeReplayer = walker
    """A faster way to the same walks, if there is one."""
    n_orders: int = 50
    """Draws of each problem of an imported log."""


def kind_of(router: Router) -> Kind:
    """That of the router; one that is not in the table adds nothing."""
    found = (kind for of, kind in KINDS.items() if isinstance(router, of))
    return next(found, Kind(type(router).__name__))


KINDS: dict[type, Kind] = {
    NamedArm: Kind("named"),
    LookaheadRouter: Kind(
        LOOK_AHEAD, lookahead_sections, lambda found: {"p_correct": predicted(found)}, n_orders=16
    ),
    LadderRouter: Kind(LADDER, ladder_sections, prices=ladder_prices, replayed_by=climber),
    PriorRouter: Kind(PRIOR, prices=prior_prices, replayed_by=sampler, n_orders=24),
}
