"""Search methods: one small file each, over the two protocols alone. `METHODS` is the registry."""

from __future__ import annotations

from tts_select.executors.methods.adaptive import adaptive
from tts_select.executors.methods.beam import beam
from tts_select.executors.methods.best_of_n import best_of_n
from tts_select.executors.methods.cot import cot
from tts_select.executors.methods.dvts import dvts
from tts_select.executors.methods.majority import majority
from tts_select.executors.search import Method

METHODS: dict[str, Method] = {
    "cot": Method(cot, needs_prm=False),
    "majority": Method(majority, needs_prm=False),
    "adaptive": Method(adaptive, needs_prm=False),
    "best_of_n": Method(best_of_n, needs_prm=True),
    "beam": Method(beam, needs_prm=True, needs_steps=True),
    "dvts": Method(dvts, needs_prm=True, needs_steps=True),
}

__all__ = ["METHODS"]
