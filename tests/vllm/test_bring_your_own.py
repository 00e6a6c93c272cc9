"""The path of docs/bring-your-own.md, command by command, with a real server and models in folders.

Nothing that ships with the package takes part but the weights, which lie here as anyone's would: no spec is
`world:...`, and neither the embedded portfolio nor the embedded router is used.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from tts_select.data.fingerprint import fingerprint_of
from tts_select.data.world.artifacts import folder_of
from tts_select.data.world.suite import generate
from tts_select.selector.routers.artifact import load_router, save_router
from tts_select.testing import FakeServer

N_PROBLEMS = 30
"""The fewest that a router is trained on."""
POLICY, PRM = "openai:small-0.18M", "judge.world"
PORTFOLIO = f"""
name: mine
arms:
  - {{policy: "{POLICY}", method: cot, max_new_tokens: 128}}
  - {{policy: "{POLICY}", method: majority, budget: [2, 4], max_new_tokens: 128}}
  - {{policy: "{POLICY}", prm: {PRM}, method: best_of_n, budget: 4, max_new_tokens: 128}}
  - {{policy: "{POLICY}", prm: {PRM}, method: beam, budget: 4, beam_width: 2, max_new_tokens: 128}}
"""
BAD_INPUT = 2

pytestmark = [
    pytest.mark.vllm,
    pytest.mark.timeout(900),  # the server's start and a sweep, on a busy machine
    pytest.mark.filterwarnings("ignore"),  # vLLM's imports warn about its own dependencies
]


@dataclass(frozen=True)
class Desk:
    """Where a user works: a folder, and a server."""

    folder: Path
    server: str

    def run(self, *arguments: str, server: str | None = None) -> subprocess.CompletedProcess[str]:
        """A command of the package, in the folder."""
        package = Path(__file__).parents[2]
        environment = {
            **os.environ,
            "OPENAI_BASE_URL": server or self.server,
            "PYTHONPATH": os.pathsep.join([str(package), os.environ.get("PYTHONPATH", "")]),
        }
        command = [sys.executable, "-m", "tts_select", *arguments]
        return subprocess.run(
            command, cwd=self.folder, env=environment, capture_output=True, text=True, check=False
        )

    def json(self, *arguments: str) -> Any:
        """What a command that must succeed prints."""
        ran = self.run(*arguments, "--json")
        assert ran.returncode == 0, ran.stderr
        return json.loads(ran.stdout)


@pytest.fixture(scope="module")
def desk(
    serve: Callable[..., AbstractContextManager[str]], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Desk]:
    folder = tmp_path_factory.mktemp("desk")
    shutil.copytree(folder_of("prm", "prm"), folder / PRM)
    (folder / "arms.yaml").write_text(PORTFOLIO)
    problems = [
        p for level in (1, 3, 5) for p in generate(N_PROBLEMS // 3, seed=3, split="train", level=level)
    ]
    lines = [
        json.dumps({"id": f"p{k}", "problem": p.problem, "answer": p.answer}) for k, p in enumerate(problems)
    ]
    (folder / "problems.jsonl").write_text("\n".join(lines) + "\n")
    (folder / "problem.txt").write_text("Start with 14. Multiply by 3. Add 2. What is the result?")
    with serve(folder_of("policy", "small"), POLICY.partition(":")[2]) as url:
        yield Desk(folder, url)


@pytest.fixture(scope="module")
def swept(desk: Desk) -> dict[str, Any]:
    """The manifest of the log."""
    desk.json(
        "sweep", "--problems", "problems.jsonl", "--portfolio", "arms.yaml", "--out", "sweep",
        "--samples", "4", "--runs", "1",
    )  # fmt: skip
    found: dict[str, Any] = json.loads((desk.folder / "sweep" / "manifest.json").read_text())
    return found


@pytest.fixture(scope="module")
def router(desk: Desk, swept: dict[str, Any]) -> Path:
    """The folder of the router that was trained on the sweep."""
    desk.json(
        "train", "sweep", "--out", "router", "--probe-policy", POLICY, "--probe-prm", PRM, "--probes", "2"
    )
    return desk.folder / "router"


@pytest.fixture(scope="module")
def probing(router: Path) -> Path:
    """The folder of the same router, that always begins with its probe: whether that is worth it is a
    router's to say, and on so few problems it is chance."""
    folder = router.with_name("probing")
    save_router(replace(load_router(router), first_steps=None), folder, trained_on={})
    return folder


def test_the_log_knows_what_its_models_are(swept: dict[str, Any]) -> None:
    assert {spec: card["kind"] for spec, card in swept["models"].items()} == {POLICY: "policy", PRM: "prm"}
    assert swept["models"][POLICY]["n_parameters"] == 180_000
    assert swept["models"][POLICY]["fingerprint"]
    assert swept["models"][PRM]["fingerprint"] == fingerprint_of(folder_of("prm", "prm"), "prm")


def test_every_record_is_there_and_billed(desk: Desk, swept: dict[str, Any]) -> None:
    shards = sorted((desk.folder / "sweep" / "shards").iterdir())
    records = [json.loads(line) for shard in shards for line in shard.read_text().splitlines()]
    pools, scores, runs = ([r for r in records if r["kind"] == kind] for kind in ("pool", "scores", "run"))
    assert (len(pools), len(runs)) == (2 * N_PROBLEMS, N_PROBLEMS)
    assert all(s["n_tokens"] > 0 for pool in pools for s in pool["samples"])
    of_samples = [r for r in scores if r["temperature"] > 0]
    assert [r["prm"] for r in of_samples] == [PRM] * N_PROBLEMS
    assert any(given for r in of_samples for given in r["scores"])
    sizes = {spec: card["n_parameters"] for spec, card in swept["models"].items()}
    for run in runs:
        cost = run["cost"]
        written = cost["policy_prompt_tokens"] + cost["policy_generated_tokens"]
        assert cost["flops"] == 2 * (sizes[POLICY] * written + sizes[PRM] * cost["prm_tokens"])


def test_the_router_knows_what_it_was_trained_for(router: Path, swept: dict[str, Any]) -> None:
    known = json.loads((router / "router.json").read_text())["fingerprints"]
    assert known == {
        **{spec: card["fingerprint"] for spec, card in swept["models"].items()},
        "grader": swept["grader"],
    }


def test_the_router_solves_on_the_server(desk: Desk, router: Path, probing: Path) -> None:
    for folder in (router, probing):
        solution = desk.json("solve", "problem.txt", "--router", folder.name, "--effort", "high")
        assert solution["answer"] == "44"
        assert solution["plan"]["policy"] == POLICY
        assert solution["cost"]["policy_generated_tokens"] > 0
    assert solution["cost"]["prm_tokens"] > 0


def test_a_prm_that_has_changed_is_refused(desk: Desk, probing: Path) -> None:
    own, kept = desk.folder / PRM, desk.folder / "kept"
    own.rename(kept)
    shutil.copytree(folder_of("prm", "prm-narrow"), own)
    try:
        ran = desk.run("solve", "problem.txt", "--router", probing.name)
    finally:
        shutil.rmtree(own)
        kept.rename(own)
    assert ran.returncode == BAD_INPUT
    assert f"the router was trained for '{PRM}' as" in ran.stderr


def test_another_model_under_the_same_name_is_refused(desk: Desk, router: Path) -> None:
    with FakeServer(lambda *_: "It is \\boxed{44}", model=POLICY.partition(":")[2]) as server:
        ran = desk.run("solve", "problem.txt", "--router", router.name, server=server.url)
    assert ran.returncode == BAD_INPUT
    assert f"the router was trained for '{POLICY}' as" in ran.stderr
