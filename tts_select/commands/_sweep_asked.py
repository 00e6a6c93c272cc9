"""What the options of `sweep` ask for: a sweep, and which share of it is run now."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from tts_select.commands._options import check_models, chosen_portfolio, fields_of
from tts_select.core.errors import InputError

if TYPE_CHECKING:
    from tts_select.config import Config
    from tts_select.training.sweep.plan import Sweep
    from tts_select.training.sweep.run import Share
    from tts_select.training.sweep.units import Shard

_OF_SWEEP = ("portfolio", "samples", "runs", "chunk", "max_new_tokens", "seed")
"""The options that say what a sweep is, beside its problems: a log has them."""


def what_to_sweep(
    config: Config | None, out: Path, shard: Shard | None, reuse: tuple[Path, ...], given: Mapping[str, Any]
) -> tuple[Sweep, Share]:
    """Return the sweep, and the share of it, that the options ask for.

    Raises:
        InputError: a file cannot be read, a model is not known, or there is no sweep to go on with.
        click.UsageError: options do not go together.
    """
    from tts_select.training.sweep.ending import Enough
    from tts_select.training.sweep.run import Share

    enough = Enough(given["total_flops"], given["total_tokens"], given["total_dollars"], given["stop_when"])
    if given["score_only"]:
        asked, cards = _to_score(reuse, given)
        share = Share(shard, True, enough, cards)
    elif given["prms"]:
        raise click.UsageError("--prm goes with --score-only: else a portfolio names the PRMs")
    elif given["problems"] is None:
        asked, share = _to_go_on(out, given), Share(shard, False, enough)
    else:
        asked, share = _asked(config, given), Share(shard, False, enough)
    for kind, names in (("policy", asked.portfolio.policies), ("prm", asked.portfolio.prms)):
        for name in names:
            if name not in share.cards:
                check_models({"config": config, kind: name})
    return asked, share


def _asked(config: Config | None, given: Mapping[str, Any]) -> Sweep:
    from tts_select.training.sweep.plan import Sweep
    from tts_select.training.sweep.problems import read_swept_problems

    portfolio = chosen_portfolio(given["portfolio"], config)
    if given["max_new_tokens"] is not None:
        portfolio = portfolio.with_max_new_tokens(given["max_new_tokens"])
    fields = {name: value for name, value in given.items() if name.endswith("_field")}
    n_samples, n_samples_of = given["samples"]
    return Sweep(
        portfolio,
        read_swept_problems(given["problems"], fields_of(**fields)),
        n_samples=n_samples,
        n_samples_of=n_samples_of,
        n_runs=given["runs"],
        seed=given["seed"],
        concurrency=given["concurrency"],
        chunk=given["chunk"],
    )


def _to_go_on(out: Path, given: Mapping[str, Any]) -> Sweep:
    from tts_select.training.sweep.resuming import begun_in

    _refuse_what_the_log_says("the sweep in --out goes on, since there is no --problems")
    try:
        return begun_in(out, concurrency=given["concurrency"]).sweep
    except InputError as error:
        raise InputError(f"nothing to go on with: specify --problems, to begin a sweep ({error})") from error


def _to_score(reuse: tuple[Path, ...], given: Mapping[str, Any]) -> tuple[Sweep, Mapping[str, Any]]:
    from tts_select.training.sweep.resuming import begun_in, scored_by

    if not given["prms"] or len(reuse) != 1:
        raise click.UsageError("--score-only needs --prm, and the log with the samples in one --reuse")
    if given["problems"] is not None:
        raise click.UsageError("--score-only takes the problems of the log in --reuse: leave --problems out")
    _refuse_what_the_log_says("--score-only takes the sweep in --reuse as it is")
    begun = begun_in(reuse[0], concurrency=given["concurrency"])
    return scored_by(begun, given["prms"]).sweep, begun.cards


def _refuse_what_the_log_says(why: str) -> None:
    context = click.get_current_context()
    for name in _OF_SWEEP:
        if context.get_parameter_source(name) is not ParameterSource.DEFAULT:
            raise click.UsageError(f"{why}: leave --{name.replace('_', '-')} out, which the log says")
