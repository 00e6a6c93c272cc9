"""Kills a sweep again and again, at random moments and in the middle of a line; a script for test_writer.py.

`killing.py LOG WHOLE N` forks the sweep N times, each time until it is killed, then lets it end, and runs it
once more without interruption into WHOLE; it prints how often it killed. With a further I/M it does so with
that shard of it alone. `killing.py LOG` only holds the lock. A process of its own, since one that has threads
should not fork.
"""

from __future__ import annotations

import os
import random
import runpy
import signal
import sys
import time
from pathlib import Path

from tts_select.executors.registry import Loaders
from tts_select.selector.portfolio import parse_portfolio
from tts_select.testing import FakePolicy, FakeRewardModel
from tts_select.training.log.records import LoggedProblem
from tts_select.training.log.writer import Writer
from tts_select.training.sweep.engines.local import Local
from tts_select.training.sweep.plan import Sweep, manifest_of
from tts_select.training.sweep.run import Share, run_units
from tts_select.training.sweep.units import Shard

SHARED = runpy.run_path(str(Path(__file__).with_name("conftest.py")))
SLOW = Loaders(
    lambda spec: FakePolicy(SHARED["writes"], name=spec, delay=0.01),
    lambda spec: FakeRewardModel(SHARED["scores"], name=spec, delay=0.01),
)
PORTFOLIO = parse_portfolio({"name": "fakes", "arms": SHARED["ARMS"]}, "fakes")
MANY = [LoggedProblem(f"p{k}", f"{k} + 1?", str(k + 1)) for k in range(40)]


def killed(folder: Path, chance: random.Random, share: Share, *, in_a_line: bool) -> bool:
    """Whether the sweep was killed before its end."""
    seconds, n_writes = chance.uniform(0, 0.15), chance.randint(1, 8)
    child = os.fork()
    if not child:
        if in_a_line:
            die_in_line(n_writes, chance.random())
        sweep(folder, share)
        os._exit(0)
    if not in_a_line:
        time.sleep(seconds)
        os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    return os.WIFSIGNALED(status)


def die_in_line(n_writes: int, share: float) -> None:
    whole, left = Writer._append, n_writes

    def append(writer: Writer, line: bytes) -> None:
        nonlocal left
        left -= 1
        whole(writer, line if left else line[: int(share * len(line))])
        if not left:
            os.kill(os.getpid(), signal.SIGKILL)

    Writer._append = append  # type: ignore[method-assign]


def sweep(folder: Path, share: Share) -> None:
    run_units(Sweep(PORTFOLIO, MANY, n_samples=4, concurrency=4), folder, share=share, loaders=SLOW)


def kill_again_and_again(folder: Path, whole: Path, n: int, share: Share) -> None:
    chance = random.Random(0)
    count = sum(killed(folder, chance, share, in_a_line=k % 2 == 0) for k in range(n))
    sweep(folder, share)
    sweep(whole, share)
    sys.stdout.write(str(count))


def hold(folder: Path) -> None:
    asked = Sweep(PORTFOLIO, SHARED["PROBLEMS"], n_samples=6)
    cards = Local(SHARED["FAKES"], concurrency=1).cards(asked, {})
    with Writer(folder, manifest_of(asked, cards), asked.problems):
        sys.stdout.write("writing\n")
        sys.stdout.flush()
        time.sleep(60)


if __name__ == "__main__":
    if len(sys.argv) == 2:
        hold(Path(sys.argv[1]))
    else:
        parts = [Shard(*map(int, part.split("/"))) for part in sys.argv[4:]]
        kill_again_and_again(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]), Share(*parts))
