"""`tts-select solve`: one problem, or many with --problems."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import click
from rich.console import Console

from tts_select.commands._batch import Batch, purse_of, solve_batch
from tts_select.commands._options import config_option, field_options, fields_of, read_pairs
from tts_select.commands._problem_text import read_problem_text
from tts_select.core.errors import NoAnswer
from tts_select.core.plan import AGGREGATIONS, SELECTIONS
from tts_select.core.strict_json import to_json
from tts_select.executors.prms.formats import FORMATS


@click.command(
    epilog="""\b
Examples:
  tts-select solve examples/problem.txt
  echo "Start with 14. Multiply by 3. What is the result?" | tts-select solve -
  tts-select solve problem.txt --method best_of_n --budget 64 --show-candidates
  tts-select solve problem.txt --policy world:large --max-tokens 2000 --json
  tts-select solve --problems problems.jsonl --out results.jsonl --resume"""
)
@click.argument("file", required=False)
@config_option
@click.option("--pair", default=None, help="A policy and its PRM, by its name in the config.")
@click.option(
    "--policy",
    default=None,
    help="As in world:small, hf:ORG/NAME, vllm:ORG/NAME, openai:MODEL, a folder, or a name of the config.",
    show_default="routed",
)
@click.option(
    "--base-url", default=None, help="Of the server of openai:MODEL.", show_default="OPENAI_BASE_URL"
)
@click.option(
    "--policy-option",
    "policy_options",
    metavar="NAME=VALUE",
    multiple=True,
    callback=read_pairs,
    help="Of the policy's backend, as in dtype=bfloat16 or params=7e9; once for each.",
)
@click.option(
    "--prm",
    default=None,
    help="As in world:prm, hf:ORG/NAME, vllm:ORG/NAME, served:MODEL, a folder, or a name of the config; "
    "none for no PRM.",
    show_default="world:prm for embedded policies",
)
@click.option(
    "--prm-format",
    default=None,
    help=f"How the PRM reads a solution: {', '.join(FORMATS)} (docs/prms.md).",
    show_default="by the PRM's name",
)
@click.option(
    "--prm-option",
    "prm_options",
    metavar="NAME=VALUE",
    multiple=True,
    callback=read_pairs,
    help="Of the PRM's backend, as in dtype=bfloat16; once for each.",
)
@click.option(
    "--method",
    default=None,
    help="One of cot, majority, adaptive, best_of_n, beam, dvts.",
    show_default="routed",
)
@click.option(
    "--budget", type=int, default=None, help="N, the candidates in flight.", show_default="16 by rule"
)
@click.option("--aggregation", default=None, help=f"One of {', '.join(AGGREGATIONS)}.", show_default="last")
@click.option("--selection", default=None, help=f"One of {', '.join(SELECTIONS)}.", show_default="vote")
@click.option("--temperature", type=float, default=None, help="0 is greedy.", show_default="0.7")
@click.option(
    "--max-new-tokens",
    type=int,
    default=None,
    help="Of one candidate.",
    show_default="2048, or 8192 for a policy that thinks",
)
@click.option("--seed", type=int, default=0, show_default=True)
@click.option("--max-tokens", type=int, default=None, help="Generate no more tokens than this, a problem.")
@click.option("--deadline", type=float, default=None, help="Seconds, a problem; loading not counted.")
@click.option("--effort", default=None, help="Of the router: low, medium or high.", show_default="medium")
@click.option("--price", type=float, default=None, help="Instead of --effort, in probability per FLOP.")
@click.option("--max-flops", type=float, default=None, help="Compute no more than about this, a problem.")
@click.option("--router", default=None, help="A router's folder.", show_default="the shipped one")
@click.option("--untrained-rule", is_flag=True, help="Leave what is open to the paper's rule of thumb.")
@click.option(
    "--min-confidence", type=click.FloatRange(0, 1), default=None, help="Withhold a less sure answer."
)
@click.option("--json", "as_json", is_flag=True, help="Print the whole solution as JSON.")
@click.option("--show-candidates", is_flag=True, help="Print every candidate with its step scores.")
@click.option("--problems", type=Path, default=None, help="Many problems: a JSONL file.")
@field_options
@click.option(
    "--out", type=Path, default=None, help="With --problems: where each result goes, one JSON line each."
)
@click.option(
    "--concurrency", type=click.IntRange(1, 4096), default=64, show_default=True, help="Problems in flight."
)
@click.option("--total-flops", type=float, default=None, help="With --problems: one purse for all of them.")
@click.option(
    "--total-tokens", type=int, default=None, help="The same, in tokens that the policies generate."
)
@click.option("--resume", is_flag=True, help="Go on with what --out does not hold yet.")
def solve(
    file: str | None,
    *,
    as_json: bool,
    show_candidates: bool,
    problems: Path | None,
    out: Path | None,
    concurrency: int,
    resume: bool,
    total_flops: float | None,
    total_tokens: int | None,
    untrained_rule: bool,
    min_confidence: float | None,
    **options: Any,
) -> None:
    """Solve the problem in FILE (- for standard input), or many with --problems."""
    if (file is None) == (problems is None):
        raise click.UsageError("name one problem file (or - for standard input), or --problems FILE")
    named = {name: options.pop(name) for name in ("problem_field", "answer_field", "id_field")}
    if problems is None and any(named.values()):
        raise click.UsageError("--problem-field, --answer-field and --id-field are for --problems")
    chosen = {name: value for name, value in options.items() if value is not None}
    if chosen.get("prm") == "none":
        chosen["prm"] = None
    if untrained_rule:
        chosen["untrained_rule"] = True
    if problems is not None:
        if out is None:
            raise click.UsageError("--problems needs --out FILE for its results")
        if min_confidence is not None:
            raise click.UsageError("--min-confidence is for one problem: the results hold every confidence")
        purse = purse_of(total_flops, total_tokens)
        run = Batch(out, concurrency, resume, as_json, purse, fields_of(**named))
        solve_batch(problems, chosen, run)
    elif total_flops is not None:
        raise click.UsageError("--total-flops is for --problems: for one problem it is --max-flops")
    elif total_tokens is not None:
        raise click.UsageError("--total-tokens is for --problems: for one problem it is --max-tokens")
    else:
        view = _View(as_json=as_json, candidates=show_candidates)
        _solve_one(str(file), chosen, view, min_confidence=min_confidence or 0.0)


class _View(NamedTuple):
    as_json: bool
    candidates: bool


def _solve_one(file: str, options: dict[str, Any], view: _View, *, min_confidence: float) -> None:
    from tts_select import solve as solve_problem
    from tts_select.commands._views import solution_view

    text = read_problem_text(file)
    with _status("searching"):
        solution = solve_problem(text, **options).withheld_below(min_confidence)
    if view.as_json:
        click.echo(to_json(solution.as_dict()))
    else:
        Console().print(solution_view(solution, candidates=view.candidates))
    if solution.best_guess is not None:
        raise NoAnswer(
            f"no confident answer: {solution.confidence or 0.0:.2f} is below {min_confidence:.2f}; "
            "lower --min-confidence, or spend more (--effort high)"
        )
    if solution.answer is None:
        raise NoAnswer("no candidate ended in an answer: raise the budget or the limits")


def _status(what: str) -> Any:
    return Console(stderr=True).status(what)
