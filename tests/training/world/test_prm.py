from __future__ import annotations

import numpy as np
import pytest
import torch

from tts_select.data.world.suite import STEP_DELIMITER
from tts_select.data.world.tokenizer import build_tokenizer
from tts_select.training.world import prm
from tts_select.training.world.corpus import IGNORE, Batch, Example
from tts_select.training.world.models import Size, new_model
from tts_select.training.world.prm import DELIMITER_WEIGHT, mixed_chunks, only_signs, verdict_loss
from tts_select.training.world.samples import label

TOKENIZER = build_tokenizer()
GOOD, BAD = TOKENIZER.token_to_id("+"), TOKENIZER.token_to_id("-")
PROBLEM = "Start with 14. Multiply by 3. What is the result?"
LOSS = verdict_loss(TOKENIZER)


def batch_of(solution: str) -> Batch:
    example = label(PROBLEM, solution, TOKENIZER)
    return Batch(*(torch.from_numpy(a)[None] for a in (example.ids, example.next_ids, example.verdicts)))


def logits_of(batch: Batch, margin: torch.Tensor) -> torch.Tensor:
    """Flat but for the good sign."""
    logits = torch.zeros(*batch.ids.shape, TOKENIZER.get_vocab_size())
    logits[..., GOOD] = margin
    return logits


@pytest.mark.parametrize("solution", ["14 * 3 = 42", "14 * 3 = 43", "15 * 3 = 45"])
def test_the_right_verdict_costs_less_than_none_and_that_less_than_the_wrong_one(solution: str) -> None:
    batch = batch_of(solution)
    sides = (batch.verdicts == 1).float() - (batch.verdicts == 0).float()
    right, none, wrong = (LOSS(logits_of(batch, k * sides), batch).item() for k in (3, 0, -3))
    assert right < none < wrong


def test_what_is_not_judged_does_not_count() -> None:
    batch = batch_of("14 * 3 = 42")
    flat = torch.zeros(batch.ids.shape)
    elsewhere = torch.where(batch.verdicts == IGNORE, 5.0, 0.0)
    assert (elsewhere > 0).sum() > 5
    assert LOSS(logits_of(batch, elsewhere), batch).item() == pytest.approx(
        LOSS(logits_of(batch, flat), batch).item()
    )


def test_the_end_of_a_step_weighs_more_than_a_token_inside_it() -> None:
    batch = batch_of("14 * 3 = 42")
    is_end = (batch.ids == TOKENIZER.token_to_id(STEP_DELIMITER)) & (batch.verdicts == 1)
    inside = torch.zeros_like(is_end)
    inside[0, is_end.nonzero()[0, 1] - 1] = True
    base = LOSS(logits_of(batch, torch.zeros(batch.ids.shape)), batch).item()
    gain_end, gain_inside = (
        base - LOSS(logits_of(batch, 3.0 * place.float()), batch).item() for place in (is_end, inside)
    )
    assert gain_end == pytest.approx(DELIMITER_WEIGHT * gain_inside, rel=1e-3)


def test_the_next_right_words_are_learnt_and_the_signs_are_no_words() -> None:
    batch = batch_of("14 * 3 = 42")
    flat = logits_of(batch, torch.zeros(batch.ids.shape))
    known = batch.next_ids.clamp(min=0)[..., None]
    told, mistaken = (
        flat.scatter_add(-1, words, torch.full(words.shape, 5.0)) for words in (known, (known + 1) % GOOD)
    )
    assert LOSS(told, batch).item() < LOSS(flat, batch).item() < LOSS(mistaken, batch).item()
    both = flat.clone()
    both[..., [GOOD, BAD]] += 5.0  # as sure of a word, and of neither sign
    assert LOSS(both, batch).item() == pytest.approx(LOSS(flat, batch).item())


def test_a_judge_cannot_write() -> None:
    model = new_model(Size(32, 1), TOKENIZER, seed=0)
    ids = batch_of("14 * 3 = 42").ids
    with torch.inference_mode():
        before = model(ids).logits
        only_signs(model, TOKENIZER)
        after = model(ids).logits
    signs = [GOOD, BAD]
    assert torch.equal(after[..., signs], before[..., signs])
    words = [k for k in range(TOKENIZER.get_vocab_size()) if k not in signs]
    assert (after[..., words] == 0).all()


def test_chunks_go_through_all_samples_before_any_comes_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prm, "SAMPLES_A_CHUNK", 4)
    monkeypatch.setattr(prm, "GOLD_A_CHUNK", 2)

    def example(k: int) -> Example:
        return Example(*(np.array([k]) for _ in range(3)))

    chunk = mixed_chunks([example(k) for k in range(12)], lambda k: [example(100 + k)] * 5, "s")
    ids = [[int(e.ids[0]) for e in chunk(k)] for k in range(6)]
    assert all(row[4:] == [100 + k] * 2 for k, row in enumerate(ids))
    first, second = ([i for row in ids[a : a + 3] for i in row[:4]] for a in (0, 3))
    assert sorted(first) == sorted(second) == list(range(12))
    assert first != second
