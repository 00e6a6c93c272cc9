"""A ladder router as text: all of it is in router.json."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import numpy as np

from tts_select.core.arm import Arm
from tts_select.selector.by_text import Description, Heads
from tts_select.selector.portfolio import Portfolio
from tts_select.selector.routers.beginnings import Beginnings, LaddersByText
from tts_select.selector.routers.ladder import LadderRouter
from tts_select.selector.routers.rungs import Ladder, Rung
from tts_select.selector.routers.tally import (
    N_FEATURES,
    N_OF_CERTAINTY,
    N_TERMS,
    AnswerModel,
    Usual,
    knows_certainty,
)

_FILE = "router.json"


def write(router: LadderRouter) -> dict[str, str]:
    """The texts of its files, by name."""
    record = {
        "portfolio": {"name": router.portfolio.name, "arms": [a.as_dict() for a in router.portfolio.arms]},
        "usual": {pool: _usual_record(usual) for pool, usual in router.usual.items()},
        "ladders": [_ladder_record(ladder) for ladder in router.ladders],
        "prices": dict(router.prices),
        "fallback": router.fallback,
        "unit": router.unit,
        "fingerprints": dict(router.fingerprints),
    }
    if router.by_text is not None:
        record["by_text"] = _by_text_record(router.by_text)
    return {_FILE: json.dumps(record, indent=1, sort_keys=True, allow_nan=False) + "\n"}


def read(texts: Mapping[str, str]) -> LadderRouter:
    """The router of these texts.

    Raises:
        AttributeError, KeyError, TypeError, ValueError: they are malformed.
    """
    record = json.loads(texts[_FILE])
    usual = {pool: Usual(**own) for pool, own in record["usual"].items()}
    n_features = N_FEATURES + (N_OF_CERTAINTY if knows_certainty(usual) else 0)
    router = LadderRouter(
        portfolio=Portfolio(
            record["portfolio"]["name"], tuple(Arm.from_dict(arm) for arm in record["portfolio"]["arms"])
        ),
        usual=usual,
        ladders=tuple(_ladder(entry, n_features) for entry in record["ladders"]),
        prices=record["prices"],
        fallback=record["fallback"],
        unit=record["unit"],
        fingerprints=record["fingerprints"],
        by_text=_by_text(record["by_text"], len(record["ladders"]), n_features)
        if "by_text" in record
        else None,
    )
    pools = {arm.pool for arm in router.portfolio.arms} & router.usual.keys()
    ladders = [*router.ladders, *(router.by_text.ladders if router.by_text else ())]
    if strange := {pool for ladder in ladders for pool in ladder.draws} - pools:
        raise ValueError(f"it does not know its pool '{min(strange)}'")
    return router


def _usual_record(usual: Usual) -> dict[str, float]:
    """Without what the log does not tell."""
    return {name: value for name, value in asdict(usual).items() if value is not None}


def _by_text_record(by_text: LaddersByText) -> dict[str, Any]:
    prices = [
        {
            "place": place,
            "ladders": [_ladder_record(ladder) for ladder in own.ladders],
            "heads": own.heads.as_dict(),
        }
        for place, own in by_text.at.items()
    ]
    return {"description": by_text.description.as_dict(), "prices": prices}


def _by_text(record: Mapping[str, Any], n_prices: int, n_features: int) -> LaddersByText:
    """Ladders of earlier versions have none."""
    description, at = Description.from_dict(record["description"]), {}
    for entry in record["prices"]:
        ladders = tuple(_ladder(own, n_features) for own in entry["ladders"])
        heads = Heads.from_dict(entry["heads"], len(ladders), description.n_features)
        at[int(entry["place"])] = Beginnings(ladders, heads)
    if not all(0 <= place < n_prices and own.ladders for place, own in at.items()):
        raise ValueError("its text decides at prices that it has no ladders for")
    return LaddersByText(description, at)


def _ladder_record(ladder: Ladder) -> dict[str, Any]:
    model = ladder.answers
    return {
        "price": ladder.price,
        "rungs": [asdict(rung) for rung in ladder.rungs],
        "answers": {
            "mean": model.mean.tolist(),
            "scale": model.scale.tolist(),
            "weight": model.weight.tolist(),
            "bias": model.bias,
        },
        "stops": ladder.stops.tolist(),
        "accuracy": ladder.accuracy,
        "cost": ladder.cost,
        "length": ladder.length,
        "looks": list(ladder.looks),
    }


def _ladder(entry: Mapping[str, Any], n_features: int) -> Ladder:
    rungs = tuple(Rung(**rung) for rung in entry["rungs"])
    answers = entry["answers"]
    shaped = {name: _array(answers[name], (n_features,)) for name in ("mean", "scale", "weight")}
    looks = _looks(entry, sum(rung.n for rung in rungs))
    n_stops = len(looks) - 1
    return Ladder(
        price=float(entry["price"]),
        rungs=rungs,
        answers=AnswerModel(**shaped, bias=float(answers["bias"])),
        stops=_array(entry["stops"], (n_stops, N_TERMS)) if n_stops else np.zeros((0, N_TERMS)),
        accuracy=float(entry["accuracy"]),
        cost=float(entry["cost"]),
        length=float(entry["length"]),
        looks=looks,
    )


def _looks(entry: Mapping[str, Any], n_draws: int) -> tuple[int, ...]:
    """Ladders of earlier versions say nothing of looks: theirs come after every draw."""
    looks = tuple(int(n) for n in entry.get("looks", range(1, n_draws + 1)))
    if looks[:1] != (1,) or looks[-1] != n_draws or list(looks) != sorted(set(looks)):
        raise ValueError(f"its looks are not after 1 to {n_draws} draws")
    return looks


def _array(values: Any, shape: tuple[int, ...]) -> np.ndarray:
    found = np.asarray(values, float)
    if found.shape != shape:
        raise ValueError(f"it has other features than this version: {found.shape} for {shape}")
    return found
