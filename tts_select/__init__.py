"""Test-time scaling that picks its method and budget for each problem.

>>> from tts_select import solve
>>> solve("Mia has 14 apples. Tom has 3 times as many as Mia. How many apples does Tom have?").answer
'42'
"""

from tts_select.core.cost import Bill, Cost
from tts_select.core.errors import (
    BackendError,
    InputError,
    NoAnswer,
    ProblemTooLong,
    TtsSelectError,
    UnknownName,
)
from tts_select.core.plan import Plan, Settings
from tts_select.core.problem import Problem
from tts_select.core.protocols import Policy, RewardModel
from tts_select.core.solution import Solution, Step
from tts_select.executors.registry import load_policy, load_prm
from tts_select.solving.api import asolve, solve
from tts_select.solving.options import SolveOptions, SpendingOptions
from tts_select.solving.selector import Selector

__version__ = "0.1.0"

__all__ = [
    "BackendError",
    "Bill",
    "Cost",
    "InputError",
    "NoAnswer",
    "Plan",
    "Policy",
    "Problem",
    "ProblemTooLong",
    "RewardModel",
    "Selector",
    "Settings",
    "Solution",
    "SolveOptions",
    "SpendingOptions",
    "Step",
    "TtsSelectError",
    "UnknownName",
    "asolve",
    "load_policy",
    "load_prm",
    "solve",
]
