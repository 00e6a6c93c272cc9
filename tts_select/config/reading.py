"""Reads a YAML file into a `Config`; every mistake is one line with the file, the key and the remedy."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tts_select.config.entries import Config, Pair, Placement, PolicyEntry, PrmEntry, ProbeEntry
from tts_select.config.strict_yaml import Section, read_yaml
from tts_select.core.errors import InputError, UnknownName
from tts_select.core.imported import is_imported
from tts_select.executors.placement.memory import Workload
from tts_select.executors.registry import check_policy, check_prm, split_spec
from tts_select.selector.portfolio import Names, Portfolio, load_portfolio, parse_portfolio

VARIABLE = "TTS_SELECT_CONFIG"
USUAL = "tts-select.yaml"
_KEYS = ("policies", "prms", "pairs", "placement", "portfolio", "router", "probe", "prior")
_POLICY_KEYS = ("spec", "device", "dtype", "options", "max_new_tokens", "price")
_PRM_KEYS = ("spec", "format", "device", "dtype", "options", "price")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")
_HERE = ("./", "../")


def find_config(asked_for: Path | None) -> Config | None:
    """The config asked for, else that of TTS_SELECT_CONFIG, else ./tts-select.yaml; None: there is none.

    Raises:
        InputError: it cannot be used.
    """
    if asked_for is not None:
        return load_config(asked_for)
    if named := os.environ.get(VARIABLE):
        return load_config(Path(named))
    return load_config(Path(USUAL)) if Path(USUAL).is_file() else None


def load_config(path: Path) -> Config:
    """Read a config file.

    Raises:
        InputError: the file cannot be read, or says something that cannot be used.
    """
    whole = Section(read_yaml(path), f"the config '{path}'", _KEYS)
    policies = {n: _policy(n, e, whole, path) for n, e in whole.mapping("policies").items()}
    prms = {n: _prm(n, e, whole, path) for n, e in whole.mapping("prms").items()}
    if both := sorted(policies.keys() & prms.keys()):
        raise InputError(f"{whole.where}: '{both[0]}' is a policy and a PRM: call one of them otherwise")
    known = Config(path, policies, prms)
    pairs = {n: _pair(n, e, whole, known) for n, e in whole.mapping("pairs").items()}
    names = Config(path, policies, prms, pairs).names
    router, prior = (path.parent / said if (said := whole.text(key)) else None for key in ("router", "prior"))
    return Config(
        path,
        policies,
        prms,
        pairs,
        _placement(whole),
        _portfolio(whole, path, names),
        router,
        _probe(whole, known),
        prior,
    )


def _policy(name: str, content: Any, whole: Section, path: Path) -> PolicyEntry:
    entry = _entry(name, content, f"{whole.where}, policies.{name}", _POLICY_KEYS)
    spec, options = _spec(entry, path), _options(entry, path)
    _checked(entry, lambda: check_policy(spec, options))
    return PolicyEntry(spec, options, entry.positive("max_new_tokens"))


def _prm(name: str, content: Any, whole: Section, path: Path) -> PrmEntry:
    entry = _entry(name, content, f"{whole.where}, prms.{name}", _PRM_KEYS)
    spec, options, format = _spec(entry, path), _options(entry, path), entry.text("format")
    _checked(entry, lambda: check_prm(spec, format, options))
    return PrmEntry(spec, format, options)


def _entry(name: str, content: Any, where: str, keys: tuple[str, ...]) -> Section:
    if not (_NAME.fullmatch(name) or is_imported(name)):
        raise InputError(f"{where}: a name has letters, digits and _.- alone; a spec goes into spec: ...")
    return Section({"spec": content} if isinstance(content, str) else content, where, keys)


def _checked(entry: Section, check: Any) -> None:
    try:
        check()
    except InputError as error:
        raise InputError(f"{entry.where}: {error}") from error


def _spec(entry: Section, path: Path) -> str:
    spec = entry.text("spec")
    if spec is None:
        raise InputError(f"{entry.where} has no spec: name its model, as in spec: hf:ORG/NAME")
    scheme, source = split_spec(spec)
    beside = _beside(source, path)
    return spec if beside == source else f"{scheme}:{beside}"


def _options(entry: Section, path: Path) -> dict[str, Any]:
    """Return the options with `device`, `dtype` and `price`; a GPU of vLLM's is given to it in its own
    terms."""
    options = {name: _beside(value, path) for name, value in entry.mapping("options").items()}
    said = {"device": entry.text("device"), "dtype": entry.text("dtype"), "price": entry.content.get("price")}
    for key, value in said.items():
        if value is None:
            continue
        if key in options:
            raise InputError(f"{entry.where}: {key} is there and in options too: drop one")
        options[key] = value
    if split_spec(str(entry.content.get("spec")))[0] == "vllm" and "device" in options:
        options["device_ids"] = _gpus_from(entry, options.pop("device"), options)
    return options


def _gpus_from(entry: Section, device: str, options: Mapping[str, Any]) -> list[int]:
    """Return as many GPUs as share the model, from `device` on."""
    if not (found := re.fullmatch(r"cuda(?::(\d+))?", device)):
        raise entry.wrong("device", device, "cuda:0 or another GPU; without one vLLM takes what there is")
    first = int(found[1] or 0)
    n = options.get("tensor_parallel_size", 1)
    if type(n) is not int or n < 1:
        raise entry.wrong("options.tensor_parallel_size", n, "a whole number from 1 on")
    return list(range(first, first + n))


def _beside(value: Any, path: Path) -> Any:
    """What begins with ./ or ../ is a path beside the config, wherever the command is run."""
    return str(path.parent / value) if isinstance(value, str) and value.startswith(_HERE) else value


def _pair(name: str, content: Any, whole: Section, known: Config) -> Pair:
    pair = _entry(name, content, f"{whole.where}, pairs.{name}", ("policy", "prm"))
    policy, prm = pair.text("policy"), pair.text("prm")
    if policy is None:
        raise InputError(f"{pair.where} has no policy: name one")
    _known(pair, "policy", policy, known.policies)
    if prm is not None:
        _known(pair, "PRM", prm, known.prms)
    return Pair(policy, prm)


def _known(section: Section, kind: str, name: str, entries: Mapping[str, Any]) -> None:
    """A name of an entry, or a spec with its scheme."""
    if name not in entries and ":" not in name:
        raise InputError(
            f"{section.where}: {UnknownName(kind, name, entries)}; or write a spec, as in hf:{name}"
        )


def _placement(whole: Section) -> Placement | None:
    if whole.content.get("placement") is None:
        return None
    section = Section(
        whole.content["placement"], f"{whole.where}, placement", ("concurrency", "context", "gpus")
    )
    usual = Workload()
    workload = Workload(
        section.positive("concurrency") or usual.concurrency, section.positive("context") or usual.context
    )
    gpus = section.content.get("gpus") or []
    is_list = isinstance(gpus, list)
    if not is_list or any(type(size) not in (int, float) or size <= 0 for size in gpus):
        raise section.wrong("gpus", gpus, "the GiB of each, as in [24, 24]")
    return Placement(workload, tuple(float(size) for size in gpus))


def _portfolio(whole: Section, path: Path, names: Names) -> Portfolio | None:
    content = whole.content.get("portfolio")
    if content is None:
        return None
    if isinstance(content, str):
        return load_portfolio(path.parent / content, names)
    return parse_portfolio(content, str(path), names)


def _probe(whole: Section, known: Config) -> ProbeEntry:
    if whole.content.get("probe") is None:
        return ProbeEntry()
    section = Section(whole.content["probe"], f"{whole.where}, probe", ("policy", "prm", "samples"))
    policy, prm = section.text("policy"), section.text("prm")
    if policy is not None:
        _known(section, "policy", policy, known.policies)
    if prm is not None:
        _known(section, "PRM", prm, known.prms)
    return ProbeEntry(policy, prm, section.positive("samples") or 0)
