"""One search in progress: what a method may ask for, and the candidates it has so far.

Methods put candidates into `pool` as they come, so that a search that is cut short by a limit still has
its best answer so far.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from tts_select.core.candidate import Candidate, Finish
from tts_select.core.certainty import joined
from tts_select.core.errors import InputError, ProblemTooLong
from tts_select.core.plan import Settings
from tts_select.core.problem import Message
from tts_select.core.protocols import Continuation, Meter, RewardModel, SampleRequest, why_no_steps
from tts_select.core.seeds import derive_seed
from tts_select.core.voting import order
from tts_select.executors.aggregation import score_of
from tts_select.executors.limits import LimitedPolicy
from tts_select.executors.scoring import scored
from tts_select.executors.stepping import split_steps


@dataclass(frozen=True, slots=True)
class Round:
    """One round of a tree search: what was written in it, and what stayed."""

    tree: int
    children: Sequence[Candidate]
    kept: Sequence[Candidate]


@dataclass(slots=True)
class Search:
    """`budget` is N, the number of candidates in flight."""

    problem: str
    policy: LimitedPolicy
    prm: RewardModel | None
    settings: Settings
    budget: int
    meter: Meter
    logprobs: bool = True
    """Whether log-probabilities are wanted, as in `SampleRequest`."""
    top_logprobs: int = 0
    """As in `SampleRequest`."""
    chat: tuple[Message, ...] = ()
    """See `Problem.chat`."""
    pool: list[Candidate] = field(default_factory=list)
    """What is written so far; a sampling method goes on with what is there."""
    unreadable: set[tuple[str, ...]] = field(default_factory=set)
    """Solutions that the PRM cannot read or score: they stay unscored, and are not tried again."""
    rounds: list[Round] = field(default_factory=list)
    """What a tree search has done, for those who want to see its tree; subtrees share the list."""
    tree: int = 0
    """The number of the subtree."""

    async def solutions(
        self, n: int, *, temperature: float | None = None, first: int | None = None
    ) -> list[Candidate]:
        """Sample whole solutions independently until there are `n` in the pool; they are there as soon as
        they are written. Samples before number `first` are elsewhere. Returns the new ones."""
        first = len(self.pool) if first is None else first
        if n <= first:
            return []
        request = SampleRequest(
            self.problem,
            n=n - first,
            max_new_tokens=self.settings.max_new_tokens,
            temperature=self.settings.temperature if temperature is None else temperature,
            top_p=self.settings.top_p,
            seed=derive_seed(self.settings.seed, self.problem),
            first=first,
            chat=self.chat,
            logprobs=self.logprobs,
            top_logprobs=self.top_logprobs,
        )
        written: list[Candidate] = []
        async for continuations in self.policy.sample(request, self.meter):
            fresh = [self._whole(c) for c in continuations]
            written += fresh
            self.pool += fresh
        return written

    async def expand(self, parents: Sequence[Candidate], n: int) -> list[Candidate]:
        """`n` next steps, shared evenly by the parents (the first ones get what is left over); the shares of
        identical parents are asked for at once, so that no two of them are the same sample.

        Raises:
            InputError: the policy writes whole solutions alone.
        """
        if reason := why_no_steps(self.policy.policy):
            raise InputError(reason)
        share, extra = divmod(n, len(parents))
        shares: dict[tuple[str, ...], int] = {}
        of_text = {parent.steps: parent for parent in reversed(parents)}
        for k, parent in enumerate(parents):
            shares[parent.steps] = shares.get(parent.steps, 0) + share + (k < extra)
        families = await asyncio.gather(*(self._children(of_text[steps], m) for steps, m in shares.items()))
        return [child for family in families for child in family]

    @property
    def is_cut(self) -> bool:
        """Whether a limit was met: there is nothing left to spend."""
        return self.policy.limits.reached is not None

    async def score(self, candidates: Sequence[Candidate]) -> list[Candidate]:
        """The candidates with a score for each of their steps; a PRM computes what they share once, and reads
        no candidate again."""
        if self.prm is None:
            return list(candidates)
        return await scored(
            self.prm,
            self.problem,
            candidates,
            meter=self.meter,
            failures=self.policy.limits.failures,
            unreadable=self.unreadable,
        )

    def ranking(self, candidate: Candidate) -> float:
        """The key by which candidates are kept; one that could not be scored comes last."""
        return order(score_of(candidate, self.settings.aggregation))

    async def _children(self, parent: Candidate, n: int) -> list[Candidate]:
        settings = self.settings
        request = SampleRequest(
            self.problem,
            steps=parent.steps,
            n=n,
            stop_at_step=True,
            max_new_tokens=settings.max_new_tokens - parent.n_tokens,
            temperature=settings.temperature,
            top_p=settings.top_p,
            seed=derive_seed(settings.seed, self.problem, parent.steps),
            chat=self.chat,
            logprobs=self.logprobs,
            top_logprobs=self.top_logprobs,
        )
        children: list[Candidate] = []
        try:
            async for continuations in self.policy.sample(request, self.meter):
                children += [self._grown(parent, c) for c in continuations]
        except ProblemTooLong:
            if not parent.steps:
                raise
            return [replace(parent, finish="length")]  # the context is full: it ends here
        return children

    def _whole(self, written: Continuation) -> Candidate:
        steps = split_steps(written.text, self.policy.step_delimiter)
        finish: Finish = "length" if written.finish == "step" else written.finish
        if len(steps) > self.settings.max_steps:
            steps, finish = steps[: self.settings.max_steps], "length"
        return Candidate(steps, None, finish, written.n_tokens, written.logprob, written.certainty)

    def _grown(self, parent: Candidate, written: Continuation) -> Candidate:
        new = split_steps(written.text, self.policy.step_delimiter)
        steps = parent.steps + new
        finish: Finish = "open" if written.finish == "step" else written.finish
        n_tokens = parent.n_tokens + written.n_tokens
        is_full = len(steps) >= self.settings.max_steps or n_tokens >= self.settings.max_new_tokens
        if finish == "open" and (is_full or not new):  # after an empty step the same would come for ever
            finish = "length"
        return replace(
            parent,
            steps=steps,
            step_scores=None,
            finish=finish,
            n_tokens=n_tokens,
            logprob=parent.logprob + written.logprob,
            certainty=joined(parent.certainty, parent.n_tokens, written.certainty, written.n_tokens),
        )
