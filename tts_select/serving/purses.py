"""What each key spent in a day (UTC), in SQLite: reserved before anything runs, booked after it.

Every change is a transaction on disk before it counts, so a server that is killed forgets nothing; what it
had reserved for runs in flight counts as spent from then on.
"""

from __future__ import annotations

import logging
import math
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from tts_select.core.errors import InputError
from tts_select.serving.errors import TOO_MANY, ApiError
from tts_select.serving.keys import Key, Keys
from tts_select.serving.settings import Caps, Daily, ServeSettings

_SOON_S = 5.0
"""When to ask again where runs in flight hold what is left."""
_SCHEMA = """
CREATE TABLE IF NOT EXISTS spent (
    day TEXT, key TEXT, tokens INTEGER NOT NULL, dollars REAL NOT NULL, requests INTEGER NOT NULL,
    PRIMARY KEY (day, key)
);
CREATE TABLE IF NOT EXISTS reserved (
    run TEXT PRIMARY KEY, day TEXT NOT NULL, key TEXT NOT NULL, tokens INTEGER NOT NULL, dollars REAL NOT NULL
);
"""
_BOOK = """
INSERT INTO spent VALUES (?, ?, ?, ?, 1) ON CONFLICT (day, key) DO UPDATE SET
    tokens = tokens + excluded.tokens, dollars = dollars + excluded.dollars, requests = requests + 1
"""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Spent:
    """What a key spent in a day, and what is reserved of its purse."""

    tokens: int
    dollars: float
    reserved_tokens: int
    reserved_dollars: float


_NOTHING = Spent(0, 0.0, 0, 0.0)
_OPEN = Daily()


class Purses:
    """The purses of all keys. One server at a time has the file."""

    def __init__(
        self, file: Path | None = None, now: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        """Without a file nothing is kept beyond the end.

        Raises:
            InputError: the file cannot be used, or another server uses it.
        """
        self._now = now
        try:
            self._db = sqlite3.connect(
                file or ":memory:", isolation_level=None, timeout=0.5, check_same_thread=False
            )
            self._db.execute("PRAGMA locking_mode = EXCLUSIVE")
            self._db.execute("PRAGMA journal_mode = WAL")
            self._db.execute("PRAGMA synchronous = NORMAL")
            self._db.executescript(f"BEGIN IMMEDIATE; {_SCHEMA} COMMIT")  # from here on it is locked
            self._book_what_was_left()
        except sqlite3.Error as error:
            raise InputError(
                f"the purses '{file}' cannot be used: {error}; no other server may use the file"
            ) from error

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    def reserve(self, run: str, key: Key, caps: Caps) -> Caps:
        """Set aside what a run may spend; its caps are lower where less is left of the day's purse.

        Raises:
            ApiError: nothing is left.
        """
        here = self.spent(key.name) if key.daily != _OPEN else _NOTHING
        tokens = _lowered(caps.max_tokens, key.daily.tokens, here.tokens, here.reserved_tokens)
        dollars = _lowered(caps.max_dollars, key.daily.dollars, here.dollars, here.reserved_dollars)
        if (tokens is not None and tokens < 1) or (dollars is not None and dollars <= 0):
            raise self._empty(key, here)
        is_capped = key.daily.tokens is not None, key.daily.dollars is not None
        aside = (tokens or 0) if is_capped[0] else 0, (dollars or 0.0) if is_capped[1] else 0.0
        held = (run, self._today(), key.name, *aside)
        self._db.execute("INSERT INTO reserved VALUES (?, ?, ?, ?, ?)", held)
        return replace(caps, max_tokens=None if tokens is None else int(tokens), max_dollars=dollars)

    def note(self, run: str, tokens: int, dollars: float) -> None:
        """A run has spent so much by now: no less counts if the server is killed."""
        self._db.execute(
            "UPDATE reserved SET tokens = max(tokens, ?), dollars = max(dollars, ?) WHERE run = ?",
            (tokens, _known(dollars), run),
        )

    def book(self, run: str, tokens: int, dollars: float) -> None:
        """A run is over and has spent so much; what was reserved for it is free again."""
        found = self._db.execute("SELECT day, key FROM reserved WHERE run = ?", (run,)).fetchone()
        if found is None:
            return
        with self._transaction():
            self._db.execute(_BOOK, (*found, tokens, _known(dollars)))
            self._db.execute("DELETE FROM reserved WHERE run = ?", (run,))

    def spent(self, key: str) -> Spent:
        """What a key spent today."""
        where = (self._today(), key)
        row = self._db.execute(
            "SELECT tokens, dollars FROM spent WHERE day = ? AND key = ?", where
        ).fetchone()
        held = self._db.execute(
            "SELECT total(tokens), total(dollars) FROM reserved WHERE day = ? AND key = ?", where
        ).fetchone()
        tokens, dollars = row or (0, 0.0)
        return Spent(tokens, dollars, int(held[0]), held[1])

    def refusal(self, key: Key) -> ApiError:
        """What is said where the purse of the day has too little left for anything."""
        return self._empty(key, self.spent(key.name))

    def _empty(self, key: Key, here: Spent) -> ApiError:
        is_held = bool(here.reserved_tokens or here.reserved_dollars)
        now = self._now()
        midnight = (now + timedelta(days=1)).replace(hour=0, minute=0, second=0, microsecond=0)
        why = "runs in flight hold what is left of" if is_held else "nothing is left of"
        return ApiError(
            TOO_MANY,
            f"{why} the purse of '{key.name}' for today: {here.tokens:,} tokens and {here.dollars:.4g} "
            "dollars are spent",
            code="insufficient_quota",
            retry_after_s=_SOON_S if is_held else (midnight - now).total_seconds(),
        )

    def _book_what_was_left(self) -> None:
        left = self._db.execute("SELECT run, tokens, dollars FROM reserved").fetchall()
        for run, tokens, dollars in left:
            self.book(run, tokens, dollars)
        if left:
            _log.warning("%d runs were cut off when the server ended: what was reserved is booked", len(left))

    def _transaction(self) -> sqlite3.Connection:
        self._db.execute("BEGIN IMMEDIATE")
        return self._db

    def _today(self) -> str:
        return self._now().strftime("%Y-%m-%d")


def check_purses(settings: ServeSettings, keys: Keys) -> None:
    """Check that a purse of a day can be kept to: what a run may take is set aside for it, so it has a cap,
    and a restart must not fill the purse again.

    Raises:
        InputError: it cannot.
    """
    if not keys.has_purses:
        return
    if settings.purses is None:
        raise InputError("a purse for a day outlives the server: name a file for it with --purses")
    for unit, cap in (("tokens", settings.caps.max_tokens), ("dollars", settings.caps.max_dollars)):
        if keys.caps_a_day(unit) and cap is None:
            raise InputError(
                f"a purse in {unit} needs --max-{unit} too: it is set aside for each request while it runs"
            )


def _lowered(asked: float | None, most: float | None, spent: float, reserved: float) -> float | None:
    """The cap of a run under the purse of a day."""
    if most is None:
        return asked
    left = most - spent - reserved
    return left if asked is None else min(asked, left)


def _known(dollars: float) -> float:
    """Dollars that are not known are not in the sum; a purse in dollars is for models with prices alone."""
    return 0.0 if math.isnan(dollars) else dollars
