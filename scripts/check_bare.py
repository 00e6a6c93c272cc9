"""Checks the base installation, which has no torch: served models are searched, and logs train routers.

Usage: python scripts/check_bare.py, in an environment that has `tts-select` without extras; PYTHONPATH must
not name the repository, or its package would be found instead of the installed one.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path
from random import Random

from tts_select.core.extras import EXTRAS
from tts_select.testing import FakeServer

COMMAND = Path(sys.executable).parent / "tts-select"
PROBLEM = "Start with 14. Multiply by 3. Subtract 9. What is the result?"
N_PROBLEMS, N_SAMPLES = 40, 4


def main() -> None:
    here = [name for modules in EXTRAS.values() for name in modules if find_spec(name)]
    check(not here, f"a base installation has {here}")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        check_embedded_models_are_refused(folder)
        check_served_models(folder)
        check_routers(folder)
    run("doctor")
    print(f"no {', '.join(EXTRAS['local'])} here; served models solve, and a log trains a router")


def check_embedded_models_are_refused(folder: Path) -> None:
    (folder / "problem.txt").write_text(PROBLEM)
    ran = run("solve", folder / "problem.txt", expected=2)
    check(ran.stderr.count("\n") == 1, ran.stderr)
    check("the embedded models need" in ran.stderr, ran.stderr)
    check("pip install 'tts-select[local]'" in ran.stderr, ran.stderr)


def check_served_models(folder: Path) -> None:
    with FakeServer(lambda _, seed: f"It is \\boxed{{{33 if seed % 3 else 7}}}.") as server:
        server_options = ("--policy-option", f"base_url={server.url}", "--policy-option", "params=7e9")
        options = ("--policy", "openai:fake", *server_options, "--method", "majority", "--budget", "9")
        solution = json.loads(run("solve", folder / "problem.txt", *options, "--json").stdout)
    check(solution["answer"] == "33", solution["answer"])


def check_routers(folder: Path) -> None:
    """A log of two policies, of which the larger one is right more often."""
    dice = Random(1)
    rows = [
        {
            "id": f"p{k}",
            "problem": f"What is {k} + 1?",
            "model": model,
            "sample": n,
            "answer": str(k + 1 if dice.random() < skill else dice.randint(-5, 0)),
            "gold": str(k + 1),
            "output_tokens": dice.randint(20, 90),
        }
        for k in range(N_PROBLEMS)
        for model, skill in (("small", 0.5), ("large", 0.8))
        for n in range(N_SAMPLES)
    ]
    (folder / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    log, router = folder / "log", folder / "router"
    run("import", folder / "rows.jsonl", "--format", "jsonl", "--params", "small=1e9,large=8e9", "--out", log)
    run("train", log, "--out", router)
    run("evaluate", log, "--folds", "2", "--out", folder / "report")
    report = json.loads((folder / "report" / "report.json").read_text())
    check(report["n_problems"] == N_PROBLEMS, report["n_problems"])


def run(*arguments: object, expected: int = 0) -> subprocess.CompletedProcess[str]:
    ran = subprocess.run([COMMAND, *map(str, arguments)], capture_output=True, text=True, check=False)
    said = f"{' '.join(map(str, arguments))} ends with {ran.returncode}:\n{ran.stdout}{ran.stderr}"
    check(ran.returncode == expected, said)
    return ran


def check(holds: bool, complaint: object) -> None:
    if not holds:
        sys.exit(str(complaint))


if __name__ == "__main__":
    main()
