"""Loads a causal LM and its tokenizer from a folder of the Hugging Face format, or by hub name."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tts_select.core.errors import BackendError, InputError, UnknownName
from tts_select.core.extras import how_to_install, missing_from
from tts_select.data.fingerprint import fingerprint_of
from tts_select.executors.runtime.load_lock import computing, loading

LEAST_IN_HALF = 50_000_000
"""Parameters from which on a CPU waits for memory more than for arithmetic."""
DTYPES = ("auto", "float32", "bfloat16", "float16")


@dataclass(frozen=True, slots=True)
class LoadedModel:
    """A model in evaluation mode with its tokenizer and the hash of what it was loaded from."""

    model: Any
    tokenizer: Any
    fingerprint: str

    @property
    def n_parameters(self) -> int:
        """The number of parameters, embeddings included."""
        return sum(p.numel() for p in self.model.parameters())

    @property
    def context(self) -> int:
        """The most tokens a text may have; no more than the window of a layer that has one."""
        from tts_select.executors.runtime.selfcheck import attention_window

        positions = int(self.model.config.get_text_config().max_position_embeddings)
        return min(positions, attention_window(self.model.config) or positions)


def load_causal_lm(source: str, *, device: str | None = None, dtype: str = "auto") -> LoadedModel:
    """`dtype` "auto" is the checkpoint's own on a GPU. On a CPU it is float32, but for large checkpoints in
    bfloat16 on a processor that computes in it.

    Raises:
        InputError: the folder is not a model's, this machine has no such device or type, or the runtime
            cannot run such a model.
        BackendError: the model cannot be loaded.
    """
    from transformers import AutoModelForCausalLM

    return _load(source, AutoModelForCausalLM, device=device, dtype=dtype)


def load_backbone(source: str, *, device: str | None = None, dtype: str = "auto") -> LoadedModel:
    """The layers of a model without any head, by the class of its family in `transformers`, whatever class
    the checkpoint brings along. Arguments and errors are those of `load_causal_lm`."""
    from transformers import AutoModel

    return _load(source, AutoModel, device=device, dtype=dtype)


def _load(source: str, kind: Any, *, device: str | None, dtype: str) -> LoadedModel:
    from tts_select.executors.runtime.selfcheck import check_architecture

    tokenizer = load_tokenizer(source)
    chosen = _device(device)
    if dtype not in DTYPES:
        raise UnknownName("dtype", dtype, DTYPES)
    with loading(), _in_one_line(source):
        model, found = kind.from_pretrained(
            source, dtype=dtype, trust_remote_code=False, output_loading_info=True
        )
        if dtype == "auto" and chosen == "cpu" and not _is_fast_as_it_is(model):
            model.float()
        model.to(chosen)
    if found["missing_keys"]:
        raise BackendError(
            f"cannot load the model '{source}': its files lack weights, as {min(found['missing_keys'])}"
        )
    model.eval()
    with computing():
        check_architecture(model, source)
    return LoadedModel(model, tokenizer, fingerprint_of(Path(source), source))


def _is_fast_as_it_is(model: Any) -> bool:
    """Whether a CPU is faster in the checkpoint's own half precision than in float32: twice as fast with 0.5B
    parameters where the processor has it (docs/lab/log.md), and not at all with few."""
    import torch

    is_large = sum(p.numel() for p in model.parameters()) >= LEAST_IN_HALF
    return is_large and model.dtype == torch.bfloat16 and computes_in_bfloat16()


def computes_in_bfloat16() -> bool:
    """Whether this processor has instructions for bfloat16 (AVX-512 BF16 or AMX)."""
    import torch

    known = (getattr(torch.cpu, f"_is_{name}_supported", None) for name in ("avx512_bf16", "amx_tile"))
    return any(found() for found in known if found is not None)


def load_tokenizer(source: str) -> Any:
    """Load the tokenizer of a folder or a hub name.

    Raises:
        InputError: the folder is not a model's, or transformers is not installed.
        BackendError: it cannot be loaded.
    """
    if "transformers" in missing_from("local"):
        raise InputError(
            f"the tokenizer of '{source}' is read by transformers, which is not installed: "
            f"{how_to_install('local')}"
        )
    from transformers import AutoTokenizer

    folder = Path(source)
    if folder.exists() and not (folder / "config.json").is_file():
        raise InputError(f"'{source}' is not a model folder: it has no config.json")
    with _in_one_line(source):
        return AutoTokenizer.from_pretrained(source, trust_remote_code=False)


def _device(asked_for: str | None) -> str:
    import torch

    if asked_for is None:
        return "cuda" if torch.cuda.is_available() else "cpu"
    try:
        torch.empty(0, device=asked_for)
    except (RuntimeError, AssertionError) as error:
        reason = str(error).strip().splitlines()[0]
        raise InputError(
            f"this machine has no device '{asked_for}' ({reason}): leave it out, or use cpu"
        ) from error
    return asked_for


@contextmanager
def _in_one_line(source: str) -> Iterator[None]:
    """Silence progress bars and reports of unloaded heads, and turn what goes wrong into one line."""
    from transformers.utils import logging as hf_logging

    bars, verbosity = hf_logging.is_progress_bar_enabled(), hf_logging.get_verbosity()
    hf_logging.disable_progress_bar()
    hf_logging.set_verbosity_error()
    try:
        yield
    except (OSError, ValueError, ImportError, RuntimeError) as error:  # the last: no room on the device
        reason = str(error).strip().splitlines()[0]
        raise BackendError(f"cannot load the model '{source}': {reason}") from error
    finally:
        hf_logging.set_verbosity(verbosity)
        if bars:
            hf_logging.enable_progress_bar()


def unknown_words(text: str, tokenizer: Any) -> list[str]:
    """The pieces of `text` that the tokenizer maps to its unknown token, in order, without repeats."""
    encoding = tokenizer(text, return_offsets_mapping=True)
    spans = zip(encoding["input_ids"], encoding["offset_mapping"], strict=True)
    pieces = (text[start:end] for i, (start, end) in spans if i == tokenizer.unk_token_id)
    return list(dict.fromkeys(piece.strip() or repr(piece) for piece in pieces))
