"""A trace of one session: the problem, each decision with what spoke for it, all candidates, the bill.

docs/traces.md has the schema. No key, header or URL is in it: it is made of what a search works on.
"""

from __future__ import annotations

import re
from typing import Any

from tts_select.core.json_text import without_nan
from tts_select.core.solution import Solution
from tts_select.data.grading import extract_answer, is_equivalent
from tts_select.selector.routers.kinds import kind_of
from tts_select.solving.history import History
from tts_select.tracing.bounds import MOST_BYTES, bounded
from tts_select.tracing.evidence import evidence_of
from tts_select.tracing.options import best_fixed, options_of
from tts_select.tracing.replaying import what_if
from tts_select.tracing.stored import Stored, Taken, drawn
from tts_select.tracing.trees import tree_of

SCHEMA = "tts-select/trace@1"
_ADDRESS = re.compile(r"\w+://[^\s'\"]+")
"""What errors name the servers by."""


def trace_of(history: History, solution: Solution, *, most_bytes: int = MOST_BYTES) -> dict[str, Any]:
    """The trace of a session that has ended. Long texts are cut until it is no larger than that. It asks the
    router again for each price of the replays, which may take a second: call it off the event loop."""
    stored = Stored(history)
    trace = {
        "schema": SCHEMA,
        "problem": _problem(history, solution),
        "seed": history.seed,
        "router": _router(history),
        "decisions": [decision_of(stored, taken) for taken in stored.taken()],
        **_answered(solution),
        "bill": solution.bill.as_dict(),
        "best_fixed": best_fixed(stored),
        "pools": [_pool(history, name) for name in history.gathered.pools],
        "searches": [_search(history, name, solution) for name in history.gathered.searches],
        "what_if": what_if(stored),
    }
    return bounded(without_nan(trace), most_bytes)


def _problem(history: History, solution: Solution) -> dict[str, Any]:
    problem, correct = history.problem, None
    if problem.answer is not None:
        correct = solution.answer is not None and is_equivalent(solution.answer, problem.answer)
    return {"id": problem.id, "text": problem.text, "gold": problem.answer, "correct": correct}


def _router(history: History) -> dict[str, Any]:
    router, asked = history.router, history.spending
    return {
        "kind": kind_of(router) or "fixed",
        "unit": router.unit,
        "price": history.course.price,
        "efforts": dict(router.prices),
        "effort": asked.effort if router.prices and asked.price is None else None,
        "asked_price": asked.price,
        "caps": {
            "max_tokens": asked.max_tokens,
            "max_flops": asked.max_flops,
            "max_dollars": asked.max_dollars,
            "deadline_s": asked.deadline,
        },
        "policies": list(router.portfolio.policies),
        "prms": list(router.portfolio.prms),
        "unfamiliar": history.course.unfamiliar,
    }


def _answered(solution: Solution) -> dict[str, Any]:
    return {
        "answer": solution.answer,
        "best_guess": solution.best_guess,
        "text": solution.text,
        "confidence": solution.confidence,
        "confidence_kind": solution.confidence_kind,
        "finished": solution.finished,
        "plan": solution.plan.as_dict(),
        "errors": [_ADDRESS.sub("(address)", error) for error in solution.errors],
        "n_cut": solution.n_cut,
    }


def last_decision(history: History) -> dict[str, Any]:
    """The last decision of a session that goes on, with the evidence before it and after it."""
    stored = Stored(history)
    *_, last = stored.taken()
    now = evidence_of(stored.at(last.after), history.router, last.price, history.gathered.answers)
    found: dict[str, Any] = without_nan({**decision_of(stored, last), "now": now})
    return found


def decision_of(stored: Stored, taken: Taken) -> dict[str, Any]:
    """The record of a decision."""
    history, decision, step = stored.history, taken.decision, taken.step
    return {
        "chosen": decision.option.name if decision.option else None,
        "n": decision.n,
        "is_probe": decision.is_probe,
        "why": decision.why,
        "price": taken.price,
        "evidence": evidence_of(
            stored.at(taken.before), history.router, taken.price, history.gathered.answers
        ),
        **options_of(decision, taken.price),
        "p_after": step.p_after if step else None,
        "cost": step.cost.as_dict() if step else None,
        "samples": drawn(taken.before, taken.after),
        "search": next(iter(taken.after.found - taken.before.found), None),
    }


def _pool(history: History, name: str) -> dict[str, Any]:
    samples = history.gathered.of(name)
    found = []
    for place, candidate in enumerate(samples.candidates):
        answer = extract_answer(candidate.text) if candidate.is_complete and candidate.steps else None
        scores = {prm: list(own) for prm, own in samples.scores_at(place).items() if own}
        found.append(
            {
                "steps": list(candidate.steps),
                "answer": answer,
                "group": history.evidence.of(name)[place].group if answer is not None else None,
                "finish": candidate.finish,
                "tokens": candidate.n_tokens,
                "logprob": candidate.logprob,
                "certainty": candidate.certainty,
                "scores": scores,
            }
        )
    return {"name": name, "samples": found}


def _search(history: History, name: str, solution: Solution) -> dict[str, Any]:
    gathered = history.gathered
    arm = next((d.arm for d in history.course.taken if d.arm is not None and d.arm.name == name), None)
    how = arm.settings.aggregation if arm else "last"
    return {
        "arm": name,
        "nodes": tree_of(gathered.rounds.get(name, ()), gathered.searches[name], how, solution),
    }
