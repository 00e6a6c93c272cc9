"""What the scores of a PRM add to the prior, on pairs of a policy and a PRM that it has not seen.

    python benchmarks/prior_prm_left_out.py tts_select/data/world/sweep --process math500_prm_steps.jsonl \\
        --out report.json

For each pair the PRM term of the shipped prior is fitted anew to the pairs that have neither its policy nor
its PRM, on the other half of the problems. Then it is measured at each effort beside the prior by votes alone
and beside the weighted vote of the whole budget: as the PRM is, with half or all of its scores mixed up
within each problem, and with scores of a fifth. `--process` is a file of single solutions with the step
scores of a real PRM: what is said of them, with and without these scores. Intervals are 95 % bootstrap
intervals over problems.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import click
import numpy as np
from sklearn.linear_model import LogisticRegression

from tts_select.commands._terminal import say
from tts_select.data.prior.artifacts import PRIOR
from tts_select.selector.agreement import FEATURES, tokens_a_length
from tts_select.selector.evidence import SolutionEvidence
from tts_select.selector.preference import preference_of
from tts_select.selector.routers.learned_prior import Prior
from tts_select.selector.routers.prior import DEFAULT_BUDGET, looks_within
from tts_select.selector.routers.prior_prm import ScoredPrior
from tts_select.solving.naming import prior_in
from tts_select.training.log.reading import read_log
from tts_select.training.replay.envelope import accuracy_at
from tts_select.training.replay.fixed import Score
from tts_select.training.replay.grouping import RIGHT
from tts_select.training.replay.metrics import bootstrap, reliability
from tts_select.training.replay.rounds import Look, Rounds, looked_at
from tts_select.training.replay.scored import Scored
from tts_select.training.routers.prior.fit import LOSSES, PRICES, efforts_of
from tts_select.training.routers.prior.prm_term import MIXED_UP, Pair, fit_term, pairs_of, unlike

SEED = 1
LOOKS = looks_within(DEFAULT_BUDGET)
FIXED = (2, 4, 8, 16)
"""The weighted votes that the prior is held against at equal cost."""
FIFTH = 0.2
VERSIONS: dict[str, Callable[[Scored], Scored]] = {
    "as it is": lambda found: found,
    "half mixed up": lambda found: found.shuffled(0.5, np.random.default_rng(SEED)),
    "all mixed up": lambda found: found.shuffled(1.0, np.random.default_rng(SEED)),
    "a fifth": lambda found: replace(found, score=FIFTH * found.score),
}


def some(pair: Pair, places: np.ndarray) -> Pair:
    """The pair on some of its problems (a mask)."""
    rows = places[pair.replay.problem]
    scored = Scored(pair.scored.score[rows], pair.scored.cost[rows])
    return replace(pair, replay=pair.replay.of(places), scored=scored)


def with_term(votes: Prior, pairs: Sequence[Pair]) -> Prior:
    """The prior with a term of these pairs, its efforts priced by them."""
    term = fit_term(votes, pairs, SEED)
    judge = ScoredPrior(votes, term)
    looks = [pair.looks(LOOKS, share, SEED) for pair in pairs for share in MIXED_UP]
    return replace(votes, term=replace(term, efforts=efforts_of([(judge, pool) for pool in looks])))


@dataclass(frozen=True)
class Walked:
    """Every row of a pair where it stopped, of some problems."""

    problem: np.ndarray
    correct: np.ndarray
    cost: np.ndarray
    said: np.ndarray

    @property
    def score(self) -> Score:
        """The means of each problem."""
        n = np.bincount(self.problem)
        there = n > 0
        return Score(*(np.bincount(self.problem, v)[there] / n[there] for v in (self.correct, self.cost)))

    @classmethod
    def joined(cls, parts: Sequence[Walked]) -> Walked:
        """Those of parts of the problems."""
        return cls(*(np.concatenate([getattr(p, k) for p in parts]) for k in cls.__dataclass_fields__))


def walks(pair: Pair, prior: Prior, version: str) -> dict[str, Walked]:
    """The pair with and without the term at each effort and at all prices, and its weighted votes."""
    assert prior.term is not None
    draws, per = pair.replay.draws[pair.arm.pool], tokens_a_length(pair.replay.unit)
    plain = looked_at(draws, LOOKS, tokens_a_length=per)
    seen = looked_at(draws, LOOKS, tokens_a_length=per, scored=VERSIONS[version](pair.scored))
    votes = Rounds.of(prior, plain, LOOKS)
    scored = Rounds.of(ScoredPrior(prior, prior.term), seen, LOOKS)

    def at(rounds: Rounds, price: float) -> Walked:
        found = rounds.at(price / DEFAULT_BUDGET)
        return Walked(pair.replay.problem, (found.first == RIGHT) * 1.0, found.cost, found.p_correct)

    def whole(look: Look) -> Walked:
        return Walked(pair.replay.problem, (look.first == RIGHT) * 1.0, look.cost, np.ones(len(look.first)))

    found = {f"votes {effort}": at(votes, prior.efforts[effort]) for effort in LOSSES}
    found |= {f"scores {effort}": at(scored, prior.term.efforts[effort]) for effort in LOSSES}
    found |= {f"price {price}": at(scored, price) for price in (0.0, *PRICES[::3])}
    return found | {f"fixed {look.n}": whole(look) for look in seen if look.n in FIXED}


def figures(pair: Pair, version: str, found: Mapping[str, Walked]) -> dict[str, Any]:
    """All that is reported of a pair."""
    scores = {name: walked.score for name, walked in found.items()}
    full, n = scores[f"fixed {DEFAULT_BUDGET}"], len(scores["votes low"].correct)
    points = [score for name, score in scores.items() if name.startswith("price")]

    def gap(places: np.ndarray) -> float:
        fixed = [scores[f"fixed {k}"] for k in FIXED]
        return float(
            np.nanmean(
                [
                    accuracy_at(points, f.flops[places].mean(), places) - f.correct[places].mean()
                    for f in fixed
                ]
            )
        )

    def effort(name: str) -> dict[str, Any]:
        scored, votes = scores[f"scores {name}"], scores[f"votes {name}"]
        return {
            "accuracy": scored.accuracy,
            "above_votes": bootstrap(
                lambda k: float((scored.correct - votes.correct)[k].mean()), n
            ).as_dict(),
            "above_whole": bootstrap(lambda k: float((scored.correct - full.correct)[k].mean()), n).as_dict(),
            "cost": scored.cost / full.cost,
            "cost_of_votes": scored.cost / votes.cost,
            **{f"ece_{of}": _ece(found[f"{of} {name}"]) for of in ("votes", "scores")},
        }

    return {
        "policy": pair.arm.policy,
        "prm": pair.arm.prm,
        "version": version,
        "n_problems": n,
        "whole": full.accuracy,
        "votes": {name: scores[f"votes {name}"].accuracy for name in LOSSES},
        "gap": bootstrap(gap, n).as_dict(),
        "efforts": {name: effort(name) for name in LOSSES},
    }


def _ece(walked: Walked) -> float:
    return float(reliability(walked.said, walked.correct)["ece"])


def left_out(pairs: Sequence[Pair], votes: Prior) -> list[dict[str, Any]]:
    """The figures of each pair and version."""
    report = []
    for pair in pairs:
        say(f"without {pair.arm.policy} and {pair.arm.prm}")
        even = np.arange(len(pair.replay.ids)) % 2 == 0
        parts: dict[str, list[dict[str, Walked]]] = {}
        for half in (even, ~even):
            prior = with_term(votes, [some(other, ~half) for other in unlike(pair, pairs)])
            for version in VERSIONS:
                parts.setdefault(version, []).append(walks(some(pair, half), prior, version))
        for version, halves in parts.items():
            joined = {name: Walked.joined([half[name] for half in halves]) for name in halves[0]}
            report.append(figures(pair, version, joined))
    return report


def single_solutions(file: Path, pairs: Sequence[Pair], prior: Prior) -> dict[str, Any]:
    """What is said of single solutions that a real PRM has scored: by the prior with their scores, by votes
    alone, and by a curve of the raw score that was fitted to single samples of the pairs."""
    assert prior.term is not None
    records = [json.loads(line) for line in file.read_text().splitlines()]
    records = [record for record in records if record["steps"]]
    right = np.array([record["verdict"] == "correct" for record in records]) * 1.0
    steps = [[step["score"] for step in record["steps"]] for record in records]
    lengths = [len("".join(step["text"] for step in record["steps"])) // 3 for record in records]
    alone = [
        [SolutionEvidence(0, n, 0.0, len(found), {"prm": found})]
        for n, found in zip(lengths, steps, strict=True)
    ]
    seen = preference_of(alone, "prm", "last").features
    plain = seen[:, : len(FEATURES)]
    judge = ScoredPrior(prior, prior.term)
    last = np.array([found[-1] for found in steps])
    said = {
        "scores": judge.p_correct(seen, judge.says(seen)),
        "votes": prior.p_correct(plain, prior.says(plain)),
        "raw": _raw_curve(pairs)(last),
    }
    return {
        "n": len(right),
        "right": float(right.mean()),
        "last_score": float(last.mean()),
        "said": {
            name: {
                "mean": bootstrap(lambda k, p=p: float(p[k].mean()), len(p)).as_dict(),  # type: ignore[misc]
                "ece": float(reliability(p, right)["ece"]),
            }
            for name, p in said.items()
        },
    }


def _raw_curve(pairs: Sequence[Pair]) -> Callable[[np.ndarray], np.ndarray]:
    scores = np.concatenate([pair.scored.score[:, 0] for pair in pairs])
    right = np.concatenate([pair.replay.draws[pair.arm.pool].group[:, 0] == RIGHT for pair in pairs])
    known = ~np.isnan(scores)
    model = LogisticRegression().fit(scores[known, None], right[known])
    return lambda score: np.asarray(model.predict_proba(score[:, None])[:, 1])


@click.command()
@click.argument("logs", type=Path, nargs=-1, required=True)
@click.option("--process", type=Path, help="Single solutions with the step scores of a real PRM (JSONL).")
@click.option("--out", type=Path, required=True, help="A JSON file for all figures.")
def main(logs: tuple[Path, ...], process: Path | None, out: Path) -> None:
    """Measure what PRM scores add to the shipped prior."""
    prior = prior_in(PRIOR).prior
    pairs = list(pairs_of({folder.absolute().name: read_log(folder) for folder in logs}, seed=SEED))
    report: dict[str, Any] = {"pairs": left_out(pairs, replace(prior, term=None))}
    if process is not None:
        report["single"] = single_solutions(process, pairs, prior)
    out.write_text(json.dumps(report, indent=1) + "\n")


if __name__ == "__main__":
    main()
