"""Who may ask: keys by their hashes, and files of them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.serving.fakes import Served
from tts_select import InputError
from tts_select.serving.keys import hash_of, new_key, read_keys
from tts_select.serving.settings import Daily

Serve = Callable[..., Served]
KeyFile = Callable[..., Path]


def bearer(key: str) -> dict[str, str]:
    return {"authorization": f"Bearer {key}"}


def test_with_keys_nobody_else_may_ask(serve: Serve, key_file: KeyFile) -> None:
    served = serve(api_keys=key_file(alice=""))
    assert served.chat(headers=bearer("alice")).status_code == 200
    for wrong in (
        {},
        bearer("bob"),
        bearer(""),
        {"authorization": "alice"},
        {"authorization": "Basic alice"},
    ):
        said = served.chat(headers=wrong)
        assert (said.status_code, said.json()["error"]["type"]) == (401, "authentication_error")
        assert said.json()["error"]["code"] == "invalid_api_key"


@pytest.mark.parametrize("path", ["/v1/models", "/metrics", "/v1/tts/runs/x"])
def test_what_says_something_of_others_needs_a_key_and_health_needs_none(
    serve: Serve, key_file: KeyFile, path: str
) -> None:
    http = serve(api_keys=key_file(alice="")).http
    assert http.get(path).status_code == 401
    assert http.get("/healthz").status_code == http.get("/readyz").status_code == 200


def test_a_key_may_be_for_some_models(serve: Serve, key_file: KeyFile) -> None:
    served = serve(api_keys=key_file(alice=", models: [tts-select/fast]"))
    refused = served.chat(headers=bearer("alice"))
    assert served.chat(model="tts-select/fast", headers=bearer("alice")).status_code == 200
    assert (refused.status_code, refused.json()["error"]["code"]) == (403, "model_not_permitted")


def test_a_new_key_is_found_by_its_hash(tmp_path: Path) -> None:
    key, file = new_key(), tmp_path / "keys.yaml"
    file.write_text(f"keys: [{{name: alice, sha256: {hash_of(key)}, daily_tokens: 7}}]\n")
    found = read_keys(file, Daily(tokens=100, dollars=2.0)).named({"authorization": f"bearer {key}"})
    assert (found.name, found.daily) == ("alice", Daily(tokens=7, dollars=2.0))
    assert key not in file.read_text()
    assert len({new_key() for _ in range(50)}) == 50


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("keys: []", "name none"),
        ("keys: [{sha256: abc}]", "has no name"),
        ("keys: [{name: a, sha256: abc}]", "64 hex digits"),
        ("keys: [{name: a, key: secret}]", "unknown key 'key'"),
        (f"keys: [{{name: a, sha256: {hash_of('a')}, daily_tokens: -1}}]", "daily_tokens"),
        (f"keys: [{{name: a, sha256: {hash_of('a')}, daily_dollars: x}}]", "daily_dollars"),
        (f"keys: [{{name: a, sha256: {hash_of('a')}, models: all}}]", "a list of ids"),
        (f"keys: [{{name: a, sha256: {hash_of('a')}}}, {{name: a, sha256: {hash_of('b')}}}]", "a name twice"),
    ],
)
def test_a_file_that_cannot_be_used_says_where(tmp_path: Path, text: str, said: str) -> None:
    file = tmp_path / "keys.yaml"
    file.write_text(text)
    with pytest.raises(InputError, match=said):
        read_keys(file, Daily())


def test_a_run_is_seen_by_its_own_key_alone(serve: Serve, key_file: KeyFile) -> None:
    served = serve(api_keys=key_file(alice="", bob=""))
    run = served.chat(headers=bearer("alice")).json()["tts"]["run_id"]
    assert served.http.get(f"/v1/tts/runs/{run}", headers=bearer("alice")).status_code == 200
    assert served.http.get(f"/v1/tts/runs/{run}", headers=bearer("bob")).status_code == 404
