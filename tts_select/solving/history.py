"""What a session has decided and gathered, for those who want to see how it came to its answer."""

from __future__ import annotations

from dataclasses import dataclass

from tts_select.core.cost import Bill
from tts_select.core.problem import Problem
from tts_select.core.solution import Step
from tts_select.selector.course import Course
from tts_select.selector.evidence import Evidence
from tts_select.selector.outlook import Spending
from tts_select.selector.routers.protocol import Router
from tts_select.solving.gathered import LiveEvidence


@dataclass(frozen=True, slots=True)
class History:
    """The session's own objects, to be read only: they change while it goes on."""

    problem: Problem
    router: Router
    spending: Spending
    seed: int
    course: Course
    """Its decisions, those to stop and those cut short included."""
    steps: tuple[Step, ...]
    """What was run and looked at."""
    gathered: LiveEvidence
    evidence: Evidence
    """As of the last look."""
    bill: Bill
