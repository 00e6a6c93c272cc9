"""A router on disk: a folder of LightGBM text models and JSON, with the sha256 of each file. Never pickle.

    manifest.json       schema, hashes of the other files, what it was trained on
    router.json         portfolio, probe, prices, calibrations, fingerprints, ranges
    mend.txt, spoil.txt, confidence.txt, cost.txt, difficulty-0.txt, ...    LightGBM models

The manifest is written last, and the folder appears under its name only when it is whole.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tts_select.core.arm import Arm
from tts_select.core.errors import InputError
from tts_select.selector.calibration import Calibration
from tts_select.selector.portfolio import Portfolio
from tts_select.selector.routers.lookahead import Calibrated, DifficultyModel, LookaheadRouter, Probe

if TYPE_CHECKING:
    from lightgbm import Booster

SCHEMA = "tts-select/router@1"
STAGED_SCHEMA = "tts-select/staged-router@1"
_FAMILY = "tts-select/router@"
_REMEDY = "train it again with `tts-select train`"


def save_router(router: LookaheadRouter, folder: Path, *, trained_on: Mapping[str, Any]) -> None:
    """Write the folder; one that is there is replaced as a whole.

    Raises:
        InputError: there is something else under that name.
    """
    save_files(_files(router), folder, schema=SCHEMA, trained_on=trained_on)


def save_files(files: Mapping[str, str], folder: Path, *, schema: str, trained_on: Mapping[str, Any]) -> None:
    """Write texts and their manifest; a router that is there is replaced as a whole.

    Raises:
        InputError: there is something else under that name.
    """
    check_replaceable(folder)
    partial = folder.with_name(folder.name + ".partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    for name, text in files.items():
        (partial / name).write_text(text)
    hashes = {name: hashlib.sha256(text.encode()).hexdigest() for name, text in files.items()}
    manifest = {"schema": schema, "sha256": hashes, "trained_on": dict(trained_on)}
    (partial / "manifest.json").write_text(_json(manifest))
    shutil.rmtree(folder, ignore_errors=True)
    partial.replace(folder)


def check_replaceable(folder: Path) -> None:
    """Raises:
    InputError: there is something else than a router under that name.
    """
    if folder.exists() and not _is_router(folder):
        raise InputError(f"'{folder}' is there and is no router: name another folder with --out")


def load_router(folder: Path) -> LookaheadRouter:
    """Raises:
    InputError: it is missing, half written, tampered with or of another schema; the message names the file.
    """
    try:
        return _router(load_files(folder))
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise InputError(f"the router '{folder}' cannot be read ({error}): {_REMEDY}") from error


def load_files(folder: Path, *, schema: str = SCHEMA) -> dict[str, str]:
    """The texts of a router's files, checked against their hashes.

    Raises:
        InputError: it is missing, half written, tampered with or of another schema; the message names it.
    """
    manifest = _read_manifest(folder, schema)
    return {name: _checked(folder / name, digest) for name, digest in manifest["sha256"].items()}


def describe_router(folder: Path, *, schema: str = SCHEMA) -> dict[str, Any]:
    """What its manifest says of its training."""
    return dict(_read_manifest(folder, schema)["trained_on"])


def is_staged(folder: Path) -> bool:
    """Whether it is a router of the other kind, made from a log of samples (`staged_artifact.py`)."""
    return _schema_of(folder).startswith(STAGED_SCHEMA)


def _is_router(folder: Path) -> bool:
    """Of any kind and version; a sweep log has a manifest.json too."""
    return _schema_of(folder).startswith((_FAMILY, STAGED_SCHEMA.partition("@")[0]))


def _schema_of(folder: Path) -> str:
    """Empty if there is none."""
    try:
        return str(json.loads((folder / "manifest.json").read_text())["schema"])
    except (OSError, ValueError, TypeError, KeyError):
        return ""


def _read_manifest(folder: Path, wanted: str) -> dict[str, Any]:
    path = folder / "manifest.json"
    if not path.is_file():
        raise InputError(f"no router in '{folder}': it has no manifest.json; {_REMEDY}")
    try:
        manifest = json.loads(path.read_text())
    except ValueError as error:
        raise InputError(f"'{path}' is not JSON ({error}): {_REMEDY}") from error
    schema = manifest.get("schema") if isinstance(manifest, dict) else None
    if schema == STAGED_SCHEMA != wanted:
        raise InputError(
            f"'{folder}' is a staged router, made from a log of samples: `tts-select evaluate` replays it, "
            "and there are no models to run; train another on a sweep"
        )
    if schema != wanted:
        raise InputError(f"'{path}' has the schema {schema!r}, this version reads {wanted!r}: {_REMEDY}")
    if not isinstance(manifest.get("sha256"), dict) or not isinstance(manifest.get("trained_on"), dict):
        raise InputError(f"'{path}' lacks the hashes of the router's files: {_REMEDY}")
    return dict(manifest)


def _checked(path: Path, digest: str) -> str:
    if not path.is_file():
        raise InputError(f"the router lacks its file '{path}': {_REMEDY}")
    content = path.read_bytes()
    if hashlib.sha256(content).hexdigest() != digest:
        raise InputError(f"'{path}' is not what its manifest says (sha256): {_REMEDY}")
    return content.decode()


def _files(router: LookaheadRouter) -> dict[str, str]:
    boosters = {
        "mend.txt": router.mend.booster,
        "spoil.txt": router.spoil.booster,
        "confidence.txt": router.confidence.booster,
        "cost.txt": router.cost,
        **{f"difficulty-{k}.txt": m.model.booster for k, m in enumerate(router.difficulty.values())},
    }
    return {
        "router.json": _json(_facts(router)),
        **{name: booster.model_to_string() for name, booster in boosters.items()},
    }


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


def _router(texts: Mapping[str, str]) -> LookaheadRouter:
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


def _booster(text: str) -> Booster:
    from lightgbm import Booster
    from lightgbm.basic import LightGBMError

    try:
        return Booster(model_str=text)
    except LightGBMError as error:
        raise ValueError(str(error)) from error


def _json(value: Any) -> str:
    return json.dumps(value, indent=1, sort_keys=True) + "\n"
