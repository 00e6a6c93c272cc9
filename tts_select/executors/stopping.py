"""Samples one after the other, or some at a time, until a stop rule is met."""

from __future__ import annotations

from tts_select.core.stopping import StopRule
from tts_select.data.grading import group_answers
from tts_select.executors.aggregation import rank
from tts_select.executors.search import Search


async def sample_until(rule: StopRule, search: Search) -> None:
    """Sample up to each look of the rule, N solutions at most; no PRM is asked."""
    while True:
        n = min(rule.next_look(len(search.pool)), search.budget)
        new = await search.solutions(n)
        if not new or len(search.pool) >= search.budget or search.is_cut:
            return
        answers = [ranked.answer for ranked in rank(search.pool, search.settings.aggregation)]
        if rule.is_met(await group_answers(answers)):
            return
