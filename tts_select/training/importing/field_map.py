"""Tells which field of a log's rows is which: as `--map` says, and by the usual names for the rest."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tts_select.core.errors import InputError, UnknownName
from tts_select.data.problems.fields import ID_NAMES

USUAL: dict[str, tuple[str, ...]] = {
    "id": (*ID_NAMES, "idx", "doc_id"),
    "model": ("model", "model_name"),
    "prompt": (),
    "run": (),
    "sample": ("sample", "sample_id", "sample_idx"),
    "answer": ("answer", "prediction", "pred", "extracted_answer"),
    "gold": ("gold", "target", "ground_truth", "reference"),
    "correct": ("correct", "is_correct"),
    "tokens": ("tokens", "output_tokens", "n_tokens", "completion_tokens"),
    "chars": ("chars", "n_chars"),
    "problem": ("problem", "question"),
    "text": ("text", "completion", "response", "completions", "responses", "generations"),
    "text_hash": ("text_hash",),
    "level": ("level",),
    "family": ("family", "subject"),
    "finish": ("finish", "finish_reason"),
    "logprob": ("logprob",),
    "certainty": ("certainty",),
    "prompt_tokens": ("prompt_tokens",),
    "scores": ("scores", "step_scores"),
}
"""The keys that can be mapped, each with the names that are tried in order where it is not."""


@dataclass(frozen=True, slots=True)
class FieldMap:
    """`named` has what --map says; an empty name leaves a field out."""

    named: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def parse(cls, text: str) -> FieldMap:
        """Read a map such as `id=problem_id,model=model`.

        Raises:
            InputError: it is not of this form, or what is to be mapped is not known.
        """
        named: dict[str, str] = {}
        for pair in filter(None, (part.strip() for part in text.split(","))):
            key, equals, name = pair.partition("=")
            if not equals:
                raise InputError(f"'{pair}' in --map is not KEY=FIELD, as in id=problem_id")
            if key not in USUAL:
                raise UnknownName("key of --map", key, USUAL)
            named[key] = name
        return cls(named)

    def is_named(self, key: str) -> bool:
        """Return whether --map gives the key a field."""
        return bool(self.named.get(key))

    def found_in(self, record: Mapping[str, Any]) -> dict[str, str]:
        """Return the names of the fields that this record has, or that --map says it has."""
        found = {key: name for key, name in self.named.items() if name}
        for key, names in USUAL.items():
            if key not in self.named and (name := next((n for n in names if n in record), None)):
                found[key] = name
        return found
