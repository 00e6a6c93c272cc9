"""The devices of a machine, and the memory of each."""

from __future__ import annotations

import os
from dataclasses import dataclass
from importlib.util import find_spec

GIB = 1 << 30
CPU = "cpu"


@dataclass(frozen=True, slots=True)
class Device:
    """Memory in bytes; `free` is what nobody uses yet."""

    name: str
    """The name that torch gives it: `cuda:0`, `cpu`."""
    total: int
    free: int

    @property
    def is_gpu(self) -> bool:
        """Whether an engine that computes on GPUs may run on it."""
        return self.name != CPU


def devices_here() -> tuple[Device, ...]:
    """The GPUs that torch sees (none without torch), then the CPU with the memory of the machine."""
    found = _gpus_here() if find_spec("torch") else []
    if hasattr(os, "sysconf"):  # not on Windows
        memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
        found.append(Device(CPU, memory, memory))
    return tuple(found)


def _gpus_here() -> list[Device]:
    import torch

    found = []
    for index in range(torch.cuda.device_count()):
        free, total = torch.cuda.mem_get_info(index)
        found.append(Device(f"cuda:{index}", total, free))
    return found


def declared_gpus(sizes: list[float]) -> tuple[Device, ...]:
    """GPUs of so many GiB each, with nothing on them: of a machine that is not this one."""
    return tuple(Device(f"cuda:{k}", int(gib * GIB), int(gib * GIB)) for k, gib in enumerate(sizes))
