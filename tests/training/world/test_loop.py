from __future__ import annotations

from collections.abc import Callable
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
import torch

from tts_select.data.world.levels import Shape
from tts_select.data.world.suite import stream
from tts_select.data.world.tokenizer import build_tokenizer
from tts_select.training.world import loop
from tts_select.training.world.corpus import Example, gold_examples, pad
from tts_select.training.world.loop import Progress, lm_loss, train
from tts_select.training.world.models import Size, new_model
from tts_select.training.world.recipe import PolicyStage, Recipe

TOKENIZER = build_tokenizer()
STAGE = PolicyStage("tiny", Size(32, 1), cycles=(5, 4))
RECIPE = Recipe(stages=(STAGE,), batch_tokens=600, warmup_steps=2)


def chunk(k: int) -> list[Example]:
    """Two or three batches of short problems."""
    problems = islice(stream(lambda _: Shape(1, 0), seed=f"chunk {k}", split="train"), 30)
    return gold_examples(list(problems), TOKENIZER)


def run(checkpoint: Path, report: Callable[[Progress], None], *, seed: int = 1) -> tuple[Any, Progress]:
    torch.set_num_threads(1)
    model = new_model(STAGE.size, TOKENIZER, seed)
    progress = train(model, chunk, lm_loss, stage=STAGE, recipe=RECIPE, checkpoint=checkpoint, report=report)
    return model, progress


def interrupt_after(n_steps: int) -> Callable[[Progress], None]:
    def report(progress: Progress) -> None:
        if progress.n_steps > n_steps:
            raise KeyboardInterrupt

    return report


@pytest.mark.parametrize("n_steps", [1, 3, 5, 8])
def test_a_run_that_was_cut_ends_with_exactly_the_weights_of_one_that_was_not(
    n_steps: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, expected = run(tmp_path / "whole.pt", lambda _: None)
    monkeypatch.setattr(loop, "CHECKPOINT_EVERY_SECONDS", -1)
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path / "cut.pt", interrupt_after(n_steps))
    resumed, progress = run(
        tmp_path / "cut.pt", lambda _: None, seed=2
    )  # what it starts from does not matter
    for name, weight in whole.state_dict().items():
        assert torch.equal(weight, resumed.state_dict()[name]), name
    assert (progress.n_steps, progress.n_tokens, progress.loss) == (9, expected.n_tokens, expected.loss)
    assert (progress.chunk, progress.batch) == (expected.chunk, expected.batch)


def test_a_finished_run_is_not_trained_further(tmp_path: Path) -> None:
    reports: list[int] = []
    whole, _ = run(tmp_path / "run.pt", lambda p: reports.append(p.n_steps))
    again, _ = run(tmp_path / "run.pt", lambda p: reports.append(p.n_steps), seed=2)
    assert reports == list(range(1, 10))
    assert torch.equal(whole.lm_head.weight, again.lm_head.weight)
    assert not again.training


def test_training_lowers_the_loss(tmp_path: Path) -> None:
    batch = pad(chunk(0))
    untrained = new_model(STAGE.size, TOKENIZER, 1)
    trained, progress = run(tmp_path / "run.pt", lambda _: None)
    with torch.inference_mode():
        before, after = (lm_loss(m(batch.ids).logits, batch).item() for m in (untrained, trained))
    assert after < 0.95 * before
    assert progress.n_tokens > 0


def test_only_what_is_to_be_predicted_counts() -> None:
    batch = pad(chunk(0))
    logits = torch.zeros(*batch.ids.shape, TOKENIZER.get_vocab_size())
    known = batch.next_ids.clamp(min=0)[..., None]
    right = logits.scatter(-1, known, 50.0)
    assert lm_loss(logits, batch).item() == pytest.approx(torch.tensor(float(logits.shape[-1])).log().item())
    assert lm_loss(right, batch).item() == pytest.approx(0, abs=1e-6)
    right[batch.next_ids < 0] = 7 * torch.rand(logits.shape[-1])
    assert lm_loss(right, batch).item() == pytest.approx(0, abs=1e-6)
