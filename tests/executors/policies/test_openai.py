"""The policy behind a server: what it asks for, what it finds out before, what it refuses, what it hides."""

from __future__ import annotations

import asyncio
import logging
import math
import shutil
import time
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tts_select import BackendError, InputError, ProblemTooLong, UnknownName, load_policy, solve
from tts_select.core.certainty import token_certainty
from tts_select.core.protocols import SampleRequest
from tts_select.executors.accounting import Ledger
from tts_select.executors.openai_api.responses import top_logprobs
from tts_select.testing import Abilities, FakeRewardModel, FakeServer

STEPS = ("First we add.", "Then we see \\boxed{2}.")
NEITHER = Abilities(tells_logprobs=False, tells_tokens=False)
"""Log-probabilities nor tokens, by which those of each choice could be counted."""
HALF = FakeRewardModel(lambda _, steps: [0.5] * len(steps))

InTime = Callable[[Coroutine[Any, Any, Any]], Any]


def _write(prompt: str, _seed: int) -> str:
    """The steps that are not there yet."""
    begun = prompt.rpartition("assistant: ")[2]
    return "\n\n".join(step for step in STEPS if step not in begun)


@pytest.fixture
def load() -> Iterator[Callable[..., Any]]:
    loaded: list[Any] = []

    def load(server: FakeServer, spec: str = "openai:fake", **options: Any) -> Any:
        loaded.append(load_policy(spec, base_url=server.url, fresh=True, **options))
        return loaded[-1]

    yield load
    for policy in loaded:
        policy.close()


def _searched(policy: Any, method: str = "beam", **more: Any) -> Any:
    return solve("1 + 1?", policy=policy, prm=HALF, method=method, budget=4, **more)


def test_a_chat_is_continued_step_by_step(load: Callable[..., Any]) -> None:
    with FakeServer(_write) as server:
        solution = _searched(load(server))
    assert solution.candidates[0].candidate.steps == STEPS
    last = server.requests[-1]
    assert last["messages"][-1] == {"role": "assistant", "content": "First we add.\n\n"}
    assert (last["add_generation_prompt"], last["continue_final_message"]) == (False, True)
    assert last["stop"] == ["\n\n"]


def test_without_chats_a_plain_text_is_continued(load: Callable[..., Any]) -> None:
    with FakeServer(lambda p, s: _write("assistant: " + p, s), can=Abilities(chats=False)) as server:
        solution = _searched(load(server))
    assert solution.candidates[0].candidate.steps == STEPS
    assert server.requests[-1]["prompt"] == "1 + 1?\nFirst we add.\n\n"


@pytest.mark.parametrize(
    ("can", "reason"),
    [
        (Abilities(continues=False), "does not continue a chat's last message"),
        (Abilities(keeps_ends=False), "strips the end of a message"),
        (Abilities(tells_stops=False), "does not tell a step's end"),
        (Abilities(chats=False, tells_stops=False), "does not tell a step's end"),
    ],
    ids=["no-continuation", "stripped", "no-stops", "no-stops-in-completions"],
)
def test_what_a_server_cannot_do_is_said_before_the_search(
    load: Callable[..., Any], can: Abilities, reason: str
) -> None:
    with FakeServer(_write, can=can) as server:
        policy = load(server)
        n_before = len(server.requests)
        for method in ("beam", "dvts"):
            with pytest.raises(InputError, match=reason) as refused:
                _searched(policy, method)
            assert "majority" in str(refused.value)
        assert len(server.requests) == n_before
        for method in ("cot", "majority", "adaptive", "best_of_n"):
            assert _searched(policy, method).answer == "2"
        by_rule = solve("1 + 1?", policy=policy, prm=HALF)
    assert by_rule.plan.method == "best_of_n"


def test_a_server_with_neither_api_is_refused() -> None:
    with (
        FakeServer(_write, can=Abilities(chats=False, completes=False)) as server,
        pytest.raises(BackendError, match="has no chat or completions"),
    ):
        load_policy("openai:fake", base_url=server.url)


def test_a_model_that_is_not_served_is_named() -> None:
    with FakeServer(_write) as server, pytest.raises(UnknownName, match="did you mean 'fake'"):
        load_policy("openai:fke", base_url=server.url)


def test_tokens_are_counted_without_log_probabilities_where_a_server_tells_them(
    load: Callable[..., Any],
) -> None:
    with FakeServer(_write) as server:
        policy = load(server)
        spared = _searched(policy, "majority")
        asked = _searched(policy, "majority", logprobs=True)
    without, with_them = server.requests[-2:]
    assert (without["n"], "logprobs" in without, without["return_token_ids"]) == (4, False, True)
    assert ("logprobs" in with_them, "return_token_ids" in with_them) == (True, False)
    assert [c.candidate.n_tokens for c in spared.candidates] == [
        c.candidate.n_tokens for c in asked.candidates
    ]
    assert all(math.isnan(c.candidate.logprob) for c in spared.candidates)
    assert all(c.candidate.logprob == -c.candidate.n_tokens for c in asked.candidates)


@pytest.mark.parametrize("chats", [True, False])
@pytest.mark.parametrize(("most", "certainty"), [(50, 10.5), (20, 10.5), (9, 3.0), (5, 3.0)])
def test_it_asks_for_as_many_of_the_most_likely_tokens_as_a_server_tells(
    load: Callable[..., Any], in_time: InTime, chats: bool, most: int, certainty: float
) -> None:
    """The most likely ones have -1, -2, -3, ..."""
    can = Abilities(chats=chats, top_logprobs=most)
    with FakeServer(lambda *_: STEPS[1], can=can, token_seconds=0.001) as server:
        policy, meter = load(server), Ledger().phase("test")
        for deadline in (None, time.monotonic() + 60):  # whole, and as a stream
            request = SampleRequest("1 + 1?", n=2, logprobs=False, top_logprobs=20, deadline=deadline)
            written = in_time(policy.sample(request, meter))
            assert [c.certainty for c in written] == [certainty] * 2
            assert [c.logprob for c in written] == [-c.n_tokens for c in written]
        spared = in_time(policy.sample(SampleRequest("1 + 1?", n=2), meter))
    assert all(math.isnan(c.certainty) for c in spared)
    assert "top_logprobs" not in server.requests[-1]


@pytest.mark.parametrize("can", [Abilities(top_logprobs=0), Abilities(chats=False, top_logprobs=1), NEITHER])
def test_votes_count_alike_where_a_server_tells_no_likely_tokens(
    load: Callable[..., Any], caplog: pytest.LogCaptureFixture, can: Abilities
) -> None:
    with FakeServer(lambda *_: STEPS[1], can=can) as server:
        solution = _searched(load(server), "self_certainty")
    assert (solution.answer, solution.confidence) == ("2", 1.0)
    assert caplog.messages == [
        "openai:fake gives no log-probabilities of the most likely tokens: its votes count alike, as those "
        "of majority"
    ]


def test_a_token_that_is_not_among_the_most_likely_does_not_count() -> None:
    """Completions tell of it too."""
    told = SimpleNamespace(top_logprobs=[{"a": -1.0, "b": -3.0, "sampled": -9.0}, {"a": -1.0, "b": -5.0}])
    assert [token_certainty(row, 2) for row in top_logprobs(told)] == [2.0, 3.0]
    odd = SimpleNamespace(top_logprobs=[None, {"a": None}, "b"])
    assert top_logprobs(odd) == [[], [], []]
    assert top_logprobs(None) == []


def test_a_server_that_tells_neither_is_asked_for_each_sample_alone(load: Callable[..., Any]) -> None:
    with FakeServer(_write, can=NEITHER) as server:
        solution = _searched(load(server), "majority")
    assert [r["n"] for r in server.requests[-4:]] == [1] * 4
    assert not any("logprobs" in r for r in server.requests[-4:])
    tokens = [c.candidate.n_tokens for c in solution.candidates]
    assert sum(tokens) == solution.bill.total.policy_generated_tokens
    assert all(math.isnan(c.candidate.logprob) for c in solution.candidates)


def test_cached_prompt_tokens_are_counted_apart(
    load: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    from tts_select.testing import server as shipped

    known = shipped._usage

    def with_cache(n_prompt: int, generated: int) -> dict[str, Any]:
        return {**known(n_prompt, generated), "prompt_tokens_details": {"cached_tokens": 3}}

    with FakeServer(_write) as server:
        policy = load(server, params=10)
        free = _searched(policy, "cot").bill.total
        monkeypatch.setattr(shipped, "_usage", with_cache)
        cached = _searched(policy, "cot").bill.total
    assert cached.policy_reused_tokens == 3
    assert cached.policy_prompt_tokens == free.policy_prompt_tokens - 3
    assert cached.flops == free.flops - 2 * 10 * 3


def test_flops_are_counted_from_the_size_that_is_given_or_named(load: Callable[..., Any]) -> None:
    with FakeServer(_write) as server:
        unknown = _searched(load(server), "cot")
        given = _searched(load(server, params=7e9), "cot")
    cost = given.bill.total
    assert math.isnan(unknown.bill.total.flops)
    assert unknown.as_dict()["cost"]["flops"] is None
    assert cost.flops == 2 * 7e9 * (cost.policy_prompt_tokens + cost.policy_generated_tokens)
    with FakeServer(_write, model="Qwen2.5-1.5B-Instruct") as server:
        assert load(server, "openai:Qwen2.5-1.5B-Instruct").n_parameters == 1_500_000_000


def test_the_prompt_is_in_the_fingerprint_and_the_address_is_not(load: Callable[..., Any]) -> None:
    with FakeServer(_write) as server, FakeServer(_write) as moved:
        fingerprints = [
            load(server).fingerprint,
            load(moved).fingerprint,
            load(server, prompt="qwen-math@1").fingerprint,
        ]
    assert fingerprints[0] == fingerprints[1] != fingerprints[2]


def test_no_more_requests_than_allowed_are_open_at_once(load: Callable[..., Any]) -> None:
    open_now = most = 0

    def write(prompt: str, seed: int) -> str:
        nonlocal open_now, most
        open_now += 1
        most = max(most, open_now)
        time.sleep(0.02)
        open_now -= 1
        return _write(prompt, seed)

    with FakeServer(write, can=NEITHER) as server:
        solve("1 + 1?", policy=load(server, concurrency=3), method="majority", budget=12)
    assert most == 3


def test_a_cancelled_request_closes_its_connection(load: Callable[..., Any], in_time: InTime) -> None:
    with FakeServer(lambda *_: "word " * 2000, token_seconds=0.01) as server:
        policy = load(server)

        async def leave() -> None:
            request = SampleRequest("1 + 1?", deadline=time.monotonic() + 60)
            task = asyncio.create_task(policy.sample(request, Ledger().phase("test")))
            await asyncio.sleep(0.2)
            task.cancel()
            for _ in range(100):
                await asyncio.sleep(0.02)
                if server.n_left:
                    return

        in_time(leave())
    assert server.n_left == 1


def test_at_the_deadline_what_is_written_is_given_and_billed(
    load: Callable[..., Any], in_time: InTime
) -> None:
    with FakeServer(lambda *_: "word " * 2000, token_seconds=0.01) as server:
        policy, ledger = load(server), Ledger()
        request = SampleRequest("1 + 1?", n=2, deadline=time.monotonic() + 0.4)
        written = in_time(policy.sample(request, ledger.phase("test")))
    assert [c.finish for c in written] == ["deadline"] * 2
    assert all(c.text.startswith("word word") and c.n_tokens > 1 for c in written)
    assert ledger.bill.total.policy_generated_tokens == sum(c.n_tokens for c in written)
    assert ledger.bill.total.policy_prompt_tokens > 0


def test_the_key_comes_from_the_environment_and_is_never_told(
    load: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    key = "sk-very-secret-0123"
    monkeypatch.setenv("OPENAI_API_KEY", key)
    caplog.set_level(logging.DEBUG)

    def refuse(handler: Any) -> None:
        handler._send(401, {"error": {"message": f"Incorrect API key provided: {key}"}})

    with FakeServer(_write) as server:
        policy = load(server)
        solution = _searched(policy, "cot")
        server.faults.append(refuse)
        with pytest.raises(BackendError, match="OPENAI_API_KEY") as refused:
            _searched(policy, "cot")
    assert server.headers[-1]["authorization"] == f"Bearer {key}"
    told = [caplog.text, str(refused.value), str(solution.as_dict()), policy.fingerprint, policy.name]
    assert not any(key in text for text in told)
    assert refused.value.__cause__ is None


def test_a_password_in_the_address_is_never_told() -> None:
    with pytest.raises(BackendError) as failed:
        load_policy("openai:fake", base_url="http://me:hunter2@127.0.0.1:9/v1?token=abc", retries=0)
    assert "hunter2" not in str(failed.value)
    assert "abc" not in str(failed.value)


def test_without_an_address_and_a_key_the_remedy_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    with pytest.raises(InputError, match="--base-url"):
        load_policy("openai:fake")


def test_the_address_may_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    with FakeServer(_write) as server:
        monkeypatch.setenv("OPENAI_BASE_URL", server.url)
        policy: Any = load_policy("openai:fake", fresh=True)
        policy.close()
    assert policy.name == "openai:fake"


@pytest.mark.parametrize(
    ("options", "remedy"),
    [
        ({"base_ulr": "x"}, "did you mean 'base_url'"),
        ({"timeout": "soon"}, "takes float"),
        ({"api": "grpc"}, "choose chat or completions"),
        ({"prompt": "boxd@1"}, "did you mean 'boxed@1'"),
    ],
)
def test_a_wrong_option_is_refused(options: dict[str, Any], remedy: str) -> None:
    with FakeServer(_write) as server, pytest.raises(InputError) as refused:
        load_policy("openai:fake", **{"base_url": server.url, **options})
    assert remedy in str(refused.value)


def test_a_chat_can_be_rendered_here_and_sent_as_completions(
    load: Callable[..., Any], tiny_llama: Any, tmp_path: Path
) -> None:
    folder = tmp_path / "model"
    shutil.copytree(tiny_llama.model.config.name_or_path, folder)
    stripping = "{% for m in messages %}<{{ m.role }}>{{ m.content | trim }}{% endfor %}<assistant>"
    (folder / "chat_template.jinja").write_text(stripping)

    def write(prompt: str, seed: int) -> str:
        return _write("assistant: " + prompt.rpartition("<assistant>")[2], seed)

    with FakeServer(write, can=Abilities(keeps_ends=False)) as server:
        policy = load(server, tokenizer=str(folder), prompt="plain@1")
        solution = _searched(policy)
    assert solution.candidates[0].candidate.steps == STEPS
    assert server.requests[-1]["prompt"] == "<user>1 + 1?<assistant>First we add.\n\n"


@pytest.mark.parametrize(("clips", "n_refused"), [(True, 0), (False, 1)])
def test_more_tokens_than_the_context_has_are_as_many_as_fit(
    load: Callable[..., Any], in_time: InTime, clips: bool, n_refused: int
) -> None:
    """A server that refuses is asked for one token, to learn how many fit, and that is billed."""
    with FakeServer(lambda *_: "so " * 900, can=Abilities(clips=clips), context=100) as server:
        policy, ledger = load(server), Ledger()
        n_before = len(server.requests)
        written = in_time(
            policy.sample(SampleRequest("1 + 1?", n=3, max_new_tokens=500), ledger.phase("test"))
        )
    assert len(server.requests) - n_before == 1 + 2 * n_refused
    assert {c.finish for c in written} == {"length"}
    (length,) = {c.n_tokens for c in written}
    cost = ledger.bill.total
    assert cost.policy_prompt_tokens == (1 + n_refused) * (100 - length)
    assert cost.policy_generated_tokens == 3 * length + n_refused


@pytest.mark.parametrize("clips", [True, False])
def test_a_prompt_that_fills_the_context_is_too_long(
    load: Callable[..., Any], in_time: InTime, clips: bool
) -> None:
    with FakeServer(_write, can=Abilities(clips=clips), context=100) as server:
        policy = load(server)
        with pytest.raises(ProblemTooLong):
            in_time(policy.sample(SampleRequest("1 " * 200, max_new_tokens=500), Ledger().phase("test")))


@pytest.mark.parametrize("chats", [True, False])
def test_a_step_ends_at_the_token_that_its_delimiter_is(load: Callable[..., Any], *, chats: bool) -> None:
    """vLLM stops there by itself; a stop string it finds when it has written on."""
    solutions = []
    for tells_tokens in (True, False):
        with FakeServer(_write, can=Abilities(chats=chats, tells_tokens=tells_tokens)) as server:
            solutions.append(_searched(load(server)))
        stops = server.requests[-1].get("stop_token_ids")
        assert len(stops or []) == tells_tokens
        assert server.requests[-1]["stop"] == ["\n\n"]  # in case that it is written in pieces
    assert [c.candidate.steps for c in solutions[0].candidates] == [
        c.candidate.steps for c in solutions[1].candidates
    ]
    assert solutions[0].candidates[0].candidate.steps == STEPS


def test_another_server_is_not_asked_for_tokens(load: Callable[..., Any]) -> None:
    with FakeServer(_write, can=Abilities(tells_tokens=False)) as server:
        _searched(load(server))
    assert not any("return_token_ids" in request for request in server.requests)
    assert "stop_token_ids" not in server.requests[-1]
