"""The policy behind real vLLM's OpenAI server, which serves an embedded model from its folder alone."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine, Iterator
from contextlib import AbstractContextManager
from typing import Any

import pytest

from tts_select import load_policy, load_prm, solve
from tts_select.core.protocols import SampleRequest
from tts_select.data.world.artifacts import folder_of
from tts_select.data.world.suite import generate
from tts_select.executors.accounting import Ledger

N_PROBLEMS = 10
N_TO_AGREE = 9  # float ties may go either way in another runtime
MAX_NEW_TOKENS = 256
CHAT_TEMPLATE = """{%- for message in messages -%}
{%- if message.role == 'user' -%}{{ message.content + '\n' }}
{%- else -%}{{ message.content }}{%- if add_generation_prompt -%}{{ '[EOS]' }}{%- endif -%}{%- endif -%}
{%- endfor -%}"""
"""Makes of a chat the text that the model was trained on, so that both APIs must write the same."""

InTime = Callable[[Coroutine[Any, Any, Any]], Any]

pytestmark = [
    pytest.mark.vllm,
    pytest.mark.timeout(600),  # the server's start, on a busy machine
    pytest.mark.filterwarnings("ignore"),  # vLLM's imports warn about its own dependencies
]


@pytest.fixture(scope="module")
def server(
    serve: Callable[..., AbstractContextManager[str]], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """Its base URL."""
    template = tmp_path_factory.mktemp("template") / "chat.jinja"
    template.write_text(CHAT_TEMPLATE)
    with serve(folder_of("policy", "small"), "small", "--chat-template", str(template)) as url:
        yield url


@pytest.fixture(scope="module", params=["chat", "completions"])
def policy(server: str, request: pytest.FixtureRequest) -> Iterator[Any]:
    found: Any = load_policy(
        "openai:small", base_url=server, api=request.param, prompt="plain@1", params=182_464, fresh=True
    )
    yield found
    found.close()


def test_what_vllm_can_do_is_found(server: str, policy: Any) -> None:
    assert policy.why_no_steps is None
    assert (policy._can.logprobs, policy._can.top_logprobs, policy._can.context) == (True, 20, 512)
    by_itself: Any = load_policy("openai:small", base_url=server, fresh=True)
    by_itself.close()
    assert by_itself._can.api == "chat"


def test_it_writes_there_what_it_writes_here(policy: Any) -> None:
    problems = [p.problem for p in generate(N_PROBLEMS, seed=1)]

    async def written(by: Any) -> list[tuple[str, str, int]]:
        meter = Ledger().phase("test")
        requests = [SampleRequest(p, temperature=0.0, max_new_tokens=MAX_NEW_TOKENS) for p in problems]
        found = await asyncio.gather(*(by.sample(r, meter) for r in requests))
        return [(w[0].text, w[0].finish, w[0].n_tokens) for w in found]

    theirs = asyncio.run(written(policy))
    ours = asyncio.run(written(load_policy("world:small", device="cpu")))
    assert sum(a == b for a, b in zip(theirs, ours, strict=True)) >= N_TO_AGREE


def test_certainties_there_are_those_here(policy: Any, in_time: InTime) -> None:
    problem, here = generate(1, seed=7)[0].problem, load_policy("world:small", device="cpu")
    request = SampleRequest(problem, temperature=0.0, max_new_tokens=MAX_NEW_TOKENS, top_logprobs=20)
    meter = Ledger().phase("test")
    (theirs,), (ours,) = (in_time(by.sample(request, meter)) for by in (policy, here))
    assert theirs.text == ours.text
    assert theirs.certainty == pytest.approx(ours.certainty, abs=0.01)


@pytest.mark.parametrize("method", ["majority", "beam", "dvts"])
def test_a_search_is_billed_by_the_token(policy: Any, method: str) -> None:
    problem = "Start with 14. Multiply by 3. Add 2. What is the result?"
    prm = load_prm("world:prm", device="cpu")
    solution = solve(problem, policy=policy, prm=prm, method=method, budget=8)
    again = solve(problem, policy=policy, prm=prm, method=method, budget=8)
    assert solution.answer == again.answer == "44"
    assert solution.errors == ()
    assert [c.text for c in solution.candidates] == [c.text for c in again.candidates]
    assert solution.bill.total.policy_generated_tokens > 0


def test_a_sample_is_the_same_alone_or_among_others(policy: Any, in_time: InTime) -> None:
    problem = generate(1, seed=7)[0].problem
    together = SampleRequest(problem, n=4, temperature=1.5, seed=3, max_new_tokens=60)
    third = SampleRequest(problem, n=1, temperature=1.5, seed=3, max_new_tokens=60, first=2)
    ledger = Ledger()

    async def both() -> Any:
        return [await policy.sample(r, ledger.phase("test")) for r in (together, third)]

    four, (alone,) = in_time(both())
    assert (four[2].text, four[2].n_tokens) == (alone.text, alone.n_tokens)
    assert len({c.text for c in four}) > 1
    generated = sum(c.n_tokens for c in (*four, alone))
    assert ledger.bill.total.policy_generated_tokens == generated


def test_a_deadline_gives_what_is_written_and_its_count(policy: Any, in_time: InTime) -> None:
    ledger = Ledger()
    request = SampleRequest(
        "Start with 14. Multiply by 3. Add 2. What is the result?",
        n=4,
        temperature=2.0,
        max_new_tokens=400,
        deadline=time.monotonic() + 0.5,
    )
    written = in_time(policy.sample(request, ledger.phase("test")))
    assert len(written) == 4
    assert {c.finish for c in written} <= {"deadline", "stop", "length"}
    assert ledger.bill.total.policy_generated_tokens == sum(c.n_tokens for c in written)
