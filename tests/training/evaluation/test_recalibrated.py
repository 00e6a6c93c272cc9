"""A recalibrated router says another confidence, in a report as in a session, and decides as before."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from tests.ladders import ladder_router
from tests.priors import prior_router
from tests.training.made import made_log
from tts_select.selector.calibration import Calibration
from tts_select.selector.routers.kinds import with_curve
from tts_select.selector.routers.protocol import Router
from tts_select.training.evaluation.frontier import MakeReplayer, Walked, walker
from tts_select.training.evaluation.ladder import climber
from tts_select.training.evaluation.prior import sampler
from tts_select.training.replay.cases import cases_of
from tts_select.training.replay.fixed import orders_of

CURVE = Calibration((0.0, 0.5, 1.0), (0.2, 0.3, 0.9))
ROUTERS: dict[str, tuple[Callable[[], Router], MakeReplayer]] = {
    "ladder": (lambda: ladder_router(policies=("log:weak", "log:strong")), climber),
    "prior": (lambda: prior_router("log:weak"), sampler),
}


def replayed(make: MakeReplayer, router: Router, price: float) -> Walked:
    log = made_log(8, n_samples=4, seed=3)
    cases = cases_of(log)
    drawn = list(zip(*orders_of(cases, 1, 3), strict=True))
    return make(router, cases, drawn, log.manifest)(price)


@pytest.mark.parametrize("price", [1e-4, 0.1])
@pytest.mark.parametrize("kind", ROUTERS)
def test_the_fast_replay_says_the_same_confidence_as_the_walk(kind: str, price: float) -> None:
    made, fast = ROUTERS[kind]
    router = with_curve(made(), CURVE)
    quick, slow, plain = (
        replayed(*args, price) for args in ((fast, router), (walker, router), (walker, made()))
    )
    np.testing.assert_allclose(quick.confidence, slow.confidence)
    np.testing.assert_allclose(quick.confidence, np.where(plain.confidence, CURVE(plain.confidence), 0.0))
    assert (quick.confidence != plain.confidence).any()
    for name in ("cost", "correct"):
        np.testing.assert_allclose(getattr(quick, name), getattr(plain, name))
