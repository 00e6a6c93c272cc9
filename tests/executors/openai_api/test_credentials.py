"""A key is used and never seen; an address is cleaned, or refused in one line."""

from __future__ import annotations

import base64
import html
import json
import logging
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote, quote_plus

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from tts_select import BackendError, InputError, load_policy, solve
from tts_select.cli import main
from tts_select.config import Config, PolicyEntry
from tts_select.doctor.servers import examine_servers
from tts_select.executors.openai_api import credentials
from tts_select.executors.openai_api.credentials import hide, keep_secret, read_key, read_url, shown_url
from tts_select.testing import FakeServer

KEY = "sk-do/not+show=me 0123".replace(" ", "-")
CORE = "not+show"
"""The part of it that none of these encodings leaves as it is, or shows in part."""
QUOTED = [
    KEY,
    f"b'Bearer {KEY}\\n'",
    repr(KEY),
    json.dumps({"key": KEY}),
    quote(KEY, safe=""),
    quote_plus(KEY).lower(),
    html.escape(KEY),
    base64.b64encode(KEY.encode()).decode(),
]


@pytest.fixture(autouse=True)
def _nothing_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(credentials, "_secrets", set())
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL"):
        monkeypatch.delenv(name, raising=False)


def leaks(text: str, secret: str = KEY) -> bool:
    forms = (secret, quote(secret, safe=""), base64.b64encode(secret.encode()).decode(), CORE)
    return any(form.lower() in text.lower() for form in forms)


def chain(error: BaseException | None) -> Iterator[BaseException]:
    """The error, and whatever hangs on it."""
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def said_by(error: BaseException) -> str:
    """All that is in an error, and in those that it came of."""
    return "".join(
        f"{found!r} {found} {vars(found)} " + "".join(traceback.format_exception(found))
        for found in chain(error)
    )


def echo(status: int, quoted: str) -> Callable[[Any], None]:
    """A server, or a gateway before it, that quotes what it was sent."""

    def fault(handler: Any) -> None:
        handler._send(status, {"error": {"message": f"no such thing: {quoted}"}, "detail": quoted})

    return fault


@pytest.mark.parametrize("around", ["{}\n", "{}\r\n", " {}", '"{}"', "'{}'\n", "\ufeff{}\u200b", "{}"])
def test_what_does_not_belong_to_a_key_is_not_sent(monkeypatch: pytest.MonkeyPatch, around: str) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", around.format(KEY))
    with FakeServer(lambda *_: "\\boxed{2}") as server:
        policy: Any = load_policy("openai:fake", base_url=server.url, fresh=True)
        assert solve("1 + 1?", policy=policy, method="cot").answer == "2"
        policy.close()
    assert {sent["authorization"] for sent in server.headers} == {f"Bearer {KEY}"}


@pytest.mark.parametrize(
    "bad", [f"{KEY}\nx", f"{KEY}\r{KEY}", f"{KEY} x", f"{KEY}é", f"{KEY}\x7f", f"x\udcff{KEY}"]
)
def test_a_key_that_no_header_can_carry_is_refused_unseen(monkeypatch: pytest.MonkeyPatch, bad: str) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", bad)
    with pytest.raises(InputError, match="OPENAI_API_KEY") as refused:
        load_policy("openai:fake", base_url="http://127.0.0.1:9/v1")
    assert not leaks(said_by(refused.value))
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("blank", ["", " ", "\n", '""'])
def test_a_blank_key_is_none(monkeypatch: pytest.MonkeyPatch, blank: str) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", blank)
    assert read_key() is None
    with pytest.raises(InputError, match="which server"):
        load_policy("openai:fake")


@pytest.mark.parametrize("status", [200, 400, 401, 403, 404, 429])
def test_a_server_that_quotes_the_key_does_not_make_it_seen(
    policy_at: Callable[..., Any],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    status: int,
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", f"{KEY}\n")
    caplog.set_level(logging.DEBUG)
    with FakeServer(lambda *_: "\\boxed{2}") as server:
        policy = policy_at(server, retries=0)
        for quoted in QUOTED:
            server.faults.append(echo(status, quoted))
            with pytest.raises(BackendError) as failed:
                solve("1 + 1?", policy=policy, method="majority", budget=2)
            assert not leaks(said_by(failed.value))
            assert status == 200 or "***" in str(failed.value)
    assert not leaks(caplog.text)


@pytest.mark.parametrize("status", [200, 401])
@pytest.mark.parametrize("command", ["solve", "solve --json", "doctor", "doctor --json"])
def test_no_command_shows_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, status: int, command: str
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", f"{KEY}\r\n")
    problem = tmp_path / "problem.txt"
    problem.write_text("1 + 1?")
    with FakeServer(lambda *_: "\\boxed{2}") as server:
        monkeypatch.setenv("OPENAI_BASE_URL", f"{server.url}?token={KEY}")
        fault = echo(status, QUOTED[1])
        monkeypatch.setattr(server, "model", f"fake-{KEY}")  # it lists its models with the key in their names
        server.faults.extend([fault] * 20)
        name, *flags = command.split()
        more = [str(problem), "--policy", "openai:fake", "--policy-option", "retries=0"]
        ran = CliRunner().invoke(main, [name, *(more if name == "solve" else []), *flags])
    assert not leaks(ran.output)
    assert ran.exception is None or isinstance(ran.exception, SystemExit)


@given(st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=8))
def test_every_form_of_every_key_is_hidden(key: str) -> None:
    credentials._secrets.clear()
    keep_secret(key)
    forms = [key, repr(key)[1:-1], repr(key.encode())[2:-1], json.dumps(key)[1:-1], html.escape(key)]
    forms += [quote(key), quote(key, safe=""), quote_plus(key), repr(repr(key)[1:-1])[1:-1]]
    for form in forms:
        assert hide(f"before {form} behind") == "before *** behind"


def test_a_short_key_is_hidden_as_a_word_and_not_within_words() -> None:
    keep_secret("t")
    assert hide("the context is short: Bearer t, 't'") == "the context is short: Bearer ***, '***'"


def test_a_short_key_does_not_make_errors_unreadable(
    policy_at: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Servers of one's own are given a key of one letter: a full context is still known by its message."""
    from tts_select.testing import Abilities

    monkeypatch.setenv("OPENAI_API_KEY", "context")
    with FakeServer(lambda *_: "so " * 900, can=Abilities(clips=False), context=100) as server:
        found = solve("1 + 1?", policy=policy_at(server), method="cot", max_new_tokens=500)
    assert found.candidates[0].candidate.finish == "length"


@pytest.mark.parametrize(
    "given",
    ["{}\n", " {} ", '"{}"', "'{}'\r\n", "\u201c{}\u201d", "\ufeff{}", "{}/", "`{}`"],
)
@pytest.mark.parametrize("is_option", [True, False])
def test_an_address_is_cleaned(monkeypatch: pytest.MonkeyPatch, given: str, is_option: bool) -> None:
    with FakeServer(lambda *_: "\\boxed{2}") as server:
        written = given.format(server.url)
        if not is_option:
            monkeypatch.setenv("OPENAI_BASE_URL", written)
        more = {"base_url": written} if is_option else {}
        policy: Any = load_policy("openai:fake", fresh=True, **more)
        assert solve("1 + 1?", policy=policy, method="cot").answer == "2"
        policy.close()


@pytest.mark.parametrize(
    "bad",
    [
        "localhost:8000/v1",
        "http://",
        "http://host:port/v1",
        "http://host:99999/v1",
        "http://[::1/v1",
        "http://a b/v1",
        "http://host/v1\nhttp://other/v1",
        'http://host"/v1',
        "http://ho\u200bst/v1",
        "ftp://host/v1",
        "file:///v1",
        "http://me:hunter2@ho st/v1?token=abcdefgh",
    ],
)
def test_an_address_that_is_none_is_refused_in_one_line(bad: str) -> None:
    with pytest.raises(InputError, match="base URL is") as refused:
        load_policy("openai:fake", base_url=bad)
    said = said_by(refused.value)
    assert "\n" not in str(refused.value)
    assert "--base-url" in str(refused.value)
    assert "hunter2" not in said
    assert "abcdefgh" not in said
    served = PolicyEntry("openai:m", {"base_url": bad})
    *_, found = examine_servers(Config(Path("c.yaml"), {"served": served}))
    assert found.status == "problem"
    assert "hunter2" not in str(found)


def test_what_an_address_holds_of_secrets_is_hidden_everywhere(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    with FakeServer(lambda *_: "\\boxed{2}") as server:
        url = server.url.replace("//", "//me:hunt%40er2@") + "?token=abcdefgh"
        policy: Any = load_policy("openai:fake", base_url=url, fresh=True, retries=0)
        server.faults.append(echo(400, "hunt@er2, hunt%40er2 and abcdefgh"))
        with pytest.raises(BackendError) as failed:
            solve("1 + 1?", policy=policy, method="cot")
        policy.close()
    told = caplog.text + said_by(failed.value)
    assert not any(secret in told for secret in ("hunt@er2", "hunt%40er2", "abcdefgh"))


def test_addresses_are_shown_without_what_nobody_should_see() -> None:
    assert read_url(None) is None
    assert shown_url("https://me:pw@host:8000/v1/?k=v") == "https://host:8000/v1"
    assert shown_url("http://[::1]:8000/v1") == "http://[::1]:8000/v1"
