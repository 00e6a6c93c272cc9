"""Samples without their words, which are most of a log and which no replay reads: what counts is how many
steps there are."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

from tts_select.training.log.codec import Record
from tts_select.training.log.records import Pool

STEP_DELIMITER = "\n\n"


def without_words(record: Record) -> Record:
    """Return the record with texts of as many steps and no words, if it has texts."""
    if not isinstance(record, Pool):
        return record
    samples = (replace(s, text=_steps(s.text.count(STEP_DELIMITER))) if s.text else s for s in record.samples)
    return replace(record, samples=tuple(samples))


@lru_cache(maxsize=4096)
def _steps(n_delimiters: int) -> str:
    """Always the same object for a number, so that a pool holds it once."""
    return f".{STEP_DELIMITER * n_delimiters}"
