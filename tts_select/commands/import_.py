"""`tts-select import`: sample logs that others wrote, made a sweep log."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich.console import Console
from rich.table import Table

from tts_select.commands._options import field_options, fields_of
from tts_select.core.errors import InputError
from tts_select.core.strict_json import to_json

if TYPE_CHECKING:
    from tts_select.data.problems import Fields
    from tts_select.training.importing.problems import Reference
    from tts_select.training.importing.report import Report

_FORMATS = ("jsonl", "csv", "parquet", "lm-eval", "inspect", "search-and-learn")
_SHOWN_NOTES = 10


@click.command(
    "import",
    epilog="""\b
Examples:
  tts-select import samples.jsonl --format jsonl --out log/
  tts-select import a.csv b.csv --format csv --out log/ \\
      --map id=question_id,tokens=output_tokens,gold=reference --params Qwen3-4B=4e9,Qwen3-8B=8e9
  tts-select import samples.jsonl --format jsonl --out log/ \\
      --map checkpoints=answers_every_500_tokens --checkpoint-every 500 --no-answer ERR
  tts-select import out/*/samples_gsm8k_*.jsonl --format lm-eval --out log/
  tts-select import logs/*.eval --format inspect --out log/
  tts-select import best_of_n_completions.jsonl --format search-and-learn --out log/ --model Llama-3.2-1B

\b
Keys of --map (docs/import.md): id, model, prompt, run, sample, answer, gold, correct, tokens, chars,
  problem, text, text_hash, level, family, finish, logprob, prompt_tokens, scores, checkpoints.
  KEY= leaves a field out that would be found by its name.""",
)
@click.argument("files", type=Path, nargs=-1, required=True, metavar="FILE...")
@click.option("--format", "format_", type=click.Choice(_FORMATS), required=True)
@click.option("--map", "fields", default="", metavar="KEY=FIELD,...", help="Which field is which.")
@click.option("--params", default="", metavar="MODEL=N,...", help="Sizes, as in Qwen3-4B=4e9; for FLOPs.")
@click.option("--out", type=Path, required=True, help="The folder of the log; new or empty.")
@click.option("--model", default=None, help="Of rows that do not name theirs.")
@click.option(
    "--prm", default="prm", show_default=True, help="The name of the PRM that gave the step scores."
)
@click.option(
    "--no-answer", multiple=True, metavar="TEXT", help="Stands for no answer, as ERR; may be repeated."
)
@click.option("--checkpoint-every", type=click.IntRange(1), default=None, help="Tokens between checkpoints.")
@click.option("--problems", default=None, help="A file or data set with the problems' texts and answers.")
@click.option(
    "--problem-ids",
    type=click.Choice(["id", "row"]),
    default="id",
    show_default=True,
    help="What the log's ids are in --problems; row: the last number in an id, from 0.",
)
@field_options
@click.option("--strict", is_flag=True, help="Stop at the first bad row; else up to 5 % are skipped.")
@click.option("--json", "as_json", is_flag=True, help="Print the summary as JSON.")
def import_(
    files: tuple[Path, ...],
    *,
    format_: str,
    fields: str,
    params: str,
    out: Path,
    model: str | None,
    prm: str,
    no_answer: tuple[str, ...],
    checkpoint_every: int | None,
    problems: str | None,
    problem_ids: Any,
    strict: bool,
    as_json: bool,
    **named: str | None,
) -> None:
    """Turn logs of samples into a sweep log, which train and evaluate read."""
    from tts_select.commands._progress import counter
    from tts_select.training.importing.field_map import FieldMap
    from tts_select.training.importing.generic import Reading
    from tts_select.training.importing.run import Import, import_logs

    reading = Reading(format_, FieldMap.parse(fields), model, prm, frozenset(no_answer))
    reference = _reference(problems, problem_ids, fields_of(**named))
    asked = Import(files, reading, _sizes(params), checkpoint_every, reference, strict=strict)
    with counter("importing") as advance:
        report = import_logs(asked, out, progress=advance)
    for note in report.tally.notes[:_SHOWN_NOTES]:
        click.echo(f"tts-select: skipped {note}", err=True)
    if as_json:
        click.echo(to_json(report.as_dict()))
    else:
        Console().print(_summary(report))


def _sizes(params: str) -> dict[str, float]:
    found: dict[str, float] = {}
    for pair in filter(None, (part.strip() for part in params.split(","))):
        model, _, size = pair.rpartition("=")
        try:
            found[model] = float(size)
        except ValueError:
            found[model] = -1.0
        if not model or not 0 < found[model] < float("inf"):
            raise InputError(f"'{pair}' in --params is not MODEL=PARAMETERS, as in Qwen3-4B=4e9")
    return found


def _reference(problems: str | None, problem_ids: Any, fields: Fields) -> Reference | None:
    from tts_select.data.problems import Fields
    from tts_select.training.importing.problems import Reference

    if problems is not None:
        return Reference.load(problems, fields, problem_ids)
    if fields != Fields() or problem_ids != "id":
        raise click.UsageError(
            "--problem-ids, --problem-field, --answer-field and --id-field are for --problems"
        )
    return None


def _summary(report: Report) -> Table:
    found = report.as_dict()
    rows = f"{found['n_rows']:,} rows, {found['n_duplicates']:,} duplicates, {found['n_bad']:,} bad"
    table = Table(title=f"{found['problems']:,} problems from {rows}", title_justify="left", box=None)
    table.add_column("policy", overflow="fold")
    for column in ("parameters", "problems", "samples", "each", "pass@1", f"{found['unit']} each"):
        table.add_column(column, justify="right")
    for line in found["policies"]:
        n = line["samples_per_problem"]
        each = str(n["most"]) if n["fewest"] == n["most"] else f"{n['fewest']}-{n['most']}"
        size = "not known" if line["n_parameters"] is None else f"{line['n_parameters']:.3g}"
        counts = (f"{line['problems']:,}", f"{line['samples']:,}", each)
        table.add_row(
            line["policy"], size, *counts, f"{line['pass_at_1']:.3f}", f"{line['mean_length']:,.0f}"
        )
    return table
