"""The sections of docs/lab/results.md, each from a report as `evaluate` writes it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from markdown import point, table

Report = dict[str, Any]


def points(found: dict[str, Any]) -> str:
    """A difference of two accuracies with its interval, in points."""
    return numbers(found, lambda x: f"{100 * x:+.1f}")


def part(found: dict[str, Any]) -> str:
    """A cost beside another; a cost is infinite where the router never is as accurate."""
    return numbers(found, lambda x: f"{x:.3g}")


def numbers(found: dict[str, Any], shown: Any) -> str:
    ends = []
    for key in ("value", "low", "high"):
        value = found[key]
        never = "never" if key in found.get("infinite", ()) else "not measured"
        ends.append(never if value is None else shown(value))
    return f"{ends[0]} ({ends[1]} to {ends[2]})"


def plain(name: str) -> str:
    """Without the scheme of the embedded models, or of a log."""
    return name.replace("world:", "").replace("log:", "")


def budgets(report: Report) -> Iterator[str]:
    """Gains at budgets."""
    area, worst = report["area"], report["frontier_gaps"]["worst"]
    yield "Points of accuracy above the frontier of the fixed arms, as the mean over the logarithm of cost:"
    yield f"**{points(area)}**; at worst, beside {plain(worst['name'])}, {points(worst)}. Within budgets: the"
    yield "router and the best fixed arm as they are, and the gain between the two frontiers at that cost.\n"
    rows = (
        (
            f"{row['budget']:.3g}",
            f"{row['router']['accuracy']:.3f}",
            f"{row['best_fixed']['accuracy']:.3f}, {plain(row['best_fixed']['name'])}",
            points(row["gain"]),
        )
        for row in report["at_budgets"]
    )
    yield from table(("FLOPs at most", "router", "best fixed arm", "gain in points"), rows)


def alike(report: Report) -> Iterator[str]:
    """A portfolio whose policies differ in size alone."""
    names = ", ".join(map(plain, report["policies"]))
    yield "## Generalists alone\n"
    yield f"No specialist is there to be found by a word: {names}, the PRM, one training,"
    yield f"{report['n_draws']} orders of the samples, the same test problems.\n"
    yield from budgets(report)
    text = report["text_only"]
    yield f"Above the router that reads the text alone: {points(text['router_minus'])}, at worst"
    yield f"{points(text['worst']['difference'])}. Above stop rules, each at its best settings:"
    yield ", ".join(f"{rule['against']} {points(rule['area'])}" for rule in report["rules"]) + "."
    efforts = sorted(report["router"]["efforts"].items(), key=lambda pair: pair[1]["cost"])
    told = ", ".join(f"{effort} {at['accuracy']:.3f} for {at['cost']:.3g}" for effort, at in efforts)
    yield f"Efforts: {told}; the oracle has {report['oracle']['accuracy']:.3f}.\n"


def cheapest(report: Report) -> Iterator[str]:
    """Costs of accuracies."""
    yield "What accuracies cost, beside the cheapest fixed arm that has them but for a point; the best arm's"
    yield "accuracy is the middle of the scale.\n"
    rows = []
    for row in report["costs_against_cheapest"]:
        never = "router" in row.get("infinite", ())
        most = row.get("reached", {})
        cost = f"never, at most {most['accuracy']:.3f}" if never else f"{row['router']:.3g}"
        arm, share = (
            ("none", "") if "arm" not in row else (plain(row["arm"]["name"]), part(row["cost_ratio"]))
        )
        paid = f"{row['arm']['cost']:.3g}" if "arm" in row else ""
        rows.append((f"{row['accuracy']:.3f} ({100 * row['above_best']:+.0f})", cost, arm, paid, share))
    head = ("accuracy (points above the best arm)", "router", "cheapest arm", "its cost", "router's share")
    yield from table(head, rows)


def rules(report: Report) -> Iterator[str]:
    """Stop rules at all their thresholds."""
    yield "Stop rules, each at the best of its thresholds, caps and policies, which were picked on these very"
    yield "problems: how far the router is above the rule's frontier, and the rule's most accurate setting.\n"
    rows = []
    for rule in report["rules"]:
        best = rule["points"][-1]
        setting = f"{plain(best['policy'])} at {best['threshold']:g}, up to {best['most_samples']}"
        got = f"{best['accuracy']:.3f} for {best['cost']:.3g}"
        rows.append((rule["against"], str(rule["n_settings"]), points(rule["area"]), setting, got))
    yield from table(("rule", "settings", "router above it, points", "most accurate", "it gets"), rows)


def keyword_rule(found: dict[str, Any]) -> Iterator[str]:
    """What knowing the family by a word is worth."""
    rule = found["rule"]
    words = ", ".join(f"`{words}`: {plain(arm)}" for words, arm in found["words"].items())
    yield f"A rule that asks nobody and looks for words ({words}; else {plain(found['otherwise'])}):"
    yield f"{point(rule)[0]} for {rule['cost']:.3g}. For as much, between the points of their frontiers,"
    yield f"the router has {found['router']:.3f} and the text-only router {found['text_only']:.3f}.\n"


def trainings(report: Report) -> Iterator[str]:
    """Each training alone."""
    if not report["trainings"]:
        return
    yield "Each training alone, with intervals over problems; all other figures are of their mean.\n"
    efforts = list(report["router"]["efforts"])
    rows = (
        (
            str(k),
            points(one["area"]),
            *(f"{one['efforts'][e]['accuracy']:.3f} for {one['efforts'][e]['cost']:.3g}" for e in efforts),
        )
        for k, one in enumerate(report["trainings"], start=1)
    )
    yield from table(("training", "above fixed arms, points", *(f"effort {e}" for e in efforts)), rows)


def calibration(report: Report) -> Iterator[str]:
    """Errors beside what perfect calibration would show."""
    yield "ECE in ten bins of equal mass. Perfect calibration would show the null on so many problems: on"
    yield "average, and at most in 95 of 100 cases. Skill is the share of the Brier score of always saying"
    yield "the mean that is gone.\n"
    rows = []
    for name, found in report["calibration"].items():
        rows.append((name, *_calibrated(found["ece_equal_mass"], found["ece_null"], found["brier_skill"])))
        if len(found.get("by", {})) <= len(report["policies"]):  # arms are in report.json
            for of, one in found.get("by", {}).items():
                row = _calibrated(one["ece"], one["null"], one["brier_skill"])
                rows.append((f"{name} of {plain(of)}", *row))
    yield from table(("probability", "ECE", "null", "Brier skill"), rows)
    said = report["calibration"].get("p_correct", {}).get("by", {})
    above = [name for name, one in said.items() if one["ece"] > one["null"]["high"]]
    if said:
        named = ", ".join(map(plain, above)) or "none"
        yield f"Of {len(said)} arms, P(correct) is off by more than chance for {len(above)}: {named}.\n"


def _calibrated(ece: float, null: dict[str, float], skill: float | None) -> tuple[str, str, str]:
    shown = "" if skill is None else f"{skill:.3f}"
    return f"{ece:.3f}", f"{null['mean']:.3f}, 95 % within {null['high']:.3f}", shown


def strategies(report: Report) -> Iterator[tuple[str, ...]]:
    """What is compared, one a row."""
    for effort, found in report["router"]["efforts"].items():
        yield f"router, effort {effort}", *point(found)
    yield "router, medium effort, deciding once", *point(report["decide_once"])
    yield f"best fixed arm: {report['best_fixed']['name']}", *point(report["best_fixed"])
    for name, found in _best_of_each_rule(report["baselines"]).items():
        label = name.replace("_", " ") + (f": {found['name']}" if "name" in found else "")
        yield label, *point(found)
    for known, some in report["paper_bins"].items():
        best = max(some, key=lambda found: found["accuracy"])
        yield f"the paper's bins, {known} difficulty, at its best budget", *point(best)
    yield (
        "oracle (picked on half of the draws, scored on the other; of a search both see one run)",
        *point(report["oracle"]),
    )


def _best_of_each_rule(baselines: dict[str, Any]) -> dict[str, Any]:
    """Of each stop rule the policy with which it is most accurate; all else that learns nothing."""
    found: dict[str, tuple[str, Any]] = {}
    for name, one in baselines.items():
        rule = one.get("strategy", name)
        if "same_as" not in one and (rule not in found or one["accuracy"] > found[rule][1]["accuracy"]):
            found[rule] = name, one
    return dict(found.values())


def difficulty(report: Report) -> Iterator[tuple[str, ...]]:
    """What each kind of feature tells."""
    found = report["difficulty"]
    for kinds in found["auc"]:
        yield kinds, *(f"{found[name][kinds]:.3f}" for name in ("auc", "brier", "ece"))


def shift(found: dict[str, Any]) -> Iterator[str]:
    """Levels never trained on."""
    yield "## Held-out shift\n"
    yield f"Trained on {found['trained_on']}, measured on {found['tested_on']}, at high effort;"
    flagged = f"{found['unfamiliar_share']:.0%}"
    yield f"{flagged} of these problems are flagged as unfamiliar, and get the best arm of the training, so"
    yield "that the two are nearly the same on them; what the router decides is in the others.\n"
    yield from table(("problems", "router", "best fixed arm", "router minus it, points"), _shifted(found))


def _shifted(found: dict[str, Any]) -> Iterator[tuple[str, ...]]:
    some = {"all": found} | ({"not flagged": found["not_flagged"]} if found["not_flagged"] else {})
    for name, one in some.items():
        n = f", {one['n']}" if "n" in one else ""
        arm = f"{point(one['best_fixed'])[0]}, {plain(one['best_fixed']['name'])}"
        yield f"{name}{n}", point(one["router"])[0], arm, points(one["difference"])


def live_beside_replay(found: dict[str, Any], report: Report) -> Iterator[str]:
    """Fresh problems, beside the replayed ones."""
    yield "## Live against replay\n"
    yield "Fresh test problems, solved by the models instead of replayed from a log. What different arms"
    yield "happen to write alike, caches compute once; no log tells, so a replay counts it twice."
    first, *others = report["trainings"] or [report["router"]]
    yield f"Live and replay are of {'the first training' if others else 'the same router'}.\n"
    replayed = f"replay (n = {report['n_problems']})"
    head = ("effort", "problems", "accuracy, live", replayed, "FLOPs, live", "replay", "above arms, points")
    yield from table(head, (_live_row(e, one, first["efforts"][e]) for e, one in found["efforts"].items()))
    if arms := found.get("arms"):
        n = max(one["n_problems"] for one in arms.values())
        yield f"Above arms: beside the frontier of these arms on the first {n:,}, at the router's own cost."
        yield "They are corners of the replayed frontier of all arms, near the router's costs.\n"
        yield from table(("arm, live", "accuracy", "FLOPs"), (_live_arm(*pair) for pair in arms.items()))
    timed = found["timed"]
    decision, solve = f"{timed['decision_ms']:.1f} ms", f"{timed['solve_s']:.2f} s"
    yield f"One at a time, medium effort, {timed['n_problems']} problems: a decision takes {decision}, a"
    yield f"solve {solve} (medians); all decisions together take {timed['share']:.1%} of the time.\n"


def _live_row(effort: str, live: dict[str, Any], replayed: dict[str, Any]) -> tuple[str, ...]:
    _, accuracy, flops = _live_arm(effort, live)
    above = points(live["above_arms"]) if "above_arms" in live else ""
    n, cost = f"{live['n_problems']:,}", f"{replayed['cost']:.3g}"
    return effort, n, accuracy, point(replayed)[0], flops, cost, above


def _live_arm(name: str, live: dict[str, Any]) -> tuple[str, str, str]:
    return plain(name), numbers(live["accuracy"], lambda x: f"{x:.3f}"), part(live["flops"])


def choices(report: Report) -> Iterator[tuple[str, ...]]:
    """What ran last, by difficulty."""
    for bin_, shares in report["choices"].items():
        for name, share in list(shares.items())[:5]:
            yield bin_, plain(name), f"{share:.2f}"
