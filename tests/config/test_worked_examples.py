"""The configurations in examples/: they parse, and their arithmetic on the published models comes out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from tts_select.config import Config, load_config
from tts_select.config.using import (
    ModelGroup,
    fits_of,
    planned_devices,
    routed_together,
    swept_together,
)
from tts_select.executors.placement import placing
from tts_select.executors.placement.checkpoints import Checkpoint, checkpoint_of
from tts_select.executors.placement.fitting import DoesNotFit, shares_of
from tts_select.executors.placement.memory import Workload

EXAMPLES = Path(__file__).parent.parent.parent / "examples"


@pytest.fixture(autouse=True)
def _published(published: Callable[..., str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Configurations come from here, not from a hub."""

    def read(source: str, *, has_vocabulary: bool = True) -> Checkpoint:
        return checkpoint_of(published(source.rpartition("/")[2]), has_vocabulary=has_vocabulary)

    monkeypatch.setattr(placing, "checkpoint_of", read)


@pytest.mark.parametrize(
    ("file", "weights", "cache", "total", "share", "too_many"),
    [
        ("one-24gb-gpu.yaml", (2.88, 2.88), (7.0, 2.0), (12.67, 6.38), 0.66, 90),
        ("one-80gb-gpu.yaml", (14.19, 13.17), (28.0, 2.0), (47.52, 17.26), 0.73, 192),
    ],
)
def test_the_pair_fits_where_it_says(
    *,
    file: str,
    weights: tuple[float, float],
    cache: tuple[float, float],
    total: tuple[float, float],
    share: float,
    too_many: int,
) -> None:
    config = load_config(EXAMPLES / file)
    pair = config.pairs["math"]
    group = ModelGroup([pair.policy], [str(pair.prm)])
    (found,) = fits_of(config, group, planned_devices(config))
    gib = [[round(n / 2**30, 2) for n in (need.weights, need.cache, need.total)] for need in found.needs]
    assert gib == [[w, c, t] for w, c, t in zip(weights, cache, total, strict=True)]
    assert shares_of([found]) == {"qwen": share}
    with pytest.raises(DoesNotFit):
        fits_of(_with_workload(config, Workload(too_many, 4096)), group, planned_devices(config))


@pytest.mark.parametrize("file", ["one-24gb-gpu.yaml", "one-80gb-gpu.yaml"])
def test_its_portfolio_can_be_swept_and_routed(file: str) -> None:
    config = load_config(EXAMPLES / file)
    assert config.portfolio is not None
    for group in (*swept_together(config.portfolio), *routed_together(config.portfolio)):
        assert fits_of(config, group, planned_devices(config))
    assert {arm.policy for arm in config.portfolio.arms} == {"qwen"}


def _with_workload(config: Config, workload: Workload) -> Config:
    assert config.placement is not None
    return replace(config, placement=replace(config.placement, workload=workload))
