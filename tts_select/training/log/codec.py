"""The records of a sweep log: to JSON and back. What comes back has been checked, field by field.

That names (of problems, models, arms) are known, and that no record is there twice, is the log's to check.
"""

from __future__ import annotations

import math
import reprlib
from collections.abc import Callable
from dataclasses import asdict, fields
from types import NoneType
from typing import Any, get_args

from tts_select.core.candidate import Finish
from tts_select.core.cost import Cost
from tts_select.training.log.fields import NUMBER, count, finite, share, take
from tts_select.training.log.records import LoggedProblem, Pool, Run, Sample, Scores

Record = LoggedProblem | Pool | Scores | Run

_KINDS: dict[type, str] = {LoggedProblem: "problem", Pool: "pool", Scores: "scores", Run: "run"}
_PROBLEM: dict[str, tuple[type, ...]] = {
    "id": (str,),
    "problem": (str,),
    "answer": (str,),
    "level": (int, NoneType),
    "family": (str, NoneType),
}
_POOL: dict[str, tuple[type, ...]] = {
    "problem": (str,),
    "policy": (str,),
    "temperature": NUMBER,
    "prompt_tokens": (int,),
    "samples": (list,),
    "prm_tokens": (dict,),
}
_SCORES: dict[str, tuple[type, ...]] = {
    "problem": (str,),
    "policy": (str,),
    "temperature": NUMBER,
    "prm": (str,),
    "scores": (list,),
    "prm_tokens": (dict,),
}
_SAMPLE: dict[str, tuple[type, ...]] = {
    "answer": (str, NoneType),
    "correct": (bool,),
    "n_tokens": (int,),
    "logprob": NUMBER,
    "finish": (str,),
    "text": (str,),
    "scores": (dict,),
    "certainty": (*NUMBER, NoneType),
}
_IMPORTED_PROBLEM = _PROBLEM | {"answer": (str, NoneType)}
_IMPORTED_POOL = _POOL | {"prompt_tokens": (int, NoneType)}
_IMPORTED_SAMPLE = _SAMPLE | {
    "logprob": (*NUMBER, NoneType),
    "finish": (str, NoneType),
    "text": (str, NoneType),
}
_CERTAINTY = "certainty"
"""The field that only the samples have whose policy was asked for it."""
_FIRST = "first"
"""The field that only the chunks of a pool have, but the first."""
_GONE = ("checkpoints",)
"""Fields of an imported sample that earlier versions wrote."""
_RUN: dict[str, tuple[type, ...]] = {
    "problem": (str,),
    "arm": (str,),
    "seed": (int,),
    "answer": (str, NoneType),
    "correct": (bool,),
    "confidence": (*NUMBER, NoneType),
    "n_tokens": (int,),
    "logprob": NUMBER,
    "scores": (list,),
    "cost": (dict,),
}
COST_FIELDS: dict[str, tuple[type, ...]] = {
    f.name: NUMBER if f.name in ("flops", "seconds") else (int,) for f in fields(Cost) if f.name != "dollars"
}


def encode(record: Record) -> dict[str, Any]:
    """Return the record as it is in a shard; it has no dollars, which the prices in the manifest tell."""
    found = {"kind": _KINDS[type(record)], **asdict(record)}
    if isinstance(record, Run):
        found["cost"] = {name: found["cost"][name] for name in COST_FIELDS}
    if not found.get("first", True):
        del found["first"]
    for sample in found.get("samples", ()):
        if sample[_CERTAINTY] is None:
            del sample[_CERTAINTY]
    return found


def decode(data: Any, *, imported: bool = False) -> Record:
    """The inverse of `encode`; of an imported log some fields may be null.

    Raises:
        ValueError: it is no such record; the message says which field is wrong.
    """
    kind = data.get("kind") if isinstance(data, dict) else None
    if kind not in _DECODERS:
        raise ValueError(f"its kind is {reprlib.repr(kind)}, not problem, pool, scores or run")
    fields_ = {name: value for name, value in data.items() if name != "kind"}
    return _DECODERS[kind](fields_, imported)


def _problem(data: Any, imported: bool) -> LoggedProblem:
    types = _IMPORTED_PROBLEM if imported else _PROBLEM
    return LoggedProblem(*take(data, "the problem", types, optional=("level", "family")))


def _pool(data: Any, imported: bool) -> Pool:
    types = _IMPORTED_POOL if imported else _POOL
    problem, policy, temperature, prompt_tokens, samples, prm_tokens = take(
        data, "the pool", types, ignored=(_FIRST,)
    )
    read = _imported_sample if imported else _sample
    return Pool(
        problem,
        policy,
        _temperature(temperature, "the pool"),
        None if prompt_tokens is None else count(prompt_tokens, "prompt_tokens"),
        tuple(read(sample, f"sample {k}") for k, sample in enumerate(samples)),
        {prm: _tokens(prm, tokens) for prm, tokens in prm_tokens.items()},
        count(data.get(_FIRST, 0), _FIRST),
    )


def _scores_of_chunk(data: Any, _imported: bool) -> Scores:
    problem, policy, temperature, prm, scores, prm_tokens = take(
        data, "the record of scores", _SCORES, ignored=(_FIRST,)
    )
    first = count(data.get(_FIRST, 0), _FIRST)
    return Scores(
        problem,
        policy,
        _temperature(temperature, "the record of scores"),
        prm,
        tuple(
            None if of is None else _scores(of, f"sample {k}, {prm}") for k, of in enumerate(scores, first)
        ),
        _tokens(prm, prm_tokens),
        first,
    )


def _temperature(value: float, what: str) -> float:
    if not (math.isfinite(value) and value >= 0):
        raise ValueError(f"{what} has temperature = {value}")
    return float(value)


def _sample(data: Any, what: str) -> Sample:
    answer, correct, n_tokens, logprob, finish, text, scores, certainty = take(
        data, what, _SAMPLE, optional=(_CERTAINTY,)
    )
    if finish not in get_args(Finish):
        raise ValueError(f"{what} has finish = {reprlib.repr(finish)}")
    if correct and answer is None:
        raise ValueError(f"{what} is correct without an answer")
    if finish != "stop" and (answer is not None or scores):
        raise ValueError(f"{what} is truncated, so it has no answer and no scores")
    return Sample(
        answer,
        correct,
        count(n_tokens, "n_tokens"),
        finite(logprob, what),
        finish,
        text,
        _scores_by_prm(scores, what),
        _certainty(certainty, what),
    )


def _imported_sample(data: Any, what: str) -> Sample:
    """Decode a sample of an imported log, which has its own idea of what is complete and what is correct."""
    answer, correct, n_tokens, logprob, finish, text, scores, certainty = take(
        data, what, _IMPORTED_SAMPLE, optional=("logprob", "finish", "text", _CERTAINTY), ignored=_GONE
    )
    if finish is not None and finish not in get_args(Finish):
        raise ValueError(f"{what} has finish = {reprlib.repr(finish)}")
    return Sample(
        answer,
        correct,
        count(n_tokens, "n_tokens"),
        None if logprob is None else finite(logprob, what),
        finish,
        text,
        _scores_by_prm(scores, what),
        _certainty(certainty, what),
    )


def _certainty(value: float | None, what: str) -> float | None:
    return None if value is None else finite(value, what, _CERTAINTY)


def _scores_by_prm(scores: dict[str, Any], what: str) -> dict[str, tuple[float, ...]]:
    return {prm: _scores(values, f"{what}, {prm}") for prm, values in scores.items()}


def _scores(values: Any, what: str) -> tuple[float, ...]:
    if not isinstance(values, list) or not values:
        raise ValueError(f"{what}: no list of step scores")
    return tuple(share(value, f"{what}: the score of step {k}") for k, value in enumerate(values, start=1))


def _tokens(prm: str, data: Any) -> dict[int, int]:
    if not isinstance(data, dict) or not all(str(k).isdecimal() for k in data):
        raise ValueError(f"the prm_tokens of {prm} are no object of {{samples: tokens}}")
    tokens = {int(k): count(n, f"prm_tokens of {prm}") for k, n in data.items()}
    in_order = [tokens[k] for k in sorted(tokens)]
    if in_order != sorted(in_order):
        raise ValueError(f"the prm_tokens of {prm} decrease: they are those of all samples so far")
    return tokens


def _run(data: Any, _imported: bool) -> Run:
    problem, arm, seed, answer, correct, confidence, n_tokens, logprob, scores, cost = take(
        data, "the run", _RUN
    )
    if correct and answer is None:
        raise ValueError("the run is correct without an answer")
    if confidence is not None:
        confidence = share(confidence, "the confidence")
    if not math.isfinite(logprob):
        raise ValueError(f"the run has logprob = {logprob}")
    if answer is None and (n_tokens or scores):
        raise ValueError("the run has tokens or scores of a solution, and no answer")
    read = _scores(scores, "the run") if scores else ()
    length = count(n_tokens, "n_tokens")
    return Run(problem, arm, seed, answer, correct, confidence, length, float(logprob), read, _cost(cost))


def _cost(data: Any) -> Cost:
    cost = Cost(*take(data, "the cost", COST_FIELDS))
    for name, value in asdict(cost).items():
        if not (math.isfinite(value) and value >= 0):
            raise ValueError(f"the cost has {name} = {value}")
    return cost


_DECODERS: dict[Any, Callable[[Any, bool], Record]] = {
    "problem": _problem,
    "pool": _pool,
    "scores": _scores_of_chunk,
    "run": _run,
}
