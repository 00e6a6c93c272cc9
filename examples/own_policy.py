"""A policy and a PRM of your own: any objects with the methods of `Policy` and `RewardModel` can be searched.

Run: python examples/own_policy.py
"""

import math
import re
from random import Random

from tts_select import Cost, solve
from tts_select.core.protocols import Continuation

SLIPS = 0.4  # how often it adds one too many


class Adder:
    """Adds the numbers of a problem, a step for each, and makes mistakes."""

    name, fingerprint, step_delimiter = "adder", "adder-1", "\n\n"
    n_parameters = None  # it has none, so its FLOPs are not known

    async def sample(self, request, meter):
        """Sample k depends on the seed and on first + k alone, whatever else is asked for with it."""
        written = [self._continuation(request, request.first + k) for k in range(request.n)]
        prompt = len(" ".join((request.problem, *request.steps)).split())
        generated = sum(continuation.n_tokens for continuation in written)
        meter.charge(Cost(policy_prompt_tokens=prompt, policy_generated_tokens=generated, policy_calls=1))
        return written

    def _continuation(self, request, k):
        steps = list(self._steps(request, Random(f"{request.seed} {k} {request.steps}")))
        finish = "step" if request.stop_at_step and len(steps) > 1 else "stop"
        text = steps[0] if request.stop_at_step else self.step_delimiter.join(steps)
        words = text.split(" ")
        if len(words) > request.max_new_tokens:
            text, finish = " ".join(words[: request.max_new_tokens]), "length"
        return Continuation(text, finish, min(len(words), request.max_new_tokens), math.nan)

    def _steps(self, request, dice):
        """The steps behind those that are written."""
        first, *others = map(int, re.findall(r"\d+", request.problem))
        total = int(request.steps[-1].split()[-1]) if request.steps else first
        for number in others[len(request.steps) :]:
            before, total = total, total + number + (dice.random() < SLIPS)
            yield f"{before} + {number} = {total}"
        yield f"Answer: \\boxed{{{total}}}"


class Checker:
    """Adds again what is added."""

    name, fingerprint, n_parameters = "checker", "checker-1", 0

    async def score(self, _problem, steps, *, meter=None):
        """For each step the probability that all is right so far."""
        if meter is not None:
            meter.charge(Cost(prm_tokens=sum(len(step.split()) for step in steps), prm_calls=1))
        return [0.1 if any(map(_is_wrong, steps[: k + 1])) else 0.9 for k in range(len(steps))]


def _is_wrong(step):
    found = re.fullmatch(r"(\d+) \+ (\d+) = (\d+)", step)
    return found is not None and int(found[1]) + int(found[2]) != int(found[3])


if __name__ == "__main__":
    problem = "What is 14 + 3 + 9 + 20 + 7?"
    for method, prm in (("majority", None), ("best_of_n", Checker()), ("beam", Checker())):
        solution = solve(problem, policy=Adder(), prm=prm, method=method, budget=16)
        tokens = solution.bill.total.policy_generated_tokens
        print(f"{method}: {solution.answer} for {tokens} tokens")
