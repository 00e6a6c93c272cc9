"""`tts-select outcomes` and `recalibrate`."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

from tests.ladders import ladder_router
from tests.selector.conftest import PROBLEM
from tts_select import InputError, solve
from tts_select.cli import main
from tts_select.core.protocols import SampleRequest
from tts_select.data.prior.artifacts import PRIOR
from tts_select.data.world.artifacts import ROUTER
from tts_select.selector.routers.artifact import describe_router, identity_of, load_router, save_router
from tts_select.selector.routers.kinds import curve_of
from tts_select.testing import FakePolicy

KIND = {"ladder": "calibrated", "look-ahead": "calibrated", "prior": "prior"}


def invoke(*args: str | Path) -> Result:
    return CliRunner().invoke(main, [str(arg) for arg in args])


def write_results(path: Path, kind: str, n: int = 200) -> None:
    """Graded results whose confidence is the square of what it should be."""
    rng = np.random.default_rng(0)
    chances = rng.beta(2, 1, n)
    records = [
        {"id": f"p{k}", "correct": bool(rng.random() < p), "confidence": p**2, "confidence_kind": kind}
        for k, p in enumerate(chances.tolist())
    ]
    path.write_text("".join(json.dumps(record) + "\n" for record in records))


def folder_of(kind: str, tmp_path: Path) -> str | Path:
    if kind == "ladder":
        save_router(ladder_router(), tmp_path / "router", trained_on={"n_problems": 3})
        return tmp_path / "router"
    return "prior" if kind == "prior" else ROUTER


@pytest.mark.parametrize("kind", KIND)
def test_every_kind_of_router_is_recalibrated_into_a_folder_of_its_own(kind: str, tmp_path: Path) -> None:
    router, kept = folder_of(kind, tmp_path), tmp_path / "outcomes.jsonl"
    write_results(tmp_path / "results.jsonl", KIND[kind])
    told = invoke(
        "outcomes", "--results", tmp_path / "results.jsonl", "--router", router, "--outcomes", kept, "--json"
    )
    assert told.exit_code == 0, told.output
    summary = json.loads(told.stdout)
    assert summary["n"] == summary["confidence"][KIND[kind]]["n"] == 200
    new = tmp_path / "new"
    result = invoke("recalibrate", router, "--outcomes", kept, "--out", new, "--json")
    assert result.exit_code == 0, result.output
    facts = json.loads(result.stdout)
    assert facts["ece_before"] == summary["confidence"][KIND[kind]]["ece"]
    assert facts["ece_after"]["value"] < 0.6 * facts["ece_before"]["value"]
    source = PRIOR if kind == "prior" else Path(router)
    curve = curve_of(load_router(new))
    assert curve is not None
    assert curve.of(0.49) == pytest.approx(0.7, abs=0.1)
    described = describe_router(new)
    assert described["recalibrated"]["n"] == 200
    assert described["recalibrated"]["of"] == identity_of(source) != identity_of(new)
    assert {**describe_router(source), "recalibrated": described["recalibrated"]} == described


def test_recalibrated_in_place_it_keeps_its_outcomes_and_uses_them_again(tmp_path: Path) -> None:
    router = folder_of("ladder", tmp_path)
    write_results(tmp_path / "results.jsonl", "calibrated")
    first = invoke("outcomes", "--results", tmp_path / "results.jsonl", "--router", router)
    assert first.exit_code == 0, first.output
    assert "confidence: calibrated, 200 outcomes" in first.stdout
    again = invoke("outcomes", "--results", tmp_path / "results.jsonl", "--router", router)
    assert "200 were there already" in again.stderr
    result = invoke("recalibrate", router)
    assert result.exit_code == 0, result.output
    assert "after, cross-validated" in result.stdout
    curve = curve_of(load_router(Path(router)))
    second = json.loads(invoke("recalibrate", router, "--json").stdout)
    assert second["n"] == 200
    assert second["ece_before"]["value"] < 0.1, "the outcomes are taken as the corrected router says them"
    assert curve is not None


def test_what_is_recalibrated_says_another_confidence_and_decides_the_same(tmp_path: Path) -> None:
    def agreeing(request: SampleRequest, index: int) -> str:
        return "\\boxed{4}"

    write_results(tmp_path / "results.jsonl", "prior")
    kept, own = tmp_path / "outcomes.jsonl", tmp_path / "my-prior"
    invoke("outcomes", "--results", tmp_path / "results.jsonl", "--router", "prior", "--outcomes", kept)
    assert invoke("recalibrate", "prior", "--outcomes", kept, "--out", own).exit_code == 0
    before = solve(PROBLEM, policy=FakePolicy(agreeing))
    after = solve(PROBLEM, policy=FakePolicy(agreeing), prior=own)
    curve = curve_of(load_router(own))
    assert curve is not None
    assert before.confidence is not None
    assert after.confidence == pytest.approx(curve.of(before.confidence))
    assert after.confidence != before.confidence
    assert after.confidence_kind == "prior"
    assert [s.n for s in after.steps] == [s.n for s in before.steps]
    assert after.plan.reason == before.plan.reason


def test_a_prior_of_ones_own_needs_a_policy_and_leaves_no_method(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="name the policy"):
        solve(PROBLEM, prior=PRIOR)
    with pytest.raises(InputError, match="without a method"):
        solve(PROBLEM, prior=PRIOR, policy=FakePolicy(lambda request, index: "4"), method="majority")
    with pytest.raises(InputError, match="is no prior"):
        solve(PROBLEM, prior=ROUTER, policy=FakePolicy(lambda request, index: "4"))


def test_few_outcomes_and_those_of_other_routers_are_refused_in_a_line(tmp_path: Path) -> None:
    router, other = folder_of("ladder", tmp_path), tmp_path / "other"
    save_router(ladder_router(n=5), other, trained_on={})
    write_results(tmp_path / "results.jsonl", "calibrated", n=40)
    kept = tmp_path / "router" / "outcomes.jsonl"
    invoke("outcomes", "--results", tmp_path / "results.jsonl", "--router", other, "--outcomes", kept)
    result = invoke("recalibrate", router)
    assert result.exit_code == 2
    assert "0 outcomes of this router with a confidence, and 30 are needed" in result.stderr
    assert "40 outcomes are another router's" in result.stderr


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (("recalibrate", "prior", "--outcomes", "o.jsonl"), "name a folder of your own with --out"),
        (("recalibrate", "prior", "--out", "new"), "name their file with --outcomes"),
        (("recalibrate", "prior", "--out", "new", "--outcomes", "none.jsonl"), "no outcomes in 'none.jsonl'"),
        (("outcomes",), "outcomes of which router?"),
        (("outcomes", "--router", "prior"), "name a file for them with --outcomes"),
        (("outcomes", "--router", "no-router"), "no router in 'no-router'"),
    ],
)
def test_what_is_missing_is_said_in_a_line(
    args: tuple[str, ...], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    result = invoke(*args)
    assert result.exit_code == 2
    assert message in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1
