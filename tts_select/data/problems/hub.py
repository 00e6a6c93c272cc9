"""Public data sets by name, through `datasets`: where each lies and which of its fields are which."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from tts_select.core.errors import BackendError, InputError
from tts_select.core.extras import require
from tts_select.data.problems.fields import Fields
from tts_select.data.problems.files import Record


@dataclass(frozen=True, slots=True)
class HubSource:
    """A data set on the Hugging Face hub."""

    repository: str
    split: str
    """The split unless another is asked for, as in gsm8k:train."""
    config: str | None = None
    fields: Fields = field(default_factory=Fields)


HUB: dict[str, HubSource] = {
    "gsm8k": HubSource("openai/gsm8k", "test", "main", Fields("question", "answer")),
    "math": HubSource("DigitalLearningGmbH/MATH-lighteval", "test", None, Fields("problem", "solution")),
    "math-500": HubSource("HuggingFaceH4/MATH-500", "test", None, Fields("problem", "answer", "unique_id")),
    "aime": HubSource("AI-MO/aimo-validation-aime", "train", None, Fields("problem", "answer", "id")),
    "aime24": HubSource("HuggingFaceH4/aime_2024", "train", None, Fields("problem", "answer", "id")),
    "aime25": HubSource("math-ai/aime25", "test", None, Fields("problem", "answer", "id")),
    "amc": HubSource("AI-MO/aimo-validation-amc", "train", None, Fields("problem", "answer", "id")),
    "olympiadbench": HubSource(
        "Hothan/OlympiadBench", "train", "OE_TO_maths_en_COMP", Fields("question", "final_answer", "id")
    ),
    "minerva": HubSource("math-ai/minervamath", "test", None, Fields("question", "answer")),
}
"""The public data sets by name, in lower case."""


def find(name: str) -> tuple[HubSource, str] | None:
    """Return (source, split) of a name such as `MATH-500` or `gsm8k:train`, or None."""
    known, _, split = name.lower().partition(":")
    source = HUB.get(known)
    return (source, split or source.split) if source else None


def read_hub(name: str, source: HubSource, split: str) -> Iterator[Record]:
    """Yield the records, streamed: nothing is kept on disk except what `datasets` caches.

    Raises:
        InputError: there is no such split, or `datasets` is not installed.
        BackendError: the hub cannot be reached, or has no such data set any more.
    """
    require("datasets", "public data sets")
    import datasets

    try:
        rows = datasets.load_dataset(source.repository, source.config, split=split, streaming=True)
        yield from (Record(f"row {k}", row) for k, row in enumerate(rows, start=1))
    except ValueError as error:
        raise InputError(f"'{name}': {error}; its usual split is {source.split}") from error
    except (OSError, datasets.exceptions.DatasetsError) as error:
        raise BackendError(
            f"cannot load '{name}' ({source.repository}) from the Hugging Face hub: {error}; "
            "this needs a network once: save it elsewhere and name the file instead"
        ) from error
