"""The options that several commands share, and what can be known to be wrong with them before any work."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from tts_select.core.errors import InputError, UnknownName
from tts_select.core.pricing import TokenPrice
from tts_select.data.prior.artifacts import PRIOR
from tts_select.data.world.artifacts import PORTFOLIO, ROUTER

if TYPE_CHECKING:
    from tts_select.config import Config
    from tts_select.data.problems import Fields
    from tts_select.selector.portfolio import Portfolio

Command = TypeVar("Command", bound=Callable[..., Any])

COST_UNITS = ("FLOPs", "tokens", "dollars")
"""The units in `training/replay/costs.py`, which is slow to import."""
_SHIPPED = {"prior": PRIOR, "world": ROUTER}
"""What ships, by the names that commands know."""
_FIELDS = (
    ("problem", "The field with the problem's text.", "problem, question, ..."),
    ("answer", "The field with its answer.", "answer, solution, ..."),
    ("id", "The field with its id.", "id, ...; else a hash of the text"),
)


class Number(click.FloatRange):
    """A number in a range; NaN is in none."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Refuse what is no number, too."""
        found = super().convert(value, param, ctx)
        if math.isnan(found):
            self.fail(f"'{value}' is not a number.", param, ctx)
        return found


def together(*options: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Make one decorator that adds these options to a command, in this order."""

    def add(command: Any) -> Any:
        for option in reversed(options):
            command = option(command)
        return command

    return add


concurrency_option = click.option(
    "--concurrency",
    type=click.IntRange(1, 4096),
    default=64,
    show_default=True,
    help="Problems in flight.",
)
router_option = click.option(
    "--router",
    type=Path,
    default=None,
    help="Folder of a router.",
    show_default="the config's, else the shipped one",
)


def config_option(command: Any) -> Any:
    """Add `--config FILE`; the command is given the `Config`, or None if there is none."""
    return click.option(
        "--config",
        type=Path,
        default=None,
        callback=_found,
        help="A YAML file with named models, pairs and a portfolio (docs/config.md).",
        show_default="TTS_SELECT_CONFIG, else ./tts-select.yaml",
    )(command)


def field_options(command: Command) -> Command:
    """Add `--problem-field`, `--answer-field`, `--id-field`, which `fields_of` takes."""
    for name, what, default in reversed(_FIELDS):
        command = click.option(
            f"--{name}-field", metavar="FIELD", default=None, help=what, show_default=default
        )(command)
    return command


def fields_of(
    *, problem_field: str | None = None, answer_field: str | None = None, id_field: str | None = None
) -> Fields:
    """Return the fields that the options name."""
    from tts_select.data.problems import Fields

    return Fields(problem_field, answer_field, id_field)


def chosen_portfolio(file: Path | None, config: Config | None) -> Portfolio:
    """Return the portfolio of the file, else of the config, else the embedded one."""
    from tts_select.selector.portfolio import load_portfolio

    if file is None and config is not None and config.portfolio is not None:
        return config.portfolio
    return load_portfolio(file or PORTFOLIO, config.names if config else None)


def read_pairs(_context: click.Context, _option: click.Parameter, given: tuple[str, ...]) -> Any:
    """Read NAME=VALUE pairs as a dictionary, or None; a value that is JSON is read as such."""
    found: dict[str, Any] = {}
    for pair in given:
        name, equals, value = pair.partition("=")
        if not name or not equals:
            raise click.BadParameter(f"'{pair}' is not NAME=VALUE")
        try:
            found[name] = json.loads(value)
        except ValueError:
            found[name] = value
    return found or None


def read_sizes(params: str) -> dict[str, float]:
    """Read MODEL=N,... as sizes by model."""
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


def read_prices(prices: str) -> dict[str, TokenPrice]:
    """Read MODEL=IN/OUT,... as dollars per million tokens by model."""
    found: dict[str, TokenPrice] = {}
    for pair in filter(None, (part.strip() for part in prices.split(","))):
        model, _, said = pair.rpartition("=")
        try:
            amounts = dict(zip(("input", "output"), map(float, said.split("/")), strict=True))
        except ValueError:
            amounts = {}
        if not model or not amounts:
            raise InputError(f"'{pair}' in --prices is not MODEL=IN/OUT, as in Qwen3-4B=0.15/0.60")
        found[model] = TokenPrice.read(amounts, f"the price of {model} in --prices")
    return found


def one_price(effort: str | None, price: str | None) -> None:
    """Refuse two prices of compute."""
    if effort is not None and price is not None:
        raise click.UsageError("--effort and --price both set what compute is worth: specify one")


def check_models(options: Mapping[str, Any]) -> None:
    """Refuse models and options of models that cannot be, before any model is loaded."""
    from tts_select.executors.registry import check_policy, check_prm

    config, policy, prm = (options.get(name) for name in ("config", "policy", "prm"))
    if policy is not None:
        more = dict(options.get("policy_options", {}))
        if "base_url" in options:
            more["base_url"] = options["base_url"]
        spec, usual = _entry(config and config.policy(policy), policy)
        check_policy(spec, {**usual, **more})
    if prm is not None:
        spec, usual = _entry(config and config.prm(prm), prm)
        check_prm(spec, options.get("prm_format"), {**usual, **options.get("prm_options", {})})


def _entry(found: Any, spec: str) -> tuple[str, Mapping[str, Any]]:
    return (found.spec, found.options) if found else (spec, {})


def known(kind: str, names: Collection[str]) -> Callable[..., str | None]:
    """Make the callback of an option that takes one of these names."""

    def check(_context: click.Context, _option: click.Parameter, given: str | None) -> str | None:
        if given is not None and given not in names:
            raise UnknownName(kind, given, names)
        return given

    return check


def router_folder(given: Path) -> Path:
    """The folder of a router that was named: `prior` and `world` are those that ship."""
    return given if given.exists() else _SHIPPED.get(str(given), given)


def writable_file(_context: click.Context, _option: click.Parameter, given: Path | None) -> Path | None:
    """Refuse a file that cannot be written, before there is something to write."""
    if given is None:
        return None
    if given.is_dir():
        raise InputError(f"cannot write '{given}': it is a folder; specify a file")
    if not given.parent.is_dir():
        raise InputError(f"cannot write '{given}': there is no folder '{given.parent}'; create it first")
    _check_access(given, given if given.exists() else given.parent)
    return given


def writable_folder(_context: click.Context, _option: click.Parameter, given: Path | None) -> Path | None:
    """Refuse a folder that cannot be written into, or not be made, before there is something to write."""
    if given is None:
        return None
    there = next(path for path in (given, *given.absolute().parents) if path.exists())
    if not there.is_dir():
        raise InputError(f"cannot write into '{given}': '{there}' is a file; specify another folder")
    _check_access(given, there)
    return given


def _check_access(given: Path, there: Path) -> None:
    if not os.access(there, os.W_OK):
        raise InputError(f"cannot write '{given}': no permission to write '{there}'; specify another place")


def _found(_context: click.Context, _option: click.Parameter, given: Path | None) -> Config | None:
    from tts_select.config import find_config

    return find_config(given)
