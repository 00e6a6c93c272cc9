"""What every router is: whatever decides how compute is spent on a problem.

A named method is a router that always picks its arm; the paper's rule is one, and so are the ladder and the
look-ahead router. Live sessions and replays ask the same methods, in the same loop (`selector/course.py`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol, runtime_checkable

from tts_select.core.arm import Arm
from tts_select.core.imported import is_imported
from tts_select.selector.deciding import Answer, Caps, Decision
from tts_select.selector.difficulty import Difficulty
from tts_select.selector.evidence import Evidence
from tts_select.selector.portfolio import Portfolio


class Router(Protocol):
    """Decides from evidence; it runs no policy and no PRM."""

    @property
    def portfolio(self) -> Portfolio:
        """The arms that it may pick."""

    @property
    def first_look(self) -> Arm | None:
        """The arm that is run before the first decision (its probe), or None if it decides at once."""

    @property
    def greedy_look(self) -> Arm | None:
        """The greedy solution that is written beside the first look, or None."""

    @property
    def fallback(self) -> str:
        """The name of the arm for problems unlike its training problems."""

    @property
    def prices(self) -> Mapping[str, float]:
        """The price of each effort, in probability per unit of cost; empty where a price changes nothing."""

    @property
    def unit(self) -> str:
        """The unit of its costs and prices, as in `FLOPs`."""

    @property
    def confidence_kind(self) -> str:
        """What kind of number its confidence is: `calibrated` or `vote share`."""

    @property
    def fingerprints(self) -> Mapping[str, str]:
        """The fingerprints of the models and the grader that it was trained for, by name; empty if any will
        do."""

    @property
    def max_samples(self) -> int | None:
        """The vote that it saves samples of: how many that has; None if it replaces no such vote."""

    def decide(self, evidences: Sequence[Evidence], price: float, caps: Sequence[Caps]) -> list[Decision]:
        """Make one decision for each problem, for all of them at once."""

    def answers(self, evidence: Evidence, price: float | None = None) -> list[Answer]:
        """The answers at hand, the surest first; a router may judge them by what it learned for a price
        (None: that of medium effort)."""

    def difficulties(self, evidence: Evidence) -> Mapping[str, Difficulty]:
        """The estimated pass@1 of each policy; empty if it estimates none."""

    def unfamiliar(self, problem: str, evidence: Evidence) -> str | None:
        """Why the problem is unlike those of the training, or None if it is not."""


@runtime_checkable
class FallsBackByPrice(Protocol):
    """A router that knows what arms cost, and so which of them an unfamiliar problem is worth."""

    def fallback_at(self, price: float) -> str:
        """The name of the arm for problems unlike its training problems, at a price."""


def fallback_of(router: Router, price: float) -> str:
    """Return the name of the arm for problems unlike the router's training problems."""
    return router.fallback_at(price) if isinstance(router, FallsBackByPrice) else router.fallback


class ByAnswersAlone:
    """What a router says that looks at answers alone: it estimates no difficulty, and knows no problem that
    is unlike its training."""

    @property
    def greedy_look(self) -> Arm | None:
        return None

    @property
    def max_samples(self) -> int | None:
        return None

    def difficulties(self, evidence: Evidence) -> Mapping[str, Difficulty]:
        """Return nothing."""
        return {}

    def unfamiliar(self, problem: str, evidence: Evidence) -> str | None:
        """Return None."""
        return None


def comparable(fingerprints: Mapping[str, str]) -> dict[str, str]:
    """Return the fingerprints that models at hand can be compared with.

    An imported log knows neither weights nor grader, so the models that its names are bound to are taken as
    they are.
    """
    if any(is_imported(name) for name in fingerprints):
        return {}
    return dict(fingerprints)


def fingerprint_mismatch(trained: Mapping[str, str], found: Mapping[str, str]) -> str | None:
    """The first model that is not the one that the router was trained for, in words."""
    for name, fingerprint in found.items():
        if trained.get(name) != fingerprint:
            known = trained.get(name, "not in its portfolio")
            return f"the router was trained for '{name}' as {known}; this one is {fingerprint}"
    return None
