from __future__ import annotations

import base64
import json
import math
import re
import sys
from html import escape, unescape
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from tts_select.training.report import figures, plots
from tts_select.training.report.page import build_page, summary
from tts_select.training.report.rendering import write_report

PNG = b"\x89PNG\r\n\x1a\n"
NASTY = "beam@4 <script>alert('&')</script> $x_$"
HOSTILE = "\x1b[31m<b>&\u202e\x00\r\\[asy]\u2066"
"""Markup, a colour, controls and changes of direction."""
ENDS = ["value", "high"]
PRICES = (0.0, 1e-11, 1e-10, 1e-9)


def point(accuracy: float, cost: float) -> dict[str, Any]:
    return {"accuracy": accuracy, "low": accuracy - 0.03, "high": accuracy + 0.03, "cost": cost}


def figure(value: float) -> dict[str, float]:
    return {"value": value, "low": 0.9 * value, "high": 1.1 * value}


def a_report() -> dict[str, Any]:
    """Plausible, and with everything in it."""
    sizes = {"small": 1e8, "medium": 3e8, "large": 1e9}
    arms = [
        {"name": f"{method}@{n} world:{policy}", **point(0.3 + 0.08 * k + 0.04 * math.log2(n), n * flops)}
        for method in ("majority", "best_of_n")
        for n in (1, 4, 16, 64)
        for k, (policy, flops) in enumerate(sizes.items())
    ]
    arms += [{"name": f"cot@1 world:{p}", **point(0.28, f)} for p, f in sizes.items()]
    arms.append({"name": NASTY, **point(0.52, 7e8)})
    best = max(arms, key=lambda arm: arm["accuracy"])
    frontier = [
        {"price": price, **point(0.75 - 0.12 * k, 2e10 / 6**k), "probe_share": 0.05 * (k + 1)}
        for k, price in enumerate(PRICES)
    ]
    one = {"n": 99, "ece": 0.05, "null": {"mean": 0.03, "high": 0.07}, "brier": 0.1, "brier_skill": None}
    bins = [{"predicted": p, "observed": p**1.1, "n": 40} for p in (0.1, 0.3, 0.5, 0.7, 0.9)]
    sets = ("text only", "probes only", "PRM only", "all")
    return {
        "schema": "tts-select/report@1",
        "router": {
            "folder": "router/",
            "sha256": "0" * 64,
            "frontier": frontier,
            "efforts": dict(zip(("high", "medium", "low"), frontier, strict=False)),
        },
        "n_problems": 512,
        "n_trained": 432,
        "n_trainings": 2,
        "trainings": [
            {
                "folder": f"router-{k}",
                "area": figure(0.01 * k),
                "efforts": dict(zip(("high", "medium", "low"), frontier, strict=False)),
            }
            for k in (1, 2)
        ],
        "costs_against_cheapest": [
            {
                "accuracy": 0.85,
                "above_best": 0.05,
                "router": None,
                "infinite": ["router"],
                "reached": point(0.75, 2e10),
            },
            {
                "accuracy": 0.8,
                "above_best": 0.0,
                "router": 3e9,
                "arm": {"name": NASTY, **point(0.795, 6e9)},
                "cost_ratio": figure(0.5),
            },
        ],
        "rules": [
            {
                "against": "margin",
                "n_settings": 120,
                "area": figure(0.02),
                "points": [
                    {
                        "policy": "world:small",
                        "threshold": 0.5,
                        "most_samples": 8,
                        "accuracy": 0.6,
                        "cost": 3e9,
                    }
                ],
            }
        ],
        "frontier_gaps": {"worst": {"name": NASTY, "value": -0.01, "low": -0.02, "high": 0.005}},
        "savings": [
            {"against": against, "name": name, **point(0.6, 3e9), "cost_ratio": ratio, "gain": figure(0.02)}
            for against, name, ratio in (
                ("the best fixed arm", best["name"], figure(0.25)),
                ("the cheapest arm within half a point of it", NASTY, figure(0.5)),
                ("margin", "margin world:small", {"value": None, "low": 0.7, "high": None, "infinite": ENDS}),
            )
        ],
        "area": {"value": 0.012, "low": -0.001, "high": 0.03},
        "at_budgets": [
            {
                "budget": budget,
                "router": point(0.61, 0.9 * budget),
                "best_fixed": {"name": NASTY, **point(0.58, budget), "difference": figure(0.03)},
                "gain": figure(0.04),
                "stop_rules": [
                    {
                        "against": "margin",
                        "name": "margin world:small",
                        **point(0.6, budget),
                        "difference": figure(0.01),
                    }
                ][:k],
            }
            for k, budget in enumerate((1e9, 2e9, 4e9))
        ],
        "cost_at_accuracies": [
            {"accuracy": a, "router": 1e9 * a, "fixed": 4e9 * a, "cost_ratio": figure(0.25)}
            for a in (0.4, 0.55)
        ],
        "ladders": [
            [{"price": 1e-9, "stages": [f"{NASTY} x 2", "world:large x 4"], "accuracy": 0.6, "cost": 1.0}]
        ],
        "unfamiliar_share": 0.0125,
        "unfamiliar_share_in_training": 0.01,
        "n_draws": 20,
        "split": "test",
        "arms": arms,
        "best_fixed": best,
        "oracle": point(0.86, 1.5e9),
        "paper_bins": {
            name: [point(0.4 + 0.05 * k - drop, 1e8 * 5**k) for k in range(5)]
            for name, drop in (("oracle", 0.0), ("estimated", 0.04))
        },
        "baselines": {
            "rule": point(0.55, 6e9),
            "adaptive_consistency": point(0.58, 4e9),
            "random": point(0.47, 5e9),
            "adaptive consistency world:small": point(0.51, 3e8),
            "beta world:small": {**point(0.51, 3e8), "same_as": "adaptive consistency world:small"},
        },
        "cost_ratio_at_equal_accuracy": {"value": 0.25, "low": 0.2, "high": 0.5},
        "gap_closed": figure(0.6),
        "regret": figure(0.05),
        "calibration": {
            name: {
                "ece": 0.031,
                "brier": 0.12,
                "n": 200,
                "bins": bins,
                "ece_equal_mass": 0.04,
                "ece_null": {"mean": 0.029, "high": 0.043},
                "brier_skill": 0.3,
                "by": dict.fromkeys((NASTY, "world:small"), one) if name == "p_correct" else {},
            }
            for name in ("difficulty", "p_correct", "confidence")
        },
        "difficulty": {
            key: dict(zip(sets, values, strict=True))
            for key, values in {
                "auc": (0.71, 0.88, 0.85, 0.91),
                "brier": (0.21, 0.13, 0.14, 0.11),
                "ece": (0.06, 0.05, 0.04, 0.03),
            }.items()
        },
        "choices": {
            "easy": {arms[0]["name"]: 0.7, arms[4]["name"]: 0.28, NASTY: 0.02},
            "medium": {arms[4]["name"]: 0.6, arms[9]["name"]: 0.39, NASTY: 0.01},
            "hard": {arms[11]["name"]: 0.8, arms[9]["name"]: 0.2},
        },
        "decide_once": point(0.66, 3e9),
        "probe_share": 0.12,
        "decision_ms": {"median": 1.2, "p95": 2.4},
        "shift": {
            "trained_on": "270 problems of levels 1-5",
            "tested_on": "90 problems of the levels above",
            "unfamiliar_share": 0.8,
            "router": point(0.41, 3e9),
            "best_fixed": {"name": NASTY, **point(0.4, 2e10)},
            "difference": {"value": 0.01, "low": -0.02, "high": 0.04},
            "not_flagged": {
                "n": 18,
                "router": point(0.5, 1e9),
                "best_fixed": {"name": NASTY, **point(0.45, 2e10)},
                "difference": figure(0.05),
            },
        },
    }


def without_numbers(value: Any) -> Any:
    """Every number could not be computed, in one of the two ways of saying so."""
    if isinstance(value, dict):
        return {key: without_numbers(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [without_numbers(inner) for inner in value]
    if isinstance(value, float):
        return math.nan
    return None if isinstance(value, int) else value


class _Tags(HTMLParser):
    """Collects what a browser would see."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("reports") / "new"
    write_report(a_report(), folder)
    return folder


def test_the_folder_holds_the_json_the_plots_the_page_and_nothing_else(written: Path) -> None:
    files = {str(p.relative_to(written)) for p in written.rglob("*") if p.is_file()}
    assert files == {"report.json", "report.html", *(f"plots/{name}" for name in plots.PLOTS)}
    assert all((written / "plots" / name).read_bytes().startswith(PNG) for name in plots.PLOTS)
    assert json.loads((written / "report.json").read_text()) == a_report()


def test_every_arm_is_named_and_escaped(written: Path) -> None:
    page = (written / "report.html").read_text()
    for arm in a_report()["arms"]:
        assert f">{escape(arm['name'])}<" in page
    seen = _Tags(page)
    assert "script" not in seen.tags
    assert NASTY in seen.text
    assert "<live>" not in page


def test_the_page_needs_nothing_beside_it(written: Path) -> None:
    page = (written / "report.html").read_text()
    assert not re.search(r"https?://|url\(|@import", page)
    seen = _Tags(page)
    assert not {"link", "iframe", "object", "embed"} & set(seen.tags)
    sources = [value or "" for name, value in seen.attributes if name in ("src", "href", "srcset")]
    assert len(sources) == len(plots.PLOTS)
    for source, name in zip(sources, plots.PLOTS, strict=True):
        head, data = source.split(",")
        assert head == "data:image/png;base64"
        assert base64.b64decode(data, validate=True) == (written / "plots" / name).read_bytes()


def test_hostile_text_is_shown_to_the_letter_and_acts_on_nothing(tmp_path: Path) -> None:
    report = hostile(a_report())
    write_report(report, tmp_path)
    page = _page(tmp_path)
    assert "<b>" not in page
    assert not set(page) & set("\x1b\u202e\x00\r\u2066")
    seen = _Tags(page).text
    shown = r"\x1b[31m<b>&\u202e\x00\r\[asy]\u2066"
    names = ("arm", "baseline", "effort", "calibration", "stage", "folder", "trained_on", "split")
    for name in (*names, "rule", "training", "worst"):
        assert f"{shown} {name}" in seen
    assert json.loads((tmp_path / "report.json").read_text())["split"] == report["split"]


def hostile(report: dict[str, Any]) -> dict[str, Any]:
    """Wherever a model, a policy or a file has a say."""
    first = dict(report["arms"][0], name=f"{HOSTILE} arm")
    return {
        **report,
        "arms": [first, *report["arms"]],
        "best_fixed": first,
        "savings": [dict(report["savings"][0], name=f"{HOSTILE} arm"), *report["savings"]],
        "baselines": {f"{HOSTILE} baseline": point(0.5, 1e9)},
        "router": {
            **report["router"],
            "folder": f"{HOSTILE} folder",
            "efforts": {f"{HOSTILE} effort": report["router"]["frontier"][0]},
        },
        "calibration": {f"{HOSTILE} calibration": report["calibration"]["confidence"]},
        "rules": [dict(report["rules"][0], against=f"{HOSTILE} rule")],
        "trainings": [dict(report["trainings"][0], folder=f"{HOSTILE} training")],
        "frontier_gaps": {"worst": {**report["frontier_gaps"]["worst"], "name": f"{HOSTILE} worst"}},
        "choices": {"easy": {f"{HOSTILE} arm": 1.0}},
        "ladders": [[{"price": 1.0, "stages": [f"{HOSTILE} stage"]}]],
        "shift": {**report["shift"], "trained_on": f"{HOSTILE} trained_on"},
        "split": f"{HOSTILE} split",
    }


def test_the_page_opens_with_what_is_saved_against_what(written: Path) -> None:
    first = _page(written).split("<section>")[1]
    assert "What it saves, and against what" in first
    text = _Tags(first).text
    for said in (
        "0.25 of it (0.225 to 0.275)",
        "0.5 of it",
        "never as accurate",
        "+2.0 points (+1.8 to +2.2)",
    ):
        assert said in text
    assert first.count("<img") == 1, "the frontier is under the table"
    tables = [
        text.index(s) for s in ("Accuracy within a budget", "Cost of an accuracy", "At the accuracy of")
    ]
    assert tables == sorted(tables), "what always exists comes first"
    for said in (
        "58.0 %, " + NASTY,
        "+3.0 points (+2.7 to +3.3)",
        "margin world:small +1.0 points (+0.9 to +1.1)",
    ):
        assert said in text
    assert "none costs as little" in text
    assert "target" not in _page(written)


def test_what_is_not_sure_is_said(written: Path) -> None:
    """Costs beside the cheapest arm, the worst arm, chance, trainings, what was not flagged."""
    text = _Tags(_page(written)).text
    for said in (
        f"At worst, beside {NASTY}, it has -1.0 points (-2.0 to +0.5).",
        "80.0 % (+0 points)",
        "never: at most 75.0 % for 20 GFLOPs",
        "none is so accurate",
        "0.029, 95 % within 0.043",
        "all outcomes are alike",
        "world:small at 0.5 up to 8: 60.0 %, 3 GFLOPs",
        "router-2",
        "512 problems, and the mean of 2 trainings of the router.",
        "the same on the 18 that were not flagged",
    ):
        assert said in text
    guarded = {**a_report(), "gap_closed": {"value": None, "low": None, "high": None}}
    assert "It falls +5.0 points (+4.5 to +5.5) short of the oracle" in summary(guarded)


def test_arms_are_sorted_by_cost(written: Path) -> None:
    table = _page(written).split("Every fixed arm")[1].split("</table>")[0]
    names = [unescape(name) for name in re.findall(r'<th scope="row">(.*?)</th>', table)]
    cost = {arm["name"]: arm["cost"] for arm in a_report()["arms"]}
    assert len(names) == len(cost)
    assert [cost[name] for name in names] == sorted(cost.values())


def test_a_strategy_with_two_names_is_shown_once(written: Path) -> None:
    table = _page(written).split("Other strategies")[1].split("</table>")[0]
    assert table.count("adaptive consistency world:small") == 1
    assert "beta" not in table


def test_a_shift_is_shown_with_what_it_was_trained_and_tested_on(written: Path) -> None:
    section = _page(written).split("Problems unlike the training data")[1].split("</section>")[0]
    text = _Tags(section).text
    for said in (
        *("270 problems of levels 1-5", "90 problems of the levels above", "80.0 %"),
        *("+1.0 points (-2.0 to +4.0)", "41.0 % (38.0 to 44.0)", "3 GFLOPs", "40.0 %", NASTY),
    ):
        assert said in text
    assert "refused 1.2 % of the measured problems" in text
    assert "like those of the training it refuses 1.0 %" in text
    shares = dict.fromkeys(("unfamiliar_share", "unfamiliar_share_in_training"))
    without = build_page({**a_report(), "shift": None, **shares}, {})
    assert "Problems unlike" not in without


def test_the_summary_says_what_was_found() -> None:
    said = summary(a_report())
    assert (
        "best fixed arm (majority@64 world:large, 70.0 %) the router costs 0.25 of it (0.2 to 0.5)." in said
    )
    assert f"Against the cheapest arm within half a point of it, {NASTY}: the router costs 0.5 of it" in said
    assert "Against margin world:small: the router is never as accurate." in said
    assert said.startswith("At equal cost the router has +1.2 points (-0.1 to +3.0) beside fixed arms")
    assert f"With at most 2 GFLOPs a problem it gets 61.0 %, the best fixed arm ({NASTY}) 58.0 %." in said
    assert "closes 60.0 % (54.0 to 66.0) of the distance" in said
    assert said.endswith("All of it is over 512 problems, and the mean of 2 trainings of the router.")
    assert summary({**a_report(), "n_trainings": 1}).endswith("All of it is over 512 problems.")


def test_what_is_infinite_is_told_from_what_was_not_measured(tmp_path: Path) -> None:
    """Readers who do not know the difference find null, as they always did."""
    report = a_report()
    never = {"value": math.inf, "low": 0.4, "high": math.inf}
    report["cost_ratio_at_equal_accuracy"] = never
    report["arms"][0]["cost_ratio"] = {"value": 0.5, "low": 0.25, "high": math.inf}
    report["arms"][1]["cost_ratio"] = {"value": math.nan, "low": math.nan, "high": math.nan}
    report["reached"] = point(0.65, 3e9)
    report["savings"][2] |= {"reached": {**point(0.55, 200.0), "unit": "tokens"}}
    write_report(report, tmp_path)
    read = json.loads((tmp_path / "report.json").read_text(), parse_constant=pytest.fail)
    ratio = {"value": None, "low": 0.4, "high": None, "infinite": ["value", "high"]}
    assert read["cost_ratio_at_equal_accuracy"] == ratio
    assert read["arms"][1]["cost_ratio"] == {"value": None, "low": None, "high": None}
    text = _Tags(_page(tmp_path)).text
    reached = "the router is never as accurate: at most 65.0 % for 3 GFLOPs."
    assert f"({report['best_fixed']['name']}, 70.0 %) {reached}" in text
    assert text.count("never as accurate: at most 55.0 % for 200 tokens") == 2, "in words and in the table"
    assert "0.5 of it (0.25 to never)" in text
    assert "not measured" in text


def test_nothing_is_missing_from_a_whole_report(written: Path) -> None:
    missing = {arm["name"] for arm in a_report()["arms"]}  # their cost ratios are not in it
    page = re.sub(r"<td>not measured</td></tr>", "", _page(written), count=len(missing))
    assert "not measured" not in page


def test_numbers_that_are_not_finite_are_null(tmp_path: Path) -> None:
    report = a_report()
    report["arms"][0].update(accuracy=math.nan, low=math.nan)
    report["router"]["frontier"][1]["cost"] = math.inf
    report["oracle"] = point(-math.inf, math.nan)
    write_report(report, tmp_path)
    read = json.loads((tmp_path / "report.json").read_text(), parse_constant=pytest.fail)
    assert read["arms"][0]["accuracy"] is None
    assert read["router"]["frontier"][1]["cost"] is None
    assert set(read["oracle"].values()) == {None}
    assert "nan" not in _Tags(_page(tmp_path)).text


def test_a_report_without_a_single_number_is_still_written(tmp_path: Path) -> None:
    write_report(without_numbers(a_report()), tmp_path)
    assert "the router costs not measured" in _page(tmp_path)
    assert json.loads((tmp_path / "report.json").read_text())["n_problems"] is None


NUMBERS = {"n_problems", "n_draws", "n_trained", "probe_share", "unfamiliar_share"}
NUMBERS |= {"unfamiliar_share_in_training", "n_trainings"}


@pytest.mark.parametrize("empty", [None, {}], ids=["none", "empty"])
@pytest.mark.parametrize("part", sorted(set(a_report()) - {"schema", "split"} - NUMBERS))
def test_a_missing_part_breaks_nothing_and_is_left_out(part: str, empty: Any) -> None:
    report = {**a_report(), part: empty}
    page = build_page(report, {})
    assert "None" not in _Tags(page).text
    assert "{}" not in _Tags(page).text
    for draw in plots.PLOTS.values():
        draw(report)


def test_an_empty_report_has_no_plots_and_removes_those_of_an_older_one(tmp_path: Path) -> None:
    (tmp_path / "plots").mkdir()
    (tmp_path / "plots" / "frontier.png").write_bytes(b"of an older report")
    write_report({"schema": "tts-select/report@1"}, tmp_path)
    assert not list((tmp_path / "plots").iterdir())
    assert "data:image" not in _page(tmp_path)
    assert (tmp_path / "report.json").exists()


def test_without_matplotlib_the_report_has_all_but_the_plots(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    write_report(a_report(), tmp_path)
    assert not list((tmp_path / "plots").iterdir())
    assert "data:image" not in _page(tmp_path)
    assert json.loads((tmp_path / "report.json").read_text())["schema"] == a_report()["schema"]


def _break_a_plot(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(report: dict[str, Any]) -> None:
        raise RuntimeError("no room for the labels")

    monkeypatch.setitem(plots.PLOTS, "difficulty.png", broken)


def test_a_plot_that_fails_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _break_a_plot(monkeypatch)
    with pytest.raises(RuntimeError):
        write_report(a_report(), tmp_path)
    assert not list(tmp_path.rglob("*"))


def test_a_plot_that_fails_leaves_an_older_report_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_report({}, tmp_path)
    before = {p: p.read_bytes() for p in tmp_path.rglob("*") if p.is_file()}
    _break_a_plot(monkeypatch)
    with pytest.raises(RuntimeError):
        write_report(a_report(), tmp_path)
    assert {p: p.read_bytes() for p in tmp_path.rglob("*") if p.is_file()} == before


def test_a_disk_that_fills_leaves_no_json_and_no_partial_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_report({}, tmp_path)
    write = Path.write_bytes

    def full(path: Path, content: bytes) -> int:
        if path.name.startswith("report.html"):
            write(path, content[:100])
            raise OSError("no space left on device")
        return write(path, content)

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(OSError, match="no space"):
        write_report({}, tmp_path)
    assert [p.name for p in tmp_path.iterdir() if p.is_file()] == ["report.html"]  # the older one


def test_the_same_report_gives_the_same_plots_and_the_callers_style_is_left_alone(written: Path) -> None:
    import matplotlib

    before = dict(matplotlib.rcParams)
    again = plots.draw_plots(a_report())
    assert again == {name: (written / "plots" / name).read_bytes() for name in plots.PLOTS}
    assert dict(matplotlib.rcParams) == before


def test_rare_arms_are_drawn_as_one() -> None:
    choices = {"easy": {"often": 0.9, **{f"rare {k}": 0.02 for k in range(5)}}, "hard": {"often": 1.0}}
    drawn = plots.draw_choices({"choices": choices})
    assert drawn is not None
    assert drawn.axes[0].get_legend_handles_labels()[1] == ["often", "other"]


@pytest.mark.parametrize(
    ("flops", "shown"),
    [
        (0.0, "0 FLOPs"),
        (12.0, "12 FLOPs"),
        (2.126e9, "2.13 GFLOPs"),
        (999.9e6, "1 GFLOPs"),
        (None, "not measured"),
    ],
)
def test_costs_are_read_with_a_prefix(flops: float | None, shown: str) -> None:
    assert figures.cost(flops, "FLOPs") == shown


def test_other_units_are_as_the_log_counts_them() -> None:
    assert figures.cost(12345.6, "tokens") == "12,346 tokens"


def _page(folder: Path) -> str:
    return (folder / "report.html").read_text()
