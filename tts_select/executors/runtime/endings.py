"""Which tokens end a text, and which may complete a text that is looked for."""

from __future__ import annotations

from typing import Any


def end_ids(model: Any, tokenizer: Any) -> frozenset[int]:
    """The tokens with which a model ends what it writes."""
    configured = model.generation_config.eos_token_id
    ids = configured if isinstance(configured, list) else [configured]
    return frozenset(i for i in [*ids, tokenizer.eos_token_id] if i is not None)


def ids_that_close(text: str, tokenizer: Any) -> frozenset[int]:
    """The tokens with all of `text` in them: with one of these it is complete."""
    pieces = tokenizer.batch_decode([[i] for i in range(len(tokenizer))])
    return frozenset(i for i, piece in enumerate(pieces) if text in piece)


def ids_that_may_close(text: str, tokenizer: Any) -> frozenset[int]:
    """The tokens with the last character of `text`: only after these can it be complete."""
    last = text[-1]
    pieces = tokenizer.batch_decode([[i] for i in range(len(tokenizer))])
    return frozenset(i for i, piece in enumerate(pieces) if last in piece)
