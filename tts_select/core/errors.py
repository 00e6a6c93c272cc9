"""Every error this package raises on purpose.

TtsSelectError            base; `exit_code` is what the command line returns
├── InputError (2)        bad usage or input; the message names the remedy
│   ├── UnknownName       a policy, PRM, method, ... that does not exist
│   └── ProblemTooLong    the problem does not fit the model's context
├── NoAnswer (3)          the search ended without any complete answer
└── BackendError (4)      a model or server failed; `retryable` tells whether trying again may help
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class TtsSelectError(Exception):
    """Base of all errors of this package."""

    exit_code = 1


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

    def __init__(self, *, n_tokens: int, context: int, model: str) -> None:
        super().__init__(
            f"the problem has {n_tokens:,} tokens but {model} reads at most {context:,}: "
            "shorten it, or use a model with a longer context"
        )


class NoAnswer(TtsSelectError):
    """No candidate ended in an answer."""

    exit_code = 3


class BackendError(TtsSelectError):
    """A model or a server failed."""

    exit_code = 4
    retryable = False
