"""The option `--config`, which several commands take."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from tts_select.config import Config


def _found(_context: click.Context, _option: click.Parameter, given: Path | None) -> Config | None:
    from tts_select.config import find_config

    return find_config(given)


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
