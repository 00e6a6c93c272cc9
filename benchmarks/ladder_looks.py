"""How far must ladders look? `python benchmarks/ladder_looks.py LOG [POLICY]`.

Ladders of the log's samples (of one policy, if it is named) are trained in five folds, without a prior, with
at most 12 or 64 draws of a pool and with a lowest price of 1e-3 or 1e-5, and measured on the folds that they
have not seen, in the same folds and orders. The table has the mean gain over the fixed arms (logarithm of
cost), and what the ladder of the lowest price gets; intervals are over problems.
"""

from __future__ import annotations

import sys
from pathlib import Path

from markdown import point, table
from results_sections import points

from tts_select.training.evaluation.evaluate import cross_evaluate
from tts_select.training.log.reading import read_log
from tts_select.training.replay.orders import with_policies
from tts_select.training.routers.kinds import trainer_of
from tts_select.training.routers.ladder import fit, searching

FOLDS = 5


def main() -> None:
    log = read_log(Path(sys.argv[1]))
    if len(sys.argv) > 2:
        log = with_policies(log, [sys.argv[2]])
    rows = []
    for most in (12, 64):
        for lowest in (1e-3, 1e-5):
            searching.MOST_DRAWS, fit.LOWEST_PRICE = most, lowest
            found = cross_evaluate(log, trainer_of(log, "ladder"), folds=FOLDS)
            last = max(found["router"]["frontier"], key=lambda p: p["cost"])
            rows.append((str(most), f"{lowest:g}", points(found["area"]), *point(last)))
            print(f"{most} draws, {lowest:g}", file=sys.stderr, flush=True)
    head = ("most draws", "lowest price", "above fixed arms, points", "most accurate", "for")
    print("\n".join(table(head, rows)))


if __name__ == "__main__":
    main()
