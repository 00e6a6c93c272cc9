"""Imports files: through a spool on disk, so that duplicates are found and pools come out whole."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tts_select.core.errors import InputError
from tts_select.core.pricing import TokenPrice
from tts_select.training.importing.building import manifest_of, pools_of
from tts_select.training.importing.formats import FORMATS
from tts_select.training.importing.generic import ReadOptions
from tts_select.training.importing.intake import Intake
from tts_select.training.importing.problems import Problems, Reference
from tts_select.training.importing.report import MAX_BAD_SHARE, Report, Tally
from tts_select.training.importing.spool import Spool
from tts_select.training.log.manifest import encode_manifest
from tts_select.training.log.parquet import write_tables
from tts_select.training.log.reading import MANIFEST
from tts_select.training.log.writer import write_whole

_PROGRESS_ROWS = 1000

Progress = Callable[[int, str], None]
"""Called now and then with how many rows were read, and of which file."""


@dataclass(frozen=True, slots=True)
class Import:
    """An import to run; it is inert."""

    files: Sequence[Path]
    reading: ReadOptions = field(default_factory=ReadOptions)
    n_parameters: Mapping[str, float] = field(default_factory=dict)
    """The sizes of models and PRMs, by their names in the log."""
    reference: Reference | None = None
    prices: Mapping[str, TokenPrice] = field(default_factory=dict)
    """The prices of models, by their names in the log."""
    strict: bool = False
    """The first bad sample stops the import."""
    max_bad_share: float = MAX_BAD_SHARE
    """A larger share of bad samples stops it, too."""


def import_logs(asked: Import, folder: Path, *, progress: Progress = lambda *_: None) -> Report:
    """Write the samples of the files as a sweep log into a new folder.

    Raises:
        InputError: a file cannot be read, a row is bad and `strict`, or too many are, nothing
            is left, or the folder holds files.
        OSError: the log cannot be written.
    """
    _make(folder)
    with (
        tempfile.TemporaryDirectory(dir=folder, prefix=".import-") as own,
        Spool(Path(own) / "spool") as spool,
    ):
        intake = Intake(spool, Problems(asked.reference), Tally(asked.strict, asked.max_bad_share))
        _read(asked, intake, progress)
        return _write(asked, intake, folder)


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        there = sorted(path.name for path in folder.iterdir())
    except OSError as error:
        raise InputError(f"cannot write into '{folder}': {error.strerror}; name a folder") from error
    if there:
        raise InputError(f"'{folder}' holds files ('{there[0]}'): name another --out, or empty it")


def _read(asked: Import, intake: Intake, progress: Progress) -> None:
    tally = intake.tally
    for path in asked.files:
        for row in FORMATS[asked.reading.format](path, asked.reading):
            intake.add(path, row)
            if tally.n_rows % _PROGRESS_ROWS == 0:
                progress(tally.n_rows, path.name)
        progress(tally.n_rows, path.name)


def _write(asked: Import, intake: Intake, folder: Path) -> Report:
    """The manifest comes last: a folder without it is no log."""
    unit = intake.close()
    manifest = manifest_of(
        intake,
        name=folder.resolve().name,
        source=(asked.reading.format, tuple(path.name for path in asked.files)),
        unit=unit,
        n_parameters=asked.n_parameters,
        prices=asked.prices,
    )
    kept = intake.spool.problems()
    problems = [problem for id_, problem in intake.problems.known.items() if id_ in kept]
    report = Report(manifest, intake.tally, problems)
    write_tables(folder, problems, report.counted(pools_of(intake, unit)))
    encoded = json.dumps(encode_manifest(manifest, problems), indent=1)
    write_whole(folder / MANIFEST, encoded.encode() + b"\n")
    return report
