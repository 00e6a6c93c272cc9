"""The records that an earlier sweep shares with a new one: of units that are the same in both."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from tts_select.core.errors import InputError
from tts_select.training.log.codec import Record
from tts_select.training.log.reading import read_manifest, read_records
from tts_select.training.log.records import LoggedProblem, Manifest
from tts_select.training.sweep.units import units_of


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
        if record is not None and unit.id in ids:
            yield record
