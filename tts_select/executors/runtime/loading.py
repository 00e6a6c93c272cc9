"""Loads a causal LM and its tokenizer from a folder of the Hugging Face format, or by hub name."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tts_select.core.errors import BackendError, InputError
from tts_select.data.fingerprint import fingerprint_of


@dataclass(frozen=True, slots=True)
class LoadedModel:
    """A model in evaluation mode with its tokenizer and the hash of what it was loaded from."""

    model: Any
    tokenizer: Any
    fingerprint: str

    @property
    def n_parameters(self) -> int:
        """Embeddings included."""
        return sum(p.numel() for p in self.model.parameters())

    @property
    def context(self) -> int:
        """The most tokens a text may have."""
        return int(self.model.config.get_text_config().max_position_embeddings)


def load_causal_lm(source: str, *, device: str | None = None, dtype: str = "auto") -> LoadedModel:
    """`dtype` "auto" is float32 on a CPU, where half precision is slow, and the checkpoint's own on a GPU.

    Raises:
        InputError: the folder is not a model's.
        BackendError: the model cannot be loaded.
    """
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer
    from transformers.utils import logging as hf_logging

    folder = Path(source)
    if folder.exists() and not (folder / "config.json").is_file():
        raise InputError(f"'{source}' is not a model folder: it has no config.json")
    chosen = device or ("cuda" if torch.cuda.is_available() else "cpu")
    precision = dtype if dtype != "auto" or chosen != "cpu" else "float32"
    bars = hf_logging.is_progress_bar_enabled()
    hf_logging.disable_progress_bar()
    try:
        tokenizer = AutoTokenizer.from_pretrained(source)
        model = AutoModelForCausalLM.from_pretrained(source, dtype=precision)
    except (OSError, ValueError, ImportError) as error:
        reason = str(error).strip().splitlines()[0]
        raise BackendError(f"cannot load the model '{source}': {reason}") from error
    finally:
        if bars:
            hf_logging.enable_progress_bar()
    model.to(chosen)  # type: ignore[arg-type]  # its own stub takes the model itself
    return LoadedModel(model.eval(), tokenizer, fingerprint_of(folder, source))


def unknown_words(text: str, tokenizer: Any) -> list[str]:
    """The pieces of `text` that the tokenizer maps to its unknown token, in order, without repeats."""
    encoding = tokenizer(text, return_offsets_mapping=True)
    spans = zip(encoding["input_ids"], encoding["offset_mapping"], strict=True)
    pieces = (text[start:end] for i, (start, end) in spans if i == tokenizer.unk_token_id)
    return list(dict.fromkeys(piece.strip() or repr(piece) for piece in pieces))
