"""The formats of logs, each with what reads it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from tts_select.training.importing import generic, inspect_logs, lm_eval, search_and_learn
from tts_select.training.importing.entries import Row
from tts_select.training.importing.generic import ReadOptions

FORMATS: dict[str, Callable[[Path, ReadOptions], Iterator[Row]]] = {
    "jsonl": generic.read_rows,
    "csv": generic.read_rows,
    "parquet": generic.read_rows,
    "lm-eval": lm_eval.read_rows,
    "inspect": inspect_logs.read_rows,
    "search-and-learn": search_and_learn.read_rows,
}
