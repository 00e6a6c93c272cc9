"""Traces and the results of a batch, as pages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tts_select.core.errors import InputError
from tts_select.solving.batch import read_results
from tts_select.tracing.folder import SUFFIX
from tts_select.tracing.listing import NOTHING, Flag, Line, columns, coverage, filters_of, line_of, problems
from tts_select.tracing.reading import read_document
from tts_select.tracing.recording import SCHEMA
from tts_select.tracing.view import Page

HALF = 0.5
CLEARLY = 0.01
"""How much likelier an option was to be right, at least, for a stop to be called early."""
_NEEDED = ("problem", "decisions", "answer", "confidence", "bill", "pools", "searches")


def trace_page(path: Path) -> Page:
    """The page of one trace.

    Raises:
        InputError: it is none.
    """
    record = read_trace(path)
    return Page(_one(record, path.name), [record])


def traces_page(folder: Path) -> Page:
    """The page of all traces in a folder.

    Raises:
        InputError: there is none, or one cannot be read.
    """
    records = [read_trace(path) for path in sorted(folder.glob(f"*{SUFFIX}"))]
    if not records:
        raise InputError(f"no trace in '{folder}': `tts-select solve --trace {folder}` writes them")
    if len(records) == 1:
        return Page(_one(records[0], folder.name), records)
    lines = [line_of(record, _spent(record) | _early(record)) for record in records]
    return _many(records, lines, folder.name, "traces", filters_of(*Flag))


def results_page(path: Path) -> Page:
    """The page of the results of a batch.

    Raises:
        InputError: it is no results file.
    """
    records = [_as_trace(result) for result in read_results(path)]
    if not records:
        raise InputError(f"'{path}' holds no result")
    lines = [line_of(record) for record in records]
    return _many(records, lines, path.name, "problems", filters_of(Flag.WRONG, Flag.CUT, Flag.NO_ANSWER))


def read_trace(path: Path) -> dict[str, Any]:
    """Read a trace.

    Raises:
        InputError: it is none, or of another schema.
    """
    found = read_document(path, "trace", SCHEMA, "write it anew with solve --trace")
    missing = [name for name in _NEEDED if name not in found]
    if missing:
        raise InputError(f"'{path}' is a trace without '{missing[0]}': write it anew with solve --trace")
    return found


def _one(record: Mapping[str, Any], name: str) -> dict[str, Any]:
    return {"kind": "one", "title": name, "subtitle": f"problem {record['problem']['id']}"}


def _many(
    records: Sequence[Mapping[str, Any]],
    lines: Sequence[Line],
    name: str,
    what: str,
    filters: Mapping[str, int],
) -> Page:
    asked = [(r["problem"]["id"], r["problem"]["text"], r["problem"]["gold"]) for r in records]
    graded = [line.correct for line in lines if line.correct is not None]
    right = f", {sum(graded):,} of {len(graded):,} graded ones right" if graded else ""
    data = {
        "kind": "many",
        "title": name,
        "subtitle": f"{len(records):,} {what}{right}",
        "unit": "tokens",
        "items": problems(asked),
        "views": [columns(lines)],
        "own": 0,
        "filters": dict(filters),
        "frontier": coverage(lines),
    }
    return Page(data, records)


def _spent(record: Mapping[str, Any]) -> Flag:
    """Whether a replay at another price came to the same answer for half of the tokens."""
    grid, spent = record.get("what_if"), (record["bill"] or {}).get("policy_generated_tokens")
    if not grid or not spent:
        return NOTHING
    states = [grid["states"][row[-1]] for row in grid["grid"]]
    is_cheaper = any(
        s["answer"] == record["answer"] and not s["wants"] and s["tokens"] <= HALF * spent for s in states
    )
    return Flag.OVERSPENT if is_cheaper else NOTHING


def _early(record: Mapping[str, Any]) -> Flag:
    """Whether it stopped with a wrong answer, though an option was thought likelier to be right."""
    last = record["decisions"][-1] if record["decisions"] else None
    if record["problem"]["correct"] is not False or last is None or last["chosen"] != "stop":
        return NOTHING
    known = {o["is_chosen"]: o["p_correct"] for o in last["options"] if o["p_correct"] is not None}
    others = [o["p_correct"] for o in last["options"] if not o["is_chosen"] and o["p_correct"] is not None]
    return Flag.EARLY if True in known and any(p > known[True] + CLEARLY for p in others) else NOTHING


def _as_trace(result: Mapping[str, Any]) -> dict[str, Any]:
    """A line of results in the form of a trace; what it does not hold is left out."""
    problem = {"id": str(result["id"]), "text": result.get("problem", ""), "gold": result.get("gold")}
    plan = result.get("plan")
    samples = [
        {**{k: c[k] for k in ("steps", "answer", "finish", "tokens")}, "scores": _scores(c, plan)}
        for c in result.get("candidates", ())
    ]
    kept = ("answer", "confidence", "confidence_kind", "finished", "plan", "text", "errors", "error")
    return {
        "problem": {**problem, "correct": result.get("correct")},
        **{name: result.get(name) for name in kept},
        "bill": result.get("cost"),
        "n_cut": sum(s["finish"] == "length" for s in samples),
        "pools": [{"name": (plan or {}).get("policy") or "", "samples": samples}] if samples else [],
    }


def _scores(candidate: Mapping[str, Any], plan: Mapping[str, Any] | None) -> dict[str, Any]:
    scores = candidate.get("step_scores")
    return {} if scores is None else {(plan or {}).get("prm") or "the PRM": scores}
