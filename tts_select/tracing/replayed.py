"""One problem of a sweep, replayed: in the form of a trace, so that it is shown as one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from tts_select.core.json_text import without_nan
from tts_select.selector.routers.kinds import kind_of
from tts_select.selector.routers.protocol import Router
from tts_select.tracing.evidence import evidence_of
from tts_select.tracing.options import options_of
from tts_select.tracing.replaying import named
from tts_select.tracing.stored import drawn
from tts_select.training.log.records import Sample
from tts_select.training.replay.cases import Case, Order
from tts_select.training.replay.fixed import Board
from tts_select.training.replay.walks import Walk


@dataclass(frozen=True, slots=True)
class Replayed:
    """A router on all problems of a log, at each price; `own` is the place of that at which decisions are
    shown."""

    router: Router | None
    prices: Sequence[float]
    own: int
    walked: Sequence[Sequence[Walk]]
    board: Board
    """The fixed arms, in the same draw."""


@dataclass(frozen=True, slots=True)
class Given:
    """What a walk has come to; `answer` is None if there is none."""

    answer: str | None
    correct: bool
    confidence: float
    n_cut: int


def answers_of(walk: Walk) -> Given:
    """What a walk that has ended answers."""
    surest = walk.decided[-1].surest if walk.decided else None
    seen = [s for some in walk.evidence.samples.values() for s in some]
    texts = group_texts(walk.case)
    answer = None if surest is None else texts.get(surest.group, "(not in the log)")
    return Given(answer, bool(walk.correct), walk.confidence, sum(s.is_cut for s in seen))


def group_texts(case: Case) -> dict[int, str]:
    """An answer of each group of a case."""
    pairs = [
        (seen.group, sample.answer)
        for name, pool in case.pools.items()
        for sample, seen in zip(pool.samples, case.observed[name], strict=True)
    ]
    pairs += [(seen.group, run.answer) for runs in case.runs.values() for run, seen in runs]
    return {group: answer for group, answer in reversed(pairs) if answer is not None and group >= 0}


def record_of(case: Case, order: Order, found: Replayed, place: int) -> dict[str, Any]:
    """The record of a problem; its decisions are those at the price of medium effort."""
    problem = case.problem
    record: dict[str, Any] = {
        "problem": {"id": problem.id, "text": problem.problem, "gold": problem.answer, "correct": None},
        "pools": [_pool(case, order, name) for name in case.pools],
        "searches": [],
        "arms": _arms(found.board, place),
    }
    if found.router is not None:
        record |= _routed(case, found.router, found, place)
    finite: dict[str, Any] = without_nan(record)
    return finite


def _routed(case: Case, router: Router, found: Replayed, place: int) -> dict[str, Any]:
    walks = [walks[place] for walks in found.walked]
    own = walks[found.own]
    given, price = answers_of(own), found.prices[found.own]
    fallback = next((k for k, arm in enumerate(found.board.arms) if arm.name == router.fallback), None)
    fixed = None if fallback is None else float(found.board.flops[fallback, place, 0])
    best = {"name": router.fallback, "unit": case.costs.unit, "cost": fixed, "spent": own.flops}
    return {
        "router": {
            "kind": kind_of(router) or "fixed",
            "unit": router.unit,
            "price": price,
            "efforts": dict(router.prices),
            "effort": "medium" if router.prices.get("medium") == price else None,
            "unfamiliar": own.unfamiliar,
        },
        "problem": {
            "id": case.problem.id,
            "text": case.problem.problem,
            "gold": case.problem.answer,
            "correct": given.correct,
        },
        "answer": given.answer,
        "confidence": given.confidence,
        "confidence_kind": router.confidence_kind,
        "n_cut": given.n_cut,
        "bill": _bill(own),
        "best_fixed": None if fixed is None else best,
        "decisions": list(_decisions(own, router, price)),
        "what_if": {
            "prices": list(found.prices),
            "own": found.own,
            "budgets": [None],
            "states": [_state(walk) for walk in walks],
            "grid": [[k] for k in range(len(walks))],
        },
    }


def _bill(walk: Walk) -> dict[str, Any]:
    flops = walk.flops if walk.case.costs.unit == "FLOPs" else None
    return {"policy_generated_tokens": walk.tokens, "flops": flops}


def _state(walk: Walk) -> dict[str, Any]:
    given = answers_of(walk)
    return {
        "answer": given.answer,
        "correct": given.correct,
        "p_correct": given.confidence,
        "tokens": walk.tokens,
        "flops": _bill(walk)["flops"],
        "ran": [named(decision) for decision in walk.decided if decision.arm is not None],
        "why": walk.decided[-1].why if walk.decided and walk.decided[-1].arm is None else "",
        "wants": None,
    }


def _decisions(walk: Walk, router: Router, price: float) -> Iterator[dict[str, Any]]:
    """Yield its decisions, walked once more for what each of them cost."""
    again, texts = Walk(walk.case, walk.order), group_texts(walk.case)
    for decision in walk.decided:
        before, flops, tokens = again.position, again.flops, again.tokens
        evidence = evidence_of(again.look(), router, price, texts)
        for arm, n in decision.runs:
            again.run(arm, n)
        after = next(iter(router.answers(again.look(), price)), None) if decision.arm else None
        cost = {"policy_generated_tokens": again.tokens - tokens, "flops": again.flops - flops}
        yield {
            "chosen": decision.option.name if decision.option else None,
            "is_probe": decision.is_probe,
            "why": decision.why,
            "price": price,
            "evidence": evidence,
            **options_of(decision, price),
            "p_after": after.p_correct if after else None,
            "cost": cost if decision.arm else None,
            "samples": drawn(before, again.position),
        }


def _pool(case: Case, order: Order, name: str) -> dict[str, Any]:
    """The samples of a pool, in the order of the draw."""
    pool = case.pools[name]
    return {"name": name, "samples": [_sample(pool.samples[k]) for k in order.samples[name]]}


def _sample(sample: Sample) -> dict[str, Any]:
    return {
        "steps": sample.text.split("\n\n") if sample.text else [],
        "answer": sample.answer,
        "correct": sample.correct,
        "finish": sample.finish,
        "tokens": sample.n_tokens,
        "scores": {prm: [round(s, 4) for s in scores] for prm, scores in sample.scores.items()},
    }


def _arms(board: Board, place: int) -> list[list[Any]]:
    """Each fixed arm on the problem: its name, whether it is right (a probability for the best of some
    samples), its cost."""
    return [
        [arm.name, round(float(board.correct[k, place, 0]), 3), float(f"{board.flops[k, place, 0]:.4g}")]
        for k, arm in enumerate(board.arms)
    ]
