"""The command line: the group of commands, and what becomes of errors."""

from __future__ import annotations

import io
import logging
import sys
from typing import Any

import click

from tts_select import __version__
from tts_select.commands._exit import EXIT_CODES, INTERRUPTED, fail
from tts_select.commands._streams import drop_unwritable, prepare_streams
from tts_select.commands._terminal import LogLines, say
from tts_select.commands.data import data
from tts_select.commands.doctor import doctor
from tts_select.commands.evaluate import evaluate
from tts_select.commands.import_ import import_
from tts_select.commands.models import models
from tts_select.commands.outcomes import outcomes
from tts_select.commands.paper import paper
from tts_select.commands.plan import plan
from tts_select.commands.portfolio import portfolio
from tts_select.commands.recalibrate import recalibrate
from tts_select.commands.serve import serve
from tts_select.commands.solve import solve
from tts_select.commands.sweep import sweep
from tts_select.commands.train import train
from tts_select.commands.train_prm import train_prm
from tts_select.commands.view import view
from tts_select.commands.world import world
from tts_select.core.errors import InputError, TtsSelectError

SECTIONS = {
    "Solve problems": (solve, plan, serve),
    "Train a router": (sweep, import_, train, evaluate, train_prm),
    "Learn from what was right": (outcomes, recalibrate),
    "See what is there": (view, doctor, models, portfolio, data),
    "The embedded world and the paper": (world, paper),
}


class _Commands(click.Group):
    """Lists its commands in sections, and turns errors into one line and an exit code."""

    def format_commands(self, _: click.Context, formatter: click.HelpFormatter) -> None:
        for title, commands in SECTIONS.items():
            with formatter.section(title):
                formatter.write_dl([(str(c.name), c.get_short_help_str(80)) for c in commands])

    def main(self, *args: Any, **kwargs: Any) -> Any:
        prepare_streams()
        logging.basicConfig(level=logging.WARNING, handlers=[LogLines()])
        try:
            super().main(*args, **{**kwargs, "standalone_mode": False})
            sys.stdout.flush()  # a full disk is our error, not the interpreter's at exit
        except click.ClickException as error:
            _show_usage(error)
            sys.exit(error.exit_code)
        except (click.Abort, KeyboardInterrupt):
            fail("interrupted", INTERRUPTED)
        except TtsSelectError as error:
            fail(f"{error}{_spent(error)}", error.exit_code)
        except OSError as error:
            drop_unwritable()
            fail(f"{error.strerror or error}: {error.filename or 'output'}", InputError.exit_code)


def _show_usage(error: click.ClickException) -> None:
    shown = io.StringIO()
    error.show(shown)
    say(shown.getvalue().rstrip("\n"))


def _spent(error: TtsSelectError) -> str:
    if error.bill is None or not error.bill.total.policy_calls:
        return ""
    cost = error.bill.total
    return f" (spent so far: {cost.policy_generated_tokens:,} tokens in {cost.policy_calls:,} requests)"


@click.group(
    cls=_Commands,
    epilog=f"""\b
Examples:
  tts-select solve problem.txt
  tts-select solve --problems problems.jsonl --out results.jsonl
  tts-select solve --help

{EXIT_CODES}""",
    context_settings={"max_content_width": 100},
)
@click.version_option(__version__, prog_name="tts-select")
def main() -> None:
    """Test-time scaling that picks its method and budget for each problem."""


for section in SECTIONS.values():
    for command in section:
        main.add_command(command)
