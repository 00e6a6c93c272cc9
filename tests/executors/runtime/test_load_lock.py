"""Models are loaded while none computes: the default dtype of torch is one for all threads."""

from __future__ import annotations

import asyncio
import copy
import threading
from collections.abc import Callable, Coroutine
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoModelForCausalLM

from tts_select.data.world.artifacts import folder_of
from tts_select.executors.placement.checkpoints import Checkpoint, checkpoint_of
from tts_select.executors.prms.checkpoints import vocabulary_part
from tts_select.executors.prms.formats import format_named
from tts_select.executors.prms.transformers import TransformersRewardModel
from tts_select.executors.runtime.load_lock import computing, loading
from tts_select.executors.runtime.loading import load_causal_lm

InTime = Callable[[Coroutine[Any, Any, Any]], Any]
Turn = Callable[[], AbstractContextManager[None]]
SOON = 0.2
"""Seconds in which a thread that may go on would have gone on."""
LONG = 30.0
TEXT = ("Start with 3. Add 4. What is the result?", ("3 + 4 = 7",))


class Entering(threading.Thread):
    """A thread that takes its turn, once."""

    def __init__(self, turn: Callable[[], AbstractContextManager[None]]) -> None:
        super().__init__(daemon=True)
        self.had_it = threading.Event()
        self._turn = turn
        self.start()

    def run(self) -> None:
        with self._turn():
            self.had_it.set()


@pytest.mark.parametrize(
    ("first", "second"), [(loading, computing), (computing, loading), (loading, loading)]
)
def test_a_load_is_alone(first: Turn, second: Turn) -> None:
    with first():
        other = Entering(second)
        assert not other.had_it.wait(SOON)
    assert other.had_it.wait(LONG)


def test_steps_run_side_by_side() -> None:
    with computing():
        assert Entering(computing).had_it.wait(LONG)


def test_no_step_passes_a_load_that_waits() -> None:
    with computing():
        load = Entering(loading)
        assert not load.had_it.wait(SOON)
        step = Entering(computing)
        assert not step.had_it.wait(SOON)
    assert load.had_it.wait(LONG)
    assert step.had_it.wait(LONG)


def test_a_load_that_fails_lets_the_others_go_on() -> None:
    with pytest.raises(ValueError, match="no such file"), loading():
        raise ValueError("no such file")
    assert Entering(computing).had_it.wait(LONG)


def test_a_model_whose_size_is_counted_is_built_alone() -> None:
    small = str(folder_of("policy", "small"))
    size = checkpoint_of(small)  # what it imports is there from now on
    found: list[Checkpoint] = []
    counting = threading.Thread(target=lambda: found.append(checkpoint_of(small)), daemon=True)
    with computing():
        counting.start()
        counting.join(SOON)
        assert not found
    counting.join(LONG)
    assert found == [size]


def test_a_prm_scores_while_another_model_loads_in_its_own_dtype(
    tiny_llama: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, in_time: InTime
) -> None:
    part = vocabulary_part(tiny_llama, "tiny")
    tiny_llama.tokenizer.save_pretrained(tmp_path)
    tiny_llama.model.save_pretrained(tmp_path)
    is_loading, may_end = threading.Event(), threading.Event()

    def load_slowly(*_: Any, **__: Any) -> tuple[Any, dict[str, list[str]]]:
        torch.set_default_dtype(torch.bfloat16)
        is_loading.set()
        may_end.wait(LONG)
        torch.set_default_dtype(torch.float32)
        return copy.deepcopy(tiny_llama.model), {"missing_keys": []}

    monkeypatch.setattr(AutoModelForCausalLM, "from_pretrained", load_slowly)

    async def scores(meanwhile: Callable[[], None]) -> list[float]:
        prm = TransformersRewardModel([part], name="tiny", format=format_named("world"))
        asked = asyncio.ensure_future(prm.score(*TEXT))
        await asyncio.sleep(SOON)
        meanwhile()
        return [float(score) for score in await asked]

    expected = in_time(scores(lambda: None))
    load = threading.Thread(target=load_causal_lm, args=(str(tmp_path),), daemon=True)
    load.start()
    assert is_loading.wait(LONG)
    assert in_time(scores(may_end.set)) == expected
    load.join(LONG)
