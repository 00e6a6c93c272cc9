"""The options of `sweep`; `_sweep_asked.py` says what they ask for."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tts_select.commands._options import Number, concurrency_option, together, writable_folder
from tts_select.core.plan import MAX_BUDGET

if TYPE_CHECKING:
    from tts_select.training.sweep.units import Shard

DEFAULT_SAMPLES = 64
_SHARD = re.compile(r"(\d+)/([1-9]\d*)")


def _samples(
    _context: click.Context, _option: click.Parameter, given: tuple[str, ...]
) -> tuple[int, dict[str, int]]:
    """Return the number for all policies, and those of single ones."""
    n_all, by_policy = DEFAULT_SAMPLES, {}
    for one in given:
        policy, equals, number = one.rpartition("=")
        if not number.isdecimal() or not 1 <= int(number) <= MAX_BUDGET or bool(equals) != bool(policy):
            raise click.BadParameter(f"'{one}' is not N or POLICY=N, with N from 1 to {MAX_BUDGET:,}")
        if policy:
            by_policy[policy] = int(number)
        else:
            n_all = int(number)
    return n_all, by_policy


def _shard(_context: click.Context, _option: click.Parameter, given: str | None) -> Shard | None:
    from tts_select.training.sweep.units import Shard

    if given is None:
        return None
    found = _SHARD.fullmatch(given)
    if found is None or not int(found[1]) < int(found[2]):
        raise click.BadParameter(f"'{given}' is not I/N, with I from 0 to N - 1, as in 0/8 to 7/8")
    return Shard(int(found[1]), int(found[2]))


sweep_options = together(
    click.option(
        "--problems",
        type=Path,
        default=None,
        help="A file with problems and their answers, or a public data set (docs/problems.md).",
        show_default="those of the sweep in --out",
    ),
    click.option(
        "--portfolio",
        type=Path,
        default=None,
        help="A YAML or JSON file with the arms.",
        show_default="the config's, else the embedded one",
    ),
    click.option(
        "--out",
        type=Path,
        required=True,
        callback=writable_folder,
        help="The folder of the log; specify it again to go on.",
    ),
    click.option(
        "--samples",
        metavar="N|POLICY=N",
        multiple=True,
        callback=_samples,
        help="Samples of each policy for each problem, or of one policy; may be repeated.",
        show_default="64",
    ),
    click.option(
        "--chunk",
        type=click.IntRange(1, MAX_BUDGET),
        default=None,
        help="Samples that each pool is begun with, before any is doubled, and again.",
        show_default="all at once",
    ),
    click.option(
        "--runs",
        type=click.IntRange(1, 1024),
        default=2,
        show_default=True,
        help="Runs of each search for each problem.",
    ),
    click.option(
        "--max-new-tokens",
        type=click.IntRange(1),
        default=None,
        help="Most tokens of one candidate, in every arm.",
        show_default="the portfolio's, else 2048",
    ),
    click.option(
        "--params",
        default="",
        metavar="MODEL=N,...",
        help="Sizes of models that do not tell theirs, as in small=7e9.",
    ),
    click.option("--seed", type=int, default=0, show_default=True, help="Seed of all sampling."),
    click.option(
        "--reuse",
        type=Path,
        multiple=True,
        help="An earlier log, whose records of unchanged problems, models and arms are taken over; may be "
        "repeated, to join several.",
    ),
    concurrency_option,
)
"""What is swept, and where to."""

share_options = together(
    click.option(
        "--shard",
        metavar="I/N",
        default=None,
        callback=_shard,
        help="Run one of N parts, I from 0 to N - 1, into OUT/shard-I-of-N.",
    ),
    click.option(
        "--score-only",
        is_flag=True,
        help="Only score samples that are there, by the PRMs of --prm, from the log of --reuse.",
    ),
    click.option(
        "--prm", "prms", multiple=True, help="With --score-only: a PRM that the log lacks; may be repeated."
    ),
    click.option(
        "--stop-when",
        type=Number(min=0, min_open=True),
        default=None,
        metavar="X",
        help="With --chunk: sample a policy no more when its pass@1 is known to +-X (95 %).",
    ),
    click.option(
        "--total-flops",
        type=Number(min=0, min_open=True),
        default=None,
        help="Begin nothing more when the log has cost so many FLOPs.",
    ),
    click.option(
        "--total-tokens",
        type=click.IntRange(1),
        default=None,
        help="Begin nothing more when its policies have generated so many tokens.",
    ),
    click.option(
        "--total-dollars",
        type=Number(min=0, min_open=True),
        default=None,
        help="Begin nothing more when it has cost so many dollars.",
    ),
)
"""Which share of a sweep is run now."""
