"""Runs that are looked up, their outcomes, and plans of what would be run."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.serving.fakes import QUESTION, Served, catalogue_of, solutions
from tts_select.serving.errors import ApiError
from tts_select.serving.runs import Run, Runs
from tts_select.serving.service import Service
from tts_select.serving.settings import ServeSettings
from tts_select.testing import FakePolicy

Serve = Callable[..., Served]


def test_a_run_can_be_looked_up(serve: Serve) -> None:
    served = serve()
    tts = served.chat().json()["tts"]
    found = served.http.get(f"/v1/tts/runs/{tts['run_id']}").json()
    assert (found["status"], found["model"], found["tts"]) == ("done", "tts-select/auto", tts)
    assert served.http.get("/v1/tts/runs/run-0").json()["error"]["code"] == "run_not_found"


def test_the_oldest_runs_are_forgotten() -> None:
    runs = Runs(3)
    made = [Run("me", "m") for _ in range(5)]
    for run in made:
        runs.add(run)
    assert runs.find(made[-1].id, "me") is made[-1]
    for run in made[:2]:
        with pytest.raises(ApiError, match="keeps its last 3"):
            runs.find(run.id, "me")


def test_an_outcome_goes_to_the_file_with_what_was_said(tmp_path: Path, serve: Serve) -> None:
    file = tmp_path / "outcomes.jsonl"
    served = serve(named=None)
    catalogue = catalogue_of(FakePolicy(solutions), outcomes=file)
    served.service._catalogue = catalogue
    first, second = (served.chat().json()["tts"] for _ in range(2))  # one problem, two runs
    for tts, correct in ((first, True), (second, False)):
        said = served.http.post(f"/v1/tts/runs/{tts['run_id']}/outcome", json={"correct": correct})
        assert (said.status_code, said.json()["outcome"]) == (200, correct)
    lines = [json.loads(line) for line in file.read_text().splitlines()]
    assert [(line["id"], line["correct"]) for line in lines] == [
        (first["run_id"], True),
        (second["run_id"], False),
    ]
    assert lines[0]["confidence"] == first["confidence"]
    again = served.http.post(f"/v1/tts/runs/{first['run_id']}/outcome", json={"correct": True})
    assert (again.status_code, "has its outcome already" in again.text) == (400, True)


def test_an_outcome_without_a_file_says_how_to_name_one(serve: Serve) -> None:
    served = serve()
    run = served.chat().json()["tts"]["run_id"]
    said = served.http.post(f"/v1/tts/runs/{run}/outcome", json={"correct": True})
    assert (said.status_code, said.json()["error"]["code"]) == (400, "no_outcomes")
    assert "--outcomes FILE" in said.json()["error"]["message"]


@pytest.mark.parametrize("body", [{}, {"correct": "yes"}, {"correct": 1}, []])
def test_an_outcome_is_true_or_false(serve: Serve, body: object) -> None:
    served = serve()
    run = served.chat().json()["tts"]["run_id"]
    assert served.http.post(f"/v1/tts/runs/{run}/outcome", json=body).status_code == 400


def test_what_was_not_voted_on_has_no_outcome(serve: Serve) -> None:
    served = serve()
    run = served.chat(model="fake").json()["tts"]["run_id"]
    said = served.http.post(f"/v1/tts/runs/{run}/outcome", json={"correct": True})
    assert "no answer that was voted on" in said.json()["error"]["message"]


def test_a_plan_spends_nothing(serve: Serve) -> None:
    served = serve()
    body = {"model": "tts-select/high", "messages": [{"role": "user", "content": QUESTION}]}
    plan = served.http.post("/v1/tts/plan", json=body).json()
    assert plan["chosen"].startswith("majority@")
    assert served.policy.requests == []
    assert served.http.get(f"/v1/tts/runs/{plan['run_id']}").json()["status"] == "planned"


def test_a_plan_of_one_sample_and_of_what_is_not_votable_says_so(serve: Serve) -> None:
    served = serve()
    body = {"model": "fake", "messages": [{"role": "user", "content": QUESTION}]}
    assert served.http.post("/v1/tts/plan", json=body).json()["chosen"] == "one sample of fake"
    body |= {"model": "tts-select/auto", "response_format": {"type": "json_object"}}
    assert "not votable" in served.http.post("/v1/tts/plan", json=body).json()["reason"]
    for wrong in ([], {**body, "probe": "yes"}, {"model": "fake"}):
        assert served.http.post("/v1/tts/plan", json=wrong).status_code == 400


def test_metrics_count_requests_tokens_and_what_is_left(
    serve: Serve, key_file: Callable[..., Path], tmp_path: Path
) -> None:
    from tts_select.serving.settings import Caps

    served = serve(
        api_keys=key_file(alice=", daily_tokens: 100"),
        purses=tmp_path / "purses.sqlite",
        caps=Caps(max_tokens=50),
        named={"method": "majority", "budget": 4},
    )
    alice = {"authorization": "Bearer alice"}
    served.chat(headers=alice)
    served.chat(headers=alice, model="fake")
    served.chat(headers=alice, model="nobody")
    text = served.http.get("/metrics", headers=alice).text
    assert 'tts_requests_total{model="tts-select/auto",plan="majority",status="200"} 1.0' in text
    assert 'tts_tokens_total{role="generated"} 25.0' in text
    assert 'tts_purse_left{key="alice",unit="tokens"} 75.0' in text
    assert 'tts_stop_total{reason="complete"} 1.0' in text
    assert 'tts_refused_total{code="model_not_found"} 1.0' in text
    assert "tts_seconds_count 2.0" in text
    assert "tts_runs_in_flight 0.0" in text


def test_a_service_without_models_is_not_ready() -> None:
    service = Service(ServeSettings())
    with pytest.raises(ApiError, match="being loaded"):
        assert service.catalogue
