"""The whole promise on real models: sweep, train, evaluate and solve live, on a public benchmark.

    python benchmarks/real_models.py --small openai:small --small-url http://127.0.0.1:8105/v1 \\
        --large openai:large --large-url http://127.0.0.1:8106/v1 --base SMALL_FOLDER \\
        --train gsm8k_train.jsonl --test gsm8k_test.jsonl --out real/
    python benchmarks/real_models.py ... --stages page      # writes the page from what is there

Everything runs by the commands that users have, one stage after the other. What a stage wrote is not
made again, so the same command goes on where it was cut off. Stages: draw, rates, sweep, prm, judge, train,
evaluate, curve, live, page. Problems are drawn with a seed: `--n-train` of the training split, `--n-test`
and `--n-live` others of the test split, which nothing is trained on; the live ones are never swept. With
`--in-turn` one policy is swept after the other, for servers that share a machine. With `--n-train 0` routers
are measured in folds over the test problems, each trained on the other folds, and the live one is trained on
all of them.

With `--base` a PRM is trained on the smaller policy's solutions of the training problems, and scores its
solutions of the test problems. A router that trusts a PRM must not learn it from solutions that the PRM was
trained on, so the routers of the training problems have none, and one more is measured in folds over that
policy's test problems. With `--n-train 0` the PRM is measured on a part of its problems. With `--n-judge` the
larger policy judges the steps of the solutions of so many test problems.
"""

from __future__ import annotations

import argparse
import json
import random
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import yaml
from real_live import measure_live, measure_rates
from real_page import write_page
from real_prms import measure_prm

from tts_select.data.prior.artifacts import PRIOR
from tts_select.selector.routers.artifact import save_router
from tts_select.solving.naming import prior_in
from tts_select.training.log.reading import read_log
from tts_select.training.log.records import SweepLog
from tts_select.training.routers.ladder.fit import fit_ladders

SMALL, LARGE = "small", "large"
PRM, JUDGE = "own", "judge"
FOLDS = 5
MOST_TOKENS = 384
FEW_IN_FLIGHT = 4
"""Problems that a PRM in this process scores at a time: of many it reads all before any is done."""
PATIENCE = 3600
"""Seconds that a request may wait on a slow server."""
ROUTERS: dict[str, tuple[str, ...]] = {
    "ladder": ("--kind", "ladder"),
    "ladder-alone": ("--kind", "ladder", "--prior", "none"),
    "look-ahead": ("--kind", "look-ahead"),
}
CURVE = (24, 50, 100, 200)


@dataclass(frozen=True, slots=True)
class Lab:
    """The folder of a run, and what was asked for."""

    out: Path
    asked: argparse.Namespace

    def path(self, *parts: str) -> Path:
        """A place in the folder."""
        return self.out.joinpath(*parts)

    @property
    def config(self) -> Path:
        """The config that names the models."""
        return self.path("tts-select.yaml")

    def log(self, part: str) -> Path:
        """The log of a part's problems."""
        return self.path(f"sweep-{part if part in self.parts else 'test'}")

    @property
    def scored(self) -> Path:
        """The log of the test problems with the PRMs' scores, if there are any."""
        return self.path("scored-test")

    @property
    def parts(self) -> tuple[str, ...]:
        """What is swept."""
        return ("test", "train") if self.asked.n_train else ("test",)

    def run(self, *arguments: object) -> None:
        """Run `tts-select` with these arguments; the run ends with it if it fails."""
        command = [sys.executable, "-m", "tts_select", *map(str, arguments)]
        print("$ tts-select", *map(str, arguments), flush=True)
        subprocess.run(command, check=True)


def draw(lab: Lab) -> None:
    """Draw the problems, and write the config and the portfolio."""
    asked = lab.asked
    train, test = (_shuffled(path, asked.seed) for path in (asked.train, asked.test))
    # a larger draw begins with a smaller one, so that a sweep can be added to
    parts = {
        "train": train[: asked.n_train],
        "test": test[: asked.n_test],
        "live": test[::-1][: asked.n_live],
    }
    lab.path("problems").mkdir(parents=True, exist_ok=True)
    for name, lines in parts.items():
        numbered = [json.dumps({"id": f"{name}-{k}", **json.loads(line)}) for k, line in enumerate(lines)]
        lab.path("problems", f"{name}.jsonl").write_text("\n".join(numbered) + "\n", encoding="utf-8")
    lab.config.write_text(yaml.safe_dump(_config(asked)), encoding="utf-8")
    arms = {name: _arms(name, n) for name, n in zip((SMALL, LARGE), asked.samples, strict=True)}
    for name, some in {"": [*arms[SMALL], *arms[LARGE]], **{f"-{name}": arms[name] for name in arms}}.items():
        portfolio = {"name": f"real{name}", "arms": some}
        lab.path(f"arms{name}.yaml").write_text(yaml.safe_dump(portfolio), encoding="utf-8")


def rates(lab: Lab) -> None:
    """Measure what a million tokens of each policy take in seconds, and price the policies so."""
    if not lab.path("rates.json").exists():
        found = measure_rates(lab.config, lab.path("problems", f"{lab.parts[-1]}.jsonl"), (SMALL, LARGE))
        lab.path("rates.json").write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    seconds = json.loads(lab.path("rates.json").read_text())
    config = yaml.safe_load(lab.config.read_text())
    for name in (SMALL, LARGE):
        # dollars stand for seconds of the server: the price of a token is the time that it takes at full load
        config["policies"][name]["price"] = {"input": 0.0, "output": round(seconds[name], 3)}
    lab.config.write_text(yaml.safe_dump(config), encoding="utf-8")


def sweep(lab: Lab) -> None:
    """Sweep the test and the training problems."""
    for part in lab.parts:
        alone = (SMALL, LARGE) if lab.asked.in_turn else ()
        for policy in alone:
            _sweep(lab, part, f"-{policy}", [policy])
        _sweep(lab, part, "", (SMALL, LARGE), reused=[f"sweep-{part}-{policy}" for policy in alone])


def _sweep(lab: Lab, part: str, whose: str, policies: Sequence[str], reused: Sequence[str] = ()) -> None:
    asked = lab.asked
    wanted = dict(zip((SMALL, LARGE), asked.samples, strict=True))
    samples = [f"{policy}={wanted[policy]}" for policy in policies if wanted[policy]]
    lab.run(
        "sweep",
        "--config", lab.config, "--portfolio", lab.path(f"arms{whose}.yaml"),
        "--problems", lab.path("problems", f"{part}.jsonl"), "--out", lab.path(f"sweep-{part}{whose}"),
        *(word for each in samples for word in ("--samples", each)),
        *(word for each in reused for word in ("--reuse", lab.path(each))),
        "--runs", 1, "--concurrency", asked.concurrency, *(("--chunk", asked.chunk) if asked.chunk else ()),
    )  # fmt: skip


def prm(lab: Lab) -> None:
    """Train a PRM on the smaller policy's samples, if it has some, and score those of the test problems."""
    if not lab.asked.base:
        return
    folder, policy = lab.path(PRM), SMALL if lab.asked.samples[0] else LARGE
    if not (folder / "manifest.json").exists():
        lab.run("train-prm", lab.log("train"), "--base", lab.asked.base, "--policy", policy, "--out", folder)
    if not lab.asked.n_train:
        return
    own = _part(lab, PRM, lab.asked.n_test, [policy])
    spec = {"spec": f"hf:{folder.absolute()}"}
    _score(lab, PRM, spec, own, lab.scored, concurrency=FEW_IN_FLIGHT)


def judge(lab: Lab) -> None:
    """Ask the larger policy for its verdict on the steps of some test problems' solutions."""
    if not (n := lab.asked.n_judge):
        return
    options = _options(lab.asked.large_url, lab.asked.large_params)
    spec = {"spec": lab.asked.large, "format": "judge", "options": options}
    part, out = _part(lab, JUDGE, n, (SMALL, LARGE)), lab.path("scored-judge")
    _score(lab, JUDGE, spec, part, out, concurrency=lab.asked.concurrency)


def _part(lab: Lab, name: str, n: int, policies: Sequence[str]) -> Path:
    """A log of the first test problems and of some policies, of what was swept already."""
    lines = lab.path("problems", "test.jsonl").read_text(encoding="utf-8").splitlines()[:n]
    lab.path("problems", f"{name}.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    whose = f"-{policies[0]}" if len(policies) == 1 else ""
    _sweep(lab, name, whose, policies, reused=["sweep-test"])
    return lab.path(f"sweep-{name}{whose}")


def _score(lab: Lab, name: str, spec: dict[str, Any], log: Path, out: Path, *, concurrency: int) -> None:
    """Score a log's samples by a PRM, and say what the scores are worth."""
    config = yaml.safe_load(lab.config.read_text())
    config.setdefault("prms", {})[name] = spec
    lab.config.write_text(yaml.safe_dump(config), encoding="utf-8")
    lab.run(
        "sweep", "--score-only", "--prm", name, "--config", lab.config, "--reuse", log, "--out", out,
        "--concurrency", concurrency,
    )  # fmt: skip
    found = json.dumps(measure_prm(out, name), indent=1)
    lab.path(f"{name}.json").write_text(found + "\n", encoding="utf-8")


def train(lab: Lab) -> None:
    """Train a router of each kind."""
    for name, options in ROUTERS.items():
        folder = lab.path("routers", name)
        if not (folder / "manifest.json").exists():
            folder.parent.mkdir(exist_ok=True)
            lab.run("train", lab.log("train"), *options, "--out", folder)


def evaluate(lab: Lab) -> None:
    """Measure each router on the test problems, in FLOPs and, where rates are known, in seconds; and the
    prior on each policy."""
    units = ("flops", "dollars") if lab.path("rates.json").exists() else ("flops",)
    for name, options in ROUTERS.items():
        for unit in units:
            measured = (lab.path("routers", name),) if lab.asked.n_train else ("--folds", FOLDS, *options)
            _report(lab, f"{name}-{unit}", *measured, "--unit", unit)
    if lab.scored.exists():
        _report(lab, "with-prm", "--folds", FOLDS, *ROUTERS["ladder"], log=lab.scored)
    _paper(lab)
    for policy, most in zip((SMALL, LARGE), lab.asked.samples, strict=True):
        if not most:
            continue
        _report(lab, f"prior-{policy}", "prior", "--policy", policy, "--max-samples", most)
    if most := lab.asked.live_samples:
        _report(lab, "live-prior", "prior", "--policy", LARGE, "--max-samples", most)


def curve(lab: Lab) -> None:
    """Train ladders on the first problems alone."""
    sizes = [n for n in CURVE if n <= lab.asked.n_train]
    if not sizes:
        return
    log, prior = read_log(lab.log("train")), prior_in(PRIOR).prior
    for n in sizes:
        folder = lab.path("routers", f"ladder-{n}")
        if not (folder / "manifest.json").exists():
            fitted = fit_ladders(_first(log, n), prior=prior, seed=0)
            save_router(fitted.router, folder, trained_on=fitted.facts)
        _report(lab, f"curve-{n}", folder)


def live(lab: Lab) -> None:
    """Solve the live problems by the best router, the best fixed arm, the margin rule and the prior."""
    urls = {SMALL: lab.asked.small_url, LARGE: lab.asked.large_url}
    swept, most = lab.asked.samples[1], lab.asked.live_samples or lab.asked.samples[1]
    measure_live(lab.out, lab.config, urls, swept=swept, samples=most, concurrency=lab.asked.concurrency)


def page(lab: Lab) -> None:
    """Write the page in docs, and its plots."""
    write_page(lab.out, vars(lab.asked))


STAGES: dict[str, Callable[[Lab], None]] = {
    stage.__name__: stage for stage in (draw, rates, sweep, prm, judge, train, evaluate, curve, live, page)
}


def _report(lab: Lab, name: str, *measured: object, log: Path | None = None) -> None:
    out = lab.path("reports", name)
    if not (out / "report.json").exists():
        out.parent.mkdir(exist_ok=True)
        lab.run("evaluate", *measured, log or lab.log("test"), "--out", out)


def _paper(lab: Lab) -> None:
    """The paper's comparisons."""
    if not (found := lab.path("paper.json")).exists() and all(lab.asked.samples):
        command = [sys.executable, "-m", "tts_select", "paper", lab.log("test"), "--json"]
        found.write_bytes(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)


def _first(log: SweepLog, n: int) -> SweepLog:
    """With its first problems alone."""
    ids = sorted(log.problems, key=lambda i: int(i.rsplit("-", 1)[1]))[:n]
    return replace(log, problems={i: log.problems[i] for i in ids})


def _config(asked: argparse.Namespace) -> dict[str, Any]:
    policies: dict[str, Any] = {}
    for name, spec, url, size in (
        (SMALL, asked.small, asked.small_url, asked.small_params),
        (LARGE, asked.large, asked.large_url, asked.large_params),
    ):
        options = _options(url, size)
        if asked.prompt:
            options["prompt"] = str(asked.prompt.absolute())
        policies[name] = {"spec": spec, "max_new_tokens": MOST_TOKENS, "options": options}
    return {"policies": policies}


def _options(url: str | None, size: float | None) -> dict[str, Any]:
    """Where a model is served, and its size, as far as they are said."""
    options: dict[str, Any] = {"base_url": url, "timeout": PATIENCE} if url else {}
    return {**options, "params": size} if size else options


def _arms(policy: str, n: int) -> list[dict[str, Any]]:
    """A greedy solution, and what can be made of n samples; none of 0."""
    budgets = [k for k in (1, 2, 4, 8, 16) if k <= n]
    more: list[dict[str, Any]] = [
        {"method": "majority", "budget": budgets},
        *(
            {"method": weighed, "budget": [k for k in budgets if k >= 4]}
            for weighed in ("weighted_majority", "self_certainty")
        ),
        *({"method": rule, "budget": n} for rule in ("adaptive", "margin")),
    ]
    arms = [{"method": "cot"}, *(more if n else ())]
    return [{"policy": policy, **arm, "max_new_tokens": MOST_TOKENS} for arm in arms]


def _shuffled(path: Path, seed: int) -> list[str]:
    lines = [line for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
    random.Random(f"real models {seed}").shuffle(lines)
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    for name in (SMALL, LARGE):
        parser.add_argument(f"--{name}", required=True, help="A policy's spec.")
        parser.add_argument(f"--{name}-url")
        parser.add_argument(f"--{name}-params", type=float, help="Its size, if its name does not tell.")
    parser.add_argument("--prompt", type=Path, help="How both are asked, as in brief.toml beside this file.")
    parser.add_argument("--base", help="The folder that the PRM's head is trained on.")
    parser.add_argument("--in-turn", action="store_true", help="Sweep one policy after the other.")
    parser.add_argument("--train", type=Path, required=True)
    parser.add_argument("--test", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--n-train", type=int, default=200)
    parser.add_argument("--n-test", type=int, default=150)
    parser.add_argument("--n-live", type=int, default=100)
    parser.add_argument(
        "--samples",
        type=int,
        nargs=2,
        default=(16, 8),
        metavar=("SMALL", "LARGE"),
        help="Samples of each beside the greedy one; 0 for none.",
    )
    parser.add_argument("--n-judge", type=int, help="Test problems for the larger one to judge.")
    parser.add_argument("--live-samples", type=int, help="The most samples of the larger one, live.")
    parser.add_argument("--chunk", type=int, help="Draw so many samples first, so that they can be added to.")
    parser.add_argument("--concurrency", type=int, default=16)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--stages", default=",".join(STAGES), help="Only these, separated by commas.")
    asked = parser.parse_args()
    lab = Lab(asked.out, asked)
    lab.out.mkdir(parents=True, exist_ok=True)
    for name in asked.stages.split(","):
        if name == "draw" and lab.config.exists():
            continue
        STAGES[name](lab)


if __name__ == "__main__":
    main()
