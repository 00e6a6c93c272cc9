"""A sweep, as a page: every fixed arm, and a router replayed on it over a grid of prices."""

from __future__ import annotations

from pathlib import Path

from tts_select.core.errors import InputError
from tts_select.tracing.view import Page


def sweep_page(folder, router, note):
    raise InputError("x")
