"""`tts-select train`: a router learned from a sweep log or an imported one."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from tts_select.commands._options import COST_UNITS, config_option, writable_folder
from tts_select.commands._starting import Start, prior_option, prior_to_start_from
from tts_select.commands._terminal import say, show, show_json, warn
from tts_select.core.arm import pool_name
from tts_select.core.errors import InputError

if TYPE_CHECKING:
    from rich.console import RenderableType

    from tts_select.config import Config
    from tts_select.selector.routers.ladder import LadderRouter
    from tts_select.selector.routers.lookahead import Probe
    from tts_select.selector.routers.protocol import Router
    from tts_select.training.log.records import SweepLog
    from tts_select.training.routers.prior.fit import FittedPrior

LOOK_AHEAD, LADDER, PRIOR = "look-ahead", "ladder", "prior"
"""The kinds in `selector/routers/kinds.py`, which is slow to import."""


@click.command(
    epilog="""\b
Examples:
  tts-select train sweep/ --out router/
  tts-select train sweep/ --out router/ --probe-policy world:small --probe-prm world:prm --probes 4
  tts-select train sweep/ --out router/ --kind ladder
  tts-select train imported-log/ --out router/
  tts-select train log-a/ log-b/ log-c/ --kind prior --out prior/
  tts-select train sweep/ --kind prior --onto prior/ --out prior-with-prm/"""
)
@click.argument("sweep", type=Path, nargs=-1, required=True)
@config_option
@click.option(
    "--out", type=Path, required=True, callback=writable_folder, help="The folder of the new router."
)
@click.option(
    "--kind",
    type=click.Choice([LOOK_AHEAD, LADDER, PRIOR]),
    default=None,
    help="How it decides: look-ahead weighs all arms; ladder draws samples one by one, and learns from few "
    "problems; prior learns from several logs when to stop sampling any model.",
    show_default="look-ahead for a sweep, ladder for an imported log",
)
@click.option(
    "--probe-policy",
    default=None,
    help="Writes the probes.",
    show_default="the config's, else the smallest policy",
)
@click.option("--probe-prm", default=None, help="Scores the probes.", show_default="the config's, else none")
@click.option(
    "--probes",
    type=click.IntRange(0, 64),
    default=None,
    help="How many; 0 is one greedy solution.",
    show_default="the config's, else 0",
)
@click.option(
    "--policies", default=None, help="Use only these policies, separated by commas.", show_default="all"
)
@click.option(
    "--onto",
    default=None,
    metavar="PRIOR",
    help="A prior (its folder, or prior for the one in the package) that learns what the scores of PRMs in "
    "the logs add to its votes, and else stays as it is.",
)
@click.option(
    "--unit",
    type=click.Choice(COST_UNITS, case_sensitive=False),
    default=None,
    help="The unit that a ladder weighs costs in; dollars by the prices of the log's models.",
    show_default="the log's own",
)
@prior_option
@click.option("--seed", type=int, default=0, show_default=True, help="Seed of the folds and the fits.")
@click.option("--json", "as_json", is_flag=True, help="Print what was learned as JSON.")
def train(
    sweep: tuple[Path, ...],
    *,
    config: Config | None,
    out: Path,
    kind: str | None,
    probe_policy: str | None,
    probe_prm: str | None,
    probes: int | None,
    policies: str | None,
    onto: str | None,
    unit: str | None,
    prior: str | None,
    seed: int,
    as_json: bool,
) -> None:
    """Train a router on the log in SWEEP, from `tts-select sweep` or `tts-select import`; a prior, on
    several."""
    from tts_select.selector.routers.artifact import check_replaceable, save_router
    from tts_select.training.replay.costs import in_unit
    from tts_select.training.routers.kinds import usual_kind

    check_replaceable(out)  # before minutes of training
    logs = {folder: _read(folder, policies, with_prms=onto is not None) for folder in sweep}
    if kind is None and len(logs) == 1:
        kind = usual_kind(*logs.values())
    if kind != PRIOR and len(sweep) > 1:
        raise InputError("several logs train a prior alone: specify one log, or --kind prior")
    asked = _Asked(probe_policy, probe_prm, probes)
    if kind != LOOK_AHEAD and asked != _Asked(None, None, None):
        raise InputError(f"a {kind} takes no probes, its samples are its probes: leave --probe... out")
    if kind == LOOK_AHEAD and unit not in (None, "FLOPs"):
        raise InputError(f"a look-ahead router weighs FLOPs: use --kind ladder for {unit}")
    if kind == PRIOR and unit is not None:
        raise InputError("a prior weighs samples: leave --unit out")
    _check_start(kind, prior, onto)
    if kind == PRIOR:
        trained = _prior(logs, onto, seed)
    elif kind == LADDER:
        (log,) = logs.values()
        trained = _ladders(in_unit(log, unit), prior_to_start_from(prior, log), seed)
    else:
        (log,) = logs.values()
        trained = _look_ahead(log, _probe(log, config, asked), seed)
    save_router(trained.router, out, trained_on=trained.facts)
    if as_json:
        show_json(trained.shown)
    else:
        show(trained.view)


def _check_start(kind: str | None, prior: str | None, onto: str | None) -> None:
    if kind != LADDER and prior is not None:
        raise InputError(f"--prior is where a ladder starts from: leave it out for a {kind} router")
    if kind != PRIOR and onto is not None:
        raise InputError(f"--onto is the prior that learns more: leave it out for a {kind} router")


def _read(folder: Path, policies: str | None, *, with_prms: bool) -> SweepLog:
    from tts_select.training.log.reading import read_log
    from tts_select.training.replay.orders import with_policies, without_prms

    log = read_log(folder, words=False)
    if policies:
        log = with_policies(log, [name.strip() for name in policies.split(",")])
    return log if log.manifest.imported is None or with_prms else without_prms(log, note=say)


class _Asked(NamedTuple):
    """The probes that the options ask for."""

    policy: str | None
    prm: str | None
    n: int | None


class _Trained(NamedTuple):
    router: Router
    facts: dict[str, Any]
    """The facts for the manifest."""
    shown: dict[str, Any]
    """The facts for JSON."""
    view: RenderableType


def _ladders(log: SweepLog, start: Start, seed: int) -> _Trained:
    from tts_select.commands._progress import status
    from tts_select.commands._router_views import ladders_view
    from tts_select.training.routers.ladder.fit import fit_ladders

    with status("training") as note:
        fitted = fit_ladders(log, prior=start.prior, seed=seed, note=note)
    router, facts = fitted.router, {**fitted.facts, "prior": start.identity}
    if mute := _mute_greedy(router):
        warn(
            f"the log tells how certain the samples of {', '.join(mute)} are, and not the greedy solutions: "
            "sweep once more with --reuse of this log and another --out, which writes these alone"
        )
    shown = {k: v for k, v in facts.items() if k != "problem_ids"}
    shown |= {"kind": LADDER, "best_fixed": router.fallback, "prices": dict(router.prices)}
    shown["ladders"] = [ladder.as_dict() for ladder in router.ladders]
    shown["n_prices_by_text"] = len(router.by_text.at) if router.by_text else 0
    return _Trained(router, facts, shown, ladders_view(router, facts))


def _mute_greedy(router: LadderRouter) -> list[str]:
    """The policies whose samples tell how certain they are and whose greedy solutions do not, as in sweeps of
    versions that did not ask: ladders then think less of these than they should."""

    def is_told(pool: str) -> bool:
        return pool in router.usual and router.usual[pool].tells_certainty

    policies = dict.fromkeys(arm.policy for arm in router.portfolio.arms if is_told(arm.pool))
    greedy = {policy: pool_name(policy, 0) for policy in policies}
    return [policy for policy, pool in greedy.items() if pool in router.usual and not is_told(pool)]


def _prior(logs: Mapping[Path, SweepLog], onto: str | None, seed: int) -> _Trained:
    from tts_select.commands._progress import status
    from tts_select.commands._router_views import prior_view
    from tts_select.training.routers.prior.fit import fit_prior
    from tts_select.training.routers.prior.prm_term import with_prm_term

    before = None if onto is None else _known_prior(onto)
    named = {folder.absolute().name: log for folder, log in logs.items()}
    with status("training") as note:
        if before is None:
            fitted = fit_prior(named, seed=seed, note=note)
        else:
            fitted = with_prm_term(before, named, seed=seed, note=note)
    shown = {**fitted.facts, "kind": PRIOR, "efforts": dict(fitted.router.prior.efforts)}
    return _Trained(fitted.router, dict(fitted.facts), shown, prior_view(fitted.router, fitted.facts))


def _known_prior(name: str) -> FittedPrior:
    from tts_select.data.prior.artifacts import PRIOR as SHIPPED
    from tts_select.selector.routers.artifact import describe_router
    from tts_select.solving.naming import prior_in
    from tts_select.training.routers.prior.fit import FittedPrior

    folder = SHIPPED if name == PRIOR else Path(name)
    return FittedPrior(prior_in(folder), describe_router(folder))


def _look_ahead(log: SweepLog, probe: Probe, seed: int) -> _Trained:
    from tts_select.commands._progress import status
    from tts_select.commands._router_views import fitted_view
    from tts_select.training.routers.lookahead.fit import fit_router

    with status("training") as note:
        fitted = fit_router(log, probe, seed=seed, note=note)
    router = fitted.router
    shown = {k: v for k, v in fitted.facts.items() if k not in ("problem_ids", "bins")}
    shown |= {"kind": LOOK_AHEAD, "best_fixed": router.fallback, "prices": dict(router.prices)}
    if warning := fitted.facts["warning"]:
        warn(warning)
    return _Trained(router, dict(fitted.facts), shown, fitted_view(router, fitted.facts))


def _probe(log: SweepLog, config: Config | None, asked: _Asked) -> Probe:
    """Return the probe that is asked for, else the config's."""
    from tts_select.config.entries import ProbeEntry
    from tts_select.training.routers.lookahead.probes import probe_for

    usual = config.probe if config else ProbeEntry()
    n = usual.samples or None if asked.n is None else asked.n
    return probe_for(log.manifest, policy=asked.policy or usual.policy, prm=asked.prm or usual.prm, n=n)
