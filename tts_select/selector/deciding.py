"""One decision: of all options the one with the largest P(correct) - price x cost, under hard caps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from tts_select.core.arm import Arm
from tts_select.core.methods import METHODS

Unit = Literal["flops", "tokens"]
"""What a shared budget counts; tokens are those that policies generate."""


@dataclass(frozen=True, slots=True)
class Option:
    """Something that may be done next: run an arm (to its whole budget), or stop with the answer at hand."""

    arm: Arm | None
    """The arm to run; None means stop."""
    p_correct: float
    """How likely the answer will be right; NaN where nothing is known."""
    flops: float
    """The expected cost from here on, in the router's unit of costs; NaN where nothing is known."""
    tokens: float = 0.0
    """How many tokens its policy is expected to generate from here on."""
    price: float | None = None
    """The price that the router decides by if a shared budget picks this option; None: the budget's own."""

    def value(self, price: float) -> float:
        """P(correct) minus what it costs; `price` is in probability per FLOP."""
        return self.p_correct - price * self.flops

    def cost(self, unit: Unit) -> float:
        """The expected cost from here on, in FLOPs or generated tokens."""
        return self.flops if unit == "flops" else self.tokens

    @property
    def name(self) -> str:
        """The arm's name, or `stop`."""
        return self.arm.name if self.arm else "stop"


@dataclass(frozen=True, slots=True)
class Caps:
    """What may still be spent; None: no cap."""

    flops: float | None = None
    tokens: float | None = None

    def allow(self, option: Option) -> bool:
        """Whether the option is expected to stay within the caps."""
        within_flops = self.flops is None or not option.flops > self.flops
        return within_flops and (self.tokens is None or not option.tokens > self.tokens)

    def after(self, flops: float, tokens: float) -> Caps:
        """What is left of the caps when so much has been spent."""
        return Caps(
            None if self.flops is None else max(0.0, self.flops - flops),
            None if self.tokens is None else max(0.0, self.tokens - tokens),
        )


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer at hand, and the probability that it is right (None: nothing is known)."""

    group: int
    p_correct: float | None


@dataclass(frozen=True, slots=True)
class Decision:
    """What a router wants done next."""

    option: Option | None
    """The chosen option; None where the caps allow nothing."""
    options: tuple[Option, ...]
    """All options that were weighed and the caps allow, the best first; all of them where the caps allow
    none."""
    n: int = 0
    """How many samples the arm's pool has after it, or the budget of a search."""
    surest: Answer | None = None
    """The surest answer at hand before it."""
    why: str = ""
    is_probe: bool = False
    is_look: bool = False
    """Whether an arm with a stop rule goes on to its next look, which is no new choice."""

    @property
    def arm(self) -> Arm | None:
        """The arm to run next; None: stop."""
        return self.option.arm if self.option else None


def ranked(options: Sequence[Option], price: float, caps: Caps) -> list[Option]:
    """The options that the caps allow, best first; of equal values the cheaper one."""
    allowed = [o for o in options if caps.allow(o)]
    return sorted(allowed, key=lambda o: (-o.value(price), o.flops))


def first_step(options: Sequence[Option], price: float, caps: Caps) -> Option | None:
    """What to do next if it will be decided again after it; None where the caps allow nothing.

    Of all options that are worth more than stopping, the one that buys the most probability per FLOP: the
    cheap ones come first, and what they show tells whether the dear ones are needed.
    """
    best = ranked(options, price, caps)
    if not best:
        return None
    stop = next((o for o in best if o.arm is None), None)
    if stop is None:
        return best[0]
    worth = best[: best.index(stop)]
    return max(worth, key=lambda o: (o.p_correct - stop.p_correct) / max(1.0, o.flops), default=stop)


def next_samples(arm: Arm, n_here: int) -> int:
    """How many samples of a sampling arm are drawn before it is decided again.

    As many as there are, so that the number doubles from round to round, and one at first; an arm with a
    stop rule draws up to the next look of its rule.
    """
    rule = METHODS[arm.method].stop_rule
    step = rule.next_look(n_here) - n_here if rule else max(1, n_here)
    return min(arm.budget - n_here, step)
