"""What every test shares: no network, one thread, exact hypothesis runs and two tiny random models."""

from __future__ import annotations

import os

for name, value in {
    "HF_HUB_OFFLINE": "1",
    "TRANSFORMERS_OFFLINE": "1",
    "TOKENIZERS_PARALLELISM": "false",
    "OMP_NUM_THREADS": "1",
}.items():
    os.environ[name] = value

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import pytest
from hypothesis import settings

from tts_select.data.world.suite import WorldProblem, generate

T = TypeVar("T")

settings.register_profile("exact", deadline=None, derandomize=True, database=None, max_examples=60)
settings.load_profile("exact")

VOCABULARY_GAIN = 3.0
"""Makes the random models' next-token distributions peaked: a wrong context changes what is written."""
ENDING_GAIN = {"[EOS]": 1.3, "\n\n": 1.6}
"""Of the tokens that end a solution and a step, so that random text ends now and then."""


@pytest.fixture(autouse=True)
def _isolated(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Nothing is read from or written to the home of whoever runs the tests."""
    for name in ("HOME", "XDG_CACHE_HOME", "HF_HOME"):
        monkeypatch.setenv(name, str(tmp_path))


@pytest.fixture
def in_time() -> Callable[[Coroutine[Any, Any, T]], T]:
    """Runs a coroutine, and fails if it hangs."""

    def run(coroutine: Coroutine[Any, Any, T]) -> T:
        async def bounded() -> T:
            async with asyncio.timeout(20):
                return await coroutine

        return asyncio.run(bounded())

    return run


@pytest.fixture(scope="session")
def world_problems() -> list[WorldProblem]:
    """Six problems of each family and level."""
    return generate(6 * 3 * 8, seed=5, split="train")


@pytest.fixture(scope="session")
def tiny_llama(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A random Llama with the world's tokenizer, loaded from a folder as users' models are."""
    from tts_select.data.world.tokenizer import build_tokenizer
    from tts_select.training.world.models import Size, new_model

    model = new_model(Size(hidden=64, layers=2), build_tokenizer(), seed=1)
    return _saved_and_loaded(model, tmp_path_factory.mktemp("llama"), seed=1)


@pytest.fixture(scope="session")
def tiny_qwen2(tmp_path_factory: pytest.TempPathFactory, tiny_llama: Any) -> Any:
    """A random Qwen2 whose query heads share key-value heads.

    It has the Llama's tokenizer: from a Qwen2 folder `transformers` makes one of that family's own kind.
    """
    from transformers import Qwen2Config, Qwen2ForCausalLM

    from tts_select.data.world.tokenizer import build_tokenizer

    config = Qwen2Config(
        vocab_size=build_tokenizer().get_vocab_size(),
        hidden_size=64,
        intermediate_size=96,
        num_hidden_layers=3,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=256,
        tie_word_embeddings=False,
        bos_token_id=None,
        eos_token_id=1,
        pad_token_id=0,
    )
    found = _saved_and_loaded(Qwen2ForCausalLM(config), tmp_path_factory.mktemp("qwen2"), seed=2)
    return replace(found, tokenizer=tiny_llama.tokenizer)


@pytest.fixture(params=["tiny_llama", "tiny_qwen2"])
def loaded(request: pytest.FixtureRequest) -> Any:
    """Each of the tiny models."""
    return request.getfixturevalue(request.param)


def _saved_and_loaded(model: Any, folder: Path, seed: int) -> Any:
    import torch

    from tts_select.data.world.tokenizer import build_tokenizer, save_tokenizer
    from tts_select.executors.runtime.loading import load_causal_lm

    torch.set_num_threads(1)
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "norm" in name:
                continue
            fan_in = 1 if "embed" in name else model.config.hidden_size
            parameter.normal_(0.0, fan_in**-0.5, generator=generator)
        model.lm_head.weight.mul_(VOCABULARY_GAIN)
        for token, gain in ENDING_GAIN.items():
            model.lm_head.weight[build_tokenizer().token_to_id(token)].mul_(gain)
    model.save_pretrained(folder)
    save_tokenizer(folder)
    return load_causal_lm(str(folder), device="cpu")
