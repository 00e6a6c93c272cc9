"""One pool: samples of a policy for one problem, graded, and scored by every PRM in rounds."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

from tts_select.core.candidate import Candidate
from tts_select.core.plan import Settings
from tts_select.core.protocols import Policy, RewardModel
from tts_select.data.grading import is_equivalent
from tts_select.executors.accounting import Ledger
from tts_select.executors.aggregation import rank
from tts_select.executors.limits import LimitedPolicy, Limits
from tts_select.executors.search import Search
from tts_select.training.log.manifest import rounds
from tts_select.training.log.records import LoggedProblem, Pool, Sample

_SAMPLES = "samples"


async def sample_pool(
    problem: LoggedProblem,
    spec: str,
    policy: Policy,
    prms: dict[str, RewardModel],
    *,
    settings: Settings,
    n: int,
) -> Pool:
    """Sample a pool as the sampling methods do: its first k samples are those of `majority` with budget k."""
    ledger = Ledger()
    limited = LimitedPolicy(policy, Limits())
    search = Search(problem.problem, limited, None, settings, n, ledger.phase(_SAMPLES))
    written = await search.solutions(n)
    scored = await asyncio.gather(*(_score(search, written, name, prm) for name, prm in prms.items()))
    scores = {name: candidates for name, (candidates, _) in zip(prms, scored, strict=True)}
    samples = [
        _sample(problem, candidate, {name: scores[name][k] for name in prms})
        for k, candidate in enumerate(written)
    ]
    return Pool(
        problem=problem.id,
        policy=spec,
        temperature=settings.temperature,
        prompt_tokens=ledger.bill.phases[_SAMPLES].policy_prompt_tokens,
        samples=tuple(samples),
        prm_tokens={name: tokens for name, (_, tokens) in zip(prms, scored, strict=True)},
    )


async def _score(
    search: Search, written: Sequence[Candidate], name: str, prm: RewardModel
) -> tuple[list[Candidate], dict[int, int]]:
    """Score the samples in rounds, as the first samples alone would be; truncated ones too, as `best_of_n`
    does."""
    ledger = Ledger()
    search = replace(search, prm=prm, meter=ledger.phase(name))
    scored: list[Candidate] = []
    tokens: dict[int, int] = {}
    for start, end in pairwise((0, *rounds(len(written)))):
        scored += await search.score(written[start:end])
        tokens[end] = ledger.bill.total.prm_tokens
    return scored, tokens


def _sample(problem: LoggedProblem, written: Candidate, scored: dict[str, Candidate]) -> Sample:
    (ranked,) = rank([written], "last")
    scores = {name: c.step_scores for name, c in scored.items() if c.step_scores and written.is_complete}
    return Sample(
        answer=ranked.answer,
        correct=is_right(ranked.answer, problem),
        n_tokens=written.n_tokens,
        logprob=written.logprob,
        finish=written.finish,
        text=written.text,
        scores=scores,
    )


def is_right(answer: str | None, problem: LoggedProblem) -> bool:
    """Return whether an answer is right; no answer is not right."""
    return answer is not None and is_equivalent(answer, problem.answer)
