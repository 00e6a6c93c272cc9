"""The guide in CONTRIBUTING.md, done for a PRM that is made up: an entry, and no other change."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from transformers import AutoModel

from tts_select import load_prm, solve
from tts_select.executors.prms import formats
from tts_select.executors.prms.layouts import Layout
from tts_select.executors.prms.rules import Classes, Head
from tts_select.testing import FakePolicy


@pytest.fixture
def folder(
    new_checkpoint: Callable[..., Path],
    new_tokenizer: dict[str, Callable[..., Any]],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> Path:
    """A checkpoint of the new family, after its entry was made."""
    entry = formats.PrmFormat(
        "made-up",
        Layout(prompt="Problem: {problem}\n", before="Then: ", close="<|verdict|>", close_is_one_token=True),
        Classes(Head((("judge.inner", "judge.outer"),), 4), (2, 3)),
        (r"made-?up-prm",),
    )
    monkeypatch.setitem(formats.FORMATS, entry.name, entry)
    head = {"judge.inner.weight": (32, 32), "judge.outer.weight": (4, 32), "judge.outer.bias": (4,)}
    tokenizer = new_tokenizer["qwen"]("<|verdict|>")
    return new_checkpoint(tmp_path / "MadeUp-PRM-7B", "Qwen2", tokenizer, head=head)


def slow_score(folder: Path, tokenizer: Any, text: str) -> float:
    weights = load_file(folder / "model.safetensors")
    model = AutoModel.from_pretrained(folder, trust_remote_code=False).eval()
    with torch.inference_mode():
        last = model(torch.tensor([tokenizer.encode(text)])).last_hidden_state[0, -1]
    inner = (weights["judge.inner.weight"] @ last).relu()
    classes = (weights["judge.outer.weight"] @ inner + weights["judge.outer.bias"]).softmax(-1)
    return float(classes[2] + classes[3])


def test_a_new_family_is_scored_and_searched_with(
    folder: Path, new_tokenizer: dict[str, Callable[..., Any]], in_time: Callable[..., Any]
) -> None:
    prm = load_prm(str(folder), device="cpu", fresh=True)
    scores = in_time(prm.score("1 + 1?", ["It is 2.", "So 2"]))
    tokenizer = new_tokenizer["qwen"]("<|verdict|>")
    first = "Problem: 1 + 1?\nIt is 2.<|verdict|>"
    expected = [slow_score(folder, tokenizer, text) for text in (first, f"{first}Then: So 2<|verdict|>")]
    assert scores == pytest.approx(expected, abs=1e-5)

    policy = FakePolicy(lambda _, k: f"It is {k}.\n\nSo \\boxed{{{k}}}")
    found = solve("1 + 1?", policy=policy, prm=prm, method="best_of_n", budget=4)
    best = max(found.candidates, key=lambda c: c.score or 0.0)
    assert found.bill.total.prm_tokens > 0
    assert best.candidate.step_scores == pytest.approx(
        in_time(prm.score("1 + 1?", best.candidate.steps)), abs=1e-5
    )
