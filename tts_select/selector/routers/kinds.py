"""The kinds of routers that a folder may hold: how each is written as texts, and read again.

A kind is one file with its two functions, and one line here. What decides without training (`named.py`,
`rule.py`) is never written.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, cast

from tts_select.selector.calibration import Calibration
from tts_select.selector.routers import ladder_artifact, lookahead_artifact, prior_artifact
from tts_select.selector.routers.ladder import LadderRouter
from tts_select.selector.routers.lookahead import LookaheadRouter
from tts_select.selector.routers.prior import PriorRouter
from tts_select.selector.routers.protocol import Router

LOOK_AHEAD, LADDER, PRIOR = "look-ahead", "ladder", "prior"


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of router."""

    router: type[Any]
    """The class of its routers."""
    write: Callable[[Any], dict[str, str]]
    """Turns a router into the texts of its files, by their names."""
    read: Callable[[Mapping[str, str]], Router]
    """The inverse; it raises AttributeError, KeyError, TypeError or ValueError if they are malformed."""


KINDS: dict[str, Kind] = {
    LOOK_AHEAD: Kind(LookaheadRouter, lookahead_artifact.write, lookahead_artifact.read),
    LADDER: Kind(LadderRouter, ladder_artifact.write, ladder_artifact.read),
    PRIOR: Kind(PriorRouter, prior_artifact.write, prior_artifact.read),
}
"""The kinds by name, as in the manifest of a router and after `train --kind`."""


def kind_of(router: Router) -> str | None:
    """The name of its kind; None for one that is never written."""
    return next((name for name, kind in KINDS.items() if isinstance(router, kind.router)), None)


def curve_of(router: Router) -> Calibration | None:
    """The curve by which outcomes corrected the router's confidence, if they did."""
    found = getattr(router, "recalibration", None)
    assert found is None or isinstance(found, Calibration)
    return found


def with_curve(router: Router, curve: Calibration | None) -> Router:
    """The same router with its confidence corrected by the curve.

    Raises:
        TypeError: routers of its kind have no `recalibration`.
    """
    if not hasattr(router, "recalibration"):
        raise TypeError(f"a {type(router).__name__} cannot be recalibrated")
    found: Router = replace(cast("Any", router), recalibration=curve)
    return found
