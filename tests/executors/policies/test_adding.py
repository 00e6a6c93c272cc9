"""The guide in CONTRIBUTING.md, done for a backend that is made up: a class, its options, and one line in the
registry. It then keeps every promise of the conformance suite, and is loaded, listed and configured."""

from __future__ import annotations

import asyncio
import inspect
import runpy
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tts_select import InputError, ProblemTooLong, UnknownName, load_policy, solve
from tts_select.config import load_config
from tts_select.core.cost import Cost, inference_flops
from tts_select.core.protocols import Continuation, ContinuationFinish, Meter, Policy, SampleRequest
from tts_select.core.seeds import derive_seed
from tts_select.doctor.listing import list_models
from tts_select.executors import registry
from tts_select.executors.backend_options import Backend

CONTEXT = 4000
MOST_STEPS = 6
SUITE = runpy.run_path(str(Path(__file__).with_name("test_conformance.py")))
PROMISES = [name for name, value in SUITE.items() if name.startswith("test_") and callable(value)]


@dataclass(frozen=True, slots=True)
class DiceOptions:
    """Of `load_policy("dice:NAME", ...)`."""

    sides: int = 6


class DicePolicy:
    """Writes words that it throws dice for; a token is a word, or the end of a step or of a solution."""

    step_delimiter = "\n\n"
    fingerprint = "dice"
    n_parameters = 100

    def __init__(self, name: str, options: DiceOptions) -> None:
        self.name, self._sides = name, options.sides

    async def sample(self, request: SampleRequest, meter: Meter) -> list[Continuation]:
        n_prompt = len(" ".join([request.problem, *request.steps]).split())
        if n_prompt >= CONTEXT:
            raise ProblemTooLong(n_tokens=n_prompt, context=CONTEXT, model=self.name)
        return [await self._one(request, request.first + k, n_prompt, meter) for k in range(request.n)]

    async def _one(self, request: SampleRequest, k: int, n_prompt: int, meter: Meter) -> Continuation:
        written: list[str] = []
        finish: ContinuationFinish = "length"
        try:
            for token in self._tokens(request, k):
                if request.deadline is not None and time.monotonic() >= request.deadline:
                    finish = "deadline"
                    break
                if len(written) == request.max_new_tokens:
                    break
                await asyncio.sleep(0)
                written.append(token)
                if token == "" or (token == self.step_delimiter and request.stop_at_step):
                    finish = "stop" if token == "" else "step"
                    break
        finally:
            flops = inference_flops(self.n_parameters, n_prompt + len(written))
            meter.charge(Cost(n_prompt, policy_generated_tokens=len(written), policy_calls=1, flops=flops))
        text = "".join(written[:-1] if finish == "step" else written)
        return Continuation(text, finish, len(written), -1.0 * len(written))

    def _tokens(self, request: SampleRequest, k: int) -> Iterator[str]:
        """Steps until the dice, or their number, say that it is enough."""
        by_dice = request.temperature > 0
        dice = derive_seed(request.problem, request.steps, *((request.seed, k) if by_dice else ()))
        for n_steps in range(len(request.steps), MOST_STEPS):
            for word in range(1 + derive_seed(dice, n_steps) % self._sides):
                yield f"{derive_seed(dice, n_steps, word) % self._sides} "
            if n_steps and derive_seed(dice, n_steps, "end") % 3 == 0:
                break
            if n_steps < MOST_STEPS - 1:
                yield self.step_delimiter
        yield ""


def _load(spec: str, options: DiceOptions, _: Any) -> Policy:
    return DicePolicy(spec, options)


@pytest.fixture(autouse=True)
def _entered(monkeypatch: pytest.MonkeyPatch) -> None:
    """The line in the registry."""
    monkeypatch.setitem(registry.POLICIES, "dice", Backend(_load, DiceOptions, "random"))


@pytest.mark.parametrize("promise", PROMISES)
def test_it_keeps_the_promise(promise: str, in_time: Callable[..., Any]) -> None:
    test = SUITE[promise]
    given = {"policy": load_policy("dice:fair", fresh=True), "in_time": in_time}
    test(**{name: given[name] for name in inspect.signature(test).parameters})


def test_it_is_loaded_with_its_options_and_no_others() -> None:
    assert load_policy("dice:fair").name == "dice:fair"
    assert load_policy("dice:fair", sides=2) is not load_policy("dice:fair")
    with pytest.raises(UnknownName, match="unknown option of dice policies 'side': did you mean 'sides'"):
        load_policy("dice:fair", side=2)
    found = solve("Throw.", policy="dice:fair", method="majority", budget=4, policy_options={"sides": 2})
    assert len(found.candidates) == 4


def test_it_is_listed_and_can_be_configured(tmp_path: Path) -> None:
    entry = {"kind": "policy", "scheme": "dice", "runs_on": "random", "why_not": None}
    assert entry in list_models(None)["backends"]
    path = tmp_path / "c.yaml"
    path.write_text("policies: {mine: {spec: 'dice:fair', options: {sides: 3}}}")
    assert load_config(path).policies["mine"].options == {"sides": 3}
    path.write_text("policies: {mine: {spec: 'dice:fair', options: {sides: many}}}")
    with pytest.raises(InputError, match=r"policies\.mine: the option sides of dice policies is 'many'"):
        load_config(path)
