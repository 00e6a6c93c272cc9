"""`tts-select world ...`: the embedded world's problems, training and report."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from tts_select.core.errors import InputError, UnknownName
from tts_select.core.strict_json import to_json


@click.group()
def world() -> None:
    """The embedded world: problems to try, and how its models are trained and measured."""


@world.command(
    epilog="""\b
Examples:
  tts-select world problems -n 300 --seed 7 --out problems.jsonl
  tts-select world problems -n 20 --level 5 --family story"""
)
@click.option("-n", "count", type=click.IntRange(1, 100_000), default=100, show_default=True)
@click.option("--seed", type=int, default=0, show_default=True)
@click.option("--level", type=click.IntRange(1, 8), default=None, help="Only this level, of 1-8.")
@click.option("--family", default=None, help="Only this family: story, machine or shopping.")
@click.option(
    "--split", type=click.Choice(["train", "validation", "test"]), default="test", show_default=True
)
@click.option("--out", type=Path, default=None, help="A JSONL file.", show_default="standard output")
def problems(
    *, count: int, seed: int, level: int | None, family: str | None, split: str, out: Path | None
) -> None:
    """Write seeded problems as JSONL: {id, problem, answer, level, family, steps}."""
    from tts_select.data.world.suite import FAMILIES, generate

    if family is not None and family not in FAMILIES:
        raise UnknownName("family", family, FAMILIES)
    found = generate(count, seed=seed, split=split, level=level, family=family)  # type: ignore[arg-type]
    lines = "".join(to_json(p.record()) + "\n" for p in found)
    if out is None:
        sys.stdout.write(lines)
        return
    try:
        out.write_text(lines)
    except OSError as error:
        raise InputError(f"cannot write '{out}': {error.strerror}") from error
    click.echo(f"{count:,} problems in {out}", err=True)


@world.command(
    epilog="""\b
Examples:
  tts-select world train --out world/            # all models, about two hours on 2 cores
  tts-select world train --out world/ --stage small
  tts-select world train --out trial/ --scale 0.01"""
)
@click.option("--out", type=Path, required=True, help="Models and checkpoints; give it again to go on.")
@click.option("--stage", "stages", multiple=True, help="Only this model; may be repeated.")
@click.option(
    "--scale",
    type=click.FloatRange(0.0001, 100),
    default=1.0,
    help="Of steps and samples.",
    show_default=True,
)
@click.option("--device", default=None, help="cpu, cuda, ...", show_default="cuda if there is one")
def train(*, out: Path, stages: tuple[str, ...], scale: float, device: str | None) -> None:
    """Train the embedded models; resumable, with a manifest for each."""
    import torch

    from tts_select.commands._progress import training_progress
    from tts_select.training.world.recipe import FULL
    from tts_select.training.world.train import train_world

    recipe = FULL.scaled(scale)
    for stage in stages:
        if stage not in recipe.names():
            raise UnknownName("stage", stage, recipe.names())
    chosen = device or ("cuda" if torch.cuda.is_available() else "cpu")
    with training_progress() as report:
        train_world(out, recipe, device=chosen, report=report, stages=stages)
    click.echo(f"the models are in {out}", err=True)


@world.command(
    epilog="""\b
Examples:
  tts-select world report --out report/
  tts-select world report --out report/ -n 48 --samples 16"""
)
@click.option("--out", type=Path, required=True, help="A folder for report.json, world.md and the plots.")
@click.option(
    "-n", "count", type=click.IntRange(8, 100_000), default=504, show_default=True, help="Test problems."
)
@click.option(
    "--samples", type=click.IntRange(4, 1024), default=64, show_default=True, help="A policy and problem."
)
@click.option("--seed", type=int, default=0, show_default=True)
def report(*, out: Path, count: int, samples: int, seed: int) -> None:
    """Measure what the embedded world shows: difficulty, room for search, PRM quality, methods."""
    from tts_select.commands._progress import bar
    from tts_select.training.world.report import write_report

    with bar("measuring", 1) as advance:
        write_report(
            out,
            n_problems=count,
            n_samples=samples,
            seed=seed,
            progress=lambda n_done, n, note: advance(n_done, note, n),
        )
    click.echo(f"the report is in {out}", err=True)
