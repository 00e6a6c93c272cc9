"""Which features decide: the share of each group in what the models of a router make of them.

In boosted trees that is the gain of the splits (LightGBM), in a linear model the size of the coefficients of
features in one scale; a mixture of both is weighed as it is mixed.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from tts_select.selector.by_text import Description
from tts_select.selector.routers.ladder import LadderRouter
from tts_select.selector.routers.lookahead import CalibratedModel, LookaheadRouter
from tts_select.selector.text_features import TEXT_FEATURES

Shares = dict[str, float]
"""By group, adding up to 1."""
WORDS, COUNTS = "words of the problem", "counts of the problem"
_GROUPS = {
    "samples": "samples",
    "prm": "PRM scores",
    "found": "searches",
    "answer": "answers at hand",
    "held": "how sure of them",
    "arm": "the arm",
}
_OF_A_TALLY = ("votes",) * 5 + ("lengths",) * 3 + ("certainties",) * 2
_OF_A_BELIEF = ("", "how sure of answers", "how sure of answers", "lengths", *["how sure of answers"] * 3) + (
    "lengths",
) * 2


def lookahead_decides(router: LookaheadRouter) -> dict[str, Shares]:
    """By model the share of each group of features, the largest first."""
    layout = router.layout
    found = {
        "an answer is right": mixture_shares(router.confidence, layout.answer_names),
        "a wrong one is put right": mixture_shares(router.mend, layout.option_names),
        "a right one is lost": mixture_shares(router.spoil, layout.option_names),
        "cost": _shares(layout.option_names, router.cost.feature_importance("gain")),
    }
    if router.first_steps and router.by_text:
        found["the first step"] = _of_texts(router.by_text.description, router.first_steps.heads.p_correct)
    return {name: shares for name, shares in found.items() if shares}


def _of_texts(description: Description, coefficients: np.ndarray) -> Shares:
    """The shares of lines along the numbers of a text, the constant first."""
    n_axes = description.wording.axes.shape[1]
    names = [*(f"text/axis_{k}" for k in range(n_axes)), *(f"text/{name}" for name in TEXT_FEATURES)]
    return _shares(names, np.abs(coefficients[:, 1:]).mean(axis=0))


def ladder_decides(router: LadderRouter) -> dict[str, Shares]:
    """The same of the ladder of medium effort, and of whose ladder it is where texts say that at some
    price: lines of P(correct), and of the logarithm of cost."""
    ladder = router.at(router.prices.get("medium", 0.0))
    answers = _summed(zip(_OF_A_TALLY, np.abs(ladder.answers.weight), strict=False))
    found = {"an answer is right": answers}
    if len(ladder.stops):
        sizes = np.abs(ladder.stops).mean(axis=0)
        found["going on"] = _summed((g, s) for g, s in zip(_OF_A_BELIEF, sizes, strict=True) if g)
    if by_text := router.by_text:
        lines = [lines for own in by_text.at.values() for lines in (own.heads.p_correct, own.heads.log_cost)]
        found["whose ladder"] = _of_texts(by_text.description, np.concatenate(lines))
    return {name: shares for name, shares in found.items() if shares}


def group_of(name: str) -> str:
    """The group of a feature of a look-ahead router."""
    kind, own = name.split("/", 1)
    if kind == "text":
        return COUNTS if own in TEXT_FEATURES else WORDS
    return WORDS if name == "arm/by_text" else _GROUPS[kind]


def mixture_shares(model: CalibratedModel, names: Sequence[str]) -> Shares:
    """The shares of the groups of these features in a mixture of trees and a line."""
    trees = _shares(names, model.booster.feature_importance("gain"))
    if model.linear is None:
        return trees
    linear = _shares(names, np.abs(model.linear.coefficients))
    parts: list[tuple[Mapping[str, float], float]] = [(trees, model.trees), (linear, 1 - model.trees)]
    return _summed((group, share * by) for shares, by in parts for group, share in shares.items())


def _shares(names: Sequence[str], sizes: np.ndarray) -> Shares:
    return _summed(zip(map(group_of, names), sizes, strict=True))


def _summed(sizes: Iterable[tuple[str, float]]) -> Shares:
    """The largest first; empty where nothing counts."""
    found: defaultdict[str, float] = defaultdict(float)
    for group, size in sizes:
        found[group] += float(size)
    total = sum(found.values())
    ordered = sorted(found.items(), key=lambda item: -item[1])
    return {group: size / total for group, size in ordered} if total > 0 else {}
