"""One decision: of all options the one with the largest P(correct) - price x cost, under hard caps."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Literal, Protocol

from tts_select.core.arm import Arm
from tts_select.core.methods import METHODS
from tts_select.selector.calibration import Calibration
from tts_select.selector.exchange import Tariff

Unit = Literal["flops", "tokens", "dollars"]
"""What a shared budget counts; tokens are those that policies generate."""
ENOUGH = 0.5
"""The least share of the best option's gain that makes another one a step: with every option that gains
anything, a large portfolio's many cheap arms are all run before a dear one that gains much more
(docs/lab/log.md)."""


class Pace(Protocol):
    """Predicts how long arms take; None where nothing is known."""

    def seconds(self, arm: Arm, n_here: int, n: int) -> float | None:
        """The seconds of an arm from `n_here` samples to `n`, at once."""

    def in_time(self, arm: Arm, n_here: int, n: int, seconds: float) -> tuple[int, float] | None:
        """To how many samples, `n` at most, an arm is to run so that the most of them end within so many
        seconds; and the probability of each of them to end. A search runs whole."""


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
    later: str | None = None
    """Another policy that may write after the arm's, as on a ladder."""
    dollars: float = math.nan
    """The expected dollars from here on; NaN where the prices of the models are not known."""
    seconds: float | None = None
    """How long it is expected to take from here on, scoring too; None where nothing was measured."""

    def value(self, price: float) -> float:
        """P(correct) minus what it costs; `price` is in probability per FLOP."""
        return self.p_correct - price * self.flops

    def cost(self, unit: Unit) -> float:
        """The expected cost from here on, in FLOPs, generated tokens or dollars."""
        return {"flops": self.flops, "tokens": self.tokens, "dollars": self.dollars}[unit]

    @property
    def name(self) -> str:
        """The arm's name, or `stop`."""
        return self.arm.name if self.arm else "stop"


@dataclass(frozen=True, slots=True)
class Caps:
    """What may still be spent; None: no cap."""

    flops: float | None = None
    tokens: float | None = None
    dollars: float | None = None
    tariff: Tariff = field(default_factory=Tariff)
    """What the models cost, for a cap in dollars."""
    seconds: float | None = None
    """The time that is left for writing."""
    pace: Pace | None = None
    """What predicts seconds; a replay has none."""
    scoring_seconds: float = 0.0
    """The time that is kept for a PRM after the last token."""

    def allow(self, option: Option) -> bool:
        """Whether the option is expected to stay within the caps."""
        within_flops = self.flops is None or not option.flops > self.flops
        within_tokens = self.tokens is None or not option.tokens > self.tokens
        within_dollars = self.dollars is None or not self.tariff.dollars(option) > self.dollars
        return within_flops and within_tokens and within_dollars and self._has_time_for(option)

    @property
    def limit_anything(self) -> bool:
        """Whether there is an option that they would forbid."""
        return any(cap is not None for cap in (self.flops, self.tokens, self.dollars, self.seconds))

    def after(self, flops: float, tokens: float, dollars: float = 0.0) -> Caps:
        """What is left of the caps when so much has been spent."""
        return replace(
            self,
            flops=None if self.flops is None else max(0.0, self.flops - flops),
            tokens=None if self.tokens is None else max(0.0, self.tokens - tokens),
            dollars=None if self.dollars is None else max(0.0, self.dollars - dollars),
        )

    def timed(self, option: Option, n_here: int, looks: Sequence[int] = ()) -> Option:
        """The option with its seconds, where they are known, in the rounds in which samples are drawn: up to
        each of `looks`, or as many as there are."""
        if option.arm is None or self.pace is None:
            return option
        if not option.arm.is_sampling:
            return replace(option, seconds=self.pace.seconds(option.arm, 0, option.arm.budget))
        seconds, is_done = 0.0, False
        while not is_done:  # once even if all samples are there, which a PRM may have to read
            doubled = n_here + next_samples(option.arm, n_here)
            n = next((look for look in looks if look > n_here), doubled)
            if (more := self.pace.seconds(option.arm, n_here, n)) is None:
                return option
            seconds, n_here, is_done = seconds + more, n, n >= option.arm.budget
        return replace(option, seconds=seconds)

    def _has_time_for(self, option: Option) -> bool:
        if self.seconds is None or option.seconds is None or option.arm is None:
            return True
        return option.seconds <= self.seconds + (self.scoring_seconds if option.arm.prm else 0.0)


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer at hand, and the probability that it is right (None: nothing is known)."""

    group: int
    p_correct: float | None

    def recalibrated(self, curve: Calibration | None) -> Answer:
        """The same answer, as likely to be right as the curve says (None: as it was)."""
        if curve is None or self.p_correct is None:
            return self
        return replace(self, p_correct=curve.of(self.p_correct))


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
    is_out_of_time: bool = False
    """Whether it stops because there is no time for more."""
    is_look: bool = False
    """Whether sampling goes on to its next look, by a stop rule or by the prior, which is no new choice."""
    beside: Arm | None = None
    """A greedy solution that is written at the same time."""

    @property
    def arm(self) -> Arm | None:
        """The arm to run next; None: stop."""
        return self.option.arm if self.option else None

    @property
    def runs(self) -> tuple[tuple[Arm, int], ...]:
        """What is run, all at once: arms, each with how many samples its pool has then; none if it stops."""
        if self.arm is None:
            return ()
        return (*([(self.beside, 1)] if self.beside else ()), (self.arm, self.n))

    def recalibrated(self, curve: Calibration | None) -> Decision:
        """The same decision; only what is said of the surest answer changes, never what the options weigh."""
        if curve is None or self.surest is None:
            return self
        return replace(self, surest=self.surest.recalibrated(curve))

    def priced(self, tariff: Tariff) -> Decision:
        """The same decision, whose options know their dollars."""
        options = tuple(replace(o, dollars=tariff.dollars(o)) for o in self.options)
        places = [k for k, o in enumerate(self.options) if o is self.option]
        return replace(self, options=options, option=options[places[0]] if places else self.option)


def ranked(options: Sequence[Option], price: float, caps: Caps) -> list[Option]:
    """The options that the caps allow, best first; of equal values the cheaper one."""
    allowed = [o for o in options if caps.allow(o)] if caps.limit_anything else options
    # the negative of `Option.value`; a walk of the replay ranks thousands of times
    return sorted(allowed, key=lambda o: (price * o.flops - o.p_correct, o.flops))


def first_step(best: Sequence[Option], price: float) -> Option | None:
    """What to do next, of options from the best on, if it will be decided again after it; None where there is
    none.

    Of all options that gain at least `ENOUGH` of what the best one gains over stopping, costs deducted, the
    one that buys the most probability per FLOP: the cheap ones come first, and what they show tells whether
    the dear ones are needed.
    """
    if not best:
        return None
    place = next((k for k, o in enumerate(best) if o.arm is None), None)
    if place is None:
        return best[0]
    stop, worth = best[place], best[:place]
    gains = [o.value(price) - stop.value(price) for o in worth]  # the largest first
    steps = [o for o, gain in zip(worth, gains, strict=True) if gain >= ENOUGH * gains[0]]
    return max(steps, key=lambda o: (o.p_correct - stop.p_correct) / max(1.0, o.flops), default=stop)


def next_samples(arm: Arm, n_here: int) -> int:
    """How many samples of a sampling arm are drawn before it is decided again.

    As many as there are, so that the number doubles from round to round, and one at first; an arm with a
    stop rule draws up to the next look of its rule.
    """
    rule = METHODS[arm.method].stop_rule
    step = rule.next_look(n_here) - n_here if rule else max(1, n_here)
    return min(arm.budget - n_here, step)
