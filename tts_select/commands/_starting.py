"""`--prior` of `train` and `evaluate`: what a ladder starts from."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from tts_select.commands._terminal import warn
from tts_select.data.prior.artifacts import PRIOR

if TYPE_CHECKING:
    from tts_select.selector.routers.learned_prior import Prior
    from tts_select.training.log.records import SweepLog

NONE = "none"


def prior_option(command: Any) -> Any:
    """Add `--prior`."""
    return click.option(
        "--prior",
        default=None,
        metavar="FOLDER|none",
        help="The prior that a ladder starts from, as if it were 150 more problems. `none`: it starts from "
        "nothing.",
        show_default="the shipped one",
    )(command)


class Start(NamedTuple):
    """A prior, and which one it is, for the manifest; None: from nothing."""

    prior: Prior | None = None
    identity: str | None = None


def prior_to_start_from(given: str | None, log: SweepLog) -> Start:
    """The prior that was asked for, with a warning where it has seen models of the log.

    Raises:
        InputError: there is no prior in the folder.
    """
    from tts_select.selector.routers.artifact import describe_router, identity_of
    from tts_select.solving.naming import prior_in
    from tts_select.training.routers.prior.binding import policies_seen

    if given == NONE:
        return Start()
    folder = Path(given) if given is not None else PRIOR
    prior = prior_in(folder).prior
    if seen := policies_seen(describe_router(folder), log):
        warn(
            f"the prior has seen samples of {', '.join(seen)}: if they are of these problems, figures on "
            "them flatter; start from --prior none, or from a prior that has not seen them"
        )
    return Start(prior, identity_of(folder))
