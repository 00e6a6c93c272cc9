"""`tts-select train-prm`: a PRM of one's own, learned from a sweep's samples and verdicts."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from tts_select.commands._options import writable_folder
from tts_select.commands._terminal import figure, say, show, show_json, text
from tts_select.core.extras import require

if TYPE_CHECKING:
    from rich.console import RenderableType

    from tts_select.training.prms.train import TrainedPrm
    from tts_select.training.replay.metrics import Interval


@click.command(
    "train-prm",
    epilog="""\b
Examples:
  tts-select train-prm sweep/ --base hf:Qwen/Qwen2.5-0.5B-Instruct --out my-prm/
  tts-select train-prm sweep/ --base ./qwen --policy openai:qwen --out my-prm/
  tts-select solve problem.txt --policy openai:qwen --prm my-prm/ --method best_of_n""",
)
@click.argument("sweep", type=Path)
@click.option(
    "--base",
    required=True,
    help="The model whose layers are read: hf:ORG/NAME or a folder; it stays as it is.",
)
@click.option("--out", type=Path, required=True, callback=writable_folder, help="The folder of the new PRM.")
@click.option(
    "--policy",
    "policies",
    multiple=True,
    help="Learn from this policy's solutions; may be given again.",
    show_default="all policies",
)
@click.option("--device", default=None, help="cpu or cuda.", show_default="a GPU if there is one")
@click.option(
    "--dtype", default="auto", show_default=True, help="Of the base: float32, bfloat16, float16 or auto."
)
@click.option("--seed", type=int, default=0, show_default=True, help="Seed of the split by problem.")
@click.option("--json", "as_json", is_flag=True, help="Print what was learned as JSON.")
def train_prm(
    sweep: Path,
    *,
    base: str,
    out: Path,
    policies: tuple[str, ...],
    device: str | None,
    dtype: str,
    seed: int,
    as_json: bool,
) -> None:
    """Train a PRM on the solutions of SWEEP, and say what it is worth on problems it has not seen.

    A linear head reads the hidden states of the base model at the ends of steps, and says how likely a
    solution that begins so ends right. The same command goes on where it was cut off.
    """
    require("local", "train-prm")
    from tts_select.commands._progress import bar
    from tts_select.training.prms.train import train_prm as learn

    with bar("reading solutions", 1) as advance:
        trained = learn(
            sweep,
            out,
            base=base.removeprefix("hf:"),
            policies=policies,
            seed=seed,
            device=device,
            dtype=dtype,
            progress=lambda done, total: advance(done, "", total),
        )
    if as_json:
        show_json({**trained.facts, "layers": trained.head.n_layers, "of": trained.n_layers_of_base})
    else:
        show(_view(trained))
        say(f"the PRM is in {out}: --prm {out}")


def _view(trained: TrainedPrm) -> RenderableType:
    from rich.console import Group
    from rich.table import Table

    facts = trained.facts
    table = Table(box=None, pad_edge=False)
    for name in ("on test problems", *(found.policy for found in trained.judged)):
        table.add_column(text(name))
    table.add_row("problems, solutions", *(f"{j.n_problems}, {j.n_solutions:,}" for j in trained.judged))
    for name in trained.judged[0].auc if trained.judged else ():
        table.add_row(f"AUC within problems, {name}", *(_interval(j.auc[name]) for j in trained.judged))
    for name in trained.judged[0].accuracy if trained.judged else ():
        table.add_row(f"of 8, {name}", *(_interval(j.accuracy[name]) for j in trained.judged))
    table.add_row("ECE, Brier", *(f"{j.ece:.3f}, {j.brier:.3f}" for j in trained.judged))
    learned = (
        f"A head behind layer {trained.head.n_layers} of {trained.n_layers_of_base}, from "
        f"{facts['solutions']:,} solutions ({facts['steps']:,} steps) of {sum(facts['problems'].values())} "
        "problems."
    )
    return Group(text(learned), table)


def _interval(found: Interval) -> str:
    return f"{figure(found.value, '.3f')} ({figure(found.low, '.3f')} to {figure(found.high, '.3f')})"
