"""How fast and how well answers are graded: `python benchmarks/grading.py [--cases FILE.jsonl] [--json]`.

Every pair that is timed is new, so that no cache helps. A case is {"gold", "prediction", "expected"}; they
are split into two halves by a hash of their texts, so that one can be looked at and the other held out.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import random
import time
from collections import Counter
from pathlib import Path
from typing import Any

from tts_select.data.grading import GRADER, are_equivalent, grade

HOSTILE = (
    "10**10**10",
    "10^{10^{10}}",
    "2^{2^{2^{2^{2^{2}}}}}",
    "(10^{9})!",
    r"\binom{10^8}{10^7}",
    r"\sin(10^{10^{10}})",
    "x^{99999}+1-(x+1)^{9999}",
    r"\sqrt{" * 28 + "2" + "}" * 28,
    "(" * 100_000 + "1" + ")" * 100_000,
    "1" * 5_000_000,
    "\\boxed{" * 100_000,
    "\0" * 1_000_000,
)
N_PLAIN, N_SYMBOLIC = 20_000, 400


def plain_pairs(dice: random.Random) -> list[tuple[str, str]]:
    """Integers, decimals, fractions and thousands separators, every other pair equal."""
    pairs = []
    for k in range(N_PLAIN):
        number = dice.randint(1000, 10**9)
        other = number + k % 2
        answer = (str(other), f"{other:,}", f"{other}.0", rf"\frac{{{2 * other}}}{{2}}")[k // 2 % 4]
        pairs.append((answer, str(number)))
    return pairs


def symbolic_pairs(dice: random.Random) -> list[tuple[str, str]]:
    """Expressions, roots and inequalities, every other pair equal."""
    pairs = []
    for k in range(N_SYMBOLIC):
        a, b, off = dice.randint(2, 9999), dice.randint(2, 9999), k % 2
        pairs.append(
            (
                (f"(x+{a})({b}-x)", f"{b}x-x^2+{a * b + off}-{a}x"),
                (rf"\sqrt{{{a * a * b}}}", rf"{a + off}\sqrt{{{b}}}"),
                (rf"\frac{{{a}\pi}}{{{b}}}", rf"\pi\cdot\frac{{{2 * a + off}}}{{{2 * b}}}"),
                (f"x > {a}+{b}", f"{a + b + off} < x"),
            )[k // 2 % 4]
        )
    return pairs


def measured(pairs: list[tuple[str, str]]) -> dict[str, Any]:
    """Gradings a second, and how many verdicts were not as they were made."""
    began = time.perf_counter()
    verdicts = grade(pairs)
    seconds = time.perf_counter() - began
    made = [("equivalent", "different")[k % 2] for k in range(len(pairs))]
    wrong = sum(verdict != expected for verdict, expected in zip(verdicts, made, strict=True))
    return {"per_s": round(len(pairs) / seconds, 1), "not_as_made": wrong}


def slowest_hostile() -> float:
    """Seconds that the slowest of some hostile answers takes, alone."""
    seconds = []
    for answer in HOSTILE:
        began = time.perf_counter()
        assert grade([(answer, "5")]) != ["equivalent"]
        seconds.append(time.perf_counter() - began)
    return round(max(seconds), 2)


def half_of(case: dict[str, Any]) -> int:
    text = f"{case['gold']}|{case['prediction']}"
    return hashlib.sha256(text.encode()).digest()[0] % 2


def agreement(cases: list[dict[str, Any]], *, show: bool) -> dict[str, Any]:
    """With what each case expects, over all and in the two halves."""
    verdicts = grade([(case["prediction"], case["gold"]) for case in cases])
    right = [(v == "equivalent") == c["expected"] for v, c in zip(verdicts, cases, strict=True)]
    for case, verdict, is_right in zip(cases, verdicts, right, strict=True):
        if show and not is_right:
            print(f"{verdict}: {str(case['prediction'])[-200:]!r} for {str(case['gold'])[-200:]!r}")
    halves = {
        half: [ok for ok, case in zip(right, cases, strict=True) if half_of(case) == half] for half in (0, 1)
    }
    return {
        "n": len(cases),
        "agreement": sum(right) / len(right),
        "halves": [sum(half) / len(half) for half in halves.values() if half],
        "verdicts": dict(Counter(verdicts)),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=Path, help="JSONL")
    parser.add_argument("--show", action="store_true", help="the cases that are not met")
    parser.add_argument("--json", action="store_true", dest="as_json")
    chosen = parser.parse_args()
    dice = random.Random(0)
    are_equivalent([("a+b", "b+a")])  # the workers start
    found: dict[str, Any] = {
        "grader": GRADER,
        "cores": os.cpu_count(),
        "plain": measured(plain_pairs(dice)),
        "symbolic": measured(symbolic_pairs(dice)),
        "slowest_hostile_s": slowest_hostile(),
    }
    if chosen.cases:
        cases = [json.loads(line) for line in chosen.cases.read_text(encoding="utf-8").splitlines()]
        found |= agreement(cases, show=chosen.show)
    if chosen.as_json:
        print(json.dumps(found))
    else:
        print("\n".join(f"{name}: {value}" for name, value in found.items()))


if __name__ == "__main__":
    main()
