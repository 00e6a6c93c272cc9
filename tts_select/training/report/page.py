"""The evaluation as one HTML file: what the router saves, against what, and how sure that is; then the rest.

It decides how the report reads, and computes nothing but units and the words of the summary. What a report
does not have is left out; a number that could not be computed says so.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

from tts_select.training.report import by_text, equal_cost, figures, html, sureness
from tts_select.training.report.arms import shown_arms
from tts_select.training.report.figures import MISSING, Found

POINT_HEAD = ("accuracy (95 % interval)", "cost per problem")

FRONTIER = "Accuracy against cost per problem, of the router and all that it is compared with"

DEARER = "it costs more at every price"

Report = Mapping[str, Any]
"""As `report.json` has it (`training/evaluation/records.py`); parts may be missing or None."""
Plots = Mapping[str, bytes]


def build_page(report: Report, plots: Plots) -> str:
    """The whole page, with the plots that there are as PNGs."""
    return html.page(
        "What the router saves",
        summary(report),
        [
            html.section("What it saves, and against what", *_savings(report, plots)),
            html.section("The router at every price", *_frontier(report)),
            html.section("Is it as sure as it should be?", *sureness.calibration(report, plots)),
            html.section("What it ran", html.plot("choices.png", "Share of each arm by difficulty", plots)),
            html.section("Its ladders", _ladders(report)),
            html.section("What the text alone is worth", *by_text.beside(report)),
            html.section("What decides", by_text.decides(report)),
            html.section("What tells difficulty", *_ablation(report, plots)),
            html.section("Every fixed arm, from cheap to dear", _arms(report)),
            html.section("Other strategies", _strategies(report)),
            html.section("Problems unlike the training data", *_unfamiliar(report)),
            html.section("How the numbers were made", *_origin(report)),
        ],
    )


def summary(report: Report) -> str:
    """The result in a paragraph of plain words."""
    best, gap = report.get("best_fixed") or {}, report.get("gap_closed") or {}
    ratio = report.get("cost_ratio_at_equal_accuracy") or {}
    name = f"{figures.text(best.get('name'))}, {figures.share(best.get('accuracy'))}"
    said = [*equal_cost.in_words(report), *by_text.in_words(report)]
    said.append(f"At the accuracy of the best fixed arm ({name}) {_costs(ratio, report)}.")
    said += [
        f"Against {_against(row)}: {_costs(row.get('cost_ratio') or {}, row)}."
        for row in (report.get("savings") or [])[1:]
        if row.get("name") != best.get("name")
    ]
    if gap.get("value") is not None:
        closed = figures.interval(gap)
        said.append(
            f"At equal cost it closes {closed} of the distance from the best fixed arm to the oracle."
        )
    elif (regret := report.get("regret") or {}).get("value") is not None:
        said.append(
            f"It falls {figures.points(regret)} short of the oracle at the cost of the best fixed arm."
        )
    n = report.get("n_trainings") or 1
    trained = f", and the mean of {n} trainings of the router" if n > 1 else ""
    said.append(f"All of it is over {figures.count(report.get('n_problems'))} problems{trained}.")
    return " ".join(said)


def _costs(ratio: Found, row: Found) -> str:
    if figures.is_infinite(ratio, "value"):
        return f"the router is never as accurate{figures.reached(row)}"
    return f"the router costs {figures.part(ratio)}"


def _against(row: Found) -> str:
    """The name says it where the rule's name is a part of it."""
    against, name = figures.text(row.get("against")), figures.text(row.get("name"))
    return name if against in name else f"{against}, {name}"


def _savings(report: Report, plots: Plots) -> Iterable[str]:
    yield equal_cost.budgets(report)
    yield equal_cost.against_cheapest(report)
    yield equal_cost.accuracies(report)
    yield equal_cost.rules(report)
    head = ("against", *POINT_HEAD, "the router's cost at that accuracy", "its accuracy at that cost")
    rows = [
        [
            _against(row),
            *_point(row),
            _part(row),
            _gain(row.get("gain") or {}),
        ]
        for row in report.get("savings") or []
    ]
    yield html.table(head, rows, caption="At the accuracy of what needs no router, and at its cost")
    yield html.plot("frontier.png", FRONTIER, plots)


def _part(row: Found) -> str:
    """The router's cost at the accuracy of a row; where it never is as accurate, what it reaches."""
    ratio = row.get("cost_ratio") or {}
    more = figures.reached(row) if figures.is_infinite(ratio, "value") else ""
    return figures.part(ratio) + more


def _gain(gain: Found) -> str:
    """The router has no accuracy at a cost that is below all of its own."""
    return DEARER if gain.get("value") is None else figures.points(gain)


def _frontier(report: Report) -> Iterable[str]:
    router = report.get("router") or {}
    efforts = [
        [name, figures.number(p.get("price")), *_point(p)] for name, p in _given(router.get("efforts"))
    ]
    yield html.table(("effort", "price", *POINT_HEAD), efforts, caption="Efforts")
    rows = [
        [figures.number(p.get("price")), *_point(p), figures.share(p.get("probe_share"))]
        for p in _by_cost(router.get("frontier") or [])
    ]
    yield html.table(("price", *POINT_HEAD, "of it probes"), rows, caption="Prices")
    yield _trainings(report)


def _trainings(report: Report) -> str:
    """What the trainings of the router differ in."""
    rows = [
        [
            figures.text(one.get("folder")) if one.get("folder") else str(k),
            figures.points(one.get("area") or {}),
            *(
                f"{figures.share(p.get('accuracy'))}, {figures.cost(p.get('cost'), p.get('unit', 'FLOPs'))}"
                for _, p in _given(one.get("efforts"))
            ),
        ]
        for k, one in enumerate(report.get("trainings") or [], start=1)
    ]
    efforts = [name for name, _ in _given((report.get("router") or {}).get("efforts"))]
    head = ("training", "above fixed arms, on average over costs", *(f"effort {name}" for name in efforts))
    return html.table(head, rows, caption="Each training alone; intervals are over problems")


def _ladders(report: Report) -> str:
    """Those of the first router: at every price what is drawn at most, on any of those that texts pick
    from."""
    first, *_ = report.get("ladders") or [[]]
    rows = [
        [figures.number(x.get("price")), "; or by the text ".join(", then ".join(own) for own in plans)]
        for x in first
        for plans in [x.get("by_text") or [x.get("stages") or []]]
    ]
    return html.table(("price", "draws at most, in this order"), rows)


def _ablation(report: Report, plots: Plots) -> Iterable[str]:
    found = [(report.get("difficulty") or {}).get(key) or {} for key in ("auc", "brier", "ece")]
    names = dict.fromkeys(name for values in found for name in values)
    rows = [[name, *(figures.number(values.get(name)) for values in found)] for name in names]
    yield html.plot("difficulty.png", "AUC, Brier and ECE of each set of features", plots)
    yield html.table(("features", "AUC", "Brier", "ECE"), rows)


def _arms(report: Report) -> str:
    rows = [[figures.text(arm.get("name")), *_point(arm), _part(arm)] for arm in _by_cost(shown_arms(report))]
    return html.table(("arm", *POINT_HEAD, "the router's cost at that accuracy"), rows)


def _strategies(report: Report) -> str:
    """What chooses an arm, or needs no choice, other than the router deciding again."""
    rows = [
        [name.replace("_", " "), *_point(point)]
        for name, point in _given(report.get("baselines"))
        if not point.get("same_as")
    ]
    if oracle := report.get("oracle"):
        rows.insert(0, ["oracle: the best arm of each problem", *_point(oracle)])
    if once := report.get("decide_once"):
        rows.append(["router, deciding once", *_point(once)])
    for difficulty, points in (report.get("paper_bins") or {}).items():
        rows += [[f"paper's bins, {difficulty} difficulty", *_point(p)] for p in _by_cost(points or [])]
    return html.table(("strategy", *POINT_HEAD), rows)


def _unfamiliar(report: Report) -> Iterable[str]:
    if (share := report.get("unfamiliar_share")) is not None:
        refused = (
            f"The router refused {figures.share(share)} of the measured problems as unlike its training "
        )
        yield html.note(refused + "problems; they were given to the best fixed arm of the training.")
    if (share := report.get("unfamiliar_share_in_training")) is not None:
        yield html.note(f"Of problems like those of the training it refuses {figures.share(share)}.")
    if found := report.get("shift"):
        best = found.get("best_fixed") or {}
        facts = [
            ["trained on", figures.text(found.get("trained_on"))],
            ["tested on", figures.text(found.get("tested_on"))],
            ["flagged as unfamiliar", figures.share(found.get("unfamiliar_share"))],
            ["router minus the best fixed arm", figures.points(found.get("difference") or {})],
            *_not_flagged(found.get("not_flagged") or {}),
        ]
        yield html.table(("", ""), facts, caption="A router that was trained on easier problems")
        points = [
            ["router", *_point(found.get("router") or {})],
            [f"best fixed arm: {figures.text(best.get('name'))}", *_point(best)],
        ]
        yield html.table(("strategy", *POINT_HEAD), points)


def _not_flagged(found: Found) -> list[list[str]]:
    """What is flagged gets the best arm of the training: the others alone say what the router does."""
    if not found:
        return []
    alone = f"the same on the {figures.count(found.get('n'))} that were not flagged"
    return [[alone, figures.points(found.get("difference") or {})]]


def _origin(report: Report) -> Iterable[str]:
    unit = report.get("unit", "FLOPs")
    yield html.note(
        "Accuracy is the share of problems answered right. Intervals hold 95 % of bootstrap resamples of the "
        "problems, and of the trainings if there are several; they speak of problems such as these. A "
        "frontier mixes two points: the dearer one for a share of the problems. "
        f"Cost is {_unit_in_words(unit)}. The same figures are in report.json."
    )
    router, time = report.get("router") or {}, report.get("decision_ms") or {}
    first = report.get("first_decision_ms") or {}
    rows = [
        [
            "problems",
            f"{figures.count(report.get('n_problems'))}, split: {figures.text(report.get('split'))}",
        ],
        ["problems of the training", figures.count(report.get("n_trained"))],
        ["replays of each problem", figures.count(report.get("n_draws"))],
        ["trainings of the router", figures.count(report.get("n_trainings"))],
        ["regret: accuracy short of the oracle's", figures.points(report.get("regret") or {})],
        ["share of the probes in the cost", figures.share(report.get("probe_share"))],
        [
            "one decision",
            f"median {figures.milliseconds(time.get('median'))}, "
            f"95th percentile {figures.milliseconds(time.get('p95'))}",
        ],
    ]
    if first:
        rows.append(["what to run first, by the text", f"median {figures.milliseconds(first.get('median'))}"])
    if router.get("folder"):
        rows.append(["the router's folder", router["folder"]])
        rows.append(["sha256 of its manifest", figures.text(router.get("sha256"))])
    yield html.table(("", ""), [row for row in rows if row[1] != MISSING])


def _unit_in_words(unit: str) -> str:
    if unit == "dollars":
        return (
            "dollars, at the prices of tokens in the log: of the prompt, which is read once, and of what was "
            "written, by the policy, and of what the PRM read"
        )
    if unit != "FLOPs":
        return f"{unit}, as the log counts them"
    return (
        "FLOPs: 2 x parameters x tokens computed, of prompts and of what was written, by the policy and by "
        "the PRM"
    )


def _given(parts: Mapping[str, Any] | None) -> Iterable[tuple[str, Found]]:
    """By name, those that there are."""
    return [(name, part) for name, part in (parts or {}).items() if part]


def _by_cost(points: Iterable[Found]) -> list[Found]:
    return sorted(points, key=lambda p: math.inf if p.get("cost") is None else p["cost"])


def _point(point: Found) -> list[str]:
    return [
        figures.interval(point, "accuracy"),
        figures.cost(point.get("cost"), point.get("unit", "FLOPs")),
    ]
