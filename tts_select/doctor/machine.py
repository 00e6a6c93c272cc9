"""The devices of the machine, and whether the models of a config fit on those that it plans for."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from tts_select.config import Config
from tts_select.config.using import ModelGroup, fits_of, planned_devices, routed_together, swept_together
from tts_select.core.errors import BackendError, InputError
from tts_select.doctor.findings import Finding
from tts_select.executors.placement.devices import GIB, Device
from tts_select.executors.placement.fitting import Fit


def examine_devices(devices: Sequence[Device]) -> Iterator[Finding]:
    """Report on the devices; having no GPU is fine."""
    for device in devices:
        free = f", {device.free / GIB:.1f} free" if device.is_gpu else ""
        yield Finding(device.name, "ok", f"{device.total / GIB:.1f} GiB{free}")
    if not any(d.is_gpu for d in devices):
        yield Finding(
            "GPU", "note", "there is none that torch sees: real models run on the CPU, slowly, or on a server"
        )


def examine_placement(config: Config, unreadable: Collection[str]) -> Iterator[Finding]:
    """Report on each set of models that will be in memory together; nothing is loaded. What the models named
    in `unreadable` take is not known."""
    if config.placement is None:
        if config.policies or config.prms:
            yield Finding(
                "placement", "note", "the config plans no memory: add placement: to have it checked"
            )
        return
    if config.placement.gpus:
        sizes = ", ".join(f"{size:g}" for size in config.placement.gpus)
        yield Finding("placement", "note", f"planned for GPUs of {sizes} GiB, as the config says")
    devices = planned_devices(config)
    for about, group in _groups(config):
        if unknown := sorted({*group.policies, *group.prms} & set(unreadable)):
            yield Finding(about, "note", f"whether it fits is not known, for {unknown[0]} cannot be read")
            continue
        try:
            for found in fits_of(config, group, devices):
                yield Finding(about, "ok", _told(found))
        except InputError as error:
            yield Finding(about, "problem", str(error))
        except BackendError as error:
            yield Finding(about, "note", f"{error}; whether it fits is not known")


def _groups(config: Config) -> Iterator[tuple[str, ModelGroup]]:
    for name, pair in config.pairs.items():
        yield f"placement of pairs.{name}", ModelGroup([pair.policy], [pair.prm] if pair.prm else [])
    if config.portfolio is not None:
        for group in swept_together(config.portfolio):
            yield f"placement of a sweep of {group.policies[0]}", group
        for group in routed_together(config.portfolio):
            yield "placement of a router for the portfolio", group
    if not config.pairs and config.portfolio is None:
        for name in config.policies:
            yield f"placement of policies.{name}", ModelGroup([name], [])
        for name in config.prms:
            yield f"placement of prms.{name}", ModelGroup([], [name])


def _told(found: Fit) -> str:
    models = ", ".join(
        f"{need.model} {need.total / GIB:.1f} ({need.weights / GIB:.1f} weights, "
        f"{need.cache / GIB:.1f} keys and values, {need.working / GIB:.1f} working)"
        for need in found.needs
    )
    shares = "".join(f"; vLLM gets {share:.2f} of it for {name}" for name, share in found.shares.items())
    usable = f"{found.usable / GIB:.1f} of {found.device.total / GIB:.1f} GiB can be used"
    return f"fits on {found.device.name}, where {usable}: {models}{shares}"
