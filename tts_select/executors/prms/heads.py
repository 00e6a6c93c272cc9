"""Loads the head of a PRM from the checkpoint's safetensors, checked by name and shape.

A head that is not there would otherwise be made of random numbers.
"""

from __future__ import annotations

import json
from pathlib import Path

import torch

from tts_select.core.errors import BackendError, InputError
from tts_select.executors.prms.rules import Head
from tts_select.executors.prms.validation import OTHER_FORMAT

_INDEX, _WEIGHTS = "model.safetensors.index.json", "model.safetensors"


def load_head(source: str, head: Head, hidden_size: int) -> torch.nn.Sequential:
    """Load the head in float32, on the CPU.

    Raises:
        InputError: the checkpoint has no such head.
        BackendError: it has no safetensors.
    """
    weights = _tensors(source, {name.split(".")[0] for names in head.names for name in names})
    for names in head.names:
        if all(f"{name}.weight" in weights for name in names):
            sizes = [hidden_size] * len(names) + [head.n_outputs]
            linears = [
                _linear(source, weights, name, (sizes[k + 1], sizes[k])) for k, name in enumerate(names)
            ]
            joined = [layer for linear in linears for layer in (torch.nn.ReLU(), linear)]
            return torch.nn.Sequential(*joined[1:]).eval()
    wanted = " or ".join(" and ".join(f"{name}.weight" for name in names) for names in head.names)
    raise InputError(f"'{source}' has no weights {wanted}: {OTHER_FORMAT}")


def _linear(
    source: str, weights: dict[str, torch.Tensor], name: str, shape: tuple[int, int]
) -> torch.nn.Linear:
    weight, bias = weights[f"{name}.weight"], weights.get(f"{name}.bias")
    if tuple(weight.shape) != shape or (bias is not None and tuple(bias.shape) != shape[:1]):
        raise InputError(
            f"the weights {name} of '{source}' are of the shape {tuple(weight.shape)}, not {shape}: "
            f"{OTHER_FORMAT}"
        )
    layer = torch.nn.Linear(shape[1], shape[0], bias=bias is not None, dtype=torch.float32)
    with torch.no_grad():
        layer.weight.copy_(weight)
        if bias is not None:
            layer.bias.copy_(bias)
    return layer


def _tensors(source: str, prefixes: set[str]) -> dict[str, torch.Tensor]:
    """The tensors whose names begin so, from all files of the checkpoint that have any."""
    from safetensors import safe_open

    found: dict[str, torch.Tensor] = {}
    for name in _files_with(source, prefixes):
        file = _file(source, name)
        if file is None:
            raise BackendError(
                f"'{source}' has no file {name}: save the PRM as safetensors (`save_pretrained` does), for "
                "its head is read from no other files"
            )
        with safe_open(file, "pt") as opened:
            names = [key for key in opened.keys() if key.split(".")[0] in prefixes]  # noqa: SIM118  no dict
            found.update({key: opened.get_tensor(key) for key in names})
    return found


def _files_with(source: str, prefixes: set[str]) -> list[str]:
    index = _file(source, _INDEX)
    if index is None:
        return [_WEIGHTS]
    places: dict[str, str] = json.loads(index.read_text(encoding="utf-8"))["weight_map"]
    return sorted({file for name, file in places.items() if name.split(".")[0] in prefixes})


def _file(source: str, name: str) -> Path | None:
    """Return the path of a file in a folder, or in the cache that the model was just loaded into."""
    from transformers.utils.hub import cached_file

    try:
        found = cached_file(source, name)
    except OSError:
        return None
    return Path(found) if found else None
