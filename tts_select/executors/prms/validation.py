"""What every PRM refuses."""

from __future__ import annotations

from collections.abc import Sequence

OTHER_FORMAT = "it is not a PRM of this format, choose another one with --prm-format"


def check_steps(steps: Sequence[str]) -> None:
    """Raises:
    ValueError: a step is empty; it is rejected, not scored.
    """
    if empty := [k for k, step in enumerate(steps) if not step.strip()]:
        raise ValueError(f"step {empty[0] + 1} is empty; an empty step cannot be scored")
