"""A staged router on disk: router.json and manifest.json with its sha256. Never pickle."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from tts_select.core.errors import InputError
from tts_select.selector.routers.artifact import STAGED_SCHEMA, load_files, save_files
from tts_select.selector.routers.ladder import (
    N_FEATURES,
    N_TERMS,
    AnswerModel,
    Ending,
    Ladder,
    LadderRouter,
    Stage,
    Usual,
)

_FILE = "router.json"


def save_staged(router: LadderRouter, folder: Path, *, trained_on: Mapping[str, Any]) -> None:
    """Write the folder; one that is there is replaced as a whole.

    Raises:
        InputError: there is something else under that name.
    """
    record = {
        "unit": router.unit,
        "usual": {policy: asdict(usual) for policy, usual in router.usual.items()},
        "ladders": [_ladder_record(ladder) for ladder in router.ladders],
        "efforts": dict(router.efforts),
        "best_fixed": router.best_fixed,
        "fingerprints": dict(router.fingerprints),
    }
    text = json.dumps(record, indent=1, sort_keys=True, allow_nan=False) + "\n"
    save_files({_FILE: text}, folder, schema=STAGED_SCHEMA, trained_on=trained_on)


def load_staged(folder: Path) -> LadderRouter:
    """Raises:
    InputError: it is missing, half written, tampered with or of another schema; the message names the file.
    """
    texts = load_files(folder, schema=STAGED_SCHEMA)
    try:
        record = json.loads(texts[_FILE])
        return LadderRouter(
            unit=record["unit"],
            usual={policy: Usual(**usual) for policy, usual in record["usual"].items()},
            ladders=tuple(_ladder(entry) for entry in record["ladders"]),
            efforts=record["efforts"],
            best_fixed=record["best_fixed"],
            fingerprints=record["fingerprints"],
        )
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise InputError(
            f"the router '{folder}' cannot be read ({error}): train it again with `tts-select train`"
        ) from error


def _ladder_record(ladder: Ladder) -> dict[str, Any]:
    model = ladder.answers
    return {
        "price": ladder.price,
        "stages": [asdict(stage) for stage in ladder.stages],
        "answers": {
            "mean": model.mean.tolist(),
            "scale": model.scale.tolist(),
            "weight": model.weight.tolist(),
            "bias": model.bias,
        },
        "stops": ladder.stops.tolist(),
        "accuracy": ladder.accuracy,
        "cost": ladder.cost,
    }


def _ladder(entry: Mapping[str, Any]) -> Ladder:
    stages = tuple(Stage(s["policy"], s["n"], Ending(**s["ending"])) for s in entry["stages"])
    answers = entry["answers"]
    shaped = {name: _array(answers[name], (N_FEATURES,)) for name in ("mean", "scale", "weight")}
    n_stops = sum(stage.n for stage in stages) - 1
    return Ladder(
        float(entry["price"]),
        stages,
        AnswerModel(**shaped, bias=float(answers["bias"])),
        _array(entry["stops"], (n_stops, N_TERMS)) if n_stops else np.zeros((0, N_TERMS)),
        float(entry["accuracy"]),
        float(entry["cost"]),
    )


def _array(values: Any, shape: tuple[int, ...]) -> np.ndarray:
    found = np.asarray(values, float)
    if found.shape != shape:
        raise ValueError(f"it has other features than this version: {found.shape} for {shape}")
    return found
