"""The whole examination."""

from __future__ import annotations

from collections.abc import Iterator

from tts_select.config import Config
from tts_select.doctor.checkpoints import examine_checkpoints, unreadable
from tts_select.doctor.entries import examine_entries
from tts_select.doctor.findings import Finding
from tts_select.doctor.machine import examine_devices, examine_placement
from tts_select.doctor.packages import examine_packages
from tts_select.doctor.routers import examine_routers
from tts_select.doctor.servers import examine_servers
from tts_select.executors.placement.devices import devices_here
from tts_select.executors.registry import WORLD, split_spec


def examine(config: Config | None) -> Iterator[Finding]:
    """Report everything that can be seen without loading weights."""
    yield from examine_packages(needs_vllm=_needs(config, "vllm"), needs_local=_needs(config, WORLD, "hf"))
    yield from examine_devices(devices_here())
    yield from examine_servers(config)
    yield from examine_routers(config)
    if config is not None:
        yield from examine_entries(config)
        yield from examine_checkpoints(config)
        yield from examine_placement(config, unreadable(config))


def _needs(config: Config | None, *schemes: str) -> bool:
    """Whether the config has a model of one of these schemes."""
    if config is None:
        return False
    specs = [e.spec for e in config.policies.values()] + [e.spec for e in config.prms.values()]
    return any(split_spec(spec)[0] in schemes for spec in specs)
