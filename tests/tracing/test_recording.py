"""A trace of a session: its decisions, candidates and bill are the session's own."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace

import pytest

from tests.priors import prior_router
from tests.traced import QUESTION, branches, ran, sampled, searched, votes
from tts_select import BackendError, Problem, Selector
from tts_select.core.arm import Arm
from tts_select.core.json_text import to_json
from tts_select.executors.registry import Loaders
from tts_select.selector.routers.cascade import Cascade
from tts_select.selector.routers.named import NamedArm
from tts_select.selector.routers.protocol import Router
from tts_select.testing import FakePolicy, FakeRewardModel
from tts_select.tracing.recording import SCHEMA, trace_of


def test_it_has_every_decision_with_its_evidence_and_its_step() -> None:
    history, solution = ran(prior_router("p", 12), votes, Problem(QUESTION, id="a", answer="53"))
    trace = trace_of(history, solution)
    assert trace["schema"] == SCHEMA
    assert [d["why"] for d in trace["decisions"]] == [d.why for d in history.course.taken]
    assert trace["decisions"][0]["is_probe"]
    assert trace["decisions"][-1]["chosen"] == "stop"
    costs = [d["cost"]["policy_generated_tokens"] for d in trace["decisions"] if d["cost"]]
    assert sum(costs) == trace["bill"]["policy_generated_tokens"]
    counts = [d["evidence"]["n_solutions"] for d in trace["decisions"]]
    assert counts[0] == 0
    assert counts[-1] == len(trace["pools"][0]["samples"])
    assert counts == sorted(counts)


def test_samples_have_the_certainties_that_votes_were_weighed_by() -> None:
    arm = Arm("p", None, "self_certainty", 3)
    told, untold = (
        trace_of(*ran(NamedArm(replace(arm, method=method)), votes, Problem(QUESTION, id="a")))
        for method in ("self_certainty", "majority")
    )
    assert [s["certainty"] for s in told["pools"][0]["samples"]] == [1.0] * 3
    assert [s["certainty"] for s in untold["pools"][0]["samples"]] == [None] * 3


def test_each_step_names_the_samples_that_it_drew() -> None:
    trace = sampled()
    drawn = [d["samples"]["p"] for d in trace["decisions"] if d["samples"]]
    assert [first for first, _ in drawn] == [0, *[last for _, last in drawn[:-1]]]
    assert drawn[-1][1] == len(trace["pools"][0]["samples"])


def test_the_confidence_before_the_stop_is_the_one_of_the_answer() -> None:
    trace = sampled()
    assert trace["decisions"][-1]["evidence"]["answers"][0]["answer"] == trace["answer"] == "53"
    assert trace["decisions"][-1]["evidence"]["answers"][0]["p_correct"] == pytest.approx(trace["confidence"])
    assert trace["problem"]["correct"] is True


def test_what_lost_says_why() -> None:
    options = [o for d in sampled()["decisions"] for o in d["options"]]
    assert any(o["why_not"] for o in options)
    assert all((o["why_not"] is None) == o["is_chosen"] for o in options)


def test_the_whole_vote_that_a_prior_saves_samples_of_is_the_best_fixed_arm() -> None:
    fixed = sampled()["best_fixed"]
    assert fixed["cost"] == pytest.approx(12)
    assert fixed["spent"] < 12


@pytest.mark.parametrize(
    "router",
    [
        pytest.param(prior_router("p", 6), id="prior"),
        pytest.param(Cascade.of("p", "q", budget=6), id="cascade"),
        pytest.param(NamedArm(Arm("p", None, "adaptive", 6)), id="stop rule"),
        pytest.param(NamedArm(Arm("p", "r", "best_of_n", 6)), id="best of n"),
        pytest.param(NamedArm(Arm("p", None, "cot", 1)), id="greedy"),
    ],
)
def test_whatever_decides_leaves_a_trace_that_is_plain_json(router: Router) -> None:
    trace = trace_of(*ran(router, votes, Problem(QUESTION, id="a")))
    assert json.loads(to_json(trace)) == trace
    assert trace["decisions"]
    assert sum(len(pool["samples"]) for pool in trace["pools"]) >= 1


@pytest.mark.parametrize("method", ["beam", "dvts"])
def test_a_search_leaves_its_tree(method: str) -> None:
    (search,) = searched(method)["searches"]
    assert {node["state"] for node in search["nodes"]} >= {"chosen", "pruned"}


def test_caps_and_what_they_ended_are_in_it() -> None:
    trace = sampled(max_tokens=7)
    assert trace["router"]["caps"]["max_tokens"] == 7
    assert trace["bill"]["policy_generated_tokens"] <= 7


def test_a_session_without_an_answer_leaves_a_trace_too() -> None:
    trace = trace_of(*ran(prior_router("p", 4), lambda *_: "no idea", Problem(QUESTION, id="a", answer="53")))
    assert trace["answer"] is None
    assert trace["problem"]["correct"] is False
    assert trace["decisions"][-1]["evidence"]["answers"] == []


def test_no_error_tells_the_address_of_a_server() -> None:
    gone = BackendError("http://10.0.0.7:8000/v1/chat?key=a is gone: 'https://user:pw@host/x'")
    loaders = Loaders(lambda name: FakePolicy(votes, name=name, errors={1: gone}), FakeRewardModel)
    session = Selector(prior_router("p", 12), loaders=loaders).session(Problem(QUESTION, id="a"))
    solution = asyncio.run(session.run())
    trace = trace_of(session.history(), solution)
    assert trace["errors"] == ["(address) is gone: '(address)'"]


def test_a_tree_is_there_however_the_search_ended() -> None:
    arm = Arm("p", "r", "beam", 8)
    history, solution = ran(NamedArm(arm), branches, Problem(QUESTION, id="a"), max_tokens=9)
    assert solution.finished == "cap"
    (search,) = trace_of(history, solution)["searches"]
    assert search["nodes"]
