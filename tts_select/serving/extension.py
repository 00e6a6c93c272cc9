"""The object `tts` of a request: what OpenAI's fields have no words for. No URL, key or path is in it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from typing import Any

from tts_select.core.methods import METHODS
from tts_select.core.plan import MAX_BUDGET
from tts_select.serving.errors import ApiError, bad_field
from tts_select.serving.settings import Caps

SHOWN = ("none", "candidates")
_NAMING = ("policy", "prm", "method", "budget")
NO_PRM = "none"


@dataclass(frozen=True, slots=True)
class Extension:
    """What a request says there; None: nothing."""

    price: float | str | None = None
    """As `--price`."""
    max_flops: float | None = None
    max_tokens_total: int | None = None
    max_dollars: float | None = None
    deadline_s: float | None = None
    min_confidence: float | None = None
    policy: str | None = None
    """The id of a policy that is served."""
    prm: str | None = None
    """The name of a PRM that is served, or `none`."""
    method: str | None = None
    budget: int | None = None
    show: str = "none"
    progress: bool = True
    """Whether a stream tells what is done, as reasoning."""

    @classmethod
    def read(cls, said: Any) -> Extension:
        """Read the object.

        Raises:
            ApiError: it is none, has a key that is not known, or a value that cannot be used.
        """
        if said is None:
            return cls()
        if not isinstance(said, Mapping):
            raise bad_field("tts", 'tts is an object, as in {"price": "0.1/dollar"}')
        known = [f.name for f in fields(cls)]
        for key in said:
            if key not in known:
                message = f"tts has no key '{key[:80]}': choose from {', '.join(known)}"
                raise ApiError(400, message, code="unknown_parameter", param=f"tts.{key[:80]}")
        given = {key: value for key, value in said.items() if value is not None}
        for key, value in given.items():
            _check(key, value)
        return cls(**given)

    @property
    def names_something(self) -> bool:
        """Whether it names a model or a method, so that the router has less to choose."""
        return any(getattr(self, name) is not None for name in _NAMING)

    def within(self, caps: Caps) -> Caps:
        """The caps of the request: the server's, or lower ones."""
        return Caps(
            max_tokens=_least(self.max_tokens_total, caps.max_tokens),
            max_flops=_least(self.max_flops, caps.max_flops),
            max_dollars=_least(self.max_dollars, caps.max_dollars),
            deadline_s=_least(self.deadline_s, caps.deadline_s),
        )


def _least(asked: Any, allowed: Any) -> Any:
    return allowed if asked is None else asked if allowed is None else min(asked, allowed)


def _check(key: str, value: Any) -> None:
    wanted, fits = _WANTED[key]
    if not fits(value):
        raise bad_field(f"tts.{key}", f"tts.{key} is {str(value)[:80]!r}: write {wanted}")


def is_number(value: Any) -> bool:
    """Whether JSON has a number there; a truth value is none."""
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= sys.float_info.max


def is_whole(value: Any) -> bool:
    """Whether it is a whole number, of 64 bits."""
    return isinstance(value, int) and not isinstance(value, bool) and abs(value) < 1 << 63


def _is_positive(value: Any) -> bool:
    return is_number(value) and value > 0


def _is_name(value: Any) -> bool:
    return isinstance(value, str) and bool(value)


_WANTED: dict[str, tuple[str, Callable[[Any], bool]]] = {
    "price": ('a number, or a text as "0.1/dollar"', lambda v: is_number(v) or _is_name(v)),
    "max_flops": ("a number above 0", _is_positive),
    "max_tokens_total": ("a whole number from 1 on", lambda v: is_whole(v) and v >= 1),
    "max_dollars": ("a number above 0", _is_positive),
    "deadline_s": ("seconds, above 0", _is_positive),
    "min_confidence": ("a number from 0 to 1", lambda v: is_number(v) and 0 <= v <= 1),
    "policy": ("the id of a policy in /v1/models", _is_name),
    "prm": ("the name of a PRM, or none", _is_name),
    "method": (f"one of {', '.join(METHODS)}", lambda v: isinstance(v, str) and v in METHODS),
    "budget": (f"a whole number from 1 to {MAX_BUDGET}", lambda v: is_whole(v) and 1 <= v <= MAX_BUDGET),
    "show": (f"one of {', '.join(SHOWN)}", lambda v: v in SHOWN),
    "progress": ("true or false", lambda v: isinstance(v, bool)),
}
"""What each key wants, in words and as a test."""
