"""A real server that misbehaves: a search goes on with what it has, or ends in an error with its bill."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.executors.openai_api.faults import POISON, body, hang, reset, status
from tts_select import BackendError, Policy, load_policy, solve
from tts_select.testing import Abilities, FakeRewardModel, FakeServer, Fault

SOLUTION = "We add one and one.\n\nThat makes \\boxed{2}."
N_FIRST_STEP = 5
"""The tokens of its first step."""


@pytest.fixture
def server() -> Iterator[FakeServer]:
    with FakeServer(_write) as running:
        yield running


@pytest.fixture
def load() -> Iterator[Callable[..., Policy]]:
    """Loads policies that are closed at the end."""
    loaded: list[Any] = []

    def load(server: FakeServer, **options: Any) -> Policy:
        loaded.append(load_policy("openai:fake", base_url=server.url, fresh=True, **options))
        policy: Policy = loaded[-1]
        return policy

    yield load
    for policy in loaded:
        policy.close()


@pytest.fixture(autouse=True)
def _short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tts_select.executors.openai_api.client._FIRST_WAIT_S", 0.01)


def _write(prompt: str, _seed: int) -> str:
    return "That makes \\boxed{2}." if "one and one.\n\n" in prompt else SOLUTION


@pytest.mark.parametrize(
    "fault",
    [status(429), status(500), status(503), reset],
    ids=["429", "500", "503", "reset"],
)
def test_what_may_pass_is_tried_again(server: FakeServer, load: Callable[..., Policy], fault: Fault) -> None:
    policy = load(server)
    server.faults.extend([fault, fault])
    n_before = len(server.requests)
    solution = solve("1 + 1?", policy=policy, method="majority", budget=3)
    assert solution.answer == "2"
    assert solution.errors == ()
    assert len(server.requests) - n_before == 3


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        (status(400), "status 400"),
        (status(408), "status 408"),
        (status(409), "status 409"),
        (body(b'{"choices": [{"text": "' + POISON.encode()), "no response"),
        (body(b""), "no response"),
        (body(b"<html>" + POISON.encode() + b"</html>", "text/html"), "no choices"),
        (body(b'{"choices": []}'), "no choices"),
        (body(b'{"choices": [{"index": 0, "message": {"content": 7}}]}'), "no text"),
        (body(b'{"choices": [{"message": {"content": "It is 13"}, "finish_reason": "stop"}]}'), "no usage"),
    ],
    ids=["400", "408", "409", "torn-json", "no-body", "html", "no-choices", "no-text", "no-usage"],
)
def test_what_will_not_pass_ends_the_search_with_its_bill(
    server: FakeServer, load: Callable[..., Policy], fault: Fault, reason: str
) -> None:
    policy = load(server)
    server.faults.append(fault)
    n_before = len(server.requests)
    with pytest.raises(BackendError, match=reason) as failed:
        solve("1 + 1?", policy=policy, method="majority", budget=3)
    assert failed.value.bill is not None
    assert failed.value.bill.total.policy_generated_tokens == 0
    assert len(server.requests) - n_before == 1


def test_it_waits_as_long_as_the_server_says(server: FakeServer, load: Callable[..., Policy]) -> None:
    policy = load(server)
    server.faults.append(status(429, Retry_After="1"))
    began = time.monotonic()
    assert solve("1 + 1?", policy=policy, method="cot").answer == "2"
    assert 1.0 <= time.monotonic() - began < 3.0


def test_it_gives_up_after_so_many_tries(server: FakeServer, load: Callable[..., Policy]) -> None:
    policy = load(server, retries=2)
    server.faults.extend([status(503)] * 10)
    n_before = len(server.requests)
    with pytest.raises(BackendError, match="status 503"):
        solve("1 + 1?", policy=policy, method="majority", budget=3)
    assert len(server.requests) - n_before == 3


def test_no_wait_is_longer_than_the_deadline(server: FakeServer, load: Callable[..., Policy]) -> None:
    policy = load(server)
    server.faults.append(status(429, Retry_After="60"))
    began = time.monotonic()
    with pytest.raises(BackendError, match="status 429"):
        solve("1 + 1?", policy=policy, method="cot", deadline=2.0)
    assert time.monotonic() - began < 1.0


def test_a_server_that_hangs_is_an_error_in_time_and_is_not_asked_again(
    server: FakeServer, load: Callable[..., Policy]
) -> None:
    policy = load(server, timeout=0.3)
    server.faults.append(hang)
    n_before = len(server.requests)
    with pytest.raises(BackendError, match=r"did not answer within 0\.3 s"):
        solve("1 + 1?", policy=policy, method="cot")
    assert len(server.requests) - n_before == 1


def test_a_server_that_hangs_holds_no_deadline_up(server: FakeServer, load: Callable[..., Policy]) -> None:
    policy = load(server)
    server.faults.append(hang)
    began = time.monotonic()
    solution = solve("1 + 1?", policy=policy, method="cot", deadline=0.5)
    assert solution.finished == "deadline"
    assert solution.answer is None
    assert time.monotonic() - began < 1.5


def test_a_server_without_n_is_asked_for_the_rest(load: Callable[..., Policy]) -> None:
    with FakeServer(lambda _, seed: f"It is \\boxed{{{seed % 7}}}.", can=Abilities(knows_n=False)) as alone:
        one_by_one = solve("1 + 1?", policy=load(alone), method="majority", budget=5)
    with FakeServer(lambda _, seed: f"It is \\boxed{{{seed % 7}}}.") as together:
        at_once = solve("1 + 1?", policy=load(together), method="majority", budget=5)
    assert one_by_one.candidates == at_once.candidates
    assert one_by_one.bill.total.policy_calls == 5
    assert at_once.bill.total.policy_calls == 1


def test_a_search_goes_on_with_what_the_other_requests_wrote(load: Callable[..., Policy]) -> None:
    can = Abilities(tells_logprobs=False, tells_tokens=False)  # hence a request for each sample
    with FakeServer(_write, can=can) as server:
        policy = load(server)
        server.faults.extend([body(b"{"), status(400)])
        solution = solve("1 + 1?", policy=policy, method="majority", budget=5)
    assert solution.answer == "2"
    assert [c.answer for c in solution.candidates] == ["2"] * 3
    assert len(solution.errors) == 1
    assert solution.as_dict()["errors"] == list(solution.errors)
    assert solution.bill.total.policy_calls == 3


def test_a_server_killed_in_a_search_leaves_a_clear_error_and_the_bill(
    load: Callable[..., Policy],
) -> None:
    with FakeServer(_write) as server:
        policy = load(server, retries=1)

        def kill(problem: str, steps: tuple[str, ...]) -> list[float]:
            server.stop()
            return [0.5] * len(steps)

        with pytest.raises(BackendError, match="is it running") as failed:
            solve("1 + 1?", policy=policy, prm=FakeRewardModel(kill), method="beam", budget=4)
    assert failed.value.bill is not None
    assert failed.value.bill.total.policy_generated_tokens == 4 * N_FIRST_STEP
    assert failed.value.bill.total.prm_calls == 1


def test_a_server_that_is_not_there_is_named_at_once() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with pytest.raises(BackendError, match=f"127.0.0.1:{port}.*is it running, and --base-url right"):
        load_policy("openai:fake", base_url=f"http://127.0.0.1:{port}/v1", retries=0)
