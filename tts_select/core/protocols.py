"""The two seams of the executors: a policy writes, a PRM scores. Methods know nothing else of engines."""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol, runtime_checkable

from tts_select.core.cost import Cost
from tts_select.core.plan import Settings
from tts_select.core.problem import Message


class Meter(Protocol):
    """Takes costs where they arise."""

    def charge(self, cost: Cost) -> None:
        """Add `cost` to the bill."""


def charge_unsure(meter: Meter, cost: Cost, why: str) -> None:
    """Add the most that something can have cost whose cost is not known, with the reason.

    A meter that keeps reasons has a method of this name.
    """
    charge: Callable[[Cost, str], None] | None = getattr(meter, "charge_unsure", None)
    if charge is None:
        meter.charge(cost)
    else:
        charge(cost, why)


@dataclass(frozen=True, slots=True)
class SampleRequest:
    """`n` continuations of a problem and the steps written so far."""

    problem: str
    steps: tuple[str, ...] = ()
    n: int = 1
    stop_at_step: bool = False
    """Stop at the first step delimiter (kept out of the text), instead of at the end of the solution."""
    max_new_tokens: int = 2048
    temperature: float = 0.7
    top_p: float = 1.0
    seed: int = 0
    """Fixes the continuations, whatever else is in the batch."""
    first: int = 0
    """The index of the first continuation: sample k is the same alone or among others."""
    deadline: float | None = None
    """When to stop, on `time.monotonic()`; writing ends there and what was written is returned."""
    chat: tuple[Message, ...] = ()
    """See `Problem.chat`."""
    as_is: bool = False
    """Put it to the model without a word of ours: its reply is wanted, not a solution."""
    logprobs: bool = True
    """Whether anybody will read `Continuation.logprob`: an engine that takes time for it need not be asked in
    vain."""
    top_logprobs: int = 0
    """For `Continuation.certainty`: how many of the most likely tokens are looked at, for each that is
    written; an engine that cannot tell so many looks at fewer. 0: nobody will read it."""


ContinuationFinish = Literal["stop", "step", "length", "deadline", "cap"]


@dataclass(frozen=True, slots=True)
class Continuation:
    """`finish` is `stop` when the policy ended its solution and `step` at a step delimiter; `n_tokens`
    counts every sampled token, that of the end or of the delimiter too; `logprob` is the sum of their
    log-probabilities at temperature 1, NaN where the backend gives none; `certainty` is that of
    `core/certainty.py`, at temperature 1 too, NaN where it was not asked for or the backend cannot tell."""

    text: str
    finish: ContinuationFinish
    n_tokens: int
    logprob: float
    certainty: float = math.nan


@runtime_checkable
class Policy(Protocol):
    """Writes solutions, step by step or whole."""

    name: str
    fingerprint: str
    step_delimiter: str

    @property
    def n_parameters(self) -> int | None:
        """How many compute a token; None: not known, and FLOPs are then NaN."""

    async def sample(self, request: SampleRequest, meter: Meter) -> list[Continuation]:
        """`request.n` continuations.

        Raises:
            ProblemTooLong: the prompt does not fit the context.
            InputError: the problem cannot be read by this policy.
            BackendError: the model failed.
        """


def why_no_steps(policy: Policy) -> str | None:
    """Why this policy writes whole solutions alone, and no next step; None if it does.

    A policy says so in an attribute of this name, which it need not have.
    """
    found: str | None = getattr(policy, "why_no_steps", None)
    return found


def thinks(policy: Policy) -> bool:
    """Whether this policy thinks at length before it writes a solution: greedy thoughts go in circles.

    A policy says so in an attribute of this name, which it need not have.
    """
    return bool(getattr(policy, "thinks", False))


def solution_tokens(policy: Policy) -> int:
    """The most tokens that a solution of this policy is given where nobody says how many.

    A policy that needs more than others, as one that thinks, says so in an attribute of this name, which it
    need not have.
    """
    found: int = getattr(policy, "solution_tokens", Settings().max_new_tokens)
    return found


Told = Callable[[Mapping[str, Any]], None]
"""Takes the choice of a piece of a stream, in OpenAI's format; it is called from any thread."""


class PassOn(Protocol):
    """See `pass_on`."""

    def __call__(
        self, body: Mapping[str, Any], meter: Meter, told: Told | None = None
    ) -> Awaitable[dict[str, Any]]: ...


def pass_on(policy: Policy) -> PassOn | None:
    """How to pass a chat on as its client sent it, in OpenAI's format, with tools and images; the result is a
    whole response. With `told` it is asked for as a stream, and each piece is told as it comes. None if the
    policy is behind no server that knows chats.

    A policy has it as a method of this name, which it need not have, and says in `passes_chats` whether it
    can be used.

    Raises, when it is called:
        BackendError: the server failed.
    """
    found: PassOn | None = getattr(policy, "pass_on", None)
    return found if found is not None and getattr(policy, "passes_chats", False) else None


async def check_alive(model: Policy | RewardModel) -> None:
    """Ask the server of a model whether it is there. A model without one always is.

    A model that has one does so in a method of this name.

    Raises:
        BackendError: it is not, or refuses the key.
    """
    ask: Callable[[], Awaitable[None]] | None = getattr(model, "check_alive", None)
    if ask is not None:
        await ask()


async def forget(model: Policy | RewardModel) -> None:
    """Let a model drop what it keeps of earlier requests, as its prefix cache. None may be in flight.

    A model does so in a method of this name, which it need not have.

    Raises:
        BackendError: it cannot.
    """
    drop: Callable[[], Awaitable[None]] | None = getattr(model, "forget", None)
    if drop is not None:
        await drop()


@runtime_checkable
class RewardModel(Protocol):
    """Scores each step of a solution, in [0, 1]."""

    name: str
    fingerprint: str

    @property
    def n_parameters(self) -> int | None:
        """See `Policy.n_parameters`."""

    async def score(self, problem: str, steps: Sequence[str], *, meter: Meter | None = None) -> list[float]:
        """Return one score for each step.

        Raises:
            ValueError: a step is empty; it is rejected, not scored.
            ProblemTooLong: the text does not fit the context.
            BackendError: the model failed.
        """
