"""What of a checkpoint takes memory: read from its config.json, and for a quantised one from the sizes of its
files. No weights are loaded: the parameters are counted on a model without any (torch's `meta` device)."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tts_select.core.errors import BackendError
from tts_select.core.extras import how_to_install, missing_from
from tts_select.executors.runtime.load_lock import loading

BYTES = {"float32": 4, "bfloat16": 2, "float16": 2}
"""The bytes of a number, by dtype."""


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The shape of a checkpoint, in the terms of `transformers` configurations."""

    n_parameters: int
    layers: int
    key_value_heads: int
    head_dim: int
    hidden: int
    intermediate: int
    vocabulary: int
    context: int
    dtype: str
    """The dtype that it was saved in."""
    quantised_bytes: int | None = None
    """The size of the files of a quantised checkpoint, whose weights have no one dtype."""

    def weight_bytes(self, dtype: str) -> int:
        """The bytes of all weights."""
        return self.quantised_bytes or self.n_parameters * BYTES[dtype]

    def kv_bytes(self, dtype: str) -> int:
        """Return the bytes of the keys and values of one token."""
        return 2 * self.layers * self.key_value_heads * self.head_dim * BYTES[dtype]


def checkpoint_of(source: str, *, has_vocabulary: bool = True) -> Checkpoint:
    """Return the shape of the checkpoint in a folder or at a hub name (of which the configuration alone is
    fetched). Without `has_vocabulary` the layers are counted alone, as for a PRM with a head of its own.

    Raises:
        BackendError: its configuration cannot be read, or does not tell its size.
    """
    if missing := missing_from("local"):
        raise BackendError(
            f"the memory of '{source}' cannot be told: {', '.join(missing)} not installed: "
            f"{how_to_install('local')}"
        )
    try:
        config = _config(source)
        text = config.get_text_config()
        n_heads = text.num_attention_heads
        return Checkpoint(
            n_parameters=_count(config, has_vocabulary=has_vocabulary),
            layers=text.num_hidden_layers,
            key_value_heads=getattr(text, "num_key_value_heads", None) or n_heads,
            head_dim=getattr(text, "head_dim", None) or text.hidden_size // n_heads,
            hidden=text.hidden_size,
            intermediate=text.intermediate_size,
            vocabulary=text.vocab_size,
            context=text.max_position_embeddings,
            dtype=str(text.dtype or config.dtype or "float32").removeprefix("torch."),
            quantised_bytes=_quantised(config, Path(source)),
        )
    except (OSError, ValueError, AttributeError, KeyError) as error:
        reason = str(error).strip().splitlines()[0]
        raise BackendError(
            f"the memory of '{source}' cannot be told from its configuration: {reason}"
        ) from error


def _config(source: str) -> Any:
    from transformers import AutoConfig

    return AutoConfig.from_pretrained(source, trust_remote_code=False)


def _count(config: Any, *, has_vocabulary: bool) -> int:
    import torch
    from transformers import AutoModel, AutoModelForCausalLM

    kind = AutoModelForCausalLM if has_vocabulary else AutoModel
    with loading(), torch.device("meta"):
        model: Any = kind.from_config(config, trust_remote_code=False)  # type: ignore[no-untyped-call]
    return sum(p.numel() for p in model.parameters())


def _quantised(config: Any, folder: Path) -> int | None:
    if getattr(config, "quantization_config", None) is None:
        return None
    index = folder / "model.safetensors.index.json"
    if index.is_file():
        return int(json.loads(index.read_text(encoding="utf-8"))["metadata"]["total_size"])
    if found := sum(file.stat().st_size for file in folder.glob("*.safetensors")):
        return found
    raise ValueError("it is quantised, and its files are not in a folder here")
