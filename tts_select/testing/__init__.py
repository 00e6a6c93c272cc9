"""A policy and a PRM without a model, for the tests of whatever is built on this package.

>>> from tts_select import solve
>>> from tts_select.testing import FakePolicy
>>> policy = FakePolicy({("1 + 1?", ()): [r"It is \\boxed{2}", r"It is \\boxed{3}", r"Two: \\boxed{2}"]})
>>> solve("1 + 1?", policy=policy, method="majority", budget=3).answer
'2'
"""

from __future__ import annotations

from tts_select.testing.policy import FakePolicy
from tts_select.testing.reward import FakeRewardModel
from tts_select.testing.server import Abilities, FakeServer, Fault

__all__ = ["Abilities", "FakePolicy", "FakeRewardModel", "FakeServer", "Fault"]
