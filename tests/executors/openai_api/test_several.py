"""Several samples of one request: what they cost, how many it may be for, and how likely they were."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from tts_select import solve
from tts_select.executors.openai_api.responses import read_choice
from tts_select.testing import Abilities, FakeServer

STEPS = ("First we add.", "Then we see \\boxed{2}.")


def _write(_prompt: str, _seed: int) -> str:
    return "\n\n".join(STEPS)


def _searched(policy: Any, method: str, **more: Any) -> Any:
    return solve("1 + 1?", policy=policy, method=method, budget=4, **more)


@pytest.mark.parametrize("chats", [True, False])
@pytest.mark.parametrize("seconds", [None, 60.0])
def test_a_server_that_counts_each_choice_alone_is_not_believed(
    policy_at: Callable[..., Any], chats: bool, seconds: float | None
) -> None:
    """A bill holds what all choices came to, whole and as a stream."""
    can = Abilities(chats=chats, tells_tokens=False, counts="each")
    with FakeServer(_write, can=can) as server:
        solution = _searched(policy_at(server), "majority", deadline=seconds)
    assert server.requests[-1]["n"] == 4
    lengths = [c.candidate.n_tokens for c in solution.candidates]
    ends = 4 if seconds else 0  # the tokens that end a text, which each is counted with as it ends
    assert solution.bill.total.policy_generated_tokens == sum(lengths) + ends


@pytest.mark.parametrize("most", [1, 3])
def test_a_server_that_refuses_so_many_samples_is_asked_for_fewer(
    policy_at: Callable[..., Any], most: int
) -> None:
    """Once: it is remembered. The samples are the same."""
    with FakeServer(_write) as free, FakeServer(_write, can=Abilities(most_n=most)) as server:
        policy = policy_at(server)
        alike = [_searched(p, "majority").candidates for p in (policy_at(free), policy)]
        begun = len(server.requests)
        _searched(policy, "majority", seed=1)
    assert alike[0] == alike[1]
    assert [r["n"] for r in server.requests[begun:]] == ([1] * 4 if most == 1 else [2, 2])


def test_log_probabilities_in_the_form_of_chats_are_read_in_completions_too() -> None:
    """The SDK leaves what it does not know as it came."""
    entries = [{"logprob": -1.0, "top_logprobs": [{"logprob": -1.0}, {"logprob": -3.0}]}]
    found = read_choice(SimpleNamespace(text="a", logprobs=SimpleNamespace(content=entries)))
    assert (found.n_tokens, found.logprob, found.top_logprobs) == (1, -1.0, [[-1.0, -3.0]])
