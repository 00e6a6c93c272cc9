from __future__ import annotations

import numpy as np
import pytest
import torch

from tts_select.data.world.suite import FAMILIES, STEP_DELIMITER, WorldProblem
from tts_select.data.world.tokenizer import EOS, PROMPT_TEMPLATE, build_tokenizer
from tts_select.training.world import corpus
from tts_select.training.world.corpus import IGNORE, Example, batches, gold_chunk, gold_examples, pad

TOKENIZER = build_tokenizer()


def test_exactly_the_solution_and_its_end_are_to_be_predicted(world_problems: list[WorldProblem]) -> None:
    eos = TOKENIZER.token_to_id(EOS)
    examples = gold_examples(world_problems, TOKENIZER)
    for problem, example in zip(world_problems, examples, strict=True):
        prompt = TOKENIZER.encode(PROMPT_TEMPLATE.format(problem=problem.problem)).ids
        solution = TOKENIZER.encode(STEP_DELIMITER.join(problem.steps)).ids
        assert example.ids.tolist() == prompt + solution
        predicted = example.next_ids != IGNORE
        assert example.next_ids[predicted].tolist() == [*solution, eos]
        assert predicted.tolist() == [k >= len(prompt) - 1 for k in range(len(example.ids))]
        assert (example.verdicts[: len(prompt)] == IGNORE).all()
        assert (example.verdicts[len(prompt) :] == 1).all()


def test_a_chunk_depends_on_its_name_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(corpus, "CHUNK_PROBLEMS", 50)
    first, again, other = (gold_chunk(name, TOKENIZER) for name in ("a", "a", "b"))
    assert len(first) == 50
    assert [e.ids.tolist() for e in first] == [e.ids.tolist() for e in again]
    assert [e.ids.tolist() for e in first] != [e.ids.tolist() for e in other]


@pytest.mark.parametrize("families", [("story",), ("machine", "shopping"), ()])
def test_a_chunk_is_of_some_families_or_of_all(
    monkeypatch: pytest.MonkeyPatch, families: tuple[str, ...]
) -> None:
    drawn: list[WorldProblem] = []
    monkeypatch.setattr(corpus, "CHUNK_PROBLEMS", 60)
    monkeypatch.setattr(corpus, "gold_examples", lambda problems, _: drawn.extend(problems))
    gold_chunk("a", TOKENIZER, families=families)
    assert len(drawn) == 60
    assert {problem.family for problem in drawn} == set(families or FAMILIES)


def test_a_batch_is_padded_with_nothing_to_learn() -> None:
    batch = pad([example(3), example(1)])
    assert batch.ids.tolist() == [[0, 1, 2], [0, 0, 0]]
    assert batch.next_ids.tolist() == [[1, 2, 3], [1, IGNORE, IGNORE]]
    assert batch.verdicts.tolist() == [[1, 1, 1], [1, IGNORE, IGNORE]]


def example(length: int, first: int = 0) -> Example:
    ids = np.arange(first, first + length)
    return Example(ids, ids + 1, np.ones(length, dtype=np.int64))


def test_batches_hold_every_example_once_and_few_pads() -> None:
    examples = [example(1 + k * 7 % 23, first=100 * k) for k in range(60)]
    cut = batches(examples, tokens=64, seed="s")
    rows = [
        tuple(row[rest != IGNORE].tolist()) for b in cut for row, rest in zip(b.ids, b.next_ids, strict=True)
    ]
    assert sorted(rows) == sorted(tuple(e.ids.tolist()) for e in examples)
    assert max(b.ids.numel() for b in cut) <= 64
    assert sum(b.ids.numel() for b in cut) < 1.2 * sum(len(e.ids) for e in examples)


def test_an_example_longer_than_a_batch_has_one_of_its_own() -> None:
    cut = batches([example(100), example(3)], tokens=10, seed="s")
    assert sorted(tuple(b.ids.shape) for b in cut) == [(1, 3), (1, 100)]


def test_the_order_of_batches_is_seeded() -> None:
    examples = [example(k) for k in range(1, 30)]
    first, again, other = (batches(examples, tokens=32, seed=s) for s in ("a", "a", "b"))
    assert all(torch.equal(x.ids, y.ids) for x, y in zip(first, again, strict=True))
    assert [tuple(b.ids.shape) for b in first] != [tuple(b.ids.shape) for b in other]
