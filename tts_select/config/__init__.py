"""The config file: models and pairs by name, where they run, a portfolio and a router (docs/config.md)."""

from tts_select.config.entries import Config, Pair, PolicyEntry, PrmEntry
from tts_select.config.reading import find_config, load_config
from tts_select.config.using import as_options, loaders_for

__all__ = [
    "Config",
    "Pair",
    "PolicyEntry",
    "PrmEntry",
    "as_options",
    "find_config",
    "load_config",
    "loaders_for",
]
