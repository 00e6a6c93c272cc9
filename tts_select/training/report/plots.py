"""The four plots of a router's evaluation as PNG bytes: frontier, calibration, choices, difficulty.

It decides how figures look and computes none. A part of the report that was not measured has no plot. Colours
are Okabe and Ito's, which colour-blind readers tell apart; a marker's shape or a label says the same again.
"""

from __future__ import annotations

import io
import itertools
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from tts_select.core.visible_text import visible

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

ORANGE, SKY, GREEN, BLUE = "#e69f00", "#56b4e9", "#009e73", "#0072b2"
VERMILLION, PURPLE, YELLOW = "#d55e00", "#cc79a7", "#f0e442"
BLACK, DARK, GREY = "#000000", "#555555", "#999999"
METHOD_COLOURS = (ORANGE, SKY, GREEN, BLUE, VERMILLION, PURPLE)
METHOD_MARKERS = "osD^vP<"
"""One more than there are colours: 42 methods differ in one of the two."""
ARM_COLOURS = (BLUE, ORANGE, GREEN, SKY, VERMILLION, PURPLE, YELLOW)

RARE_SHARE = 0.03
"""Of the problems of a difficulty: an arm chosen less often in each of them is one of the others."""
LABELLED_SHARE = 0.06
"""A narrower piece of a bar has no room for its number."""
DPI = 130
STYLE: dict[Any, Any] = {
    "text.parse_math": False,  # the name of an arm may hold a $
    "font.size": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "grid.alpha": 0.3,
}

BOX = {"boxstyle": "round,pad=0.1", "fc": "white", "ec": "none", "alpha": 0.75}
"""Behind a label, so that it is read on any colour."""

Point = dict[str, Any]
Report = dict[str, Any]


def draw_plots(report: Report) -> dict[str, bytes]:
    """Each plot that there is something to draw of, by its file's name."""
    import matplotlib

    with matplotlib.rc_context(STYLE):
        figures = {name: draw(report) for name, draw in PLOTS.items()}
        return {name: _png(figure) for name, figure in figures.items() if figure}


def draw_frontier(report: Report) -> Figure | None:
    """Accuracy against the cost of a problem: the router's line among everything that it is compared with."""
    router = report.get("router") or {}
    arms, frontier = _drawable(report.get("arms") or []), _drawable(router.get("frontier") or [])
    if not arms and not frontier:
        return None
    figure = _figure(8, 7.2)
    label = f"cost, {report.get('unit', 'FLOPs')} per problem (logarithmic)"
    axis = figure.add_subplot(xscale="log", xlabel=label, ylabel="accuracy (fraction right)")
    _draw_arms(axis, arms)
    _draw_compared(axis, report)
    axis.fill_between(*_band(frontier), color=BLACK, alpha=0.15, lw=0, label="router, 95 % interval")
    axis.plot(*_xy(frontier), color=BLACK, lw=2.2, zorder=4, label="router")
    for name, effort in (router.get("efforts") or {}).items():
        for x, y in zip(*_xy(_drawable([effort])), strict=True):
            axis.plot(x, y, "o", color=BLACK, ms=6, zorder=5)
            _label(axis, name, (x, y), (-6, 8), ha="right")
    axis.xaxis.set_major_formatter(_si_formatter())
    axis.xaxis.set_minor_formatter(_si_formatter(places=0) if _is_narrow(axis) else "")
    axis.grid()
    figure.legend(loc="outside lower center", ncols=3, frameon=False, fontsize=9)
    return figure


def draw_calibration(report: Report) -> Figure | None:
    """What was predicted against what came true, with how many predictions there are of each."""
    found = {name: c for name, c in (report.get("calibration") or {}).items() if _bins(c)}
    if not found:
        return None
    figure = _figure(3.6 * len(found) + 0.6, 4.8)
    axes = figure.subplots(2, len(found), squeeze=False, sharex=True, height_ratios=[3, 1])
    for (name, calibration), above, below in zip(found.items(), axes[0], axes[1], strict=True):
        bins = _bins(calibration)
        predicted = [b["predicted"] for b in bins]
        above.plot([0, 1], [0, 1], "--", color=GREY, lw=1)
        above.plot(predicted, [b["observed"] for b in bins], "o-", color=BLUE)
        ece = calibration.get("ece")
        above.set_title(f"{visible(name)}\nECE {'not measured' if ece is None else f'{ece:.3f}'}")
        above.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.02))
        below.vlines(predicted, 0, [b.get("n") or 0 for b in bins], color=BLUE, lw=5)
        below.set(xlabel="predicted", ylim=(0, None))
        above.grid()
    axes[0][0].set_ylabel("observed")
    axes[1][0].set_ylabel("count")
    return figure


def draw_choices(report: Report) -> Figure | None:
    """Which arms the router ran on easy, medium and hard problems."""
    choices = {name: chosen for name, chosen in (report.get("choices") or {}).items() if _measured(chosen)}
    if not choices:
        return None
    arms = _frequent(choices)
    figure = _figure(8, 1.6 + 0.75 * len(choices) + 0.25 * len(arms))
    axis = figure.add_subplot(xlabel="share of the problems", xlim=(0, 1))
    left = [0.0] * len(choices)
    for k, name in enumerate([*arms, None]):
        shares = [_chosen(chosen, name, arms) for chosen in choices.values()]
        if name is None and not any(shares):
            continue
        colour = GREY if name is None else ARM_COLOURS[k]
        bars = axis.barh(
            list(choices), shares, left=left, color=colour, edgecolor="white", label=visible(name or "other")
        )
        texts = [f"{s:.0%}" if s >= LABELLED_SHARE else "" for s in shares]
        axis.bar_label(bars, texts, label_type="center", fontsize=8, bbox=BOX)
        left = [a + b for a, b in zip(left, shares, strict=True)]
    axis.invert_yaxis()  # the first difficulty on top, as it is read
    figure.legend(loc="outside lower left", ncols=1, frameon=False, fontsize=9)
    return figure


def draw_difficulty(report: Report) -> Figure | None:
    """How well difficulty is told from the text, the probes, the PRM's scores, and all of them."""
    figures = {
        "auc": "AUC (more is better)",
        "brier": "Brier (less is better)",
        "ece": "ECE (less is better)",
    }
    parts = report.get("difficulty") or {}
    found = {title: _measured(parts.get(key)) for key, title in figures.items()}
    names = list(dict.fromkeys(name for values in found.values() for name in values))
    if not names:
        return None
    figure = _figure(9, 1.2 + 0.45 * len(names))
    for axis, (title, values) in zip(figure.subplots(1, len(found), sharey=True), found.items(), strict=True):
        colours = [BLUE if name == "all" else SKY for name in names]
        bars = axis.barh(names, [values.get(name, 0.0) for name in names], color=colours)
        texts = [f"{values[name]:.3f}" if name in values else "not measured" for name in names]
        axis.bar_label(bars, texts, padding=3, fontsize=9)
        axis.set_title(title, fontsize=10)
        axis.margins(x=0.25)  # room for the numbers
        axis.set_ylim(len(names) - 0.5, -0.5)  # the first on top
    return figure


PLOTS: dict[str, Callable[[Report], Figure | None]] = {
    "frontier.png": draw_frontier,
    "calibration.png": draw_calibration,
    "choices.png": draw_choices,
    "difficulty.png": draw_difficulty,
}
"""What draws each file: None if there is nothing to draw."""


def _draw_arms(axis: Axes, arms: list[Point]) -> None:
    """A method's arms share a colour and a shape; the name of an arm begins with its method."""
    by_method: dict[str, list[Point]] = {}
    for arm in arms:
        by_method.setdefault(arm["name"].split("@")[0].split(" ")[0], []).append(arm)
    for k, (method, own) in enumerate(sorted(by_method.items())):
        colour, marker = METHOD_COLOURS[k % len(METHOD_COLOURS)], METHOD_MARKERS[k % len(METHOD_MARKERS)]
        style: dict[str, Any] = {"s": 26, "color": colour, "marker": marker, "alpha": 0.85, "zorder": 2}
        axis.scatter(*_xy(own), label=visible(method), **style)


def _draw_compared(axis: Axes, report: Report) -> None:
    """Best fixed arm and oracle, labelled where they are; the paper's bins; the text-only router; the other
    baselines."""
    for x, y in zip(*_xy(_drawable([report.get("best_fixed")])), strict=True):
        axis.plot(
            x, y, "o", ms=13, mfc="none", mec=VERMILLION, mew=2, ls="", zorder=5, label="best fixed arm"
        )
        _label(axis, "best fixed", (x, y), (9, -14), ha="left")
    for x, y in zip(*_xy(_drawable([report.get("oracle")])), strict=True):
        axis.plot(x, y, "*", ms=15, color=BLACK, mec="white", ls="", zorder=5, label="oracle")
        _label(axis, "oracle", (x, y), (9, 4), ha="left")
    for (name, points), style in zip((report.get("paper_bins") or {}).items(), itertools.cycle(("--", ":"))):
        axis.plot(*_xy(_drawable(points or [])), style, color=DARK, lw=1.6, label=f"paper's bins, {name}")
    alone = _drawable((report.get("text_only") or {}).get("frontier") or [])
    axis.plot(*_xy(alone), "-.", color=BLUE, lw=1.6, label="the text alone")
    for (name, points), marker in zip(_others(report).items(), itertools.cycle("Xhpd8H>.")):
        if found := _drawable(points):
            shown = visible(name)
            axis.plot(*_xy(found), marker, ms=9, color=DARK, mec="white", ls="", zorder=3, label=shown)


def _others(report: Report) -> dict[str, list[Point | None]]:
    """The other baselines by what is done; of a strategy for several policies there are several points."""
    found: dict[str, list[Point | None]] = {}
    for name, point in {**(report.get("baselines") or {}), "decide once": report.get("decide_once")}.items():
        if not (point or {}).get("same_as"):
            found.setdefault((point or {}).get("strategy", name).replace("_", " "), []).append(point)
    return found


def _label(axis: Axes, text: str, at: tuple[float, float], shift_points: tuple[int, int], *, ha: Any) -> None:
    axis.annotate(
        visible(text),
        at,
        shift_points,
        textcoords="offset points",
        ha=ha,
        fontsize=9,
        weight="bold",
        bbox=BOX,
        zorder=6,
    )


def _drawable(points: Iterable[Point | None]) -> list[Point]:
    """Those with a place on a logarithmic axis, from cheap to dear."""
    found = [p for p in points if p and p.get("accuracy") is not None and (p.get("cost") or 0) > 0]
    return sorted(found, key=lambda p: p["cost"])


def _xy(points: list[Point]) -> tuple[list[float], list[float]]:
    return [p["cost"] for p in points], [p["accuracy"] for p in points]


def _band(points: list[Point]) -> tuple[list[float], list[float], list[float]]:
    sure = [p for p in points if p.get("low") is not None and p.get("high") is not None]
    return [p["cost"] for p in sure], [p["low"] for p in sure], [p["high"] for p in sure]


def _bins(calibration: dict[str, Any] | None) -> list[dict[str, Any]]:
    bins = (calibration or {}).get("bins") or []
    return [b for b in bins if b.get("predicted") is not None and b.get("observed") is not None]


def _measured(values: dict[str, float | None] | None) -> dict[str, float]:
    return {name: value for name, value in (values or {}).items() if value is not None}


def _frequent(choices: dict[str, dict[str, float | None]]) -> list[str]:
    """The arms with a colour of their own, by how much of all difficulties they take."""
    by_arm: dict[str, list[float]] = {}
    for chosen in choices.values():
        for name, share in _measured(chosen).items():
            by_arm.setdefault(name, []).append(share)
    often = [name for name, shares in by_arm.items() if max(shares) >= RARE_SHARE]
    return sorted(often, key=lambda name: -sum(by_arm[name]))[: len(ARM_COLOURS)]


def _chosen(chosen: dict[str, float | None], name: str | None, arms: list[str]) -> float:
    """The share of an arm, or of all that have no colour of their own."""
    shares = _measured(chosen)
    return sum(s for n, s in shares.items() if n not in arms) if name is None else shares.get(name, 0.0)


def _figure(width_inches: float, height_inches: float) -> Figure:
    """Not pyplot's, which would keep it and might open a window: it is drawn by Agg alone."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width_inches, height_inches), layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def _is_narrow(axis: Axes) -> bool:
    """Less than a decade, in which no label of a power of ten may lie."""
    low, high = axis.get_xlim()
    return high < 10 * low


def _si_formatter(places: int | None = None) -> Any:
    from matplotlib.ticker import EngFormatter

    return EngFormatter(places=places, sep="\N{NARROW NO-BREAK SPACE}")


def _png(figure: Figure) -> bytes:
    out = io.BytesIO()
    figure.savefig(
        out, format="png", dpi=DPI, metadata={"Software": None}
    )  # the same bytes for the same report
    return out.getvalue()
