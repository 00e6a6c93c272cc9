"""What a server asks of a session: a reply to an ordinary chat, a cap on candidates, a look at each step."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from tts_select import Problem, Solution
from tts_select.core.candidate import Candidate
from tts_select.core.problem import Message
from tts_select.core.protocols import SampleRequest
from tts_select.solving.choosing import selector_for
from tts_select.solving.session import Session
from tts_select.solving.visits import JUST_A_CHAT, Visit, is_just_chat
from tts_select.testing import FakePolicy, FakeRewardModel

TEXT = "Start with 3. Add 14. Add 9. What is the result?"
CHAT = Visit(may_be_chat=True)


def written(text: str, finish: Any = "stop") -> Candidate:
    return Candidate((text,), None, finish)


def opened(policy: FakePolicy, visit: Visit, **options: Any) -> Session:
    selector, given = selector_for({"policy": policy, "prm": None, **options})
    return selector.session(Problem(TEXT), visit=visit, **given)


def untimed(solution: Solution) -> tuple[Any, ...]:
    found = [(c.text, c.score, c.answer) for c in solution.candidates]
    return solution.answer, solution.confidence, solution.text, solution.plan, found


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        ([written("Hello!")], True),
        ([written("Hello!"), written("It is \\boxed{2}.")], False),
        ([written("Hel", "length")], False),  # who knows what it would have said
        ([written("Hel", "length"), written("Hello!")], True),
        ([], False),
    ],
)
def test_a_chat_is_what_ends_without_any_answer(found: list[Candidate], expected: bool) -> None:
    assert is_just_chat(found) is expected


def test_a_chat_is_one_sample_of_a_sampling_arm() -> None:
    policy = FakePolicy(lambda request, index: "Hello!")
    solution = asyncio.run(opened(policy, CHAT, method="majority", budget=8).run())
    assert [r.n for r in policy.requests] == [1]
    assert (solution.answer, solution.plan.reason) == (None, JUST_A_CHAT)
    assert [c.text for c in solution.candidates] == ["Hello!"]


@pytest.mark.parametrize("method", ["weighted_majority", "self_certainty"])
def test_the_first_sample_has_what_its_vote_is_weighed_by(method: str) -> None:
    policy = FakePolicy(lambda request, index: "It is \\boxed{26}.")
    solution = asyncio.run(opened(policy, CHAT, method=method, budget=3).run())
    assert [r.n for r in policy.requests] == [1, 2]
    assert len({c.score for c in solution.candidates}) == 1
    assert solution.confidence == 1.0


def test_a_chat_is_one_sample_of_the_policy_of_a_search() -> None:
    policy = FakePolicy(lambda request, index: "Hello!\n\nHow are you?")
    prm = FakeRewardModel(lambda problem, steps: [0.5] * len(steps))
    solution = asyncio.run(opened(policy, CHAT, prm=prm, method="beam", budget=4).run())
    assert [(r.n, r.stop_at_step) for r in policy.requests] == [(1, False)]
    assert [c.text for c in solution.candidates] == ["Hello!\n\nHow are you?"]


@pytest.mark.parametrize("method", ["majority", "adaptive", "best_of_n", "beam"])
def test_a_problem_comes_to_the_same_whether_it_might_have_been_a_chat(method: str) -> None:
    def write(request: SampleRequest, index: int) -> str:
        rest = f"It is \\boxed{{{index % 3}}}."
        return rest if request.steps else f"We add.\n\n{rest}"

    prm = FakeRewardModel(lambda problem, steps: [0.9 if "{1}" in step else 0.4 for step in steps])
    options = {"method": method, "budget": 8, "prm": prm if method in ("best_of_n", "beam") else None}
    with_a_look = asyncio.run(opened(FakePolicy(write), CHAT, **options).run())
    without = asyncio.run(opened(FakePolicy(write), Visit(), **options).run())
    assert untimed(with_a_look) == untimed(without)


def test_a_problem_like_those_of_the_training_goes_on_without_an_answer(exact: Any) -> None:
    """As it does in `solve`: a first solution that fails is no chat."""
    visited = asyncio.run(exact.selector.session(Problem(TEXT), visit=CHAT, price=0.0).run())
    alone = asyncio.run(exact.selector.session(Problem(TEXT), price=0.0).run())
    assert untimed(visited) == untimed(alone)


def test_candidates_are_capped_where_their_arm_allows_more(
    policy_that_writes: Callable[..., FakePolicy],
) -> None:
    policy = policy_that_writes("one two three four")
    session = opened(policy, Visit(max_new_tokens=3), method="majority", budget=2)
    solution = asyncio.run(session.run())
    assert [r.max_new_tokens for r in policy.requests] == [3]
    assert [c.candidate.finish for c in solution.candidates] == ["length"] * 2
    assert solution.plan.settings.max_new_tokens == 3


def test_each_step_is_seen_with_its_votes(policy_that_writes: Callable[..., FakePolicy]) -> None:
    seen: list[tuple[int, list[tuple[str, int]], int]] = []

    def look(session: Session) -> None:
        votes = [(tally.answer, tally.count) for tally in session.tallies()]
        seen.append((len(session.steps), votes, session.bill.total.policy_generated_tokens))

    policy = policy_that_writes("\\boxed{1}", "\\boxed{1}", "\\boxed{2}", "\\boxed{1}")
    asyncio.run(opened(policy, Visit(seen=look), method="adaptive", budget=8).run())
    assert seen == [(1, [("1", 3), ("2", 1)], 4), (2, [("1", 6), ("2", 2)], 8)]


def test_a_chat_goes_to_the_policy_with_its_problem() -> None:
    policy = FakePolicy(lambda request, index: "\\boxed{1}")
    chat = (Message("system", "Be brief."), Message("user", "1?"))
    selector, given = selector_for({"policy": policy, "method": "cot"})
    asyncio.run(selector.session(Problem("Be brief.\n\n1?", chat=chat), **given).run())
    assert policy.requests[0].chat == chat


@pytest.fixture
def policy_that_writes() -> Callable[..., FakePolicy]:
    def make(*texts: str) -> FakePolicy:
        return FakePolicy({(TEXT, ()): list(texts)})

    return make
