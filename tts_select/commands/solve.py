"""`tts-select solve`: one problem, or many with --problems."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tts_select.commands._batch import Batch, purse_of, solve_batch, tracer
from tts_select.commands._options import (
    Number,
    check_models,
    config_option,
    fields_of,
    one_price,
    writable_folder,
)
from tts_select.commands._problem_text import read_problem_text
from tts_select.commands._ray_options import (
    OF_ENGINES,
    engine_options,
    lease_option,
    refuse_options_of_ray,
    worker_gpus_option,
)
from tts_select.commands._solve_options import batch_options, naming_options, spending_options
from tts_select.commands._terminal import show, show_json
from tts_select.core.errors import InputError, NoAnswer
from tts_select.core.methods import METHODS

if TYPE_CHECKING:
    from tts_select.selector.deciding import Unit

_FOR_MANY = {
    "out": "",
    "resume": "",
    "with_candidates": ": for one problem it is --show-candidates",
    "total_flops": ": for one problem it is --max-flops",
    "total_tokens": ": for one problem it is --max-tokens",
    "total_dollars": ": for one problem it is --max-dollars",
    "problem_field": "",
    "answer_field": "",
    "id_field": "",
}
"""Options that need --problems, and what to use instead for one problem."""
_FOR_ONE = {
    "show_candidates": ": the results hold them with --with-candidates",
    "min_confidence": ": the results hold every confidence",
}
"""Options that go with FILE alone, and what to use instead for many."""


@click.command(
    epilog="""\b
Examples:
  tts-select solve examples/problem.txt
  echo "Start with 14. Multiply by 3. What is the result?" | tts-select solve -
  tts-select solve problem.txt --method best_of_n --budget 64 --show-candidates
  tts-select solve problem.txt --policy world:large --max-tokens 2000 --json
  tts-select solve problem.txt --policy openai:MODEL --base-url http://localhost:8000/v1
  tts-select solve --problems problems.jsonl --out results.jsonl --resume
  tts-select solve --problems problems.jsonl --out results.jsonl --engine ray --address auto

\b
Exit codes:
  0  answered
  2  bad usage or input
  3  no answer, or none that is sure enough
  4  a backend failed"""
)
@click.argument("file", required=False)
@config_option
@naming_options
@spending_options
@click.option(
    "--min-confidence", type=Number(0, 1), default=None, help="Withhold an answer that is less sure."
)
@click.option(
    "--json", "as_json", is_flag=True, help="Print the solution as JSON; with --problems, the summary."
)
@click.option("--show-candidates", is_flag=True, help="Print every candidate with its step scores.")
@click.option(
    "--trace",
    type=Path,
    default=None,
    callback=writable_folder,
    help="A folder for a trace of each problem, which `tts-select view` shows.",
)
@batch_options
@engine_options
@lease_option
@worker_gpus_option
def solve(
    file: str | None,
    *,
    as_json: bool,
    problems: Path | None,
    concurrency: int,
    trace: Path | None,
    **options: Any,
) -> None:
    """Solve the problem in FILE (- for standard input), or many with --problems."""
    if (file is None) == (problems is None):
        raise click.UsageError("specify one problem file (or - for standard input), or --problems FILE")
    for_many = {name: options.pop(name) for name in _FOR_MANY}
    on_ray = _on_ray({name: options.pop(name) for name in OF_ENGINES}, is_batch=problems is not None)
    for_one = {name: options.pop(name) for name in _FOR_ONE}
    if problems is None:
        _refuse(for_many, "is for --problems", _FOR_MANY)
        _solve_one(str(file), _chosen(options), trace=trace, as_json=as_json, **for_one)
    else:
        _refuse(for_one, "is for one problem", _FOR_ONE)
        batch = _batch(as_json=as_json, concurrency=concurrency, trace=trace, on_ray=on_ray, **for_many)
        solve_batch(problems, _chosen(options), batch)


def _on_ray(given: dict[str, Any], *, is_batch: bool) -> dict[str, Any] | None:
    """The options of Ray, if it is the engine."""
    if given["engine"] != "ray":
        refuse_options_of_ray(given)
        return None
    if not is_batch:
        raise click.UsageError("--engine ray is for --problems")
    return given


def _refuse(given: dict[str, Any], why: str, instead: dict[str, str]) -> None:
    for name, value in given.items():
        if value is not None and value is not False:
            raise click.UsageError(f"--{name.replace('_', '-')} {why}{instead[name]}")


def _chosen(options: dict[str, Any]) -> dict[str, Any]:
    """The options of `tts_select.solve`, checked as far as they can be without loading a model."""
    one_price(options["effort"], options["price"])
    chosen = {name: value for name, value in options.items() if value is not None and value is not False}
    if chosen.get("prm") == "none":
        chosen["prm"] = None
    method = chosen.get("method")
    needs_prm = method in METHODS and METHODS[method].needs_prm
    if needs_prm and chosen.get("prm", "") is None:
        raise InputError(
            f"the method {method} needs a PRM: specify one with --prm, or use the method majority"
        )
    check_models(chosen)
    _check_ranges(chosen)
    return chosen


def _check_ranges(chosen: dict[str, Any]) -> None:
    from tts_select.selector.outlook import Spending
    from tts_select.solving.options import NAMING, SPENDING, NamedChoice

    NamedChoice(**{name: chosen[name] for name in NAMING if name in chosen}).check()
    Spending(**{name: chosen[name] for name in SPENDING if name in chosen}).check()


def _batch(*, out: Path | None, **more: Any) -> Batch:
    if out is None:
        raise click.UsageError("--problems needs --out FILE for its results")
    fields = fields_of(**{name: more.pop(name) for name in ("problem_field", "answer_field", "id_field")})
    units: tuple[Unit, ...] = ("flops", "tokens", "dollars")
    totals = {unit: more.pop(f"total_{unit}") for unit in units}
    return Batch(out=out, purse=purse_of(totals), fields=fields, **more)


def _solve_one(
    file: str,
    options: dict[str, Any],
    *,
    trace: Path | None,
    as_json: bool,
    show_candidates: bool,
    min_confidence: float | None,
) -> None:
    from tts_select.commands._progress import status
    from tts_select.commands._views import solution_view
    from tts_select.solving.api import solver_for
    from tts_select.solving.selector import as_problem, run_sync

    problem = as_problem(read_problem_text(file))
    least = min_confidence or 0.0
    with status("searching"):
        solver = solver_for(options, done=tracer(trace))
        solution = run_sync(solver(problem)).withheld_below(least)
    if as_json:
        show_json(solution.as_dict())
    else:
        show(solution_view(solution, candidates=show_candidates))
    if solution.best_guess is not None:
        raise NoAnswer(
            f"no confident answer: {solution.confidence or 0.0:.2f} is below {least:.2f}; "
            "lower --min-confidence, or spend more (--effort high)"
        )
    if solution.answer is None:
        raise NoAnswer("no candidate ended in an answer: raise the budget or the limits")
