"""The evaluation as one HTML file: what it found in plain words, the targets, then plots and tables.

It decides how the report reads and computes nothing but units and the words of the summary. The file needs
nothing beside it: styles are inline, plots are data URIs, and its policy forbids the browser to load or run
anything else. Every text is escaped where it enters a tag; what was not measured says so.
"""

from __future__ import annotations

import base64
import math
from collections.abc import Iterable, Sequence
from html import escape
from typing import Any

MISSING = "not measured"
STYLE = """
:root{color-scheme:light dark}
:root{--ink:#1b1b1b;--paper:#fff;--soft:#5c5c5c;--line:#d5d5d5;--met:#00664a;--missed:#a33c00}
@media (prefers-color-scheme:dark){
:root{--ink:#e6e6e6;--paper:#161616;--soft:#a8a8a8;--line:#3c3c3c;--met:#4fd0a8;--missed:#ff9d66}}
body{margin:0 auto;max-width:60rem;padding:1rem;font:1rem/1.55 system-ui,sans-serif}
body{color:var(--ink);background:var(--paper)}
h1{font-size:1.6rem;line-height:1.25}h2{margin-top:2.2rem;font-size:1.2rem}
.summary{font-size:1.1rem}.note{color:var(--soft)}p{overflow-wrap:anywhere}
.wide{overflow-x:auto;margin:1rem 0}
img{display:block;width:100%;min-width:34rem;background:#fff;border-radius:.3rem}
table{border-collapse:collapse;width:100%;font-size:.9rem;font-variant-numeric:tabular-nums}
caption{text-align:left;font-weight:600;padding-bottom:.3rem}
th,td{padding:.3rem .7rem .3rem 0;border-bottom:1px solid var(--line);text-align:left;vertical-align:top}
thead th{color:var(--soft);font-weight:600}tbody th{font-weight:400}
tr.met td:last-child{color:var(--met);font-weight:600}
tr.missed td:last-child{color:var(--missed);font-weight:600}
@media print{:root{--ink:#000;--paper:#fff;--soft:#444;--line:#bbb;--met:#000;--missed:#000}
.wide{overflow:visible}img{min-width:0}img,tr{break-inside:avoid}h2{break-after:avoid}body{max-width:none}}
"""
POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
POINT_HEAD = ("accuracy (95 % interval)", "cost per problem")
VERDICTS = {True: ("met", "✓ met"), False: ("missed", "✗ missed"), None: ("", MISSING)}

Report = dict[str, Any]


def build_page(report: Report, plots: dict[str, bytes]) -> str:
    """The whole page; `report` has None for what was not measured, `plots` the PNGs that there are."""
    title = "What the router buys"
    sections = [
        _section("Targets", _targets(report)),
        _section("Accuracy against cost", _frontier(report, plots)),
        _section("Is it as sure as it should be?", _calibration(report, plots)),
        _section("What it chose", _plot("choices.png", "Share of each arm by difficulty", plots)),
        _section("What tells difficulty", _ablation(report, plots)),
        _section("Every fixed arm, from cheap to dear", _arms(report)),
        _section("Other strategies", _strategies(report)),
        _section("Problems unlike the training data", _shift(report)),
        _section("How the numbers were made", _origin(report)),
    ]
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">\n'
        '<meta name="viewport" content="width=device-width,initial-scale=1">\n'
        f"<title>{title} - tts-select</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<h1>{title}</h1>\n"
        f'<p class="summary">{escape(summary(report))}</p>\n{"".join(sections)}</body>\n</html>\n'
    )


def summary(report: Report) -> str:
    """The result in a paragraph of plain words."""
    best = report.get("best_fixed") or {}
    name = f"{best.get('name', MISSING)}, {_share(best.get('accuracy'))}"
    ratio, gap = report.get("cost_ratio_at_equal_accuracy") or {}, report.get("gap_closed") or {}
    if ratio.get("value") is None and ratio.get("low") is not None:
        said = [f"The router is never as accurate as the best fixed arm ({name})."]
    else:
        said = [f"At the accuracy of the best fixed arm ({name}) the router costs {_times(ratio)}."]
    if gap.get("value") is not None:
        closed = _interval(gap, "value")
        said.append(f"At equal cost it closes {closed} of the distance from that arm to the oracle.")
    met = [target.get("met") for target in report.get("targets") or []]
    if met:
        missed, unknown = met.count(False), met.count(None)
        said.append(f"Of {len(met)} targets: {met.count(True)} met, {missed} missed, {unknown} {MISSING}.")
    said.append(f"All of it is over {_count(report.get('n_problems'))} problems.")
    return " ".join(said)


def _times(ratio: dict[str, Any]) -> str:
    """The router's cost over the fixed arm's, said the way that it went."""
    value, low, high = (ratio.get(key) for key in ("value", "low", "high"))
    if not value:
        return f"an amount that was {MISSING}"
    if value > 1:
        return f"{_interval(ratio, 'value', plain=True)} times as much"
    inverse = {"value": 1 / value, "low": 1 / high if high else None, "high": 1 / low if low else None}
    return f"{_interval(inverse, 'value', plain=True)} times less"


def _targets(report: Report) -> str:
    targets = report.get("targets") or []
    verdicts = [VERDICTS[t.get("met")] for t in targets]
    rows = [
        [_text(t.get("what")), _text(t.get("wanted")), _text(t.get("measured")), verdict]
        for t, (_, verdict) in zip(targets, verdicts, strict=True)
    ]
    return _table(("what", "wanted", "measured", ""), rows, classes=[name for name, _ in verdicts])


def _frontier(report: Report, plots: dict[str, bytes]) -> str:
    router = report.get("router") or {}
    head = ("price", *POINT_HEAD, "of it probes")
    points = _by_cost(router.get("frontier") or [])
    rows = [[_number(p.get("price")), *_point(p), _share(p.get("probe_share"))] for p in points]
    efforts = [[name, _number(p.get("price")), *_point(p)] for name, p in _given(router.get("efforts"))]
    return (
        _plot("frontier.png", "Accuracy against FLOPs per problem, of the router and all compared", plots)
        + _table(("effort", "price", *POINT_HEAD), efforts, caption="The three efforts")
        + _table(head, rows, caption="The router at every price")
    )


def _calibration(report: Report, plots: dict[str, bytes]) -> str:
    rows = [
        [name, _number(c.get("ece")), _number(c.get("brier")), _count(c.get("n"))]
        for name, c in _given(report.get("calibration"))
    ]
    plot = _plot("calibration.png", "Observed against predicted, with counts", plots)
    return plot + _table(("probability", "ECE", "Brier", "n"), rows)


def _ablation(report: Report, plots: dict[str, bytes]) -> str:
    found = [(report.get("difficulty") or {}).get(key) or {} for key in ("auc", "brier", "ece")]
    names = dict.fromkeys(name for values in found for name in values)
    rows = [[name, *(_number(values.get(name)) for values in found)] for name in names]
    plot = _plot("difficulty.png", "AUC, Brier and ECE of each set of features", plots)
    return plot + _table(("features", "AUC", "Brier", "ECE"), rows)


def _arms(report: Report) -> str:
    arms = _by_cost(report.get("arms") or [])
    return _table(("arm", *POINT_HEAD), [[_text(arm.get("name")), *_point(arm)] for arm in arms])


def _strategies(report: Report) -> str:
    """What chooses an arm, or needs no choice, other than the router deciding again."""
    best, baselines = report.get("best_fixed") or {}, _given(report.get("baselines"))
    rows = [
        [f"best fixed arm: {_text(best.get('name'))}", *_point(best)],
        ["oracle: the best arm of each problem", *_point(report.get("oracle") or {})],
        *([name.replace("_", " "), *_point(point)] for name, point in baselines),
        ["router, deciding once", *_point(report.get("decide_once") or {})],
    ]
    for difficulty, points in (report.get("paper_bins") or {}).items():
        rows += [[f"paper's bins, {difficulty} difficulty", *_point(p)] for p in _by_cost(points or [])]
    return _table(("strategy", *POINT_HEAD), rows)


def _shift(report: Report) -> str:
    found = report.get("shift") or {}
    best = found.get("best_fixed") or {}
    facts = [
        ["trained on", _text(found.get("trained_on"))],
        ["tested on", _text(found.get("tested_on"))],
        ["flagged as unfamiliar", _share(found.get("unfamiliar_share"))],
        ["router minus the best fixed arm", _interval(found.get("difference") or {}, "value")],
    ]
    points = [
        ["router", *_point(found.get("router") or {})],
        [f"best fixed arm: {_text(best.get('name'))}", *_point(best)],
    ]
    return _table(("", ""), facts if found else []) + _table(
        ("strategy", *POINT_HEAD), points if found else []
    )


def _origin(report: Report) -> str:
    router, time = report.get("router") or {}, report.get("decision_ms") or {}
    regret, ratio = report.get("regret") or {}, report.get("cost_ratio_at_equal_accuracy") or {}
    rows = [
        ["problems", f"{_count(report.get('n_problems'))}, split: {_text(report.get('split'))}"],
        ["replays of each problem", _count(report.get("n_draws"))],
        ["cost at the accuracy of the best fixed arm, as a ratio", _interval(ratio, "value", plain=True)],
        ["regret: accuracy short of the oracle's", _interval(regret, "value")],
        ["share of the probes in the cost", _share(report.get("probe_share"))],
        ["one decision", f"median {_ms(time.get('median'))}, 95th percentile {_ms(time.get('p95'))}"],
    ]
    unit = report.get("unit", "FLOPs")
    what = (
        "FLOPs: 2 x parameters x tokens computed, of prompts and of what was written, by the policy and by "
        "the PRM"
        if unit == "FLOPs"
        else f"{unit}, as the log counts them"
    )
    note = (
        "Accuracy is the share of problems answered right. Intervals hold 95 % of bootstrap resamples of the "
        f"problems; they speak of problems such as these. Cost is {what}. "
        "The same figures are in report.json."
    )
    which = f"The router is {_text(router.get('folder'))}, sha256 {_text(router.get('sha256'))}."
    return f'<p class="note">{note} {escape(which)}</p>\n' + _table(("", ""), rows)


def _section(title: str, body: str) -> str:
    return f"<section>\n<h2>{escape(title)}</h2>\n{body}</section>\n"


def _plot(name: str, description: str, plots: dict[str, bytes]) -> str:
    if name not in plots:
        return f'<p class="note">{escape(description)}: {MISSING}.</p>\n'
    data = base64.b64encode(plots[name]).decode()
    return f'<div class="wide"><img alt="{escape(description)}" src="data:image/png;base64,{data}"></div>\n'


def _table(
    head: Sequence[str], rows: Sequence[Sequence[str]], *, caption: str = "", classes: Sequence[str] = ()
) -> str:
    """Of plain texts; this is where they are escaped."""
    if not rows:
        return f'<p class="note">{escape(caption) + ": " if caption else ""}{MISSING}.</p>\n'
    titles = "".join(f'<th scope="col">{escape(text)}</th>' for text in head)
    top = f"<thead><tr>{titles}</tr></thead>" if any(head) else ""
    named = f"<caption>{escape(caption)}</caption>" if caption else ""
    body = []
    for row, name in zip(rows, classes or [""] * len(rows), strict=True):
        cells = "".join(f"<td>{escape(text)}</td>" for text in row[1:])
        body.append(f'<tr class="{name}"><th scope="row">{escape(row[0])}</th>{cells}</tr>\n')
    return f'<div class="wide"><table>{named}{top}<tbody>\n{"".join(body)}</tbody></table></div>\n'


def _given(parts: dict[str, Any] | None) -> Iterable[tuple[str, dict[str, Any]]]:
    """By name; a part that is None has nothing measured."""
    return [(name, part or {}) for name, part in (parts or {}).items()]


def _by_cost(points: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    return sorted(points, key=lambda p: math.inf if p.get("cost") is None else p["cost"])


def _point(point: dict[str, Any]) -> list[str]:
    return [_interval(point, "accuracy"), _cost(point.get("cost"), point.get("unit", "FLOPs"))]


def _interval(found: dict[str, Any], key: str, *, plain: bool = False) -> str:
    """`78.4 % (75.0 to 81.6)`; plain numbers for what is no share."""
    value, low, high = found.get(key), found.get("low"), found.get("high")
    shown = _number(value) if plain else _share(value)
    if value is None:
        return shown
    form, scale = (".3g", 1) if plain else (".1f", 100)
    if high is None:
        return shown if low is None else f"{shown} ({scale * low:{form}} or more)"
    if low is None:
        return f"{shown} ({scale * high:{form}} or less)"
    return f"{shown} ({scale * low:{form}} to {scale * high:{form}})"


def _share(value: float | None) -> str:
    return MISSING if value is None else f"{100 * value:.1f} %"


def _number(value: float | None) -> str:
    return MISSING if value is None else f"{value:.3g}"


def _count(value: int | None) -> str:
    return MISSING if value is None else f"{value:,}"


def _ms(value: float | None) -> str:
    return MISSING if value is None else f"{value:.2f} ms"


def _text(value: str | None) -> str:
    return value or MISSING


def _cost(value: float | None, unit: str) -> str:
    """`2.13 GFLOPs`, or a plain number of what else is counted."""
    if value is not None and unit != "FLOPs":
        return f"{value:,.0f} {unit}"
    return _flops(value)


def _flops(value: float | None) -> str:
    """`2.13 GFLOPs`."""
    if value is None:
        return MISSING
    value = float(f"{value:.3g}")  # before the prefix is chosen: 999.9 million is 1 GFLOPs
    power = min(max(int(math.log10(value)) // 3, 0), 6) if value > 0 else 0
    return f"{value / 1000**power:.3g} {' kMGTPE'[power].strip()}FLOPs"
