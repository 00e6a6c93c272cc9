"""A look-ahead router as texts: LightGBM text models and JSON.

router.json         portfolio, probe, prices, calibrations, linear models, fingerprints, what is familiar
text.json           what the words of a problem tell, and what is expected of each first step
mend.txt, spoil.txt, confidence.txt, cost.txt, difficulty-0.txt, ...    LightGBM models
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from tts_select.core.arm import Arm
from tts_select.selector.boosters import booster_of
from tts_select.selector.by_text import TextModel
from tts_select.selector.calibration import Calibration
from tts_select.selector.familiarity import Familiarity, TextRanges
from tts_select.selector.linear import Linear
from tts_select.selector.portfolio import Portfolio
from tts_select.selector.routers.first_steps import FirstSteps
from tts_select.selector.routers.lookahead import CalibratedModel, DifficultyModel, LookaheadRouter, Probe

_TEXT = "text.json"
_PROBABILITIES = ("mend", "spoil", "confidence")


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
        **({_TEXT: json.dumps(_text_facts(router), sort_keys=True) + "\n"} if router.by_text else {}),
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
            _calibrated(texts[f"difficulty-{k}.txt"], entry["calibration"], entry.get("linear")),
            tuple((float(a), float(b), float(c)) for a, b, c in entry["errors"]),
        )
        for k, entry in enumerate(facts["difficulty"])
    }
    linear = facts.get("linear", {})  # routers had none before
    models = {
        name: _calibrated(texts[f"{name}.txt"], facts["calibrations"][name], linear.get(name))
        for name in _PROBABILITIES
    }
    by_text, first_steps = _text(texts, arms)
    router = LookaheadRouter(
        portfolio=Portfolio(facts["portfolio"]["name"], arms),
        probe=Probe(**facts["probe"]),
        mend=models["mend"],
        spoil=models["spoil"],
        confidence=models["confidence"],
        cost=booster_of(texts["cost.txt"]),
        difficulty=difficulty,
        prices=facts["prices"],
        fallback=facts["fallback"],
        familiarity=_familiarity(facts),
        mean_tokens=facts["mean_tokens"],
        strengths=facts["strengths"],
        fingerprints=facts["fingerprints"],
        mean_costs={name: float(cost) for name, cost in facts.get("mean_costs", {}).items()},
        by_text=by_text,
        first_steps=first_steps,
    )
    if router.mean_costs and set(router.mean_costs) != {arm.name for arm in arms}:
        raise ValueError("the costs that it knows are not those of its arms")
    if nameless := [arm.name for arm in arms if arm.name not in router.strengths]:
        raise ValueError(f"it does not know the strength of its arm '{nameless[0]}'")
    features = [*router.layout.answer_names, *router.layout.option_names]
    if facts["features"] != features:
        different = sorted(set(facts["features"]) ^ set(features))
        raise ValueError(f"it has other features than this version: {[*different, 'their order'][0]}, ...")
    return router


def _text(texts: Mapping[str, str], arms: Sequence[Arm]) -> tuple[TextModel | None, FirstSteps | None]:
    """Routers that were trained before the words counted have none."""
    if _TEXT not in texts:
        return None, None
    record = json.loads(texts[_TEXT])
    by_text = TextModel.from_dict(record["by_text"])
    names = {arm.name for arm in arms}
    found = record["first_steps"]
    steps = None if found is None else FirstSteps.from_dict(found, by_text.description.n_features)
    if {*by_text.arms} != names or not {step.arm for step in (steps.steps if steps else ())} <= names:
        raise ValueError("what its texts say is not of the arms of its portfolio")
    return by_text, steps


def _text_facts(router: LookaheadRouter) -> dict[str, Any]:
    assert isinstance(router.by_text, TextModel)
    steps = router.first_steps.as_dict() if router.first_steps else None
    return {"by_text": router.by_text.as_dict(), "first_steps": steps}


def _facts(router: LookaheadRouter) -> dict[str, Any]:
    return {
        "portfolio": {"name": router.portfolio.name, "arms": [a.as_dict() for a in router.portfolio.arms]},
        "probe": asdict(router.probe),
        "prices": dict(router.prices),
        "fallback": router.fallback,
        **_known_problems(router),
        "mean_tokens": dict(router.mean_tokens),
        "strengths": dict(router.strengths),
        "mean_costs": dict(router.mean_costs),
        "fingerprints": dict(router.fingerprints),
        "features": [*router.layout.answer_names, *router.layout.option_names],
        "calibrations": {name: getattr(router, name).calibration.as_dict() for name in _PROBABILITIES},
        "linear": {name: _linear(getattr(router, name)) for name in _PROBABILITIES},
        "difficulty": [
            {
                "policy": policy,
                "calibration": m.model.calibration.as_dict(),
                "linear": _linear(m.model),
                "errors": m.errors,
            }
            for policy, m in router.difficulty.items()
        ],
    }


def _known_problems(router: LookaheadRouter) -> dict[str, Any]:
    known = router.familiarity
    if isinstance(known, TextRanges):
        return {"text_ranges": known.ranges, "words": sorted(known.words)}
    return {"familiarity": known.as_dict()}


def _familiarity(facts: Mapping[str, Any]) -> Familiarity | TextRanges:
    """Routers that were trained before there was a `familiarity` have ranges and words."""
    if "familiarity" in facts:
        return Familiarity.from_dict(facts["familiarity"])
    ranges = tuple((float(low), float(high)) for low, high in facts["text_ranges"])
    return TextRanges(ranges, frozenset(facts["words"]))


def _linear(model: CalibratedModel) -> dict[str, Any] | None:
    return {**model.linear.as_dict(), "trees": model.trees} if model.linear else None


def _calibrated(text: str, curve: Mapping[str, Any], linear: Mapping[str, Any] | None) -> CalibratedModel:
    booster, calibration = booster_of(text), Calibration.from_dict(dict(curve))
    if linear is None:
        return CalibratedModel(booster, calibration)
    return CalibratedModel(
        booster, calibration, Linear.from_dict(linear, booster.num_feature()), float(linear["trees"])
    )
