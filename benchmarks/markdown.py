"""What the pages of results are made of."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence


def point(found: Mapping[str, float]) -> tuple[str, str]:
    """An accuracy with its interval, and a cost."""
    return f"{found['accuracy']:.3f} ({found['low']:.3f} to {found['high']:.3f})", f"{found['cost']:.3g}"


def table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    """Lines."""
    yield f"| {' | '.join(columns)} |"
    yield "| --- " * len(columns) + "|"
    for row in rows:
        yield f"| {' | '.join(row)} |"
    yield ""
