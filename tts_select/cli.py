"""The command line: the group of commands, and the exit codes of errors."""

from __future__ import annotations

import sys
from typing import Any

import click

from tts_select import __version__
from tts_select.commands._exit import INTERRUPTED, fail
from tts_select.commands.data import data
from tts_select.commands.doctor import DOCTOR_FOUND, doctor
from tts_select.commands.evaluate import evaluate
from tts_select.commands.import_ import import_
from tts_select.commands.models import models
from tts_select.commands.paper import paper
from tts_select.commands.plan import plan
from tts_select.commands.portfolio import portfolio
from tts_select.commands.solve import solve
from tts_select.commands.sweep import sweep
from tts_select.commands.train import train
from tts_select.commands.world import world
from tts_select.core.errors import InputError, TtsSelectError

_EXIT_CODES = f"""\b
Exit codes:
  0  answered
  2  bad usage or input
  3  no answer
  4  a backend failed
  {DOCTOR_FOUND}  doctor found a problem
  130  interrupted"""


class _Commands(click.Group):
    """Turns our errors into one line and their exit code; a traceback is a bug."""

    def main(self, *args: Any, **kwargs: Any) -> Any:
        try:
            super().main(*args, **{**kwargs, "standalone_mode": False})
            sys.stdout.flush()  # a full disk is our error, not the interpreter's at exit
        except click.ClickException as error:
            error.show()
            sys.exit(error.exit_code)
        except (click.Abort, KeyboardInterrupt):
            fail("interrupted", INTERRUPTED)
        except TtsSelectError as error:
            fail(f"{error}{_spent(error)}", error.exit_code)
        except BrokenPipeError:
            sys.exit(0)
        except OSError as error:
            fail(f"{error.strerror or error}: {error.filename or 'output'}", InputError.exit_code)


def _spent(error: TtsSelectError) -> str:
    if error.bill is None or not error.bill.total.policy_calls:
        return ""
    cost = error.bill.total
    return f" (spent so far: {cost.policy_generated_tokens:,} tokens in {cost.policy_calls:,} requests)"


@click.group(cls=_Commands, epilog=_EXIT_CODES, context_settings={"max_content_width": 100})
@click.version_option(__version__, prog_name="tts-select")
def main() -> None:
    """Test-time scaling that picks its method and budget for each problem."""


for command in (
    data,
    doctor,
    evaluate,
    import_,
    models,
    paper,
    plan,
    portfolio,
    solve,
    sweep,
    train,
    world,
):
    main.add_command(command)
