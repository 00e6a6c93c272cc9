"""Every error this package raises on purpose.

TtsSelectError            base; `exit_code` is what the command line returns
├── InputError (2)        bad usage or input; the message names the remedy
│   ├── UnknownName       a policy, PRM, method, ... that does not exist
│   ├── ProblemTooLong    the problem does not fit the model's context
│   └── CapTooLow         the caps on spending are below the cheapest thing that could be done
├── NoAnswer (3)          the search ended without any complete answer
└── BackendError (4)      a model or server failed; `retryable` tells whether trying again may help
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tts_select.core.cost import Bill
    from tts_select.core.protocols import Continuation


class TtsSelectError(Exception):
    """Base of all errors of this package."""

    exit_code = 1
    bill: Bill | None = None
    """What had been spent when it ended a search, if there was one."""


class InputError(TtsSelectError):
    """The input or the options cannot be used; the message says what to do."""

    exit_code = 2


class UnknownName(InputError):
    """A name that is not in a registry."""

    def __init__(self, kind: str, name: str, known: Iterable[str]) -> None:
        names = sorted(known)
        close = difflib.get_close_matches(name, names, n=1)
        hint = f"did you mean '{close[0]}'? " if close else ""
        super().__init__(f"unknown {kind} '{name}': {hint}choose from {', '.join(names)}")


class ProblemTooLong(InputError):
    """The problem leaves no room in the model's context."""

    def __init__(self, *, n_tokens: int | None, context: int | None, model: str) -> None:
        """What is None is not known, as of a model on a server."""
        has = "is too long" if n_tokens is None else f"has {n_tokens:,} tokens"
        most = "" if context is None else f", which reads at most {context:,} tokens"
        super().__init__(
            f"the problem {has} for {model}{most}: shorten it, or use a model with a longer context"
        )


class CapTooLow(InputError):
    """What may be spent is below the cheapest thing that could be done."""


def unknown_size(model: str) -> str:
    """What is said where FLOPs are needed and a model's size is not known."""
    return (
        f"the size of {model} is not known, so its FLOPs cannot be counted: "
        "specify it, as in --policy-option params=7e9 (for a sweep: --params MODEL=7e9)"
    )


class NoAnswer(TtsSelectError):
    """No candidate ended in an answer."""

    exit_code = 3


class BackendError(TtsSelectError):
    """A model or a server failed."""

    exit_code = 4
    retryable = False
    written: Sequence[Continuation] = ()
    """What the failed request had written; it is on the bill, and a search goes on with it."""
    lost_tokens: int = 0
    """What it had generated beside that: on the bill too, and of no use."""
