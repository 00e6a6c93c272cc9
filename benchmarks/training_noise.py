"""How much do trainings of a router differ? `python benchmarks/training_noise.py SWEEP [REPEATS]`.

Each repeat cuts the problems into three parts: routers are trained on the first one with two seeds, and on
the second one, and all are measured on the third one in the same draws. The table has the standard deviation
of accuracy and of log cost between two trainings (from their differences) by what they differ in: the seed of
the fit, or the training problems too; beside the standard error of the accuracy over the measured problems.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
from markdown import table

from tts_select.training.evaluation.frontier import Part, Subject, efforts_of
from tts_select.training.log.reading import read_log
from tts_select.training.log.records import SweepLog
from tts_select.training.replay.cases import cases_of
from tts_select.training.replay.fixed import Score
from tts_select.training.routers.kinds import trainer_of

N_DRAWS = 4
EFFORTS = ("low", "medium", "high")


def only(log: SweepLog, ids: set[str]) -> SweepLog:
    return replace(log, problems={id_: p for id_, p in log.problems.items() if id_ in ids})


def measured(log: SweepLog, trained_on: set[str], tested_on: set[str], seed: int) -> dict[str, Score]:
    router = trainer_of(log)(only(log, trained_on), seed=seed, note=lambda _: None).router
    cases = cases_of(only(log, tested_on))
    parts = [Part(router, {}, np.arange(len(cases)))]
    subject = Subject.of(parts, cases, log.manifest, seed=1, draws=range(N_DRAWS))
    return {effort: subject.at(prices).score for effort, prices in efforts_of(parts).items()}


def main() -> None:
    log, repeats = read_log(Path(sys.argv[1])), int(sys.argv[2]) if len(sys.argv) > 2 else 4
    ids = np.array(sorted(log.problems))
    pairs: dict[str, list[tuple[dict[str, Score], dict[str, Score]]]] = {"seed": [], "seed and problems": []}
    for repeat in range(repeats):
        order = np.random.default_rng(repeat).permutation(len(ids))
        one, other, test = (set(ids[order[k::3]].tolist()) for k in range(3))
        first = measured(log, one, test, seed=1)
        pairs["seed"].append((first, measured(log, one, test, seed=2)))
        pairs["seed and problems"].append((first, measured(log, other, test, seed=3)))
        print(f"repeat {repeat + 1} of {repeats}", file=sys.stderr, flush=True)
    rows = []
    for what, found in pairs.items():
        for effort in EFFORTS:
            gaps = [a[effort].accuracy - b[effort].accuracy for a, b in found]
            costs = [np.log(a[effort].cost / b[effort].cost) for a, b in found]
            errors = [a[effort].correct.std() / len(a[effort].correct) ** 0.5 for a, _ in found]
            rows.append((what, effort, *(f"{x:.4f}" for x in (spread(gaps), spread(costs), np.mean(errors)))))
    head = (
        "trainings differ in",
        "effort",
        "SD of accuracy",
        "SD of log cost",
        "standard error over problems",
    )
    print("\n".join(table(head, rows)))


def spread(differences: list[float]) -> float:
    """The standard deviation of one of two that differ so."""
    return float(np.sqrt(np.mean(np.square(differences)) / 2))


if __name__ == "__main__":
    main()
