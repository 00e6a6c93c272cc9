"""A prior of one's own: named by an option or by the config, and the outcomes of its answers."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tts_select import InputError, Problem, Selector, solve
from tts_select.core.protocols import SampleRequest
from tts_select.data.prior.artifacts import PRIOR
from tts_select.selector.calibration import Calibration
from tts_select.selector.routers.artifact import identity_of, save_router
from tts_select.solving.naming import prior_in
from tts_select.solving.outcomes import read
from tts_select.testing import FakePolicy

PROBLEM = Problem("How many?", id="p1")
SURE = 0.25
"""What the prior of one's own says of every answer."""


def agreeing(request: SampleRequest, index: int) -> str:
    return "\\boxed{4}"


@pytest.fixture
def own(tmp_path: Path) -> Path:
    """The shipped prior, corrected to say the same of every answer."""
    folder = tmp_path / "my-prior"
    curve = Calibration((0.0, 1.0), (SURE, SURE))
    save_router(replace(prior_in(PRIOR), recalibration=curve), folder, trained_on={})
    return folder


def config(folder: Path, more: str) -> Path:
    path = folder / "tts-select.yaml"
    path.write_text(f"prior: my-prior\npolicies:\n  little: world:small\n{more}")
    return path


def test_what_was_right_is_kept_beside_a_prior_of_ones_own(own: Path) -> None:
    selector = Selector.of(policy=FakePolicy(agreeing), prior=own)
    solution = selector.solve(PROBLEM, effort="low")
    assert solution.confidence == SURE
    selector.record("p1", correct=True)
    (found,) = read(own / "outcomes.jsonl")
    assert (found.confidence, found.confidence_kind, found.effort) == (SURE, "prior", "low")
    assert found.router == identity_of(own)


def test_the_shipped_prior_keeps_outcomes_in_a_file_that_is_named(tmp_path: Path) -> None:
    bare = Selector.of(policy=FakePolicy(agreeing))
    bare.solve(PROBLEM)
    with pytest.raises(InputError, match=r"name a file for them.*Selector\.of"):
        bare.record("p1", correct=True)
    selector = Selector.of(policy=FakePolicy(agreeing), outcomes=tmp_path / "mine.jsonl")
    selector.solve(PROBLEM)
    selector.record("p1", correct=False)
    (found,) = read(tmp_path / "mine.jsonl")
    assert (found.correct, found.router) == (False, identity_of(PRIOR))


def test_what_was_named_keeps_outcomes_too(tmp_path: Path) -> None:
    file = tmp_path / "mine.jsonl"
    selector = Selector.of(policy=FakePolicy(agreeing), method="majority", budget=3, outcomes=file)
    selector.solve(PROBLEM)
    selector.record("p1", correct=True)
    (found,) = read(file)
    assert (found.confidence_kind, found.router) == ("vote share", None)


def test_what_is_for_each_problem_is_not_for_the_selector() -> None:
    with pytest.raises(InputError, match=r"'max_tokens' is for each problem: give it to solve\(\)"):
        Selector.of(policy=FakePolicy(agreeing), max_tokens=9)


def test_a_config_names_the_prior(own: Path, tmp_path: Path) -> None:
    several = config(tmp_path, "  big: world:large\n")
    text = "Start with 14. Multiply by 3. What is the result?"
    assert solve(text, config=several).confidence == SURE
    assert solve(text, config=several, policy=FakePolicy(agreeing)).confidence == SURE
    assert solve(text, config=several, policy="little", prm=None).confidence == SURE
    selector = Selector.of(config=several)
    selector.solve(Problem(text, id="p2"))
    selector.record("p2", correct=True)
    assert [o.id for o in read(own / "outcomes.jsonl")] == ["p2"]


def test_an_option_overrides_the_config(own: Path, tmp_path: Path) -> None:
    found = solve(PROBLEM, config=config(tmp_path, ""), policy=FakePolicy(agreeing), prior=PRIOR)
    assert (found.confidence or 0.0) > SURE


def test_the_priors_of_a_config_stand_in_nobodys_way(own: Path, tmp_path: Path) -> None:
    path = config(tmp_path, "")
    found = solve(PROBLEM, config=path, policy=FakePolicy(agreeing), method="majority", budget=3)
    assert found.confidence_kind == "vote share"
    with pytest.raises(InputError, match="'prior' is for a policy without a method"):
        solve(PROBLEM, config=path, policy=FakePolicy(agreeing), method="majority", prior=own)
