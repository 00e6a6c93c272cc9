"""Logs of Inspect (`.eval`, `.json`), read by inspect_ai itself: one sample an epoch."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from tts_select.core.errors import InputError
from tts_select.core.extras import require
from tts_select.data.grading import extract_answer
from tts_select.training.importing.entries import Row
from tts_select.training.importing.generic import Reading, entry_of_parts

_REASON_CHARS = 200
_ANSWER_CHARS = 200
_SAID = re.compile(r"(?i)\banswer\s*:\s*(.+)")
"""As Inspect's own prompts ask for it."""
_CORRECT, _INCORRECT = "C", "I"


def read_rows(path: Path, reading: Reading) -> Iterator[Row]:
    """The verdict is that of the first scorer; `--map correct=NAME` takes another one.

    Raises:
        InputError: inspect_ai is not installed, or it cannot read the file.
    """
    require("inspect", "Inspect logs")
    from inspect_ai import log

    try:
        header = log.read_eval_log(str(path), header_only=True)
        samples = log.read_eval_log_samples(str(path), all_samples_required=False)
        for k, sample in enumerate(samples, start=1):
            yield _row(f"sample {k} ({sample.id}, epoch {sample.epoch})", sample, header.eval, reading)
    except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:  # what is no log is all of these
        reason = " ".join(str(error).split())[:_REASON_CHARS]
        raise InputError(f"'{path}' is no Inspect log that can be read: {reason}") from error


def _row(place: str, sample: Any, task: Any, reading: Reading) -> Row:
    if sample.error is not None:
        return Row(place, None, f"it ended in an error ({sample.error.message})")
    if not sample.output.choices:
        return Row(place, None, "the model wrote nothing")
    verdicts = {name: _verdict(score.value) for name, score in (sample.scores or {}).items()}
    try:
        entry = entry_of_parts(_parts(sample, task, verdicts), {**sample.metadata, **verdicts}, reading)
    except ValueError as error:
        return Row(place, None, str(error))
    return Row(place, entry)


def _parts(sample: Any, task: Any, verdicts: Mapping[str, bool | None]) -> dict[str, Any]:
    output, usage = sample.output, sample.output.usage
    answers = (_answer_in(score.answer) for score in (sample.scores or {}).values() if score.answer)
    known = {
        "answer": next(answers, None),
        "tokens": None if usage is None else usage.output_tokens,
    }
    return {
        "id": f"{task.task}/{sample.id}",
        "model": task.model,
        "sample": f"{task.run_id}:{sample.epoch}",
        "problem": _question(sample.input),
        "gold": sample.target if isinstance(sample.target, str) else sample.target[0],
        "correct": next((right for right in verdicts.values() if right is not None), None),
        "text": output.completion,
        "text_hash": f"{task.run_id}:{sample.epoch}",
        "finish": output.stop_reason,
        "prompt_tokens": None if usage is None else usage.input_tokens,
        "level": sample.metadata.get("level"),
        "family": sample.metadata.get("subject"),
        **{name: value for name, value in known.items() if value is not None},
    }


def _answer_in(text: str) -> str | None:
    """Some scorers give the answer alone, others the line or all of the text that it stands in."""
    if found := extract_answer(text):
        return found
    said = _SAID.findall(text)
    alone = said[-1] if said else text
    return alone if len(alone) <= _ANSWER_CHARS else None


def _question(asked: Any) -> str | None:
    """The text of a problem that was asked as such, or as the last thing a user said."""
    if isinstance(asked, str):
        return asked
    said = [message.text for message in asked if message.role == "user"]
    return said[-1] if said else None


def _verdict(value: Any) -> bool | None:
    if value in (_CORRECT, _INCORRECT):
        return bool(value == _CORRECT)
    return bool(value) if value in (0, 1) else None
