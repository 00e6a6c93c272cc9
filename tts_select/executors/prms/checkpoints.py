"""Loads a PRM's models, each with the head that is read, and without any code of the checkpoint."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch

from tts_select.core.errors import InputError
from tts_select.executors.prms.formats import PrmFormat
from tts_select.executors.prms.heads import load_head
from tts_select.executors.prms.rules import Classes, Head, LogRatio, Value
from tts_select.executors.runtime.load_lock import computing
from tts_select.executors.runtime.loading import LoadedModel, load_backbone, load_causal_lm

_SAMPLE_IDS = ((3, 5, 7, 4),)
_HEAD_TOLERANCE = 1e-2


@dataclass(frozen=True, slots=True)
class Part:
    """A model that takes part in a score with this weight. `head` makes logits in float32 of hidden states of
    the shape (positions, hidden size); `n_head_parameters` are those that the model itself does not have."""

    loaded: LoadedModel
    head: Callable[[torch.Tensor], torch.Tensor]
    weight: float = 1.0
    n_head_parameters: int = 0

    @property
    def n_parameters(self) -> int:
        """The number of parameters, embeddings and head included."""
        return self.loaded.n_parameters + self.n_head_parameters


def load_parts(
    source: str, format: PrmFormat, *, device: str | None = None, dtype: str = "auto"
) -> list[Part]:
    """The models that a format reads, the PRM first, its reference after it.

    Raises:
        InputError: the folder is not a model's, or not a PRM's of this format, or the runtime cannot run it.
        BackendError: it cannot be loaded.
    """
    rule = format.rule
    if isinstance(rule, Classes | Value):
        return [head_part(load_backbone(source, device=device, dtype=dtype), source, rule.head)]
    main = load_causal_lm(source, device=device, dtype=dtype)
    if not isinstance(rule, LogRatio):
        return [vocabulary_part(main, source)]
    reference = load_causal_lm(rule.reference, device=device, dtype=dtype)
    if not _shares_tokens(main.tokenizer, reference.tokenizer):
        raise InputError(
            f"the reference model '{rule.reference}' has other tokens than {source}: name the one that the "
            f"PRM was trained from, as in --prm-format {format.name}:REFERENCE"
        )
    return [
        vocabulary_part(main, source, rule.beta),
        vocabulary_part(reference, rule.reference, -rule.beta),
    ]


def _shares_tokens(tokenizer: Any, reference: Any) -> bool:
    """Whether the reference knows all tokens by the same ids, but for those that were added."""
    unshared = tokenizer.get_vocab().items() - reference.get_vocab().items()
    return {token for token, _ in unshared} <= set(tokenizer.get_added_vocab())


def vocabulary_part(loaded: LoadedModel, name: str, weight: float = 1.0) -> Part:
    """A causal LM whose logits over the vocabulary are read, made at the needed positions alone.

    Raises:
        InputError: its logits are not those of its output embeddings (some models scale or bend them).
    """
    embeddings = loaded.model.get_output_embeddings()

    def head(hidden: torch.Tensor) -> torch.Tensor:
        logits: torch.Tensor = embeddings(hidden).float()
        return logits

    with computing(), torch.inference_mode():
        ids = torch.tensor(_SAMPLE_IDS, device=loaded.model.device)
        whole = loaded.model(ids, use_cache=False).logits[0].float()
        ours = head(loaded.model.base_model(ids, use_cache=False).last_hidden_state[0])
    if not (ours - whole).abs().max() <= _HEAD_TOLERANCE * whole.abs().max():
        raise InputError(
            f"{name} is a {type(loaded.model).__name__}, whose logits are not those of its output layer "
            "alone: it cannot be read as a PRM"
        )
    return Part(loaded, head, weight)


def head_part(loaded: LoadedModel, source: str, head: Head) -> Part:
    """A backbone with the head in the checkpoint `source`.

    Raises:
        InputError: the checkpoint has no such head.
        BackendError: it has no safetensors.
    """
    network = load_head(source, head, loaded.model.config.get_text_config().hidden_size)
    network.to(loaded.model.device)

    def read(hidden: torch.Tensor) -> torch.Tensor:
        logits: torch.Tensor = network(hidden.float())
        return logits

    return Part(loaded, read, n_head_parameters=sum(p.numel() for p in network.parameters()))
