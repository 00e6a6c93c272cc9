"""Reports are made at few prices and of few resamples here: what is tested is how a command tells them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tts_select.training.evaluation import measuring
from tts_select.training.replay import metrics


@pytest.fixture(scope="module", autouse=True)
def _quick_reports() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(measuring, "N_PRICES", 3)
        patch.setattr(metrics, "N_RESAMPLES", 40)
        yield
