"""A ladder router whose rules are written down instead of learned; ladders as texts and folders."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from tts_select.core.arm import Arm
from tts_select.selector.by_text import Description, Heads
from tts_select.selector.portfolio import Portfolio
from tts_select.selector.routers.artifact import save_router
from tts_select.selector.routers.beginnings import Beginnings, LaddersByText
from tts_select.selector.routers.ladder import LadderRouter
from tts_select.selector.routers.rungs import Ladder, Rung, looks_of
from tts_select.selector.routers.tally import N_FEATURES, N_OF_CERTAINTY, N_TERMS, AnswerModel, Usual
from tts_select.selector.text_features import TEXT_FEATURES
from tts_select.selector.wording import Wording

SURE_FROM = 0.9
"""It stops where the surest answer is at least so likely to be right."""


def answer_model() -> AnswerModel:
    """An answer is the likelier the more votes it has, and the fewer its strongest rival has."""
    weight = np.zeros(N_FEATURES)
    weight[1], weight[2] = -3.0, 1.0  # the rival's share, votes x share
    return AnswerModel(np.zeros(N_FEATURES), np.ones(N_FEATURES), weight, 0.0)


def ladder(price: float, rungs: tuple[Rung, ...], *, accuracy: float, cost: float) -> Ladder:
    """Going on is worth as much as the surest answer lacks to `SURE_FROM`."""
    looks = looks_of(rungs)
    stops = np.zeros((len(looks) - 1, N_TERMS))
    stops[:, 0], stops[:, 1] = SURE_FROM, -1.0
    return Ladder(price, rungs, answer_model(), stops, accuracy, cost, length=cost, looks=looks)


def ladder_router(
    *, policies: tuple[str, str] = ("small", "large"), unit: str = "tokens", n: int = 4
) -> LadderRouter:
    """At a low price up to `n` samples of the small policy and then as many of the large one, at a high price
    one sample of the small one. A token of the large one costs four times as much."""
    small, large = policies
    usual = {
        small: Usual(np.log(10.0), 0.5, 0.5, mean_length=10.0, per_token=1.0, prompt=2.0),
        large: Usual(np.log(20.0), 0.5, 1.0, mean_length=20.0, per_token=4.0),
    }
    return LadderRouter(
        portfolio=Portfolio("ladders", tuple(Arm(name, None, "majority", n) for name in policies)),
        usual=usual,
        ladders=(
            ladder(1e-4, (Rung(small, n), Rung(large, n)), accuracy=0.8, cost=200.0),
            ladder(1e-1, (Rung(small, 1),), accuracy=0.5, cost=12.0),
        ),
        prices={"low": 1e-1, "medium": 1e-4, "high": 1e-4},
        fallback=Arm(large, None, "majority", n).name,
        unit=unit,
        fingerprints={small: f"{small}-script", large: f"{large}-script"},
    )


def by_certainty(router: LadderRouter) -> LadderRouter:
    """As the router, but where answers have as many votes the one of more certain samples is likelier right.
    Certainties are 10 and 1 apart, as a rule."""
    usual = {pool: replace(own, certainty=10.0, certainty_spread=1.0) for pool, own in router.usual.items()}

    def told(model: AnswerModel) -> AnswerModel:
        mean, scale, weight = (
            np.append(a, [b] * N_OF_CERTAINTY)
            for a, b in ((model.mean, 0.0), (model.scale, 1.0), (model.weight, 0.0))
        )
        weight[N_FEATURES] = 1.0
        return AnswerModel(mean, scale, weight, model.bias)

    ladders = tuple(replace(own, answers=told(own.answers)) for own in router.ladders)
    return replace(router, usual=usual, ladders=ladders)


def by_length(router: LadderRouter, *, letters: float = 10.0, place: int = 0) -> LadderRouter:
    """At one of its prices a text of fewer letters gets its own ladder, any longer one the policies the other
    way round."""
    own = router.ladders[place]
    turned = tuple(reversed([Rung(arm.pool, router.ladders[0].rungs[0].n) for arm in router.portfolio.arms]))
    other = ladder(own.price, turned, accuracy=0.9, cost=300.0)
    n = len(TEXT_FEATURES)
    description = Description(Wording((), np.zeros(0), np.zeros((0, 0))), np.zeros(n), np.ones(n))
    p_correct = np.zeros((2, 1 + n))
    p_correct[0, 0], p_correct[1, 1] = 0.5, 0.5 / np.arcsinh(letters)  # the number of letters comes first
    beginnings = Beginnings((own, other), Heads(p_correct, np.zeros((2, 1 + n))))
    return replace(router, by_text=LaddersByText(description, {place: beginnings}))


def rewrite(folder: Path, record: object) -> None:
    """Another router.json, with its hash in the manifest."""
    text = json.dumps(record)
    (folder / "router.json").write_text(text)
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["sha256"]["router.json"] = hashlib.sha256(text.encode()).hexdigest()
    (folder / "manifest.json").write_text(json.dumps(manifest))


def as_text(router: LadderRouter) -> str:
    return repr([(x.rungs, x.stops.tolist(), x.answers.weight.tolist(), x.cost) for x in router.ladders])


def as_saved(router: LadderRouter, folder: Path) -> dict[str, Any]:
    save_router(router, folder, trained_on={})
    found: dict[str, Any] = json.loads((folder / "router.json").read_text())
    return found
