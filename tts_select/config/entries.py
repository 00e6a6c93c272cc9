"""What a config file says, as inert values: nothing here loads a model or asks for a device."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tts_select.core.errors import UnknownName
from tts_select.core.imported import plain_name
from tts_select.executors.placement.memory import Workload
from tts_select.selector.portfolio import Names, Portfolio


@dataclass(frozen=True, slots=True)
class PolicyEntry:
    """How a policy is loaded."""

    spec: str
    """The spec, in the form that `--policy` takes."""
    options: Mapping[str, Any] = field(default_factory=dict)
    """The options of its backend, `device`, `dtype` and `price` among them."""
    max_new_tokens: int | None = None
    """The most tokens of a solution; None leaves them to the policy."""


@dataclass(frozen=True, slots=True)
class PrmEntry:
    """How a PRM is loaded."""

    spec: str
    """The spec, in the form that `--prm` takes."""
    format: str | None = None
    """How it reads a solution; None: its name tells."""
    options: Mapping[str, Any] = field(default_factory=dict)
    """The options of its backend, `device`, `dtype` and `price` among them."""


@dataclass(frozen=True, slots=True)
class Pair:
    """A policy and its PRM, or none, by name or spec."""

    policy: str
    prm: str | None = None


@dataclass(frozen=True, slots=True)
class Placement:
    """What memory is planned for."""

    workload: Workload = field(default_factory=Workload)
    gpus: tuple[float, ...] = ()
    """GiB of each GPU of the machine that is planned for; empty: this one."""


@dataclass(frozen=True, slots=True)
class ProbeEntry:
    """How `train` lets a router probe."""

    policy: str | None = None
    prm: str | None = None
    samples: int = 0


@dataclass(frozen=True, slots=True)
class Config:
    """The content of one config file."""

    path: Path
    policies: Mapping[str, PolicyEntry] = field(default_factory=dict)
    prms: Mapping[str, PrmEntry] = field(default_factory=dict)
    pairs: Mapping[str, Pair] = field(default_factory=dict)
    """The first one is what `solve` runs where there is no router."""
    placement: Placement | None = None
    """What memory is planned for; None if none is planned."""
    portfolio: Portfolio | None = None
    router: Path | None = None
    """A router's folder."""
    probe: ProbeEntry = ProbeEntry()
    prior: Path | None = None
    """The folder of a prior, instead of the shipped one."""

    def policy(self, name: str) -> PolicyEntry:
        """The entry of this name, that of a log with or without `log:`; any other name is a spec."""
        return self.policies.get(name) or self.policies.get(plain_name(name)) or PolicyEntry(name)

    def prm(self, name: str) -> PrmEntry:
        """The entry of this name, that of a log with or without `log:`; any other name is a spec."""
        return self.prms.get(name) or self.prms.get(plain_name(name)) or PrmEntry(name)

    def pair(self, name: str) -> Pair:
        """Return the pair of this name.

        Raises:
            UnknownName: there is none of this name.
        """
        if name not in self.pairs:
            raise UnknownName(f"pair of the config '{self.path}'", name, self.pairs)
        return self.pairs[name]

    @property
    def names(self) -> Names:
        """What the arms of a portfolio may refer to."""
        pairs = {name: (pair.policy, pair.prm) for name, pair in self.pairs.items()}
        most = {n: e.max_new_tokens for n, e in self.policies.items() if e.max_new_tokens is not None}
        return Names(pairs, most)
