"""`tts-select import`: sample logs that others wrote, made a sweep log."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich.table import Table

from tts_select.commands._options import (
    Number,
    field_options,
    fields_of,
    read_prices,
    read_sizes,
    writable_folder,
)
from tts_select.commands._terminal import figure, show, show_json, warn

if TYPE_CHECKING:
    from tts_select.data.problems import Fields
    from tts_select.training.importing.problems import Reference
    from tts_select.training.importing.report import Report

_FORMATS = ("jsonl", "csv", "parquet", "lm-eval", "inspect", "search-and-learn")


@click.command(
    "import",
    epilog="""\b
Examples:
  tts-select import samples.jsonl --format jsonl --out log/
  tts-select import a.csv b.csv --format csv --out log/ \\
      --map id=question_id,tokens=output_tokens,gold=reference --params Qwen3-4B=4e9,Qwen3-8B=8e9
  tts-select import samples.jsonl.gz --format jsonl --out log/ --no-answer ERR
  tts-select import out/*/samples_gsm8k_*.jsonl --format lm-eval --out log/
  tts-select import out/*/samples_gsm8k_*.jsonl --format lm-eval --out log/ --filter flexible-extract
  tts-select import logs/*.eval --format inspect --out log/
  tts-select import best_of_n_completions.jsonl --format search-and-learn --out log/ --model Llama-3.2-1B

\b
Keys of --map (docs/import.md): id, model, prompt, run, sample, answer, gold, correct, tokens, chars,
  problem, text, text_hash, level, family, finish, logprob, certainty, prompt_tokens, scores.
  KEY= leaves a field out that would be found by its name.""",
)
@click.argument("files", type=Path, nargs=-1, required=True, metavar="FILE...")
@click.option("--format", "format_", type=click.Choice(_FORMATS), required=True, help="What wrote the logs.")
@click.option("--map", "fields", default="", metavar="KEY=FIELD,...", help="Which field is which.")
@click.option("--params", default="", metavar="MODEL=N,...", help="Sizes, as in Qwen3-4B=4e9; for FLOPs.")
@click.option(
    "--prices",
    default="",
    metavar="MODEL=IN/OUT,...",
    help="Dollars per million tokens that are read and written, as in Qwen3-4B=0.15/0.60.",
)
@click.option(
    "--out", type=Path, required=True, callback=writable_folder, help="The folder of the log; new or empty."
)
@click.option("--model", default=None, help="Of rows that do not name theirs.")
@click.option(
    "--prm", default="prm", show_default=True, help="The name of the PRM that gave the step scores."
)
@click.option(
    "--no-answer", multiple=True, metavar="TEXT", help="Stands for no answer, as ERR; may be repeated."
)
@click.option("--filter", "filter_", default=None, help="lm-eval: the filter that counts, else the first.")
@click.option("--metric", default=None, help="lm-eval, inspect: the metric or scorer that decides.")
@click.option("--problems", default=None, help="A file or data set with the problems' texts and answers.")
@click.option(
    "--problem-ids",
    type=click.Choice(["id", "row"]),
    default="id",
    show_default=True,
    help="What the log's ids are in --problems; row: the last number in an id, from 0.",
)
@field_options
@click.option("--strict", is_flag=True, help="Stop at the first bad sample; else up to 5 % are skipped.")
@click.option(
    "--max-bad",
    type=Number(0, 1),
    default=0.05,
    show_default=True,
    metavar="SHARE",
    help="The share of bad samples that may be skipped.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the summary as JSON.")
def import_(
    files: tuple[Path, ...],
    *,
    format_: str,
    fields: str,
    params: str,
    prices: str,
    out: Path,
    model: str | None,
    prm: str,
    no_answer: tuple[str, ...],
    filter_: str | None,
    metric: str | None,
    problems: str | None,
    problem_ids: Any,
    strict: bool,
    max_bad: float,
    as_json: bool,
    **named: str | None,
) -> None:
    """Turn logs of samples into a sweep log, which train and evaluate read."""
    from tts_select.commands._progress import counter
    from tts_select.training.importing.field_map import FieldMap
    from tts_select.training.importing.generic import ReadOptions
    from tts_select.training.importing.run import Import, import_logs

    _check_choices(format_, filter_, metric)
    reading = ReadOptions(format_, FieldMap.parse(fields), model, prm, frozenset(no_answer), filter_, metric)
    reference = _reference(problems, problem_ids, fields_of(**named))
    asked = Import(
        files,
        reading,
        read_sizes(params),
        reference,
        prices=read_prices(prices),
        strict=strict,
        max_bad_share=max_bad,
    )
    with counter("importing") as advance:
        report = import_logs(asked, out, progress=advance)
    _say_what_was_skipped(report)
    if as_json:
        show_json(report.as_dict())
    else:
        show(_summary(report))


def _check_choices(format_: str, filter_: str | None, metric: str | None) -> None:
    if filter_ is not None and format_ != "lm-eval":
        raise click.UsageError("--filter is for --format lm-eval")
    if metric is not None and format_ not in ("lm-eval", "inspect"):
        raise click.UsageError("--metric is for --format lm-eval and inspect: use --map correct=FIELD")


def _say_what_was_skipped(report: Report) -> None:
    for note in report.tally.notes:
        warn(f"skipped {note}")
    if n_more := report.tally.n_bad - report.tally.n_noted:
        warn(f"skipped {n_more:,} more")


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
            line["policy"],
            size,
            *counts,
            figure(line["pass_at_1"], ".3f"),
            figure(line["mean_length"], ",.0f"),
        )
    return table
