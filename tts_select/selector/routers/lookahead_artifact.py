"""A look-ahead router as texts: LightGBM text models and JSON.

router.json         portfolio, probe, prices, calibrations, fingerprints, ranges
mend.txt, spoil.txt, confidence.txt, cost.txt, difficulty-0.txt, ...    LightGBM models
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from tts_select.core.arm import Arm
from tts_select.selector.calibration import Calibration
from tts_select.selector.portfolio import Portfolio
from tts_select.selector.routers.lookahead import Calibrated, DifficultyModel, LookaheadRouter, Probe

if TYPE_CHECKING:
    from lightgbm import Booster


def write(router: LookaheadRouter) -> dict[str, str]:
    """The texts of its files, by name."""
    boosters = {
        "mend.txt": router.mend.booster,
        "spoil.txt": router.spoil.booster,
        "confidence.txt": router.confidence.booster,
        "cost.txt": router.cost,
        **{f"difficulty-{k}.txt": m.model.booster for k, m in enumerate(router.difficulty.values())},
    }
    return {
        "router.json": json.dumps(_facts(router), indent=1, sort_keys=True) + "\n",
        **{name: booster.model_to_string() for name, booster in boosters.items()},
    }


def read(texts: Mapping[str, str]) -> LookaheadRouter:
    """The router of these texts.

    Raises:
        AttributeError, KeyError, TypeError, ValueError: they are malformed.
    """
    facts = json.loads(texts["router.json"])
    arms = tuple(Arm.from_dict(record) for record in facts["portfolio"]["arms"])
    difficulty = {
        entry["policy"]: DifficultyModel(
            Calibrated(_booster(texts[f"difficulty-{k}.txt"]), Calibration.from_dict(entry["calibration"])),
            tuple((float(a), float(b), float(c)) for a, b, c in entry["errors"]),
        )
        for k, entry in enumerate(facts["difficulty"])
    }
    calibrations = {k: Calibration.from_dict(c) for k, c in facts["calibrations"].items()}
    router = LookaheadRouter(
        portfolio=Portfolio(facts["portfolio"]["name"], arms),
        probe=Probe(**facts["probe"]),
        mend=Calibrated(_booster(texts["mend.txt"]), calibrations["mend"]),
        spoil=Calibrated(_booster(texts["spoil.txt"]), calibrations["spoil"]),
        confidence=Calibrated(_booster(texts["confidence.txt"]), calibrations["confidence"]),
        cost=_booster(texts["cost.txt"]),
        difficulty=difficulty,
        prices=facts["prices"],
        fallback=facts["fallback"],
        text_ranges=tuple((float(low), float(high)) for low, high in facts["text_ranges"]),
        words=frozenset(facts["words"]),
        mean_tokens=facts["mean_tokens"],
        strengths=facts["strengths"],
        fingerprints=facts["fingerprints"],
    )
    if nameless := [arm.name for arm in arms if arm.name not in router.strengths]:
        raise ValueError(f"it does not know the strength of its arm '{nameless[0]}'")
    features = [*router.layout.answer_names, *router.layout.option_names]
    if facts["features"] != features:
        different = sorted(set(facts["features"]) ^ set(features))
        raise ValueError(f"it has other features than this version: {[*different, 'their order'][0]}, ...")
    return router


def _facts(router: LookaheadRouter) -> dict[str, Any]:
    return {
        "portfolio": {"name": router.portfolio.name, "arms": [a.as_dict() for a in router.portfolio.arms]},
        "probe": asdict(router.probe),
        "prices": dict(router.prices),
        "fallback": router.fallback,
        "text_ranges": router.text_ranges,
        "words": sorted(router.words),
        "mean_tokens": dict(router.mean_tokens),
        "strengths": dict(router.strengths),
        "fingerprints": dict(router.fingerprints),
        "features": [*router.layout.answer_names, *router.layout.option_names],
        "calibrations": {
            "mend": router.mend.calibration.as_dict(),
            "spoil": router.spoil.calibration.as_dict(),
            "confidence": router.confidence.calibration.as_dict(),
        },
        "difficulty": [
            {"policy": policy, "calibration": m.model.calibration.as_dict(), "errors": m.errors}
            for policy, m in router.difficulty.items()
        ],
    }


def _booster(text: str) -> Booster:
    from lightgbm import Booster
    from lightgbm.basic import LightGBMError

    try:
        return Booster(model_str=text)
    except LightGBMError as error:
        raise ValueError(str(error)) from error
