"""A PRM behind real vLLM's server, on a tiny checkpoint of the real architecture, against this runtime."""

from __future__ import annotations

import asyncio
import runpy
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tts_select import load_prm, solve
from tts_select.executors.accounting import Ledger
from tts_select.testing import FakePolicy

FAMILIES = runpy.run_path(str(Path(__file__).parent.parent / "executors" / "prms" / "conftest.py"))
FORMAT = "qwen2.5-math-prm"
HIDDEN = 128
"""vLLM's attention on a CPU wants heads of 32 at least."""
PROBLEM = "We add 12 and 3. What is the answer?"
SOLUTIONS = [
    ["We add 12 and 3."],
    [f"Step {k}: we find that {k} + {k} = {2 * k}, and so on." for k in range(1, 9)],
    ["$$x = \\sqrt{49}$$\n\nfor 所以", "\\boxed{7}"],
]
TOLERANCE = 1e-3

pytestmark = [
    pytest.mark.vllm,
    pytest.mark.timeout(600),  # the server's start, on a busy machine
    pytest.mark.filterwarnings("ignore"),  # vLLM's imports warn about its own dependencies
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    head = {"score.0.weight": (HIDDEN, HIDDEN), "score.0.bias": (HIDDEN,)}
    head |= {"score.2.weight": (2, HIDDEN), "score.2.bias": (2,)}
    sizes = {"hidden_size": HIDDEN, "num_key_value_heads": 2, "bos_token_id": 1}
    tokenizer = FAMILIES["qwen_tokenizer"]("<extra_0>")
    into = tmp_path_factory.mktemp("prm") / FORMAT
    made: Path = FAMILIES["save_checkpoint"](into, "Qwen2", tokenizer, head=head, **sizes)
    return made


@pytest.fixture(scope="module")
def served(folder: Path, serve: Callable[..., Any]) -> Iterator[Any]:
    tag = FAMILIES["qwen_tokenizer"]("<extra_0>").convert_tokens_to_ids("<extra_0>")
    more = (
        "--runner", "pooling", "--hf-overrides", '{"architectures": ["Qwen2ForProcessRewardModel"]}',
        "--pooler-config", f'{{"step_tag_id": {tag}}}',
    )  # fmt: skip
    with serve(folder, "math-prm", *more) as url:
        found: Any = load_prm(
            "served:math-prm", FORMAT, base_url=url, tokenizer=str(folder), params=1e6, fresh=True
        )
        yield found
        found.close()


async def _scored(prm: Any, ledger: Ledger) -> list[list[float]]:
    meter = ledger.phase("score")
    return list(await asyncio.gather(*(prm.score(PROBLEM, steps, meter=meter) for steps in SOLUTIONS)))


def test_it_scores_there_as_it_does_here(folder: Path, served: Any) -> None:
    theirs, ours = Ledger(), Ledger()
    here = load_prm(str(folder), FORMAT, device="cpu", fresh=True)
    found, expected = asyncio.run(_scored(served, theirs)), asyncio.run(_scored(here, ours))
    for one, other in zip(found, expected, strict=True):
        assert one == pytest.approx(other, abs=TOLERANCE)
    whole = ours.bill.total.prm_tokens + ours.bill.total.prm_reused_tokens
    assert theirs.bill.total.prm_tokens == whole


def test_a_search_goes_on_with_it(served: Any) -> None:
    policy = FakePolicy(lambda _, k: f"It is {k}.\n\nSo \\boxed{{{k}}}")
    found = solve(PROBLEM, policy=policy, prm=served, method="best_of_n", budget=4)
    assert found.errors == ()
    assert len({c.score for c in found.candidates}) == 4
    assert found.bill.total.prm_calls == 4
