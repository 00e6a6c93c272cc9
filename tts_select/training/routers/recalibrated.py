"""From a router in a folder and outcomes to the same router with its confidence corrected."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tts_select.core.errors import InputError
from tts_select.selector.routers.artifact import (
    check_replaceable,
    describe_router,
    identity_of,
    load_router,
    save_router,
)
from tts_select.selector.routers.kinds import curve_of, with_curve
from tts_select.selector.routers.protocol import Router
from tts_select.solving.outcomes import Outcome
from tts_select.training.routers.outcomes import Told, Whose, told_of
from tts_select.training.routers.recalibrating import LEAST_OUTCOMES, composed, recalibrate

FACTS = "recalibrated"
"""The entry of a manifest's `trained_on`."""
_UNCORRECTED = "of"


@dataclass(frozen=True, slots=True)
class Corrected:
    """A router with its confidence corrected, and what is known of that."""

    router: Router
    trained_on: Mapping[str, Any]
    facts: Mapping[str, Any]
    notes: Sequence[str]
    is_changed: bool

    def save(self, folder: Path, *, only_if_changed: bool) -> None:
        """Write the router.

        Raises:
            InputError: there is something else under that name.
        """
        check_replaceable(folder)
        if self.is_changed or not only_if_changed:
            save_router(self.router, folder, trained_on=self.trained_on)


def corrected(folder: Path, outcomes: Sequence[Outcome], *, seed: int = 0) -> Corrected:
    """Correct the confidence of a router by its outcomes.

    Raises:
        InputError: there is no router, or there are too few outcomes of it.
    """
    router, trained_on, identity = load_router(folder), describe_router(folder), identity_of(folder)
    before = curve_of(router)
    uncorrected = (trained_on.get(FACTS) or {}).get(_UNCORRECTED, identity)
    told = told_of(outcomes, Whose(identity, uncorrected, router.confidence_kind, before))
    _check(told)
    found = recalibrate(told.said, told.right, seed=seed)
    facts = found.as_dict()
    if found.curve is None:
        return Corrected(router, trained_on, facts, _notes(told), is_changed=False)
    return Corrected(
        with_curve(router, composed(found.curve, before)),
        {**trained_on, FACTS: {**facts, _UNCORRECTED: uncorrected}},
        facts,
        _notes(told),
        is_changed=True,
    )


def _check(told: Told) -> None:
    if len(told.said) < LEAST_OUTCOMES:
        notes = "".join(f"; {note}" for note in _notes(told))
        raise InputError(
            f"{len(told.said)} outcomes of this router with a confidence, and {LEAST_OUTCOMES} are needed: "
            f"record more with `tts-select outcomes`{notes}"
        )


def _notes(told: Told) -> list[str]:
    found = []
    if told.n_of_others:
        found.append(f"{told.n_of_others:,} outcomes are another router's: they are left out")
    if told.n_without:
        found.append(f"{told.n_without:,} outcomes have no answer: nothing was said of them")
    return found
