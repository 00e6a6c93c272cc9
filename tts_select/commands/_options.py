"""The options that several commands share."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from tts_select.data.world.artifacts import PORTFOLIO

if TYPE_CHECKING:
    from tts_select.config import Config
    from tts_select.data.problems import Fields
    from tts_select.selector.portfolio import Portfolio

Command = TypeVar("Command", bound=Callable[..., Any])

_FIELDS = (
    ("problem", "Holds a problem's text.", "problem, question, ..."),
    ("answer", "Holds its answer.", "answer, solution, ..."),
    ("id", "Holds its id.", "id, ...; else of the text"),
)


def config_option(command: Any) -> Any:
    """Adds `--config FILE`; the command is given the `Config`, or None if there is none."""
    return click.option(
        "--config",
        type=Path,
        default=None,
        callback=_found,
        help="A YAML file that names models and more (docs/config.md).",
        show_default="TTS_SELECT_CONFIG, else ./tts-select.yaml",
    )(command)


def field_options(command: Command) -> Command:
    """`--problem-field`, `--answer-field`, `--id-field`, which `fields_of` takes."""
    for name, what, default in reversed(_FIELDS):
        command = click.option(
            f"--{name}-field", metavar="FIELD", default=None, help=what, show_default=default
        )(command)
    return command


def fields_of(
    *, problem_field: str | None = None, answer_field: str | None = None, id_field: str | None = None
) -> Fields:
    """What the options say."""
    from tts_select.data.problems import Fields

    return Fields(problem_field, answer_field, id_field)


def chosen_portfolio(file: Path | None, config: Config | None) -> Portfolio:
    """That of the file, else of the config, else the embedded one."""
    from tts_select.selector.portfolio import load_portfolio

    if file is None and config is not None and config.portfolio is not None:
        return config.portfolio
    return load_portfolio(file or PORTFOLIO, config.names if config else None)


def read_pairs(_context: click.Context, _option: click.Parameter, given: tuple[str, ...]) -> Any:
    """NAME=VALUE pairs as a dictionary, or None; a value that is JSON is read as such."""
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


def _found(_context: click.Context, _option: click.Parameter, given: Path | None) -> Config | None:
    from tts_select.config import find_config

    return find_config(given)
