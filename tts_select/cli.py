"""The command line: parses, calls the API, prints. Heavy imports wait until a command needs them."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import IO, Any, NoReturn

import click
from rich.console import Console

from tts_select import __version__
from tts_select.core.errors import InputError, NoAnswer, TtsSelectError
from tts_select.core.plan import AGGREGATIONS, SELECTIONS
from tts_select.problem_text import read_problem_text
from tts_select.router_cli import evaluate, plan, train
from tts_select.sweep_cli import portfolio, sweep
from tts_select.world_cli import world

INTERRUPTED = 130

_EXIT_CODES = """\b
Exit codes:
  0  answered
  2  bad usage or input
  3  no answer
  4  a backend failed
  130  interrupted"""


class _Commands(click.Group):
    """Turns our errors into one line and their exit code; a traceback is a bug."""

    def main(self, *args: Any, **kwargs: Any) -> Any:
        try:
            super().main(*args, **{**kwargs, "standalone_mode": False})
            sys.stdout.flush()  # a full disk is our error, not the interpreter's at exit
        except click.ClickException as error:
            error.show()
            sys.exit(error.exit_code)
        except (click.Abort, KeyboardInterrupt):
            _fail("interrupted", INTERRUPTED)
        except TtsSelectError as error:
            _fail(str(error), error.exit_code)
        except BrokenPipeError:
            sys.exit(0)
        except OSError as error:
            _fail(f"{error.strerror or error}: {error.filename or 'output'}", InputError.exit_code)


def _fail(message: str, exit_code: int) -> NoReturn:
    click.echo(f"tts-select: {message}", err=True)
    sys.exit(exit_code)


@click.group(cls=_Commands, epilog=_EXIT_CODES, context_settings={"max_content_width": 100})
@click.version_option(__version__, prog_name="tts-select")
def main() -> None:
    """Test-time scaling that picks its method and budget for each problem."""


main.add_command(portfolio)
main.add_command(sweep)
main.add_command(world)
main.add_command(train)
main.add_command(evaluate)
main.add_command(plan)


@main.command(
    epilog="""\b
Examples:
  tts-select solve examples/problem.txt
  echo "Start with 14. Multiply by 3. What is the result?" | tts-select solve -
  tts-select solve problem.txt --method best_of_n --budget 64 --show-candidates
  tts-select solve problem.txt --policy world:large --max-tokens 2000 --json
  tts-select solve --problems problems.jsonl --out results.jsonl --resume"""
)
@click.argument("file", required=False)
@click.option(
    "--policy", default=None, help="As in world:small, hf:ORG/NAME, or a folder.", show_default="world:small"
)
@click.option(
    "--prm",
    default=None,
    help="As --policy; none for no PRM.",
    show_default="world:prm for embedded policies",
)
@click.option("--prm-format", default=None, help="How a PRM that is not embedded reads a solution.")
@click.option(
    "--method",
    default=None,
    help="One of cot, majority, adaptive, best_of_n, beam, dvts.",
    show_default="by rule",
)
@click.option("--budget", type=int, default=None, help="N, the candidates in flight.", show_default="16")
@click.option("--aggregation", default=None, help=f"One of {', '.join(AGGREGATIONS)}.", show_default="last")
@click.option("--selection", default=None, help=f"One of {', '.join(SELECTIONS)}.", show_default="vote")
@click.option("--temperature", type=float, default=None, help="0 is greedy.", show_default="0.7")
@click.option("--seed", type=int, default=0, show_default=True)
@click.option("--max-tokens", type=int, default=None, help="Generate no more tokens than this, a problem.")
@click.option("--deadline", type=float, default=None, help="Seconds, a problem; loading not counted.")
@click.option("--json", "as_json", is_flag=True, help="Print the whole solution as JSON.")
@click.option("--show-candidates", is_flag=True, help="Print every candidate with its step scores.")
@click.option("--problems", type=Path, default=None, help="Many problems: a JSONL file.")
@click.option(
    "--out", type=Path, default=None, help="With --problems: where each result goes, one JSON line each."
)
@click.option(
    "--concurrency", type=click.IntRange(1, 4096), default=64, show_default=True, help="Problems in flight."
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
    **options: Any,
) -> None:
    """Solve the problem in FILE (- for standard input), or many with --problems."""
    if (file is None) == (problems is None):
        raise click.UsageError("name one problem file (or - for standard input), or --problems FILE")
    chosen = {name: value for name, value in options.items() if value is not None}
    if chosen.get("prm") == "none":
        chosen["prm"] = None
    if problems is not None:
        if out is None:
            raise click.UsageError("--problems needs --out FILE for its results")
        _solve_many(problems, out, chosen, concurrency=concurrency, resume=resume, as_json=as_json)
    else:
        _solve_one(str(file), chosen, as_json=as_json, show_candidates=show_candidates)


def _solve_one(file: str, options: dict[str, Any], *, as_json: bool, show_candidates: bool) -> None:
    from tts_select import solve as solve_problem
    from tts_select.display import solution_view

    text = read_problem_text(file)
    with _status("searching"):
        solution = solve_problem(text, **options)
    if as_json:
        click.echo(json.dumps(solution.as_dict()))
    else:
        Console().print(solution_view(solution, candidates=show_candidates))
    if solution.answer is None:
        raise NoAnswer("no candidate ended in an answer: raise the budget or the limits")


def _solve_many(
    source: Path,
    out: Path,
    options: dict[str, Any],
    *,
    concurrency: int,
    resume: bool,
    as_json: bool,
) -> None:
    from tts_select.batch import keep_finished, read_problems, solve_many
    from tts_select.display import summary_view
    from tts_select.progress import batch_progress
    from tts_select.solving import options_from

    problems, complaints = read_problems(source)
    if out.exists() and out.stat().st_size and not resume:
        raise InputError(f"'{out}' holds results already: go on with --resume, or name another file")
    done = keep_finished(out) if resume else set()
    todo = [p for p in problems if p.id not in done]
    for complaint in complaints:
        click.echo(f"tts-select: {complaint}", err=True)
    try:
        with _results(out) as sink, batch_progress(len(todo)) as advance:
            batch = solve_many(todo, options_from(options), sink, concurrency=concurrency, progress=advance)
            summary = asyncio.run(batch)
    except KeyboardInterrupt:
        _fail(f"interrupted; what is solved is in '{out}': go on with --resume", INTERRUPTED)
    if as_json:
        click.echo(json.dumps(summary.as_dict()))
    else:
        Console().print(summary_view(summary))
    if summary.errors:
        failed = f"{len(summary.errors):,} problems failed, the first with: {summary.errors[0]}"
        _fail(failed, max(e.exit_code for e in summary.errors))
    if complaints:
        _fail(f"{len(complaints):,} lines of '{source}' were left out", InputError.exit_code)


def _results(out: Path) -> IO[str]:
    try:
        return out.open("a", encoding="utf-8")
    except OSError as error:
        raise InputError(f"cannot write '{out}': {error.strerror}") from error


def _status(what: str) -> Any:
    return Console(stderr=True).status(what)


@main.command(
    epilog="""\b
Examples:
  tts-select models
  tts-select models --json"""
)
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
def models(as_json: bool) -> None:
    """List the models that are here, with their sizes and fingerprints."""
    from tts_select.data.world.artifacts import describe
    from tts_select.display import models_view

    found = describe()
    if as_json:
        click.echo(json.dumps(found))
    else:
        Console().print(models_view(found))
