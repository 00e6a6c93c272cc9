"""Two policies by a plain rule: the dear one is asked where samples of the cheap one settle no answer.

It is the cascade that every evaluation has as something to beat: the margin rule on four samples of the first
policy at most, then the margin rule on the second, whose answer alone counts if it has one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from tts_select.core.arm import Arm
from tts_select.core.errors import InputError
from tts_select.core.methods import METHODS
from tts_select.core.plan import Settings
from tts_select.core.stopping import FIRST_SAMPLES
from tts_select.selector.deciding import Answer, Caps, Decision
from tts_select.selector.evidence import Evidence
from tts_select.selector.portfolio import Portfolio
from tts_select.selector.routers.named import NamedArm, is_open
from tts_select.selector.routers.protocol import ByAnswersAlone


@dataclass(frozen=True)
class Cascade(ByAnswersAlone):
    """Runs one arm, and another one where the stop rule of the first is not met.

    >>> from tts_select import Selector
    >>> cascade = Cascade.of("world:small", "world:large", budget=8)
    >>> Selector(cascade).solve("Start with 14. Multiply by 3. What is the result?").answer
    '42'
    """

    first: NamedArm
    second: NamedArm
    first_look: None = None
    prices: Mapping[str, float] = field(default_factory=dict)
    unit: str = "FLOPs"
    confidence_kind: str = "vote share"
    fingerprints: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(
        cls, first: str, second: str, *, budget: int, settings: Mapping[str, Settings] | None = None
    ) -> Cascade:
        """The margin rule on samples of two policies, at most `budget` of the second one; `settings` are
        those of each, by name, where they are not the defaults.

        Raises:
            InputError: there is one policy alone.
        """
        if first == second:
            raise InputError(f"a cascade asks two policies, and '{first}' is one: name another")
        known = settings or {}
        arms = [
            Arm(name, None, "margin", most, known.get(name, Settings()))
            for name, most in ((first, FIRST_SAMPLES), (second, budget))
        ]
        return cls(
            NamedArm(arms[0], why="the first policy of the cascade"),
            NamedArm(arms[1], why=f"the samples of {first} settle nothing"),
        )

    @property
    def portfolio(self) -> Portfolio:
        """The two arms."""
        arms = self.first.arm, self.second.arm
        return Portfolio(" -> ".join(arm.policy for arm in arms), arms)

    @property
    def fallback(self) -> str:
        """The second arm; no problem is unfamiliar, so that it is not asked for."""
        return self.second.arm.name

    def decide(self, evidences: Sequence[Evidence], price: float, caps: Sequence[Caps]) -> list[Decision]:
        """As the arm decides whose turn it is."""
        pairs = zip(evidences, caps, strict=True)
        return [self._turn(evidence).decide([evidence], price, [own])[0] for evidence, own in pairs]

    def answers(self, evidence: Evidence, price: float | None = None) -> list[Answer]:
        """Those of the arm whose turn it is; while the second has none, those of the first."""
        return self._turn(evidence).answers(evidence) or self.first.answers(evidence)

    def _turn(self, evidence: Evidence) -> NamedArm:
        arm = self.first.arm
        rule = METHODS[arm.method].stop_rule
        is_met = rule is not None and rule.is_met([sample.group for sample in evidence.of(arm.pool)])
        return self.first if is_met or is_open(arm, evidence) else self.second
