"""The options that name the fields of problems, the same in every command that reads them."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from tts_select.data.problems import Fields

Command = TypeVar("Command", bound=Callable[..., Any])

_OPTIONS = (
    ("problem", "Holds a problem's text.", "problem, question, ..."),
    ("answer", "Holds its answer.", "answer, solution, ..."),
    ("id", "Holds its id.", "id, ...; else of the text"),
)


def field_options(command: Command) -> Command:
    """`--problem-field`, `--answer-field`, `--id-field`, which `fields_of` takes."""
    for name, what, default in reversed(_OPTIONS):
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
