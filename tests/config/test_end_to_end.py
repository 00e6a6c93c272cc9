"""Sweep, train, plan and solve with the names of one config, from the command line."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from tts_select.cli import main
from tts_select.data.world.suite import generate
from tts_select.selector.routers.artifact import load_router

N_PROBLEMS = 36
CONFIG = """
policies:
  mine: {spec: "world:small", max_new_tokens: 150}
  other: {spec: "world:medium", max_new_tokens: 150}
prms: {judge: {spec: "world:prm"}}
pairs: {math: {policy: mine, prm: judge}}
portfolio:
  name: mine
  arms:
    - {policy: [mine, other], method: cot}
    - {policy: [mine, other], method: majority, budget: 2}
    - {pair: math, method: best_of_n, budget: 2}
router: router
probe: {policy: mine, prm: judge, samples: 2}
"""


def invoke(*args: str) -> Result:
    return CliRunner().invoke(main, list(args))


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_one_config_serves_all_commands(tmp_path: Path) -> None:
    config = tmp_path / "c.yaml"
    config.write_text(CONFIG)
    problems = tmp_path / "p.jsonl"
    records = [{"id": p.id, "problem": p.problem, "answer": p.answer} for p in generate(N_PROBLEMS, seed=3)]
    problems.write_text("".join(json.dumps(r) + "\n" for r in records))
    named, sweep, router = ("--config", str(config)), str(tmp_path / "sweep"), str(tmp_path / "router")

    swept = invoke("sweep", *named, "--problems", str(problems), "--out", sweep, "--samples", "2")
    assert swept.exit_code == 0, swept.output
    trained = invoke("train", *named, sweep, "--out", router)
    assert trained.exit_code == 0, trained.output
    probe = load_router(Path(router)).probe
    assert (probe.policy, probe.prm, probe.n, probe.max_new_tokens) == ("mine", "judge", 2, 150)

    problem = tmp_path / "p.txt"
    problem.write_text(records[0]["problem"])
    planned = json.loads(invoke("plan", *named, str(problem), "--json").stdout)
    assert set(planned["difficulty"]) == {"mine", "other"}
    solved = invoke("solve", *named, str(problem), "--json")
    assert solved.exit_code == 0, solved.output
    plan = json.loads(solved.stdout)["plan"]
    assert plan["policy"] in ("mine", "other")
    assert plan["settings"]["max_new_tokens"] == 150

    # whichever of the two the text calls for first: only what runs is loaded, and checked
    config.write_text(CONFIG.replace("world:small", "world:large").replace("world:medium", "world:large"))
    refused = invoke("solve", *named, str(problem))
    assert refused.exit_code == 2
    assert re.search("the router was trained for '(mine|other)' as", refused.stderr)
