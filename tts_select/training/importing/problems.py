"""The problems of an imported log: what its rows say of them, and what a file of problems knows."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

from tts_select.core.errors import InputError
from tts_select.data.grading import are_equivalent, is_equivalent
from tts_select.data.problems import Fields, Row, read_rows
from tts_select.training.importing import values
from tts_select.training.importing.entries import Entry
from tts_select.training.log.records import LoggedProblem

By = Literal["id", "row"]
_LAST_NUMBER = re.compile(r"(\d+)\D*\Z")


@dataclass(frozen=True, slots=True)
class Reference:
    """A file of problems, which has their texts and answers."""

    source: str
    by: By
    """`row`: the last number in an id of the log is the row of its problem, from 0."""
    problems: Mapping[str, LoggedProblem]
    """The problems by id, or by the row as text."""

    @classmethod
    def load(cls, source: str, fields: Fields, by: By) -> Reference:
        """Raises:
        InputError, BackendError: as `load_problems`.
        """
        rows = list(read_rows(source, fields))
        keys = [row.problem.id for row in rows] if by == "id" else map(str, range(len(rows)))
        return cls(source, by, {key: _logged(row) for key, row in zip(keys, rows, strict=True)})

    def find(self, id_: str) -> LoggedProblem | None:
        """Return the problem that a log's id stands for."""
        if self.by == "row":
            found = _LAST_NUMBER.search(id_)
            id_ = str(int(found[1])) if found else ""
        return self.problems.get(id_)


@dataclass(slots=True)
class Problems:
    """The problems met so far, by id."""

    reference: Reference | None = None
    known: dict[str, LoggedProblem] = field(default_factory=dict)
    golds: dict[str, str] = field(default_factory=dict)
    """The gold answers of the log itself, where there is a reference."""
    n_found: int = 0
    """The number of problems that were found in the reference."""

    def meet(self, entry: Entry) -> LoggedProblem:
        """Return the problem of a sample, with what it adds to what is known of it.

        Raises:
            ValueError: it contradicts what was said of the problem before.
        """
        before = self.known.get(entry.id) or self._first(entry)
        if entry.problem and before.problem and entry.problem != before.problem and self.reference is None:
            raise ValueError(f"the problem '{entry.id}' had another text before")
        gold = self.golds.get(entry.id, before.answer)
        if entry.gold is not None and entry.id in self.known and _differ(entry.gold, gold):
            raise ValueError(f"the problem '{entry.id}' has the gold answer {gold!r} in another row")
        merged = replace(
            before,
            problem=before.problem or entry.problem,
            answer=before.answer if before.answer is not None else entry.gold,
            level=before.level if before.level is not None else entry.level,
            family=before.family or entry.family,
        )
        self.known[entry.id] = merged
        return merged

    def check(self) -> None:
        """Raises:
        InputError: the reference has none of the problems, or its answers are others.
        """
        if self.reference is None:
            return
        how = f"'{self.reference.source}' by {self.reference.by}"
        if not self.n_found:
            raise InputError(
                f"none of the log's problems ({', '.join(list(self.known)[:3])}, ...) is in {how}: "
                "name the field with --id-field, or match rows with --problem-ids row"
            )
        pairs = [(gold, self.known[id_].answer) for id_, gold in self.golds.items()]
        n_same = sum(are_equivalent(pairs))
        if n_same < len(pairs) / 2:
            raise InputError(
                f"the answers of the problems in {how} are not the log's gold answers "
                f"({n_same:,} of {len(pairs):,} agree): these are other problems, or in another order"
            )

    def _first(self, entry: Entry) -> LoggedProblem:
        found = self.reference.find(entry.id) if self.reference else None
        if found is None:
            return LoggedProblem(entry.id, "", None)
        self.n_found += 1
        if entry.gold is not None:
            self.golds[entry.id] = entry.gold
        return replace(found, id=entry.id)


def _differ(gold: str, other: str | None) -> bool:
    return other is not None and gold != other and not is_equivalent(gold, other)


def _logged(row: Row) -> LoggedProblem:
    family = values.text(row.data.get("family", row.data.get("subject")))
    problem, level = row.problem, values.level(row.data.get("level"))
    return LoggedProblem(problem.id, problem.text, problem.answer, level, family)
