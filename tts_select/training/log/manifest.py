"""The manifest of a sweep log: to JSON and back, what it asks for, and how two of them differ."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from types import NoneType
from typing import Any, get_args

from tts_select.core.arm import Arm, weights_in
from tts_select.core.certainty import TOP_LOGPROBS
from tts_select.core.errors import InputError
from tts_select.core.pricing import TokenPrice
from tts_select.training.log.fields import take
from tts_select.training.log.records import (
    IMPORTED_SCHEMA,
    SCHEMA,
    ImportFacts,
    LoggedProblem,
    Manifest,
    ModelCard,
    Unit,
)

_NUMBERED = re.compile(r"tts-select/sweep@(\d+)")
_FIELDS: dict[str, tuple[type, ...]] = {
    "schema": (str,),
    "portfolio": (str,),
    "arms": (list,),
    "n_samples": (int,),
    "n_runs": (int,),
    "seed": (int,),
    "models": (dict,),
    "grader": (str,),
    "problems": (dict,),
}
_SAMPLES_OF, _CHUNK = "n_samples_of", "chunk"
"""The fields that are there only where policies have pools of different sizes, or pools come in chunks."""
_IMPORTED: dict[str, tuple[type, ...]] = {
    "format": (str,),
    "files": (list,),
    "unit": (str,),
    "n_rows": (int,),
    "n_bad": (int,),
    "n_duplicates": (int,),
    "n_pools": (int,),
}
_GONE = ("checkpoint_every",)
"""Fields of a manifest that earlier versions wrote."""


@dataclass(frozen=True, slots=True)
class PoolPlan:
    """A pool that a sweep draws: as its first arm samples, scored by the PRMs of all of its arms."""

    arm: Arm
    prms: tuple[str, ...]
    top_logprobs: int = 0
    """As in `SampleRequest`: what its arms need."""

    def size(self, n_samples: int, n_samples_of: Mapping[str, int] | None = None) -> int:
        """Return how many samples the pool has: those of its policy, else `n_samples`; a greedy pool has
        one."""
        return (n_samples_of or {}).get(self.arm.policy, n_samples) if self.arm.temperature > 0 else 1


def pools_of(arms: Iterable[Arm]) -> dict[str, PoolPlan]:
    """The pools that these arms take their samples from, by name."""
    sharing: dict[str, list[Arm]] = {}
    every = [arm for arm in arms if arm.is_sampling]
    for arm in every:
        sharing.setdefault(arm.pool, []).append(arm)
    return {
        name: PoolPlan(
            some[0],
            tuple(dict.fromkeys(arm.prm for arm in some if arm.prm)),
            TOP_LOGPROBS if "certainty" in weights_in(some[0], every) else 0,
        )
        for name, some in sharing.items()
    }


def pool_size(manifest: Manifest, plan: PoolPlan) -> int:
    """Return how many samples a pool of the log has."""
    return plan.size(manifest.n_samples, manifest.n_samples_of)


def policies(manifest: Manifest) -> tuple[str, ...]:
    """The policies of all arms, each once."""
    return tuple(dict.fromkeys(arm.policy for arm in manifest.arms))


def prms(manifest: Manifest) -> tuple[str, ...]:
    """The PRMs of all arms, each once."""
    return tuple(dict.fromkeys(arm.prm for arm in manifest.arms if arm.prm))


def searches(arms: Iterable[Arm], n_runs: int, seed: int) -> list[tuple[Arm, int]]:
    """The arms that are run, each with its seeds."""
    return [(arm, seed + k) for arm in arms if not arm.is_sampling for k in range(n_runs)]


def encode_manifest(manifest: Manifest, problems: Iterable[LoggedProblem]) -> dict[str, Any]:
    """Return the object in manifest.json; the number and the hash of the problems show whether a log lacks
    some or has others."""
    fields = {
        name: value
        for name, value in asdict(manifest).items()
        if name != "unit" and (name not in ("imported", _SAMPLES_OF, _CHUNK) or value)
    }
    for card in fields["models"].values():
        if card["price"] is None:
            del card["price"]
    encoded = {"schema": manifest.schema, **fields, "problems": digest_of(problems)}
    found: dict[str, Any] = json.loads(json.dumps(encoded))
    return found


def digest_of(problems: Iterable[LoggedProblem]) -> dict[str, Any]:
    """Return a hash of the problems that does not depend on their order."""
    rows = sorted(json.dumps(asdict(problem), sort_keys=True) for problem in problems)
    return {"count": len(rows), "sha256": hashlib.sha256("\n".join(rows).encode()).hexdigest()}


def decode_manifest(data: Any) -> Manifest:
    """The inverse of `encode_manifest`, but for the digest of the problems.

    Raises:
        ValueError: it is malformed, or of a schema that is not known here.
    """
    _check_schema(data)
    is_imported = data["schema"] == IMPORTED_SCHEMA
    types = _FIELDS | ({"imported": (dict,)} if is_imported else {})
    _, portfolio, arms, n_samples, n_runs, seed, models, grader, digest, *imported = take(
        data, "it", types, ignored=(_SAMPLES_OF, _CHUNK)
    )
    n_samples_of = data.get(_SAMPLES_OF, {})
    if not isinstance(n_samples_of, dict) or any(type(n) is not int or n < 1 for n in n_samples_of.values()):
        raise ValueError(f"it has {_SAMPLES_OF} = {n_samples_of!r}")
    chunk = data.get(_CHUNK)
    if chunk is not None and (type(chunk) is not int or chunk < 1):
        raise ValueError(f"it has {_CHUNK} = {chunk!r}")
    take(digest, "its problems", {"count": (int,), "sha256": (str,)})
    if n_samples < 1 or n_runs < 1:
        raise ValueError("n_samples and n_runs are 1 at least")
    manifest = Manifest(
        portfolio=portfolio,
        arms=tuple(_arm(arm, number) for number, arm in enumerate(arms, start=1)),
        n_samples=n_samples,
        n_runs=n_runs,
        seed=seed,
        models={spec: _card(spec, card, is_imported) for spec, card in models.items()},
        grader=grader,
        imported=_imported(imported[0]) if is_imported else None,
        n_samples_of=n_samples_of,
        chunk=chunk,
    )
    _check_models(manifest)
    return manifest


def differences(there: dict[str, Any], here: dict[str, Any]) -> list[str]:
    """Describe in words how two encoded manifests differ."""
    found = []
    for name in (*_FIELDS, _SAMPLES_OF, _CHUNK):
        old, new = there.get(name), here.get(name)
        if old == new:
            continue
        if name == "arms":
            found.append(_arms_differ(old, new))
        elif name == "problems":
            found.append("its problems are others")
        elif name == "models" and old and new:
            specs = sorted(s for s in {*old, *new} if old.get(s) != new.get(s))
            found += [f"its model {s} is {_brief(old.get(s))}, not {_brief(new.get(s))}" for s in specs]
        else:
            found.append(f"its {name} is {old!r}, not {new!r}")
    return found


def _check_schema(data: Any) -> None:
    schema = data.get("schema") if isinstance(data, dict) else None
    if schema in (SCHEMA, IMPORTED_SCHEMA):
        return
    numbered = _NUMBERED.fullmatch(str(schema))
    if numbered and int(numbered[1]) > int(IMPORTED_SCHEMA.rpartition("@")[2]):
        raise ValueError(f"its schema {schema} is newer than {IMPORTED_SCHEMA}: upgrade tts-select")
    raise ValueError(f"its schema is {schema!r}, not {SCHEMA}: docs/sweep-log.md has the format")


def _arm(data: Any, number: int) -> Arm:
    try:
        arm = Arm.from_dict(data)
        well_formed = {type(arm.policy), type(arm.method)} == {str} and type(arm.budget) is int
    except (TypeError, KeyError) as error:
        raise ValueError(f"arm {number} is malformed ({error})") from error
    if not well_formed:
        raise ValueError(f"arm {number} is malformed")
    return arm


def _imported(data: Any) -> ImportFacts:
    format_, files, unit, *counts = take(data, "its import", _IMPORTED, ignored=_GONE)
    if unit not in get_args(Unit) or not all(isinstance(name, str) for name in files):
        raise ValueError(f"its import has the unit {unit!r} and the files {files!r}")
    return ImportFacts(format_, tuple(files), unit, *counts)


def _card(spec: str, data: Any, is_imported: bool) -> ModelCard:
    size = (int, NoneType) if is_imported else (int,)
    fields: dict[str, tuple[type, ...]] = {"kind": (str,), "n_parameters": size, "fingerprint": (str,)}
    kind, n_parameters, fingerprint = take(data, f"the model {spec}", fields, ignored=("price",))
    if kind not in ("policy", "prm"):
        raise ValueError(f"the model {spec} is of the kind {kind!r}, not policy or prm")
    return ModelCard(kind, n_parameters, fingerprint, _price(spec, kind, data.get("price")))


def _price(spec: str, kind: str, data: Any) -> TokenPrice | None:
    if data is None:
        return None
    try:
        return TokenPrice.read(data, f"the price of {spec}", writes=kind == "policy")
    except InputError as error:
        raise ValueError(str(error)) from error


def _check_models(manifest: Manifest) -> None:
    if len({arm.name for arm in manifest.arms}) != len(manifest.arms):
        raise ValueError("two of its arms are the same")
    for kind, specs in (("policy", policies(manifest)), ("prm", prms(manifest))):
        for spec in specs:
            if spec not in manifest.models or manifest.models[spec].kind != kind:
                raise ValueError(f"an arm has the {kind} {spec}, which is not among its models")


def _arms_differ(old: Any, new: Any) -> str:
    names, others = (dict.fromkeys(Arm.from_dict(arm).name for arm in arms) for arms in (old, new))
    if gone := [name for name in names if name not in others]:
        return f"it has the arm '{gone[0]}' and this portfolio has not"
    if added := [name for name in others if name not in names]:
        return f"it lacks the arm '{added[0]}'"
    return "its arms are in another order"


def _brief(card: Any) -> str:
    if not card:
        return "missing"
    price = card.get("price")
    costs = f" for {price['input']:g}/{price['output']:g} dollars" if price else ""
    return f"{card['fingerprint']} ({card['n_parameters']:,} parameters){costs}"
