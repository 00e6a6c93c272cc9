"""Puts models on devices: the memory share that vLLM is given for each, or a refusal with the numbers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from math import ceil, floor

from tts_select.core.errors import InputError
from tts_select.executors.placement.devices import GIB, Device
from tts_select.executors.placement.memory import ModelPlacement, Need, Workload, need_of

_MARGIN = 0.05
"""The share of a device's memory that is given to nobody: fragments, and what the estimates miss."""
_CONTEXT_STEP = 256


class DoesNotFit(InputError):
    """Models that need more memory than their device has; nothing was loaded."""


@dataclass(frozen=True, slots=True)
class Fit:
    """A device and what is on it."""

    device: Device
    usable: int
    """The usable bytes: what is free, without the margin."""
    needs: tuple[Need, ...]
    shares: Mapping[str, float]
    """The share of the device's memory for each model in vLLM."""


def fit(models: Sequence[ModelPlacement], devices: Sequence[Device], workload: Workload) -> tuple[Fit, ...]:
    """Return one fit for each device that has a model on it, if all models are loaded together.

    vLLM is given what a model needs, and the first policy that runs in it also what is left over, for a
    larger prefix cache. A share that was asked for is kept.

    Raises:
        InputError: there is no such device.
        DoesNotFit: the models need more than it has; the message says what would fit.
    """
    named = {device.name: device for device in devices}
    on: dict[str, list[ModelPlacement]] = {}
    for model in models:
        for name in _devices_of(model, named):
            on.setdefault(name, []).append(model)
    return tuple(_fit_one(named[name], some, workload) for name, some in on.items())


def shares_of(fits: Sequence[Fit]) -> dict[str, float]:
    """Return the smallest share of each model, for vLLM takes the same of each of its devices."""
    found: dict[str, float] = {}
    for placed in fits:
        for name, share in placed.shares.items():
            found[name] = min(share, found.get(name, share))
    return found


def _devices_of(model: ModelPlacement, devices: Mapping[str, Device]) -> list[str]:
    kind, _, index = model.device.partition(":")
    names = [f"{kind}:{int(index or 0) + k}" for k in range(model.n_devices)] if kind != "cpu" else [kind]
    for name in names:
        if name not in devices:
            known = ", ".join(devices) or "none"
            raise InputError(f"{model.name} is to run on {name}, which is not there: there is {known}")
    return names


def _fit_one(device: Device, models: Sequence[ModelPlacement], workload: Workload) -> Fit:
    usable = _usable(device)
    needs = tuple(need_of(model, workload, device) for model in models)
    taken = [_taken(m, need, device) for m, need in zip(models, needs, strict=True)]
    if sum(taken) > usable:
        raise DoesNotFit(_refusal(device, models, needs, workload))
    shares = {
        m.name: m.share or ceil(100 * need.total / device.total) / 100
        for m, need in zip(models, needs, strict=True)
        if m.runtime == "vllm"
    }
    left = usable - sum(taken)
    for m, need in zip(models, needs, strict=True):
        if m.runtime == "vllm" and m.writes and m.share is None:
            shares[m.name] = max(shares[m.name], _floored((need.total + left) / device.total))
            break
    return Fit(device, usable, needs, shares)


def _floored(share: float) -> float:
    """Round down to whole percents; what is one but for rounding is kept."""
    return floor(100 * share + 1e-6) / 100


def _usable(device: Device) -> int:
    return int(max(0.0, device.free - _MARGIN * device.total))


def _taken(model: ModelPlacement, need: Need, device: Device) -> float:
    """What is gone when the model is there: vLLM takes all of a share that was asked for.

    Raises:
        DoesNotFit: that share is too small.
    """
    if model.share is None or model.runtime != "vllm":
        return need.total
    if (given := model.share * device.total) < need.total:
        least = ceil(100 * need.total / device.total) / 100
        remedy = f"give it {least:.2f} or more, or leave it out" if least < 1 else "leave it out"
        raise DoesNotFit(
            f"{model.name} does not fit in gpu_memory_utilization={model.share:g} of {device.name}, which is "
            f"{_gib(given)} GiB: {_told(need)}; {remedy}"
        )
    return given


def _refusal(
    device: Device, models: Sequence[ModelPlacement], needs: Sequence[Need], workload: Workload
) -> str:
    names = " and ".join(m.name for m in models)
    needed = sum(need.total for need in needs)
    told = "; ".join(_told(need) for need in needs)
    return (
        f"{names} {'does' if len(models) == 1 else 'do'} not fit on {device.name} "
        f"({_gib(device.total)} GiB, of which {_gib(_usable(device))} can be used): {_gib(needed)} GiB are "
        f"needed for {workload.concurrency} solutions of {workload.context:,} tokens at once ({told}). "
        f"{_remedy(device, models, workload)}"
    )


def _remedy(device: Device, models: Sequence[ModelPlacement], workload: Workload) -> str:
    def fits(changed: Workload) -> bool:
        try:
            needs = [(m, need_of(m, changed, device)) for m in models]
            return sum(_taken(m, need, device) for m, need in needs) <= _usable(device)
        except DoesNotFit:
            return False

    found = []
    if n := _largest(workload.concurrency, lambda n: fits(replace(workload, concurrency=n))):
        found.append(f"concurrency: {n}")
    n_steps = workload.context // _CONTEXT_STEP
    if n := _largest(n_steps, lambda n: fits(replace(workload, context=n * _CONTEXT_STEP))):
        found.append(f"context: {n * _CONTEXT_STEP}")
    away = "another device for one of them" if len(models) > 1 else "more devices (tensor_parallel_size)"
    if not found:
        return f"No smaller workload fits: choose {away}, a smaller dtype, or a smaller model"
    return f"What fits: {' or '.join(found)} under placement; or choose {away}"


def _largest(most: int, fits: Callable[[int], bool]) -> int:
    """The largest number from 1 to `most` that fits, 0 if none does; what fits, fits in smaller ones too."""
    low, high = 0, most
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if fits(middle) else (low, middle - 1)
    return low


def _told(need: Need) -> str:
    return (
        f"{need.model}: {_gib(need.weights)} weights + {_gib(need.cache)} keys and values + "
        f"{_gib(need.working)} working memory"
    )


def _gib(n_bytes: float) -> str:
    return f"{n_bytes / GIB:.1f}"
