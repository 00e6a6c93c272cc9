"""Any object with the methods of `Policy` can be searched: here a fake one, scored by a fake PRM.

Run: python examples/own_policy.py
"""

from tts_select import solve
from tts_select.testing import FakePolicy, FakeRewardModel

RIGHT = ("2 + 2 = 4", "Answer: \\boxed{4}")
WRONG = ("2 + 2 = 5", "Answer: \\boxed{5}")


def write(_request, index):
    """Wrong two times out of three, so that the majority is wrong."""
    return "\n\n".join(RIGHT if index % 3 == 0 else WRONG)


if __name__ == "__main__":
    policy = FakePolicy(write)
    prm = FakeRewardModel({RIGHT[0]: 0.9, RIGHT[1]: 0.9, WRONG[0]: 0.1, WRONG[1]: 0.1})
    voted = solve("What is 2 + 2?", policy=policy, prm=None, method="majority", budget=9)
    judged = solve("What is 2 + 2?", policy=policy, prm=prm, method="best_of_n", budget=9)
    print(f"majority: {voted.answer}, best_of_n: {judged.answer}")
