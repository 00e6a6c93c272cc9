"""Rows that hold several samples: lists side by side, with a place for each sample."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from tts_select.training.importing import values
from tts_select.training.importing.entries import Entry, Row
from tts_select.training.importing.field_map import FieldMap

_TELLING = ("text", "correct", "tokens", "chars", "finish", "logprob", "certainty")
"""The keys whose field holds a list only where a row has several samples."""
_FOLLOWING = ("answer", "sample", "text_hash", "scores")
"""The keys whose field may hold a list of its own; it is one of samples if it is as long as the others."""
_NUMBER, _HASH = "number of the sample", "text_hash of the sample"
"""Fields that each sample of a row is given."""


def rows_of(
    place: str, lists: Mapping[str, list[Any]], read: Callable[[int, dict[str, Any]], Entry]
) -> Iterator[Row]:
    """Return a row for each place in the first list; `read` gets the place and what the lists have there.

    A bad sample costs itself alone; lists that do not fit cost every sample, and each is counted.
    """
    n = len(next(iter(lists.values())))
    misfit = next((name for name, found in lists.items() if len(found) != n), None)
    for k in range(n):
        where = place if n == 1 else f"{place}, sample {k + 1}"
        if misfit is not None:
            yield Row(where, None, f"no list '{misfit}' of {n}, one a completion")
            continue
        try:
            yield Row(where, read(k, {name: found[k] for name, found in lists.items()}))
        except ValueError as error:
            yield Row(where, None, str(error))


def lists_in(data: Mapping[str, Any], found: Mapping[str, str], *, cells: bool) -> dict[str, list[Any]]:
    """Return the lists of a row that hold a value for each of its samples, by field; none if it is one
    sample.

    `cells`: a list may be written in a cell, as a table has it.
    """
    list_of = values.list_of if cells else _given_list
    lists = {}
    for key in _TELLING:
        one_each = list_of(data.get(found.get(key, "")))
        if one_each is not None and (key != "text" or all(isinstance(x, str | None) for x in one_each)):
            lists[found[key]] = one_each
    n = len(next(iter(lists.values()), []))
    for key in _FOLLOWING if lists else ():
        one_each = list_of(data.get(found.get(key, "")))
        if one_each is not None and (len(one_each) == n or key == "scores"):
            lists[found[key]] = one_each
    return lists


def fields_of_each(
    found: Mapping[str, str], lists: Mapping[str, list[Any]], fields: FieldMap
) -> dict[str, str]:
    """Return which field is which for a single sample of a row with these lists.

    An answer that is not one of each sample is the known one, which datasets call so.
    """
    own = {**found}
    answer = own.get("answer")
    if answer is not None and answer not in lists and not fields.is_named("answer"):
        own.setdefault("gold", own.pop("answer"))
    if own.get("sample") is not None and own["sample"] not in lists:
        own["sample"] = _NUMBER
    if "text_hash" not in fields.named and own.get("text_hash") not in lists:
        own["text_hash"] = _HASH
    return own


def sample_of(
    data: Mapping[str, Any], k: int, each: Mapping[str, Any], found: Mapping[str, str]
) -> dict[str, Any]:
    """Return the row as if it had the sample at place `k` alone."""
    text = each.get(found.get("text", ""))
    shared = values.text(data.get(found.get("sample", "")))
    return {**data, **each, _NUMBER: shared and f"{shared}:{k}", _HASH: text and f"{k}:{text}"}


def _given_list(value: Any) -> list[Any] | None:
    return value if isinstance(value, list) else None
