"""A prior as texts: LightGBM text models and JSON.

prior.json          the names of the features, the gain of a change, calibration, prices of the efforts, and
                    what the scores of a PRM add, if it has learned that
change.txt, correct.txt     LightGBM models
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from tts_select.core.arm import Arm
from tts_select.selector.agreement import FEATURES
from tts_select.selector.boosters import booster_of
from tts_select.selector.calibration import Calibration
from tts_select.selector.preference import PRM_FEATURES
from tts_select.selector.routers.learned_prior import Gain, Prior, PrmTerm
from tts_select.selector.routers.prior import DEFAULT_BUDGET, PriorRouter
from tts_select.selector.routers.prior_prm import CHANGE_TERMS, CORRECT_TERMS, SETTLED_TERMS

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
        **({"prm": _term_facts(prior.term)} if prior.term is not None else {}),
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
        efforts=_efforts(facts),
        term=_term(facts["prm"]) if "prm" in facts else None,
    )
    return PriorRouter(prior, Arm(ANY_POLICY, None, "majority", DEFAULT_BUDGET))


def _term_facts(term: PrmTerm) -> dict[str, Any]:
    return {
        "features": PRM_FEATURES,
        "correct": dict(zip(CORRECT_TERMS, term.correct, strict=True)),
        "settled": dict(zip(SETTLED_TERMS, term.settled, strict=True)),
        "change": dict(zip(CHANGE_TERMS, term.change, strict=True)),
        "gain": asdict(term.gain),
        "efforts": dict(term.efforts),
    }


def _term(record: Mapping[str, Any]) -> PrmTerm:
    if tuple(record["features"]) != PRM_FEATURES:
        raise ValueError("it looks at other features of PRM scores than this version")

    def coefficients(part: str, terms: Sequence[str]) -> tuple[float, ...]:
        return tuple(float(record[part][name]) for name in terms)

    return PrmTerm(
        correct=coefficients("correct", CORRECT_TERMS),
        settled=coefficients("settled", SETTLED_TERMS),
        change=coefficients("change", CHANGE_TERMS),
        gain=_gain(record["gain"]),
        efforts=_efforts(record),
    )


def _efforts(record: Mapping[str, Any]) -> dict[str, float]:
    return {str(effort): float(price) for effort, price in record["efforts"].items()}


def _gain(record: Mapping[str, Any]) -> Gain:
    coefficients = tuple(float(c) for c in record["coefficients"])
    if len(coefficients) != N_GAIN_TERMS:
        raise ValueError(f"the gain has {len(coefficients)} coefficients for {N_GAIN_TERMS}")
    return Gain(coefficients, float(record["intercept"]))
