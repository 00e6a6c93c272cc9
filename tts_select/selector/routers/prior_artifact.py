"""A prior as texts: LightGBM text models and JSON.

prior.json          the names of the features, the gain of a change, calibration, prices of the efforts
change.txt, correct.txt     LightGBM models
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from tts_select.core.arm import Arm
from tts_select.selector.agreement import FEATURES
from tts_select.selector.boosters import booster_of
from tts_select.selector.calibration import Calibration
from tts_select.selector.routers.prior import DEFAULT_BUDGET, Gain, Prior, PriorRouter

if TYPE_CHECKING:
    pass

N_GAIN_TERMS = 4
ANY_POLICY = "any"
"""A prior in a folder is of no policy in particular."""


def write(router: PriorRouter) -> dict[str, str]:
    """The texts of its files, by name; the policy that it is on is not kept."""
    prior = router.prior
    facts = {
        "features": FEATURES,
        "calibration": prior.calibration.as_dict(),
        "gain": asdict(prior.gain),
        "efforts": dict(prior.efforts),
    }
    return {
        "prior.json": json.dumps(facts, indent=1, sort_keys=True) + "\n",
        **{f"{name}.txt": getattr(prior, name).model_to_string() for name in ("change", "correct")},
    }


def read(texts: Mapping[str, str]) -> PriorRouter:
    """The prior of these texts.

    Raises:
        AttributeError, KeyError, TypeError, ValueError: they are malformed.
    """
    facts = json.loads(texts["prior.json"])
    if tuple(facts["features"]) != FEATURES:
        raise ValueError("it has other features than this version")
    prior = Prior(
        change=booster_of(texts["change.txt"], len(FEATURES) + 1),
        correct=booster_of(texts["correct.txt"], len(FEATURES)),
        gain=_gain(facts["gain"]),
        calibration=Calibration.from_dict(facts["calibration"]),
        efforts={str(effort): float(price) for effort, price in facts["efforts"].items()},
    )
    return PriorRouter(prior, Arm(ANY_POLICY, None, "majority", DEFAULT_BUDGET))


def _gain(record: Mapping[str, Any]) -> Gain:
    coefficients = tuple(float(c) for c in record["coefficients"])
    if len(coefficients) != N_GAIN_TERMS:
        raise ValueError(f"the gain has {len(coefficients)} coefficients for {N_GAIN_TERMS}")
    return Gain(coefficients, float(record["intercept"]))
