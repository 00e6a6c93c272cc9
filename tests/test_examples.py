"""The examples run as they are shown."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


@pytest.mark.parametrize(
    ("example", "expected"),
    [
        ("embed.py", "  33 for "),
        ("own_policy.py", "majority: 54 for 288 tokens\nbest_of_n: 53 for 288 tokens\nbeam: 53 for "),
    ],
)
def test_an_example_prints_what_it_promises(example: str, expected: str) -> None:
    ran = subprocess.run(
        [sys.executable, f"examples/{example}"],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert expected in ran.stdout
