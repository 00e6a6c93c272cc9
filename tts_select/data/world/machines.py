"""Family `machine`: a number goes through a list of operations, in order; nothing has to be looked up."""

from __future__ import annotations

import random
import re

from tts_select.data.world.levels import Shape, draw_change, draw_start
from tts_select.data.world.quantities import OPERATIONS, Facts, Operand, Quantity, Ref

PHRASES = {"+": "Add", "-": "Subtract", "*": "Multiply by"}
_OPS = {phrase: op for op, phrase in PHRASES.items()}
QUESTION = "What is the result?"

_START = re.compile(r"Start with (\d+)\.")
_CHANGE = re.compile(rf"({'|'.join(_OPS)}) (\d+)\.")


def draw(shape: Shape, rng: random.Random) -> str:
    """The text of a machine with `shape.n_steps` operations (it has no distractors and no order to lose)."""
    value = draw_start(shape.size, rng)
    sentences = [f"Start with {value}."]
    for _ in range(shape.n_steps):
        change = draw_change(value, shape.size, rng)
        value = OPERATIONS[change.op](value, change.amount)
        sentences.append(f"{PHRASES[change.op]} {change.amount}.")
    return " ".join([*sentences, QUESTION])


def parse(text: str) -> Facts | None:
    """The facts of a machine text, or None if it is not one."""
    start = _START.search(text)
    if not start or QUESTION not in text:
        return None
    value: Operand = int(start[1])
    quantities: list[Quantity] = []
    for change in _CHANGE.finditer(text):
        quantities.append(Quantity(value, _OPS[change[1]], int(change[2])))
        value = Ref(len(quantities) - 1)
    return Facts(tuple(quantities), tuple(range(len(quantities)))) if quantities else None
