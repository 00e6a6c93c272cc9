"""The router beside one that decides by the text alone, and which features decide, as the page shows them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from tts_select.training.report import figures, html
from tts_select.training.report.figures import Found

MOST_FIRST = 8
"""The first steps that are named."""


def in_words(report: Found) -> Iterable[str]:
    """What looking at problems adds to reading them."""
    gained = (report.get("text_only") or {}).get("router_minus") or {}
    if gained.get("value") is not None:
        yield (
            f"Beside a router that decides by the text alone it has {figures.points(gained)} at equal cost, "
            "which is what looking is worth."
        )


def beside(report: Found) -> Iterable[str]:
    """Both at equal costs, and every point of the text-only router that is worth having."""
    found, unit = report.get("text_only") or {}, report.get("unit", "FLOPs")
    rows = [
        [
            figures.cost(row.get("cost"), unit),
            figures.share(row.get("text_only")),
            figures.share(row.get("router")),
            figures.points(row.get("difference") or {}),
        ]
        for row in found.get("at_costs") or []
    ]
    head = ("cost per problem", "the text alone", "router", "router minus that")
    yield html.table(head, rows, caption="At equal cost")
    first = list((report.get("first_steps") or {}).items())
    more = [[name, figures.share(share)] for name, share in first[:MOST_FIRST]]
    if len(first) > MOST_FIRST:
        more.append(["others", figures.share(sum(share for _, share in first[MOST_FIRST:]))])
    yield html.table(("what the router ran first", "of the problems"), more)


def decides(report: Found) -> str:
    """By model the share of each group of features."""
    found: Mapping[str, Any] = report.get("decides") or {}
    groups = dict.fromkeys(group for shares in found.values() for group in shares)
    rows = [
        [group, *(figures.share(shares[group]) if group in shares else "" for shares in found.values())]
        for group in groups
    ]
    return html.table(("share in whether", *found), rows)
