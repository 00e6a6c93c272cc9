"""When a sweep ends before all of its units are run: its purse is spent, or a policy is known well enough."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from tts_select.core.cost import Cost, inference_flops
from tts_select.core.errors import InputError
from tts_select.core.pricing import dollars_of, unknown_price
from tts_select.training.log.codec import Record
from tts_select.training.log.records import LoggedProblem, Manifest, Pool, Run, Scores

_Z = 1.96
"""Of an interval that holds 95 %."""


@dataclass(frozen=True, slots=True)
class Enough:
    """What ends a sweep; None is no end. What a log has when a sweep begins counts too."""

    flops: float | None = None
    tokens: int | None = None
    """Those that policies generate."""
    dollars: float | None = None
    precision: float | None = None
    """Half the 95 % interval of a policy's pass@1 on these problems; its pools then get no further chunk."""

    def check(self, manifest: Manifest) -> None:
        """Raises:
        InputError: dollars are asked for and a price is not known, or pools have no further chunk.
        """
        if self.dollars is not None:
            for name, card in manifest.models.items():
                if card.price is None:
                    raise InputError(unknown_price(name))
        if self.precision is not None and manifest.chunk is None:
            raise InputError(
                "a policy's sampling ends early only between chunks: specify the first one, as in --chunk 16"
            )


@dataclass(slots=True)
class Ledger:
    """What the records of a log come to, and what they say of each pool."""

    manifest: Manifest
    enough: Enough
    spent: Cost = field(default_factory=Cost)
    _right: dict[str, dict[str, tuple[int, int]]] = field(default_factory=dict)
    """(right samples, samples) by pool and problem."""

    def note(self, records: Iterable[Record]) -> None:
        """Add records, whose pools have no scores in them."""
        for record in records:
            self.spent += self.cost_of(record)
            if isinstance(record, Pool):
                of_pool = self._right.setdefault(record.name, {})
                right, n = of_pool.get(record.problem, (0, 0))
                more = sum(sample.correct for sample in record.samples)
                of_pool[record.problem] = (right + more, n + len(record.samples))

    def why_spent(self) -> str | None:
        """Why nothing more is begun; None as long as there is something left."""
        enough, spent = self.enough, self.spent
        for unit, most, amount in (
            ("FLOPs", enough.flops, spent.flops),
            ("tokens", enough.tokens, spent.policy_generated_tokens),
            ("dollars", enough.dollars, spent.dollars),
        ):
            if most is not None and amount >= most:
                return f"the purse is spent: {amount:.4g} of {most:.4g} {unit}"
        return None

    def why_known(self, pool: str) -> str | None:
        """Why a pool gets no further samples; None if it does."""
        found = list(self._right.get(pool, {}).values())
        if self.enough.precision is None or not found:
            return None
        half = half_interval(found)
        if half > self.enough.precision:
            return None
        share = sum(right / n for right, n in found) / len(found)
        return f"the pass@1 of {pool} is known: {share:.3f} +- {half:.3f} on these {len(found):,} problems"

    def cost_of(self, record: Record) -> Cost:
        """What a record comes to; a problem, nothing."""
        if isinstance(record, LoggedProblem):
            return Cost()
        cards = self.manifest.models
        policy, prm = self._models_of(record)
        if isinstance(record, Run):
            cost = record.cost
        elif isinstance(record, Pool):
            read, written = record.prompt_tokens or 0, sum(sample.n_tokens for sample in record.samples)
            flops = inference_flops(cards[record.policy].n_parameters, read + written)
            cost = Cost(policy_prompt_tokens=read, policy_generated_tokens=written, flops=flops)
        else:
            n = max(record.prm_tokens.values())
            cost = Cost(prm_tokens=n, flops=inference_flops(cards[record.prm].n_parameters, n))
        prices = [None if name is None else cards[name].price for name in (policy, prm)]
        return replace(cost, dollars=dollars_of(cost, *prices))

    def _models_of(self, record: Run | Pool | Scores) -> tuple[str | None, str | None]:
        """The policy and the PRM that computed it."""
        if isinstance(record, Run):
            arm = next(arm for arm in self.manifest.arms if arm.name == record.arm)
            return arm.policy, arm.prm
        return (record.policy, None) if isinstance(record, Pool) else (None, record.prm)


def half_interval(found: Sequence[tuple[int, int]]) -> float:
    """Half the 95 % interval of the mean of pass@1 over problems, by (right samples, samples) of each.

    The problems are taken as they are, so it is the samples that leave it open. Each problem has one right
    and one wrong sample more, since none is as sure as a few samples that agree (Agresti and Coull 1998).
    """
    shares = [((right + 1) / (n + 2), n) for right, n in found]
    return _Z * math.sqrt(sum(p * (1 - p) / n for p, n in shares)) / len(shares)
