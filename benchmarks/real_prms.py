"""What a PRM is worth on test problems of `real_models.py`: how well it tells right from wrong."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tts_select.training.log.reading import read_log
from tts_select.training.prms.judged import judged
from tts_select.training.prms.solutions import solutions_of


def measure_prm(scored: Path, prm: str) -> list[dict[str, Any]]:
    """What the PRM's last scores say of each policy's solutions in a scored log."""
    solutions = [s for s in solutions_of(read_log(scored)) if prm in s.scores]
    found = []
    for policy in sorted({s.policy for s in solutions}):
        own = [s for s in solutions if s.policy == policy]
        result = judged(policy, own, [s.scores[prm][-1] for s in own])
        found.append({"prm": prm, **result.as_dict()})
    return found
