"""A PRM of `tts-select train-prm`: a value head, and the first layers of the model that it reads."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from tts_select.core.errors import InputError
from tts_select.executors.prms.checkpoints import head_part
from tts_select.executors.prms.head_card import HEAD, read_card, sha256_of, trained_format
from tts_select.executors.prms.transformers import TransformersRewardModel
from tts_select.executors.runtime.loading import LoadedModel, load_backbone


def load_trained(
    folder: Path, *, name: str, base: str | None = None, device: str | None = None, dtype: str = "auto"
) -> TransformersRewardModel:
    """Load a value head and its base; `base`: where that is now, if it has moved.

    Raises:
        InputError: the folder is malformed, or the base is another model than the head was trained on.
        BackendError: the base cannot be loaded.
    """
    card = read_card(folder)
    source = base or card.base
    loaded = load_backbone(source, device=device, dtype=dtype)
    if loaded.fingerprint != card.base_fingerprint:
        raise InputError(
            f"'{source}' is not the model that '{folder}' was trained on (its fingerprint is "
            f"{loaded.fingerprint}, not {card.base_fingerprint}): name that with --prm-option base=FOLDER"
        )
    short = replace(
        first_layers(loaded, card.n_layers), fingerprint=f"{card.base_fingerprint}+{sha256_of(folder)[:16]}"
    )
    part = head_part(short, str(folder), HEAD)
    return TransformersRewardModel([part], name=name, format=trained_format(is_chat=card.is_chat))


def first_layers(loaded: LoadedModel, n_layers: int) -> LoadedModel:
    """The model without the layers above the first ones, in place.

    Raises:
        InputError: it has no such list of layers.
    """
    layers = layers_of(loaded.model)
    if not 1 <= n_layers <= len(layers):
        raise InputError(f"the base has {len(layers)} layers, and the head reads layer {n_layers}")
    loaded.model.layers = layers[:n_layers]
    loaded.model.config.get_text_config().num_hidden_layers = n_layers
    return loaded


def layers_of(model: Any) -> torch.nn.ModuleList:
    """The layers of a backbone.

    Raises:
        InputError: it does not keep them in a list of this name.
    """
    layers = getattr(model, "layers", None)
    if not isinstance(layers, torch.nn.ModuleList) or not hasattr(model, "norm"):
        raise InputError(
            f"a {type(model).__name__} has no list of layers with a norm behind it, as a value head needs: "
            "choose a base of the Llama or Qwen kind"
        )
    return layers
