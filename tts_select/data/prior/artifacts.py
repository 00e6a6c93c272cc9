"""Where the shipped prior lies in the package."""

from __future__ import annotations

from pathlib import Path

PRIOR = Path(__file__).parent / "router"
"""The prior that was fitted to public logs (docs/prior.md)."""
