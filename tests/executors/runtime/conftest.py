"""The slow way: the whole text through the model, one text at a time, without any cache."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest


@pytest.fixture
def last_logits() -> Callable[[Any, Sequence[int]], Any]:
    """The next-token logits after some token ids."""
    import torch

    def logits(model: Any, ids: Sequence[int]) -> Any:
        with torch.inference_mode():
            return model(torch.tensor([list(ids)]), use_cache=False).logits[0, -1]

    return logits
