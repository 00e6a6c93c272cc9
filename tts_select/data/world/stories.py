"""Family `story`: who has how many, each person compared with one before."""

from __future__ import annotations

import random
import re
from itertools import pairwise

from tts_select.data.world.levels import Shape, draw_change, draw_start
from tts_select.data.world.quantities import OPERATIONS, Facts, Operand, Quantity, Ref

NAMES = (
    "Mia", "Tom", "Ana", "Ben", "Zoe", "Leo", "Eva", "Max", "Ida", "Sam", "Kim", "Ron", "Amy", "Joe",
)  # fmt: skip
ITEMS = ("apples", "coins", "books", "shells", "stamps", "cards", "nuts", "beads")
PHRASES = {"+": "more than", "-": "fewer than", "*": "times as many as"}
_OPS = {phrase: op for op, phrase in PHRASES.items()}

_GIVEN = re.compile(r"(\w+) has (\d+) (\w+)\.")
_COMPARED = re.compile(rf"(\w+) has (\d+) ({'|'.join(_OPS)}) (\w+)\.")
_ASKED = re.compile(r"How many \w+ does (\w+) have\?")


def draw(shape: Shape, rng: random.Random) -> str:
    """The text of a story with `shape.n_steps` comparisons in a chain."""
    people = rng.sample(NAMES, shape.n_steps + 1 + shape.distractors)
    chain, extras = people[: shape.n_steps + 1], people[shape.n_steps + 1 :]
    item = rng.choice(ITEMS)
    value = draw_start(shape.size, rng)
    given = f"{chain[0]} has {value} {item}."
    facts, values = [], {chain[0]: value}
    for before, person in pairwise(chain):
        facts.append(_compare(person, before, values, shape.size, rng))
    for person in extras:
        fact = _compare(person, rng.choice(chain[:-1]), values, shape.size, rng)
        facts.insert(rng.randint(0, len(facts)), fact)
    if shape.shuffled and len(facts) > 1:
        swap = rng.randrange(len(facts) - 1)
        facts[swap], facts[swap + 1] = facts[swap + 1], facts[swap]
    return " ".join([given, *facts, f"How many {item} does {chain[-1]} have?"])


def _compare(person: str, reference: str, values: dict[str, int], size: int, rng: random.Random) -> str:
    change = draw_change(values[reference], size, rng)
    values[person] = OPERATIONS[change.op](values[reference], change.amount)
    return f"{person} has {change.amount} {PHRASES[change.op]} {reference}."


def parse(text: str) -> Facts | None:
    """The facts of a story text, or None if it is not one."""
    asked = _ASKED.search(text)
    given = {m[1]: int(m[2]) for m in _GIVEN.finditer(text)}
    pending = {m[1]: (m[4], _OPS[m[3]], int(m[2])) for m in _COMPARED.finditer(text)}
    if not asked or not given or asked[1] not in pending:
        return None
    quantities: list[Quantity] = []
    place: dict[str, Operand] = dict(given)
    while ready := [person for person, (ref, _, _) in pending.items() if ref in place]:
        for person in ready:
            reference, op, amount = pending.pop(person)
            quantities.append(Quantity(place[reference], op, amount))
            place[person] = Ref(len(quantities) - 1)
    if asked[1] not in place:
        return None
    return Facts(tuple(quantities), tuple(_chain_to(place[asked[1]], quantities)))


def _chain_to(last: Operand, quantities: list[Quantity]) -> list[int]:
    chain: list[int] = []
    while isinstance(last, Ref):
        chain.append(last.index)
        last = quantities[last.index].left
    return chain[::-1]
