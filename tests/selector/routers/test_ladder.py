"""Ladders decide sample by sample, within caps, and say how sure they are."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.ladders import SURE_FROM, by_length, ladder_router
from tts_select.core.arm import Arm
from tts_select.selector.course import MOST_DECISIONS, Course, next_decisions
from tts_select.selector.deciding import Caps, Decision
from tts_select.selector.evidence import NO_ANSWER, Evidence, SolutionEvidence
from tts_select.selector.routers.ladder import LadderRouter
from tts_select.selector.routers.rungs import Rung, looks_of
from tts_select.training.routers.ladder.searching import FIRST_DRAWS, MOST_DRAWS

LOW, HIGH = 1e-4, 1e-1
ANSWERS = st.lists(st.integers(-1, 2), max_size=4)


@pytest.fixture(scope="module")
def router() -> LadderRouter:
    return ladder_router()


def solution(group: int, length: int = 10) -> SolutionEvidence:
    return SolutionEvidence(group, length, math.nan, 1)


def evidence(small: list[int], large: list[int] | None = None, **more: frozenset[str]) -> Evidence:
    """Samples by their answers."""
    samples = {"small": [solution(g) for g in small], "large": [solution(g, 20) for g in large or []]}
    return Evidence("x", {pool: some for pool, some in samples.items() if some}, **more)


def decide(router: LadderRouter, known: Evidence, price: float = LOW, caps: Caps | None = None) -> Decision:
    (found,) = router.decide([known], price, [caps or Caps()])
    return found


def test_the_first_decision_is_the_first_draw_and_names_every_ladder(router: LadderRouter) -> None:
    found = decide(router, Evidence("x"))
    assert (found.arm, found.n, found.surest) == (router.portfolio.arms[0], 1, None)
    assert [(o.p_correct, o.flops) for o in found.options] == [(0.8, 200.0), (0.5, 12.0)]
    assert found.why == "the ladder for this price: small x 4, then large x 4"


def test_draws_come_one_by_one_in_the_order_of_the_ladder(router: LadderRouter) -> None:
    known, seen = Evidence("x"), []
    while (found := decide(router, known)).arm is not None:
        pool = found.arm.pool
        seen.append((pool, found.n))
        answers = [solution(len(seen)) for _ in range(found.n)]  # no two agree
        known = replace(known, samples={**known.samples, pool: answers[: found.n]})
        known = Evidence(
            "x", {p: [solution(10 * k) for k in range(len(s))] for p, s in known.samples.items()}
        )
    assert seen == [("small", k) for k in (1, 2, 3, 4)] + [("large", k) for k in (1, 2, 3, 4)]


def test_many_samples_are_drawn_from_look_to_look() -> None:
    router = ladder_router(n=14)
    known, seen = Evidence("x"), []
    while (found := decide(router, known)).arm is not None:
        pool = found.arm.pool
        seen.append((pool, found.n))
        counts = {p: len(s) for p, s in known.samples.items()} | {pool: found.n}
        known = Evidence("x", {p: [solution(k) for k in range(n)] for p, n in counts.items()})
    looks = (1, 2, 3, 4, 6, 8, 12, 14)
    assert seen == [(pool, n) for pool in ("small", "large") for n in looks]


def test_going_on_costs_all_draws_up_to_the_next_look() -> None:
    router = ladder_router(n=14)
    (go,) = (o for o in decide(router, evidence([1, 2, 3, 4, 5, 6, 7, 8])).options if o.arm)
    assert (go.flops, go.tokens) == (40.0, 40.0)  # four more


def test_as_many_are_drawn_as_the_caps_allow() -> None:
    router = ladder_router(n=14)
    known = evidence([1, 2, 3, 4, 5, 6, 7, 8])
    found = [decide(router, known, LOW, Caps(tokens=t)) for t in (40, 39, 25, 10, 9)]
    assert [d.n if d.arm else None for d in found] == [12, 11, 10, 9, None]


def test_between_two_looks_the_rule_is_between_theirs() -> None:
    """A cap or a deadline may have ended the draws there."""
    router = ladder_router(n=14)
    first, *others = router.ladders
    stops = first.stops.copy()
    stops[:, 0], stops[:, 1:] = range(len(stops)), 0.0  # worth 5 after 8 samples, 6 after 12
    router = replace(router, ladders=(replace(first, stops=stops), *others))

    def worth(n: int) -> float:
        go, stop = sorted(decide(router, evidence([1] * n)).options, key=lambda o: o.arm is None)
        return go.value(LOW) - stop.value(LOW)

    assert [worth(n) for n in (8, 12)] == pytest.approx([5.0, 6.0])
    assert worth(10) == pytest.approx(5 + math.log(10 / 8) / math.log(12 / 8))
    assert decide(router, evidence([1] * 10)).n == 12


def test_it_stops_where_the_rule_says_that_more_is_worth_nothing(router: LadderRouter) -> None:
    known = [evidence([1] * k) for k in range(1, 5)]
    found = router.decide(known, LOW, [Caps()] * 4)
    for k, (decision, seen) in enumerate(zip(found, known, strict=True)):
        surest = router.answers(seen, LOW)[0]
        assert decision.surest == surest
        assert (decision.arm is None) == (surest.p_correct >= SURE_FROM), k
    assert [d.arm is None for d in found] != [True] * 4


def test_going_on_is_worth_what_the_rule_says_above_stopping(router: LadderRouter) -> None:
    for small in ([1], [1, 2], [1, 1], [1, 1, 2], [NO_ANSWER, 1]):
        found = decide(router, evidence(small))
        value = {o.name == "stop": o.value(LOW) for o in found.options}
        stop = next(o for o in found.options if o.arm is None)
        assert value[False] - value[True] == pytest.approx(SURE_FROM - stop.p_correct)
        assert stop.p_correct == (found.surest.p_correct if found.surest else 0.0)


def test_the_next_draw_costs_what_the_samples_at_hand_do_and_its_prompt_once(router: LadderRouter) -> None:
    (go,) = (o for o in decide(router, evidence([1, 2])).options if o.arm)
    assert (go.flops, go.tokens) == (10.0, 10.0)
    longer = Evidence("x", {"small": [solution(1, 30), solution(2, 10)]})
    (go,) = (o for o in decide(router, longer).options if o.arm)
    assert go.flops == 20.0
    (go,) = (o for o in decide(router, evidence([1, 2, 3, 0])).options if o.arm)
    assert (go.arm, go.flops, go.tokens) == (router.portfolio.arms[1], 80.0, 20.0)


def test_a_dear_price_has_its_own_ladder(router: LadderRouter) -> None:
    assert decide(router, Evidence("x"), HIGH).option.p_correct == 0.5
    found = decide(router, evidence([1]), HIGH)
    assert (found.arm, len(found.options)) == (None, 1)
    assert router.at(1e9) is router.ladders[-1]


def test_compute_that_is_free_buys_the_dearest_ladder(router: LadderRouter) -> None:
    """A shared budget that is large enough sets the price to 0."""
    assert router.at(0.0) is router.ladders[0]
    assert decide(router, Evidence("x"), 0.0).option.p_correct == 0.8


@pytest.mark.parametrize(
    ("caps", "arm"),
    [
        (Caps(tokens=9), None),
        (Caps(flops=9.0), None),
        (Caps(tokens=10), "small"),
        (Caps(flops=10.0), "small"),
    ],
)
def test_a_draw_that_the_caps_forbid_is_not_made(router: LadderRouter, caps: Caps, arm: str | None) -> None:
    found = decide(router, evidence([1, 2]), LOW, caps)
    assert (found.arm.policy if found.arm else None) == arm
    if arm is None:
        assert found.why == "the caps allow no more"
        assert found.surest == router.answers(evidence([1, 2]), LOW)[0]


def test_caps_that_allow_no_draw_at_all_name_the_cheapest(router: LadderRouter) -> None:
    found = decide(router, Evidence("x"), LOW, Caps(tokens=9))
    assert found.option is None
    assert [(o.flops, o.tokens) for o in found.options] == [(12.0, 10.0)]


def test_an_answer_has_its_own_probability_and_the_surest_comes_first(router: LadderRouter) -> None:
    found = router.answers(evidence([2, 1, 1, NO_ANSWER]), LOW)
    assert [a.group for a in found] == [1, 2]
    assert found[0].p_correct > found[1].p_correct
    assert router.answers(Evidence("x")) == []
    assert router.answers(evidence([NO_ANSWER])) == []


def test_a_sample_without_an_answer_has_no_vote(router: LadderRouter) -> None:
    one = router.answers(evidence([1]), LOW)
    with_others = router.answers(evidence([1, NO_ANSWER, NO_ANSWER]), LOW)
    assert [a.group for a in with_others] == [a.group for a in one]
    assert with_others[0].p_correct < one[0].p_correct  # a smaller share, and no more votes


def test_samples_of_another_ladder_count_as_evidence(router: LadderRouter) -> None:
    """A shared budget may change the price, and a fixed arm may have run."""
    known = evidence([1], [1, 1])
    assert router.answers(known, HIGH)[0].p_correct > router.answers(evidence([1]), HIGH)[0].p_correct
    strange = Evidence("x", {"small": [solution(1)], "greedy": [solution(2)] * 9})
    assert router.answers(strange, LOW)[0].group == 1


def test_draws_that_a_log_does_not_have_are_passed_over(router: LadderRouter) -> None:
    known = evidence([1, 2], exhausted=frozenset({"small"}))
    found = decide(router, known)
    assert (found.arm.policy, found.n) == ("large", 1)
    everywhere = evidence([1, 2], [1], exhausted=frozenset({"small", "large"}))
    assert decide(router, everywhere).arm is None


@given(st.lists(st.tuples(ANSWERS, ANSWERS), min_size=1, max_size=5))
def test_problems_that_are_decided_together_are_decided_as_alone(rows: list[tuple[list[int], ...]]) -> None:
    router = ladder_router()
    known = [evidence(small, large if len(small) == 4 else []) for small, large in rows]
    together = router.decide(known, LOW, [Caps()] * len(known))
    for one, seen in zip(together, known, strict=True):
        alone = decide(router, seen)
        assert (one.arm, one.n, one.why) == (alone.arm, alone.n, alone.why)
        assert [o.p_correct for o in one.options] == pytest.approx([o.p_correct for o in alone.options])


def test_the_longest_ladder_fits_into_a_course() -> None:
    longest = looks_of([Rung("small", max(FIRST_DRAWS)), Rung("large", MOST_DRAWS)])
    assert len(longest) <= MOST_DECISIONS


def test_a_course_takes_its_decisions_without_a_probe(router: LadderRouter) -> None:
    course = Course("x", LOW)
    (found,) = next_decisions(router, [course], [Evidence("x")], [Caps()])
    assert not found.is_probe
    assert found.n == 1


@pytest.mark.parametrize(
    ("unit", "tokens"), [("characters", 10 / 3), ("2 x parameters x characters", 10 / 3), ("samples", 0.0)]
)
def test_caps_in_tokens_go_by_about_as_many(unit: str, tokens: float) -> None:
    found = decide(ladder_router(unit=unit), evidence([1, 2]))
    (go,) = (o for o in found.options if o.arm)
    assert go.tokens == pytest.approx(tokens)


def test_where_a_log_counts_samples_lengths_do_not_matter() -> None:
    router = ladder_router(unit="samples")
    short, long = (Evidence("x", {"small": [solution(1, n), solution(2, 3 * n)]}) for n in (10, 1000))
    assert decide(router, short).options == decide(router, long).options


def test_a_config_says_how_long_samples_may_be(router: LadderRouter) -> None:
    longer = router.with_max_new_tokens({"large": 30_000})
    assert [arm.settings.max_new_tokens for arm in longer.portfolio.arms] == [2048, 30_000]
    assert longer.portfolio[longer.fallback].policy == "large"
    assert decide(longer, evidence([1, 2, 3, 0])).arm == longer.portfolio.arms[1]
    fixed = replace(
        router,
        portfolio=replace(
            router.portfolio, arms=(*router.portfolio.arms, Arm("large", None, "majority", 64))
        ),
        fallback="majority@64 large",
    )
    assert decide(fixed, evidence([1, 2, 3, 0])).arm == router.portfolio.arms[1]


SHORT, LONG = Evidence("x"), Evidence("x" * 100)


def test_the_text_picks_whose_ladder_it_is(router: LadderRouter) -> None:
    told = by_length(router)
    plain, turned = decide(told, SHORT), decide(told, LONG)
    assert plain == decide(router, SHORT)
    assert turned.arm == router.portfolio.arms[1]
    assert turned.why == "the ladder for this price: large x 4, then small x 4"
    assert turned.option is not None
    assert (turned.option.p_correct, turned.option.flops) == (0.9, 300.0)
    assert [o.p_correct for o in turned.options] == [0.9, 0.5]  # the other price has its own
    assert told.at(LOW) is router.ladders[0]


def test_where_the_text_decides_nothing_all_problems_have_one_ladder(router: LadderRouter) -> None:
    told = by_length(router)
    assert decide(told, LONG, HIGH).arm == decide(router, LONG, HIGH).arm
    assert told.at(HIGH, LONG.problem) is router.ladders[1]


def test_problems_of_different_ladders_are_decided_together_as_alone(router: LadderRouter) -> None:
    told = by_length(router)
    known = [replace(evidence([1, 1]), problem="x" * n) for n in (1, 100, 2, 200)]
    together = told.decide(known, LOW, [Caps()] * 4)
    assert together == [decide(told, one) for one in known]
    assert together[0] == decide(router, known[0])
    assert [told.answers(one, LOW) for one in known] == [[d.surest] for d in together]


def test_a_text_goes_up_its_own_ladder_to_the_end(router: LadderRouter) -> None:
    told = by_length(router)
    known = replace(evidence([], [NO_ANSWER] * 4), problem=LONG.problem)
    found = decide(told, known)
    assert (found.arm, found.n) == (router.portfolio.arms[0], 1)
