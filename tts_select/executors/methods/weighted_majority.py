"""Majority voting weighed by likelihood: N independent solutions, a vote of each as large as the geometric
mean of the probabilities of its tokens (normalized weighted sum, Wang et al. 2022, arXiv 2203.11171)."""

from __future__ import annotations

import logging
import math

from tts_select.executors.search import Search

_log = logging.getLogger(__name__)


async def weighted_majority(search: Search) -> None:
    """The weights are on the solutions already: no PRM is asked."""
    await search.solutions(search.budget)
    if search.pool and all(math.isnan(candidate.logprob) for candidate in search.pool):
        warn_that_votes_count_alike(search, "log-probabilities")


def warn_that_votes_count_alike(search: Search, missing: str) -> None:
    """Say that the policy does not give what its votes are weighed by."""
    name = search.policy.policy.name
    _log.warning("%s gives no %s: its votes count alike, as those of majority", name, missing)
