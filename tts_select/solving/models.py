"""The models of a router's portfolio, loaded when they are first needed, and checked to be those it knows."""

from __future__ import annotations

from collections.abc import Mapping

from tts_select.core.errors import InputError, unknown_size
from tts_select.core.protocols import Policy, RewardModel
from tts_select.data.grading import GRADER
from tts_select.executors.registry import BY_SPEC, Loaders
from tts_select.selector.portfolio import Portfolio
from tts_select.selector.routers.lookahead import Router, fingerprint_mismatch


class Models:
    """The policies and PRMs of a router's portfolio, loaded when they are first needed, and checked."""

    def __init__(self, router: Router, loaders: Loaders = BY_SPEC) -> None:
        self._trained, self._loaders = router.fingerprints, loaders
        self._policies: dict[str, Policy] = {}
        self._prms: dict[str, RewardModel] = {}

    def load(self, portfolio: Portfolio) -> None:
        """All of them now, so that no clock runs while one is loaded."""
        for spec in portfolio.policies:
            self.policy(spec)
        for spec in portfolio.prms:
            self.prm(spec)

    def policy(self, spec: str) -> Policy:
        """A policy of the portfolio.

        Raises:
            InputError: it is not the one that the router was trained for.
        """
        if spec not in self._policies:
            found = self._loaders.policy(spec)
            self._check({spec: found.fingerprint, "grader": GRADER})
            if found.n_parameters is None:
                raise InputError(unknown_size(spec))
            self._policies[spec] = found
        return self._policies[spec]

    def prm(self, spec: str) -> RewardModel:
        """A PRM of the portfolio.

        Raises:
            InputError: it is not the one that the router was trained for.
        """
        if spec not in self._prms:
            found = self._loaders.prm(spec)
            self._check({spec: found.fingerprint})
            self._prms[spec] = found
        return self._prms[spec]

    def _check(self, found: Mapping[str, str]) -> None:
        if mismatch := fingerprint_mismatch(self._trained, found):
            raise InputError(f"{mismatch}: train a router for it, or use the paper's rule (--untrained-rule)")
