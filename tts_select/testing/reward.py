"""A PRM that reads its scores from a table; a token is a word, as for `FakePolicy`."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence

from tts_select.core.cost import Cost, inference_flops
from tts_select.core.errors import ProblemTooLong
from tts_select.core.pricing import TokenPrice
from tts_select.core.protocols import Meter

Scores = Mapping[str, float] | Callable[[str, tuple[str, ...]], list[float]]
"""The score of each step's text; or a function of the problem and the steps."""


class FakeRewardModel:
    """It reads the problem and every step anew in each call, as nothing is cached.

    >>> import asyncio
    >>> prm = FakeRewardModel({"Add them.": 0.5, "It is 2.": 0.9})
    >>> asyncio.run(prm.score("1 + 1?", ["Add them.", "It is 2."]))
    [0.5, 0.9]
    >>> prm.calls
    [('1 + 1?', ('Add them.', 'It is 2.'))]
    """

    def __init__(
        self,
        scores: Scores,
        *,
        name: str = "fake-prm",
        n_parameters: int = 1000,
        delay: float = 0.0,
        context: int | None = None,
        price: TokenPrice | None = None,
    ) -> None:
        """A call takes `delay` seconds; a text of more than `context` tokens is too long."""
        self.name = name
        self.price = price
        self.n_parameters = n_parameters
        self.fingerprint = f"{name}-table"
        self.calls: list[tuple[str, tuple[str, ...]]] = []
        """The problem and the steps of every call so far."""
        self._scores = scores
        self._delay = delay
        self._context = context

    async def score(self, problem: str, steps: Sequence[str], *, meter: Meter | None = None) -> list[float]:
        """See `RewardModel.score`.

        Raises:
            KeyError: a step is not in the table.
        """
        read = tuple(steps)
        self.calls.append((problem, read))
        for number, step in enumerate(read, start=1):
            if not step.strip():
                raise ValueError(f"step {number} is empty; an empty step cannot be scored")
        n_tokens = _length(problem, read)
        if self._context is not None and n_tokens > self._context:
            raise ProblemTooLong(n_tokens=n_tokens, context=self._context, model=self.name)
        await asyncio.sleep(self._delay)
        if meter is not None:
            flops = inference_flops(self.n_parameters, n_tokens)
            meter.charge(Cost(prm_tokens=n_tokens, prm_calls=1, flops=flops))
        if callable(self._scores):
            return self._scores(problem, read)
        return [self._scores[step] for step in read]


def _length(problem: str, steps: tuple[str, ...]) -> int:
    return len(" ".join((problem, *steps)).split())
