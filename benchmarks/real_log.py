"""One command from somebody's log of samples to a report in five folds:

    python benchmarks/real_log.py OUT [--policies A,B] -- FILE --format jsonl --map id=problem_id,...

What stands after `--` goes to `tts-select import` as it is. OUT gets the imported log and the report.
"""

import subprocess
import sys
from pathlib import Path


def main() -> None:
    if "--" not in sys.argv:
        sys.exit(__doc__)
    here = sys.argv.index("--")
    out, *options = sys.argv[1:here]
    log, report = Path(out) / "log", Path(out) / "report"
    run("import", *sys.argv[here + 1 :], "--out", str(log))
    run("evaluate", str(log), "--folds", "5", "--out", str(report), *options)


def run(*args: str) -> None:
    subprocess.run([sys.executable, "-m", "tts_select", *args], check=True)


if __name__ == "__main__":
    main()
