"""The portfolio: a named list of the arms that a router may pick, from a YAML or JSON file.

A file has a `name` and `arms`; in an arm `policy`, `prm`, `method` and `budget` may be lists, which stand for
all their combinations. Nothing here knows a model: that its policies and PRMs exist shows when they are loaded.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, fields, replace
from itertools import product
from pathlib import Path
from typing import Any

from tts_select.core.arm import Arm
from tts_select.core.errors import InputError, UnknownName
from tts_select.core.methods import METHODS
from tts_select.core.plan import AGGREGATIONS, MAX_BUDGET, SELECTIONS, Settings

_SETTINGS = tuple(f.name for f in fields(Settings) if f.name != "seed")
_KEYS = ("policy", "prm", "pair", "method", "budget", *_SETTINGS)


@dataclass(frozen=True, slots=True)
class Portfolio:
    """The arms have different names."""

    name: str
    arms: tuple[Arm, ...]

    def __getitem__(self, name: str) -> Arm:
        return next(arm for arm in self.arms if arm.name == name)

    @property
    def policies(self) -> tuple[str, ...]:
        """The specs of its policies, in the order of their first arm."""
        return tuple(dict.fromkeys(arm.policy for arm in self.arms))

    @property
    def prms(self) -> tuple[str, ...]:
        """The specs of its PRMs, in the order of their first arm."""
        return tuple(dict.fromkeys(arm.prm for arm in self.arms if arm.prm))

    def with_max_new_tokens(self, most: int) -> Portfolio:
        """The same arms, all of which give a candidate so many tokens."""
        arms = (replace(arm, settings=replace(arm.settings, max_new_tokens=most)) for arm in self.arms)
        return Portfolio(self.name, tuple(arms))


@dataclass(frozen=True, slots=True)
class Names:
    """The names in a config file that arms may refer to."""

    pairs: Mapping[str, tuple[str, str | None]] = field(default_factory=dict)
    """A policy and its PRM by the name of the pair."""
    max_new_tokens: Mapping[str, int] = field(default_factory=dict)
    """The most new tokens by policy, for arms that do not specify them."""


def load_portfolio(path: Path, names: Names | None = None) -> Portfolio:
    """Read a portfolio from a YAML or JSON file.

    Raises:
        InputError: the file cannot be read, or an arm in it is malformed; the message names the arm.
    """
    import yaml

    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))  # JSON is YAML
    except OSError as error:
        raise InputError(f"cannot read the portfolio '{path}': {error.strerror}") from error
    except (yaml.YAMLError, ValueError) as error:  # a date that does not exist is a ValueError
        raise InputError(f"the portfolio '{path}' is neither YAML nor JSON: {_one_line(error)}") from error
    return parse_portfolio(content, str(path), names)


def parse_portfolio(content: Any, source: str, names: Names | None = None) -> Portfolio:
    """Make a portfolio of the content of a portfolio file; `source` is for messages.

    Raises:
        InputError: it is malformed.
    """
    if not isinstance(content, dict) or not isinstance(content.get("arms"), list) or not content["arms"]:
        raise InputError(f"the portfolio '{source}' has no list of arms: write name: ... and arms: [...]")
    arms: dict[str, Arm] = {}
    for number, entry in enumerate(content["arms"], start=1):
        where = f"the portfolio '{source}', arm {number}"
        for arm in _expand(entry, where, names or Names()):
            if arm.name in arms:
                raise InputError(f"{where}: '{arm.name}' was there before; take one of them out")
            arms[arm.name] = arm
    return Portfolio(str(content.get("name") or Path(source).stem), tuple(arms.values()))


def _expand(entry: Any, where: str, names: Names) -> Iterator[Arm]:
    if not isinstance(entry, dict):
        raise InputError(f"{where}: write it as policy: ..., prm: ..., method: ..., budget: ...")
    for key in entry:
        if key not in _KEYS:
            raise InputError(f"{where}: {UnknownName('field', str(key), _KEYS)}")
    methods = _listed(entry.get("method"))
    for method in methods:
        _check_named("method", method, METHODS, where)
    settings = _settings(entry, where)
    models, budgets = _models(entry, where, names), _listed(entry.get("budget", 1))
    if not (methods and models and budgets):
        raise InputError(f"{where}: an empty list stands for no arm; fill it, or take the arm out")
    for (policy, prm), method, budget in product(models, methods, budgets):
        _check(policy, prm, budget, method, where)
        most = settings.max_new_tokens
        if "max_new_tokens" not in entry:
            most = names.max_new_tokens.get(policy, most)
        yield Arm(policy, prm, method, budget, replace(settings, max_new_tokens=most))


def _models(entry: dict[str, Any], where: str, names: Names) -> list[tuple[Any, Any]]:
    """The policy and the PRM of each arm."""
    if "pair" not in entry:
        return list(product(_listed(entry.get("policy")), _listed(entry.get("prm"))))
    if "policy" in entry or "prm" in entry:
        raise InputError(f"{where}: a pair is its policy and its PRM; leave policy and prm out")
    pairs = _listed(entry["pair"])
    for pair in pairs:
        if not isinstance(pair, str) or pair not in names.pairs:
            known = UnknownName("pair", str(pair), names.pairs)
            raise InputError(f"{where}: {known}; pairs are those of a config (--config)")
    return [names.pairs[pair] for pair in pairs]


def _check_named(what: str, value: Any, known: Collection[str], where: str) -> None:
    if not isinstance(value, str) or value not in known:
        raise InputError(f"{where}: {UnknownName(what, str(value), known)}")


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _check(policy: Any, prm: Any, budget: Any, method: str, where: str) -> None:
    if not isinstance(policy, str) or not policy:
        raise InputError(f"{where}: name its policy, as in world:small")
    if METHODS[method].needs_prm and not isinstance(prm, str):
        raise InputError(f"{where}: the method {method} needs a PRM, as in world:prm")
    if not METHODS[method].needs_prm and prm is not None:
        raise InputError(f"{where}: the method {method} takes no PRM; leave prm out")
    if type(budget) is not int or not 1 <= budget <= MAX_BUDGET:
        raise InputError(f"{where}: the budget is {budget!r}; choose from 1 to {MAX_BUDGET:,}")
    if METHODS[method].is_greedy and budget != 1:
        raise InputError(f"{where}: {method} is one greedy answer; leave the budget out")


def _settings(entry: dict[str, Any], where: str) -> Settings:
    chosen = {name: entry[name] for name in _SETTINGS if name in entry}
    for name, known in (("aggregation", AGGREGATIONS), ("selection", SELECTIONS)):
        if name in chosen:
            _check_named(name, chosen[name], known, where)
    for name, value in chosen.items():
        if name not in ("aggregation", "selection") and (type(value) not in (int, float) or value < 0):
            raise InputError(f"{where}: {name} is {value!r}; write a number")
    return Settings(**chosen)


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())
