"""What the shipped world shows (docs/lab/world.md): `python benchmarks/world_report.py OUT`. The same as
`tts-select world report --out OUT`; about half an hour on 2 cores, resumable."""

import sys
from pathlib import Path

from tts_select.training.world.report import write_report

if __name__ == "__main__":
    write_report(Path(sys.argv[1]), n_problems=504, n_samples=64, seed=0)
