from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from itertools import combinations
from statistics import fmean

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.training.made import made_log
from tests.training.synthetic import SIZES
from tts_select.core.arm import Arm
from tts_select.core.candidate import Candidate
from tts_select.core.cost import inference_flops
from tts_select.core.errors import InputError
from tts_select.core.plan import SELECTIONS, Selection, Settings
from tts_select.core.voting import is_settled
from tts_select.data.grading import is_equivalent
from tts_select.executors.aggregation import choose, rank
from tts_select.selector.evidence import NO_ANSWER
from tts_select.selector.portfolio import Portfolio
from tts_select.selector.routers.named import is_open
from tts_select.training.log.records import ModelCard, Sample, SweepLog
from tts_select.training.replay.cases import Case, Order, Position, cases_of

POLICIES = ("world:small", "world:medium", "world:large")
BOTH = frozenset(["world:prm", "world:prm-narrow"])
draws = st.tuples(st.integers(0, 47), st.sampled_from(POLICIES), st.integers(0, 999))


def order_of(case: Case, seed: int) -> Order:
    return case.order(np.random.default_rng(seed))


def drawn(case: Case, policy: str, order: Order, n: int) -> list[Sample]:
    return [case.pools[policy].samples[k] for k in order.samples[policy][:n]]


def as_candidate(sample: Sample, prm: str | None) -> Candidate:
    text = "no idea" if sample.answer is None else f"\\boxed{{{sample.answer}}}"
    scores = sample.scores.get(prm) if prm else None
    return Candidate((*("step",) * (len(scores or " ") - 1), text), scores, "stop")


def with_samples(case: Case, policy: str, samples: list[Sample]) -> Case:
    """The case of the same problem with this pool."""
    pool = replace(case.pools[policy], samples=tuple(samples))
    groups = [
        NO_ANSWER if s.answer is None else 0 if is_equivalent(s.answer, case.problem.answer) else 1
        for s in samples
    ]
    observed = [
        replace(case.observed[policy][0], group=g, scores=s.scores)
        for g, s in zip(groups, samples, strict=True)
    ]
    return replace(
        case,
        observed={**case.observed, policy: observed},
        pools={**case.pools, policy: pool},
        correct={**case.correct, policy: np.array([float(s.correct) for s in samples])},
    )


def test_there_is_a_case_for_each_problem_in_the_order_of_the_log(log: SweepLog, cases: list[Case]) -> None:
    assert [case.problem for case in cases] == list(log.problems.values())


def test_the_right_answer_is_group_zero(cases: list[Case]) -> None:
    for case in cases:
        for pool in case.pools:
            groups = [s.group for s in case.observed[pool]]
            assert [case.is_right(g) for g in groups] == case.correct[pool].tolist()
        for found in case.runs.values():
            assert [case.is_right(o.group) for _, o in found] == [float(run.correct) for run, _ in found]


def test_equivalent_answers_have_the_same_group_across_pools_and_runs(cases: list[Case]) -> None:
    for case in cases[:10]:
        number: dict[str | None, int] = {}
        for pool, observed in case.observed.items():
            for sample, seen in zip(case.pools[pool].samples, observed, strict=True):
                assert number.setdefault(sample.answer, seen.group) == seen.group
        for found in case.runs.values():
            for run, seen in found:
                assert number.setdefault(run.answer, seen.group) == seen.group
        assert len(set(number.values())) == len(number)


def test_another_notation_of_the_right_answer_is_right(log: SweepLog) -> None:
    pool = log.pools["p0", "world:small"]
    samples = [
        replace(pool.samples[0], answer=answer, correct=right, text=text)
        for answer, right, text in [
            ("0.5", True, "one\n\ntwo\n\nthree"),
            ("2/4", True, ""),
            ("2", False, "one"),
            (None, False, "one"),
        ]
    ]
    changed = replace(
        log,
        problems={"p0": replace(log.problems["p0"], answer="1/2")},
        pools={**log.pools, ("p0", "world:small"): replace(pool, samples=tuple(samples))},
    )
    (case,) = cases_of(changed)
    assert [s.group for s in case.observed["world:small"]] == [
        0,
        0,
        case.observed["world:small"][2].group,
        -1,
    ]
    assert case.observed["world:small"][2].group > 0
    assert [s.n_steps for s in case.observed["world:small"]] == [3, 0, 1, 1]


@pytest.mark.parametrize("selection", SELECTIONS)
@given(draw=draws, n=st.sampled_from([1, 2, 3, 4, 8, 16]), prm=st.sampled_from(["world:prm", None]))
def test_an_arm_is_replayed_as_the_executors_choose(
    selection: Selection, draw: tuple[int, str, int], n: int, prm: str | None, cases: list[Case]
) -> None:
    number, policy, seed = draw
    case = cases[number]
    order = order_of(case, seed)
    arm = Arm(policy, prm, "best_of_n" if prm else "majority", n, Settings(selection=selection))
    found = case.outcome(arm, order)
    expected = choose(rank([as_candidate(s, prm) for s in drawn(case, policy, order, n)], "last"), selection)
    assert expected is not None
    assert found.correct == float(is_equivalent(expected[0].answer or "", case.problem.answer))
    assert found.share == pytest.approx(expected[1])


@given(
    draw=draws,
    n=st.integers(1, 16),
    certainties=st.lists(st.sampled_from([1.0, 2.0, 9.0, None]), min_size=16),
)
def test_votes_by_certainty_are_replayed_as_the_executors_count_them(
    draw: tuple[int, str, int], n: int, certainties: list[float | None], log: SweepLog
) -> None:
    number, policy, seed = draw
    key = (f"p{number}", policy)
    samples = tuple(
        replace(s, certainty=c) for s, c in zip(log.pools[key].samples, certainties, strict=False)
    )
    pools = {**log.pools, key: replace(log.pools[key], samples=samples)}
    problem = log.problems[key[0]]
    (case,) = cases_of(replace(log, problems={problem.id: problem}, pools=pools))
    order = order_of(case, seed)
    written = [
        replace(as_candidate(s, None), certainty=math.nan if s.certainty is None else s.certainty)
        for s in drawn(case, policy, order, n)
    ]
    expected = choose(rank(written, "last", by="certainty"), "vote")
    assert expected is not None
    found = case.outcome(Arm(policy, None, "self_certainty", n), order)
    assert found.correct == float(is_equivalent(expected[0].answer or "", problem.answer))
    assert found.share == pytest.approx(expected[1])


@given(draw=draws, n=st.integers(1, 16))
def test_an_arm_takes_the_first_of_the_order_and_pays_for_them(
    draw: tuple[int, str, int], n: int, cases: list[Case]
) -> None:
    number, policy, seed = draw
    case = cases[number]
    order = order_of(case, seed)
    found = case.outcome(Arm(policy, None, "majority", n), order)
    tokens = sum(s.n_tokens for s in drawn(case, policy, order, n))
    assert found.tokens == tokens
    prompt = case.pools[policy].prompt_tokens
    assert found.flops == pytest.approx(inference_flops(SIZES[policy], tokens + prompt))


def test_an_arm_cannot_take_more_samples_than_there_are(synthetic_log: Callable[..., SweepLog]) -> None:
    (case,) = cases_of(synthetic_log(1, n_samples=8))
    order = order_of(case, 0)
    big, whole = (Arm("world:small", "world:prm", "best_of_n", n) for n in (64, 8))
    assert case.outcome(big, order) == case.outcome(whole, order)
    assert case.n_samples(big, order) == 8


@settings(max_examples=20)
@given(draw=draws, budget=st.sampled_from([2, 5, 12, 16]))
def test_an_adaptive_arm_stops_as_the_method_does(
    draw: tuple[int, str, int], budget: int, cases: list[Case]
) -> None:
    number, policy, seed = draw
    case = cases[number]
    order = order_of(case, seed)
    arm = Arm(policy, None, "adaptive", budget)
    n = next(
        k
        for k in [*range(4, budget, 4), budget]
        if k == budget
        or is_settled(
            [
                len([s for s in drawn(case, policy, order, k) if s.answer == answer])
                for answer in {s.answer for s in drawn(case, policy, order, k)} - {None}
            ]
        )
    )
    assert case.n_samples(arm, order) == n
    assert case.outcome(arm, order) == case.outcome(Arm(policy, None, "majority", n), order)


def test_a_search_gets_one_of_its_runs(cases: list[Case], portfolio: Portfolio) -> None:
    searches = [arm for arm in portfolio.arms if not arm.is_sampling]
    for case in cases[:10]:
        for arm in searches:
            found = {run: case.outcome(arm, replace(order_of(case, 0), run=run)) for run in range(4)}
            assert found[0] == found[2]
            for number, (run, observed) in enumerate(case.runs[arm.name]):
                assert found[number].correct == float(run.correct)
                assert found[number].group == observed.group
                assert found[number].flops == run.cost.flops
                assert found[number].tokens == run.cost.policy_generated_tokens
                assert found[number].share == run.confidence


def test_every_sample_has_the_same_chance_to_come_first(cases: list[Case]) -> None:
    rng = np.random.default_rng(0)
    first = [cases[0].order(rng).samples["world:small"][0] for _ in range(16 * 160)]
    counts = np.bincount(first, minlength=16)
    assert counts.sum() == 16 * 160
    assert counts.min() > 100
    assert counts.max() < 220


@given(draw=draws, n=st.integers(0, 16))
def test_evidence_is_the_first_of_the_order(draw: tuple[int, str, int], n: int, cases: list[Case]) -> None:
    number, policy, seed = draw
    case = cases[number]
    order = order_of(case, seed)
    evidence = case.evidence(order, Position({policy: n}, {policy: dict.fromkeys(BOTH, n)}))
    assert evidence.problem == case.problem.problem
    assert list(evidence.of(policy)) == [case.observed[policy][k] for k in order.samples[policy][:n]]
    assert set(evidence.samples) == ({policy} if n else set())


@pytest.mark.parametrize(
    "scored",
    [{}, {"world:prm": 4}, {"world:prm-narrow": 4, "world:prm": 0}, {"world:prm": 1, "world:prm-narrow": 3}],
)
def test_evidence_has_the_scores_of_each_prm_as_far_as_it_came(
    scored: dict[str, int], cases: list[Case]
) -> None:
    order = order_of(cases[0], 0)
    evidence = cases[0].evidence(order, Position({"world:small": 4}, {"world:small": scored}))
    whole = [cases[0].observed["world:small"][k] for k in order.samples["world:small"][:4]]
    assert list(evidence.of("world:small")) == [
        replace(s, scores={prm: s.scores[prm] for prm in s.scores if place < scored.get(prm, 0)})
        for place, s in enumerate(whole)
    ]


@given(
    seed=st.integers(0, 99),
    arms=st.lists(st.tuples(st.integers(0, 99), st.integers(1, 16)), min_size=2, max_size=6),
)
def test_evidence_again_is_the_same_object_where_the_same_was_seen_and_never_that_of_another_position(
    seed: int, arms: list[tuple[int, int]], cases: list[Case], portfolio: Portfolio
) -> None:
    case, position = cases[seed % len(cases)], Position()
    order, positions = order_of(case, seed), [Position()]
    for k, n in arms:
        arm = portfolio.arms[k % len(portfolio.arms)]
        position = position.after(arm, min(n, len(case.observed[arm.pool])) if arm.is_sampling else 0)
        positions.append(position)
    for position in [*positions, *positions]:
        found, anew = case.evidence_again(order, position), case.evidence(order_of(case, seed), position)
        assert found == anew
        assert list(found.samples) == list(anew.samples)
        assert case.evidence_again(order, replace(position, readers=frozenset())) is found


def test_evidence_of_a_search_is_the_solution_that_it_answers_with(
    cases: list[Case], portfolio: Portfolio
) -> None:
    searches = [arm for arm in portfolio.arms if not arm.is_sampling]
    for case in cases[:10]:
        order = order_of(case, 3)
        evidence = case.evidence(order, Position(found=frozenset(arm.name for arm in searches)))
        assert set(evidence.found) == {arm.name for arm in searches}
        for arm in searches:
            run, _ = case.runs[arm.name][order.run % 2]
            seen = evidence.found[arm.name]
            assert (seen.n_tokens, seen.logprob) == (run.n_tokens, run.logprob)
            assert (seen.scores, seen.n_steps) == ({arm.prm: run.scores}, len(run.scores))
            assert (seen.share, seen.group) == (run.confidence, case.outcome(arm, order).group)


def test_a_greedy_solution_is_a_sample_of_a_pool_of_its_own(cases: list[Case]) -> None:
    cot, best = Arm("world:small", None, "cot", 1), Arm("world:small", None, "majority", 1)
    for case in cases[:10]:
        order = order_of(case, 0)
        (sample,) = case.pools[cot.pool].samples
        found = case.outcome(cot, order)
        prompt = case.pools[cot.pool].prompt_tokens
        assert found.correct == float(sample.correct)
        assert found.flops == inference_flops(SIZES[cot.policy], sample.n_tokens + prompt)
        evidence = case.evidence(order, Position().after(cot, 1))
        assert set(evidence.samples) == {cot.pool} != {best.pool}


def test_evidence_of_greedy_solutions_alone_is_that_of_every_order(cases: list[Case]) -> None:
    case, greedy = cases[0], "world:small temperature=0"
    one, other = order_of(case, 0), order_of(case, 1)
    for position in (Position(), Position({greedy: 1}), Position({greedy: 1}, {greedy: {"world:prm": 1}})):
        found = case.evidence_again(one, position)
        assert case.evidence_again(other, position) is found
        assert found == case.evidence(other, position)
    sampled = Position({greedy: 1, "world:small": 2})
    assert case.evidence_again(one, sampled) is not case.evidence_again(other, sampled)
    assert case.evidence_again(other, sampled) == case.evidence(other, sampled)


def test_pass_at_1_is_the_share_of_right_samples_of_the_largest_pool(cases: list[Case]) -> None:
    for case in cases[:10]:
        samples = case.pools["world:large"].samples
        assert len(samples) > len(case.pools["world:large temperature=0"].samples)
        assert case.pass_at_1("world:large") == sum(s.correct for s in samples) / len(samples)


@given(
    scores=st.lists(st.sampled_from([(0.2,), (0.9, 0.5), (0.5,), ()]), min_size=1, max_size=6), data=st.data()
)
def test_the_best_of_some_samples_is_known_from_all_of_them(
    scores: list[tuple[float, ...]], data: st.DataObject, cases: list[Case]
) -> None:
    """The mean over every subset of as many; an unscored sample loses against any score."""
    n = len(scores)
    right = data.draw(st.lists(st.booleans(), min_size=n, max_size=n))
    k = data.draw(st.integers(1, n + 2))
    base = cases[0].pools["world:small"].samples[0]
    samples = [
        replace(
            base,
            answer=cases[0].problem.answer if r else "-1",
            correct=r,
            scores={"world:prm": s} if s else {},
        )
        for r, s in zip(right, scores, strict=True)
    ]
    case = with_samples(cases[0], "world:small", samples)
    arm = Arm("world:small", "world:prm", "best_of_n", k, Settings(selection="max"))

    def won(some: tuple[Sample, ...]) -> float:
        last = [s.scores["world:prm"][-1] if s.scores else -1.0 for s in some]
        return fmean(s.correct for s, found in zip(some, last, strict=True) if found == max(last))

    assert case.best_of(arm) == pytest.approx(fmean(map(won, combinations(samples, min(k, n)))))


def test_samples_without_an_answer_are_paid_for_and_do_not_vote(cases: list[Case]) -> None:
    base = cases[0].pools["world:small"].samples[0]
    silent = replace(base, answer=None, correct=False, scores={})
    right = replace(base, answer=cases[0].problem.answer, correct=True)
    case = with_samples(cases[0], "world:small", [silent, silent, right])
    order = Order({**order_of(cases[0], 0).samples, "world:small": np.arange(3)}, 0)
    lost = case.outcome(Arm("world:small", "world:prm", "best_of_n", 2), order)
    won = case.outcome(Arm("world:small", "world:prm", "best_of_n", 3), order)
    assert (lost.correct, lost.group, lost.share) == (0.0, NO_ANSWER, 0.0)
    assert lost.tokens == 2 * base.n_tokens
    assert (won.correct, won.group, won.share) == (1.0, 0, 1.0)


def test_an_imported_log_is_replayed_with_its_own_grading_and_unit() -> None:
    log = made_log(4, n_samples=5, sized=False)
    for case, problem in zip(cases_of(log), log.problems.values(), strict=True):
        assert case.problem == problem
        order = order_of(case, 1)
        for name, pool in case.pools.items():
            assert [case.is_right(s.group) for s in case.observed[name]] == [s.correct for s in pool.samples]
            found = case.outcome(Arm(name, None, "majority", 3), order)
            assert found.flops == found.tokens == sum(s.n_tokens for s in drawn(case, name, order, 3))


def test_an_imported_log_decides_what_is_right_whatever_the_answers_read() -> None:
    """No mathematics is done: equal texts are one vote, and what the log calls right is."""
    log = made_log(1, n_samples=3)
    key = ("p0", "log:weak")
    graded = [("1/2", True), ("0.5", False), ("0.50", False)]
    samples = tuple(
        replace(s, answer=a, correct=c) for s, (a, c) in zip(log.pools[key].samples, graded, strict=True)
    )
    (case,) = cases_of(replace(log, pools={**log.pools, key: replace(log.pools[key], samples=samples)}))
    groups = [s.group for s in case.observed["log:weak"]]
    assert groups[0] == 0
    assert groups[1] == groups[2] > 0


def test_problems_of_an_imported_log_that_a_policy_lacks_are_left_out() -> None:
    log = made_log(3)
    pools = {key: pool for key, pool in log.pools.items() if key != ("p1", "log:weak")}
    assert [case.problem.id for case in cases_of(replace(log, pools=pools))] == ["p0", "p2"]
    with pytest.raises(InputError, match="--policies"):
        cases_of(replace(log, pools={}))


def test_what_a_prm_of_an_imported_log_costs_is_not_known() -> None:
    log = made_log(1)
    arm = Arm("log:weak", "log:judge", "best_of_n", 2)
    models = {**log.manifest.models, "log:judge": ModelCard("prm", None, "fp")}
    (case,) = cases_of(replace(log, manifest=replace(log.manifest, arms=(arm,), models=models)))
    assert math.isnan(case.outcome(arm, order_of(case, 0)).flops)


@pytest.mark.parametrize("is_imported", [True, False])
def test_a_cut_sample_has_no_vote_and_is_no_failure(
    is_imported: bool, synthetic_log: Callable[..., SweepLog]
) -> None:
    log = made_log(1, n_samples=4) if is_imported else synthetic_log(1, n_samples=4)
    name = "log:weak" if is_imported else "world:small"
    (id_,) = log.problems
    first, *rest = log.pools[id_, name].samples
    answer = first.answer if is_imported else None  # a sweep keeps no answer of a truncated sample
    cut = replace(first, finish="length", answer=answer, correct=is_imported)
    ended = [replace(s, correct=True, answer=log.problems[id_].answer) for s in rest]
    pool = replace(log.pools[id_, name], samples=(cut, *ended))
    (case,) = cases_of(replace(log, pools={**log.pools, (id_, name): pool}))
    assert case.observed[name][0].group == NO_ANSWER
    assert case.pass_at_1(name) == 1.0
    (unknown,) = cases_of(replace(log, pools={**log.pools, (id_, name): replace(pool, samples=(cut, cut))}))
    assert unknown.pass_at_1(name) == 0.0


def test_a_pool_is_exhausted_when_the_log_has_no_more_of_it(cases: list[Case]) -> None:
    case, arm = cases[0], Arm("world:small", None, "majority", 16)
    order = order_of(case, 0)
    assert case.evidence(order, Position().after(arm, 15)).exhausted == frozenset()
    everything = case.evidence(order, Position().after(arm, 16))
    assert everything.exhausted == frozenset({"world:small"})
    assert not is_open(replace(arm, budget=64), everything)
