"""What every PRM keeps in a search, whatever runs it: one sample that cannot be scored costs itself alone."""

from __future__ import annotations

import math
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from safetensors.torch import load_file, save_file
from transformers import AutoTokenizer

from tts_select import RewardModel, load_prm, solve
from tts_select.core.errors import BackendError
from tts_select.executors.accounting import Ledger
from tts_select.executors.limits import LimitedPolicy, Limits
from tts_select.executors.scoring import NotScored
from tts_select.executors.search import Search
from tts_select.testing import FakePolicy, FakeRewardModel

PROBLEM = "We add 12 and 3. What is the answer?"
ODD = "\U0001f600"
"""Its last byte is in no prompt of any format."""
FINE = ["We add 12 and 3.\n\nIt is \\boxed{15}.", "So it is \\boxed{15}."]
OVERFLOWS = f"We add {ODD} and 3.\n\nSo it is \\boxed{{7}}."
TOO_LONG = "We add 12 and 3, " * 2000 + "\\boxed{7}."
FAMILIES = [
    "math-shepherd",
    "rlhflow-deepseek",
    "skywork-o1",
    "qwen2.5-math-prm",
    "reason-eval",
    "eurus",
]
"""Not the generative one: a random model's critiques are long, and hold the odd token by themselves."""

Load = Callable[..., RewardModel]


@pytest.fixture(params=["fake", *FAMILIES])
def load(request: pytest.FixtureRequest, checkpoint: Callable[[str], Path], tmp_path: Path) -> Load:
    """Loads a PRM; `overflows`: its arithmetic does, at one token."""

    def load(*, overflows: bool = False) -> RewardModel:
        if request.param == "fake":
            odd = math.nan if overflows else 0.4
            return FakeRewardModel(lambda _, s: [odd if ODD in step else 0.5 for step in s], context=2000)
        folder = checkpoint(request.param)
        if overflows:
            folder = _overflowing(folder, tmp_path)
        reference = f":{checkpoint('eurus')}" if request.param == "eurus" else ""
        return load_prm(str(folder), request.param + reference, fresh=True)

    return load


def _overflowing(folder: Path, into: Path) -> Path:
    """With one embedding that is infinite, as half precision has it."""
    copy = into / folder.name
    shutil.copytree(folder, copy)
    token = AutoTokenizer.from_pretrained(copy)(ODD, add_special_tokens=False)["input_ids"][-1]
    weights = load_file(copy / "model.safetensors")
    name = next(name for name in weights if "embed_tokens" in name)
    weights[name][token] = math.inf
    save_file(weights, copy / "model.safetensors", {"format": "pt"})
    return copy


def answered(prm: RewardModel, *texts: str) -> Any:
    policy = FakePolicy({(PROBLEM, ()): texts})
    options: Any = {"method": "best_of_n", "budget": len(texts), "max_new_tokens": 20_000}
    return solve(PROBLEM, policy=policy, prm=prm, **options)


def scores_of(found: Any, text: str) -> Any:
    return next(c.candidate.step_scores for c in found.candidates if c.text == text)


def test_a_sample_that_is_too_long_stays_unscored_and_no_other(load: Load) -> None:
    prm = load()
    found, alone = answered(prm, FINE[0], TOO_LONG, FINE[1]), answered(load(), *FINE)
    assert scores_of(found, TOO_LONG) is None
    for text in FINE:
        assert scores_of(found, text) == pytest.approx(scores_of(alone, text), abs=1e-5)
    assert (found.answer, found.errors) == ("15", ())
    assert found.bill.total.prm_tokens == alone.bill.total.prm_tokens  # nothing of it was read


def test_a_sample_whose_scores_are_no_numbers_stays_unscored_and_no_other(load: Load) -> None:
    found = answered(load(overflows=True), FINE[0], OVERFLOWS, FINE[1])
    alone = answered(load(), *FINE)
    assert scores_of(found, OVERFLOWS) is None
    for text in FINE:
        assert scores_of(found, text) == pytest.approx(scores_of(alone, text), abs=1e-5)
    assert found.answer == "15"
    assert len(found.errors) == 1
    assert found.errors[0].startswith("1 solution is unscored")


def test_it_stays_so_when_it_is_asked_again(load: Load, in_time: Callable[..., Any]) -> None:
    """Beside others, and after others that grew from the same beginning."""
    failures: list[BackendError] = []
    prm, meter = load(overflows=True), Ledger().phase("test")
    limited = LimitedPolicy(FakePolicy({(PROBLEM, ()): [*FINE, OVERFLOWS]}), Limits(failures=failures))
    from tts_select.core.plan import Settings

    async def twice() -> list[list[Any]]:
        search = Search(PROBLEM, limited, prm, Settings(), 3, meter)
        await search.solutions(3)
        first = await search.score(search.pool)
        search.unreadable.clear()
        return [[c.step_scores for c in found] for found in (first, await search.score(search.pool))]

    first, second = in_time(twice())
    assert [scores is None for scores in first] == [False, False, True]
    assert second == first
    assert [(type(f), f.n) for f in failures if isinstance(f, NotScored)] == [(NotScored, 2)]


def test_without_overflow_all_of_them_are_scored(load: Load) -> None:
    found = answered(load(), FINE[0], OVERFLOWS, FINE[1])
    assert all(c.candidate.step_scores for c in found.candidates)
    assert found.errors == ()
