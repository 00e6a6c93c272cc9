"""Reports are made of few resamples here: their number changes intervals a little, and time much."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tts_select.training.replay import metrics


@pytest.fixture(scope="module", autouse=True)
def _few_resamples() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(metrics, "N_RESAMPLES", 60)
        yield
