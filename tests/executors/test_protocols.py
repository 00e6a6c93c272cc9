"""The engines keep the protocols that the methods rely on."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tts_select import Policy, RewardModel
from tts_select.core.protocols import SampleRequest, solution_tokens
from tts_select.executors.accounting import Ledger
from tts_select.executors.policies.transformers import TransformersPolicy
from tts_select.executors.prms.checkpoints import vocabulary_part
from tts_select.executors.prms.formats import FORMATS
from tts_select.executors.prms.transformers import TransformersRewardModel
from tts_select.testing import FakePolicy

PROBLEM = "Start with 14. Multiply by 3. What is the result?"


def test_the_transformers_policy_is_a_policy(loaded: Any) -> None:
    policy = TransformersPolicy(loaded, name="tiny")
    assert isinstance(policy, Policy)
    assert (policy.name, policy.step_delimiter) == ("tiny", "\n\n")
    assert policy.n_parameters == loaded.n_parameters
    assert policy.fingerprint == loaded.fingerprint


@pytest.mark.parametrize("name", ["world", "world-likelihood"])
def test_the_transformers_prm_is_a_reward_model(loaded: Any, name: str) -> None:
    prm = TransformersRewardModel([vocabulary_part(loaded, "tiny")], name="tiny", format=FORMATS[name])
    assert isinstance(prm, RewardModel)
    assert prm.fingerprint == loaded.fingerprint + ("" if name == "world" else "+world-likelihood")


def test_no_samples_are_asked_for_and_none_are_given(tiny_llama: Any) -> None:
    policy = TransformersPolicy(tiny_llama, name="tiny")

    async def none() -> list[Any]:
        async with asyncio.timeout(3):
            return await policy.sample(SampleRequest(PROBLEM, n=0), Ledger().phase("search"))

    assert asyncio.run(none()) == []


def test_a_policy_that_thinks_is_given_more_tokens(tiny_llama: Any) -> None:
    plain, thinking = (TransformersPolicy(tiny_llama, name="tiny", thinking=t) for t in (None, True))
    assert (solution_tokens(plain), solution_tokens(thinking)) == (2048, 8192)
    assert solution_tokens(FakePolicy({})) == 2048
