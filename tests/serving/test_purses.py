"""Purses: never overdrawn, never forgotten."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.serving.fakes import Served
from tts_select import InputError
from tts_select.core.pricing import TokenPrice
from tts_select.serving.errors import ApiError
from tts_select.serving.keys import Key
from tts_select.serving.purses import Purses
from tts_select.serving.settings import Caps, Daily

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
ALICE = Key("alice", daily=Daily(tokens=100))


def test_a_reservation_is_held_until_it_is_booked() -> None:
    purses = Purses(now=lambda: NOON)
    assert purses.reserve("a", ALICE, Caps(max_tokens=60)).max_tokens == 60
    assert purses.reserve("b", ALICE, Caps(max_tokens=60)).max_tokens == 40
    with pytest.raises(ApiError, match="runs in flight hold") as held:
        purses.reserve("c", ALICE, Caps(max_tokens=60))
    purses.book("a", 10, 0.0)
    assert purses.reserve("c", ALICE, Caps(max_tokens=60)).max_tokens == 50
    assert (held.value.status, held.value.headers) == (429, {"Retry-After": "5"})


def test_an_empty_purse_is_full_again_on_the_next_day() -> None:
    clock = [NOON]
    purses = Purses(now=lambda: clock[0])
    purses.reserve("a", ALICE, Caps(max_tokens=100))
    purses.book("a", 100, 0.0)
    with pytest.raises(ApiError, match="nothing is left") as empty:
        purses.reserve("b", ALICE, Caps(max_tokens=1))
    clock[0] += timedelta(hours=12)
    assert purses.reserve("b", ALICE, Caps(max_tokens=70)).max_tokens == 70
    assert (empty.value.code, empty.value.headers) == ("insufficient_quota", {"Retry-After": "43200"})


@given(st.lists(st.tuples(st.integers(1, 60), st.floats(0, 1)), max_size=30))
def test_what_is_booked_never_exceeds_the_purse(runs: list[tuple[int, float]]) -> None:
    purses, open_runs = Purses(now=lambda: NOON), []
    for k, (asked, share) in enumerate(runs):
        try:
            allowed = purses.reserve(str(k), ALICE, Caps(max_tokens=asked)).max_tokens
        except ApiError:
            continue
        assert allowed is not None
        assert 1 <= allowed <= asked
        open_runs.append((str(k), int(share * allowed)))
        if k % 3 == 0:
            purses.book(*open_runs.pop(0), 0.0)
        spent = purses.spent("alice")
        assert spent.tokens + spent.reserved_tokens <= 100
    purses.close()


def test_a_purse_is_each_keys_own_and_dollars_have_one_too() -> None:
    purses, bob = Purses(now=lambda: NOON), Key("bob", daily=Daily(dollars=1.0))
    purses.reserve("a", ALICE, Caps(max_tokens=100))
    caps = purses.reserve("b", bob, Caps(max_tokens=7, max_dollars=3.0))
    assert (caps.max_tokens, caps.max_dollars) == (7, 1.0)
    purses.book("b", 7, 0.25)
    assert purses.spent("bob").dollars == 0.25
    assert purses.spent("alice").tokens == 0


def test_a_file_forgets_nothing_and_what_was_in_flight_counts(tmp_path: Path) -> None:
    file = tmp_path / "purses.sqlite"
    first = Purses(file, lambda: NOON)
    first.reserve("a", ALICE, Caps(max_tokens=30))
    first.book("a", 12, 0.0)
    first.reserve("b", ALICE, Caps(max_tokens=30))
    first.reserve("c", Key("bob"), Caps())
    first.note("c", 5, float("nan"))
    first.close()  # as after a kill: b and c are in flight
    second = Purses(file, lambda: NOON)
    assert second.spent("alice").tokens == 12 + 30
    assert second.spent("bob").tokens == 5
    assert second.spent("alice").reserved_tokens == 0
    second.close()


def test_two_servers_cannot_have_one_file(tmp_path: Path) -> None:
    first = Purses(tmp_path / "purses.sqlite")
    with pytest.raises(InputError, match="no other server may use the file"):
        Purses(tmp_path / "purses.sqlite")
    first.close()


def test_a_file_that_is_no_purse_is_refused(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("milk, eggs\n" * 100)
    with pytest.raises(InputError, match="cannot be used"):
        Purses(tmp_path / "notes.txt")


def test_a_server_keeps_to_the_purse_of_a_key(serve: Callable[..., Served], tmp_path: Path) -> None:
    file = tmp_path / "purses.sqlite"
    served = serve(
        purses=file,
        daily=Daily(tokens=12),
        caps=Caps(max_tokens=10),
        named={"method": "majority", "budget": 8},
    )
    first, second, third = served.chat(), served.chat(), served.chat()
    assert [first.status_code, second.status_code, third.status_code] == [200, 200, 429]
    assert first.json()["usage"]["completion_tokens"] <= 10
    assert first.json()["tts"]["limits_met"] == ["cap"]
    assert served.service.purses.spent("anyone").tokens <= 12
    assert int(third.headers["retry-after"]) <= 24 * 3600


def test_dollars_are_kept_to_as_well(serve: Callable[..., Served], tmp_path: Path) -> None:
    served = serve(
        price=TokenPrice(0.0, 1e6, 0.0),  # a dollar for each token that is written
        purses=tmp_path / "purses.sqlite",
        daily=Daily(dollars=12.0),
        caps=Caps(max_dollars=10.0),
        named={"method": "majority", "budget": 8},
    )
    assert [served.chat().status_code for _ in range(3)] == [200, 200, 429]
    assert served.service.purses.spent("anyone").dollars == pytest.approx(10.0, abs=2.0)


@pytest.mark.parametrize("caps", [Caps(), Caps(max_tokens=5)])
def test_a_purse_for_a_day_needs_a_file_and_a_cap(
    serve: Callable[..., Served], tmp_path: Path, caps: Caps
) -> None:
    with pytest.raises(InputError, match="--purses" if caps.max_tokens else "--purses|--max-tokens"):
        serve(daily=Daily(tokens=5), caps=caps)
    with pytest.raises(InputError, match="needs --max-dollars"):
        serve(daily=Daily(dollars=5), caps=caps, purses=tmp_path / "p.sqlite")


def test_the_file_is_an_ordinary_database(tmp_path: Path) -> None:
    file = tmp_path / "purses.sqlite"
    purses = Purses(file, lambda: NOON)
    purses.reserve("a", ALICE, Caps(max_tokens=9))
    purses.book("a", 9, 0.5)
    purses.close()
    rows = sqlite3.connect(file).execute("SELECT * FROM spent").fetchall()
    assert rows == [("2026-03-01", "alice", 9, 0.5, 1)]
