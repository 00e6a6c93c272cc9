"""`tts-select world ...`: the embedded world's problems, training and report."""

from __future__ import annotations

from pathlib import Path

import click

from tts_select.commands._options import Number, writable_file, writable_folder
from tts_select.commands._terminal import say, show_json
from tts_select.core.errors import UnknownName
from tts_select.core.extras import require
from tts_select.core.json_text import to_json


@click.group(
    epilog="""\b
Examples:
  tts-select world problems -n 300 --out problems.jsonl
  tts-select world report sweep/ --out report/"""
)
def world() -> None:
    """Write problems of the embedded world; train and measure its models."""


@world.command(
    epilog="""\b
Examples:
  tts-select world problems -n 300 --seed 7 --out problems.jsonl
  tts-select world problems -n 20 --level 5 --family story"""
)
@click.option(
    "-n",
    "count",
    type=click.IntRange(1, 100_000),
    default=100,
    show_default=True,
    help="Number of problems.",
)
@click.option("--seed", type=int, default=0, show_default=True, help="Another seed gives other problems.")
@click.option("--level", type=click.IntRange(1, 8), default=None, help="Only problems of this level.")
@click.option("--family", default=None, help="Only this family: story, machine or shopping.")
@click.option(
    "--split",
    type=click.Choice(["train", "validation", "test"]),
    default="test",
    show_default=True,
    help="The models were trained on train, and tuned on validation.",
)
@click.option(
    "--out",
    type=Path,
    default=None,
    callback=writable_file,
    help="A JSONL file.",
    show_default="standard output",
)
def problems(
    *, count: int, seed: int, level: int | None, family: str | None, split: str, out: Path | None
) -> None:
    """Write seeded problems as JSONL: {id, problem, answer, level, family, steps}."""
    from tts_select.data.world.suite import FAMILIES, generate

    if family is not None and family not in FAMILIES:
        raise UnknownName("family", family, FAMILIES)
    found = generate(count, seed=seed, split=split, level=level, family=family)  # type: ignore[arg-type]
    if out is None:
        show_json(*(p.record() for p in found))
        return
    out.write_text("".join(to_json(p.record()) + "\n" for p in found))
    say(f"{count:,} problems in {out}")


@world.command(
    epilog="""\b
Examples:
  tts-select world train --out world/            # all models, two to three hours on 2 cores
  tts-select world train --out world/ --stage small
  tts-select world train --out trial/ --scale 0.01"""
)
@click.option(
    "--out",
    type=Path,
    required=True,
    callback=writable_folder,
    help="A folder for models and checkpoints; specify it again to go on.",
)
@click.option("--stage", "stages", multiple=True, help="Train only this model; may be repeated.")
@click.option(
    "--scale",
    type=Number(0.0001, 100),
    default=1.0,
    help="Multiplies the numbers of steps and samples.",
    show_default=True,
)
@click.option("--device", default=None, help="cpu, cuda, ...", show_default="cuda if there is a GPU")
@click.option(
    "--compile",
    "compiled",
    is_flag=True,
    help="Compile the models with torch.compile: a minute later, half as fast again. Needs a C++ compiler.",
)
def train(*, out: Path, stages: tuple[str, ...], scale: float, device: str | None, compiled: bool) -> None:
    """Train the embedded models, each with a manifest; an interrupted run goes on where it was."""
    require("local", "the embedded models")
    from tts_select.training.world.recipe import FULL

    recipe = FULL.scaled(scale)
    for stage in stages:
        if stage not in recipe.names():
            raise UnknownName("stage", stage, recipe.names())
    import torch

    from tts_select.commands._progress import training_progress
    from tts_select.training.world.train import train_world

    chosen = device or ("cuda" if torch.cuda.is_available() else "cpu")
    with training_progress() as report:
        train_world(out, recipe, device=chosen, report=report, stages=stages, compiled=compiled)
    say(f"the models are in {out}")


@world.command(
    epilog="""\b
Examples:
  tts-select world problems -n 504 --seed 1 --out problems.jsonl
  tts-select sweep --problems problems.jsonl --out sweep/
  tts-select world report sweep/ --out report/"""
)
@click.argument("sweep", type=Path)
@click.option(
    "--out",
    type=Path,
    required=True,
    callback=writable_folder,
    help="A folder for report.json, world.md and the plots.",
)
def report(*, sweep: Path, out: Path) -> None:
    """Read off a sweep of its problems what the embedded world shows: difficulty, what votes gain, room for
    search, PRM quality, methods."""
    require("plot", "the report's plots")
    from tts_select.training.log.reading import read_log
    from tts_select.training.world.report import write_report

    write_report(read_log(sweep), out)
    say(f"the report is in {out}")
