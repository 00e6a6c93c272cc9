"""The records that an earlier sweep shares with a new one: of units that are the same in both."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from tts_select.core.errors import InputError
from tts_select.training.log.codec import Record
from tts_select.training.log.reading import read_manifest, read_records
from tts_select.training.log.records import LoggedProblem, Manifest, Pool
from tts_select.training.sweep.units import SampleUnit, Unit, units_of


def reusable(folder: Path, wanted: Manifest, problems: Sequence[LoggedProblem]) -> Iterator[Record]:
    """Yield the records of the log in `folder` that a sweep with this manifest on these problems would
    repeat: samples, the scores of each PRM, and runs, each by itself.

    What a record cost is what it cost then: the tokens that were found in a cache depend on the problems of
    that sweep.

    Raises:
        InputError: there is no such log, or nothing of it can be used; the message says why.
    """
    there, _ = read_manifest(folder)
    for name in ("grader", "seed"):
        if (old := getattr(there, name)) != (new := getattr(wanted, name)):
            raise InputError(f"nothing of '{folder}' can be used: its {name} is {old!r}, not {new!r}")
    known = read_records(folder, there)
    ids = {unit.id for unit in units_of(wanted, problems)}
    for unit in units_of(there, list(known.problems().values())):
        record = known.by_key.get(unit.key)
        if record is not None and unit.id in ids and not _lacks_certainty(unit, record):
            yield record


def _lacks_certainty(unit: Unit, record: Record) -> bool:
    """Whether it is a greedy solution that was not asked for what it is asked for now: a log may be of a
    version that asked sampled ones alone."""
    return (
        isinstance(unit, SampleUnit)
        and isinstance(record, Pool)
        and unit.settings.temperature == 0
        and unit.top_logprobs > 0
        and all(sample.certainty is None for sample in record.samples)
    )
