"""Family `story`: people, or prices, each compared with one before; in the end one is asked for, or two
together. Names have to be looked up."""

from __future__ import annotations

import random
import re
from dataclasses import dataclass

from tts_select.data.world.expressions import OPERATIONS, Expression, combined, total
from tts_select.data.world.levels import Shape, draw_change, draw_start, swap_neighbours
from tts_select.data.world.words import GOODS, ITEMS, NAMES

PHRASES = {"+": "more than", "-": "fewer than", "*": "times as many as"}
_OPS = {phrase: op for op, phrase in PHRASES.items()}
_TOGETHER_FROM = 3
"""The number of steps from which two may be asked for together."""
_TOGETHER = 0.5

_GIVEN = re.compile(r"(\w+) (?:has|cost) (\d+) \w+\.")
_COMPARED = re.compile(rf"(\w+) (?:has|cost) (\d+) ({'|'.join(_OPS)}) (\w+)\.")
_ASKED = re.compile(r"How many \w+ do(?:es)? (\w+)(?: and (\w+))? (?:have|cost)(?: together)?\?")


@dataclass(frozen=True, slots=True)
class _Wording:
    names: tuple[str, ...]
    items: tuple[str, ...]
    verb: str
    """Of one of the names in a fact."""
    ask: str
    ask_together: str


_PEOPLE = _Wording(
    NAMES,
    ITEMS,
    "has",
    "How many {item} does {one} have?",
    "How many {item} do {one} and {two} have together?",
)
_PRICES = _Wording(
    GOODS,
    ("coins",),
    "cost",
    "How many {item} do {one} cost?",
    "How many {item} do {one} and {two} cost together?",
)


def draw(shape: Shape, rng: random.Random) -> str:
    """The text of a story that takes `shape.n_steps` steps: comparisons, and a sum if two are asked for."""
    wording = rng.choice((_PEOPLE, _PRICES))
    together = shape.n_steps >= _TOGETHER_FROM and rng.random() < _TOGETHER
    n_compared = shape.n_steps - together
    n_names = min(n_compared + 1 + shape.distractors, len(wording.names))
    names = rng.sample(wording.names, n_names)
    chain, extras = names[: n_compared + 1], names[n_compared + 1 :]
    branch = rng.randint(2, n_compared) if together else len(chain)
    item = rng.choice(wording.items)
    values = {chain[0]: draw_start(shape.size, rng)}
    facts: list[str] = []

    def compare(name: str, reference: str) -> str:
        change = draw_change(values[reference], shape.size, rng)
        values[name] = OPERATIONS[change.op](values[reference], change.amount)
        return f"{_capital(name)} {wording.verb} {change.amount} {PHRASES[change.op]} {reference}."

    for place, name in enumerate(chain[1:], 1):
        facts.append(compare(name, chain[place - 1] if place != branch else chain[rng.randrange(branch - 1)]))
    for name in extras:
        fact = compare(name, rng.choice(chain[:-1]))
        facts.insert(rng.randint(0, len(facts)), fact)
    if shape.shuffled and len(facts) > 1:
        swap_neighbours(facts, rng)
    given = f"{_capital(chain[0])} {wording.verb} {values[chain[0]]} {item}."
    asked = (chain[branch - 1], chain[-1]) if together else (chain[-1], "")
    ask = wording.ask_together if together else wording.ask
    return " ".join([given, *facts, ask.format(item=item, one=asked[0], two=asked[1])])


def _capital(name: str) -> str:
    return name[0].upper() + name[1:]


def parse(text: str) -> Expression | None:
    """What a story asks for, or None if the text is not one."""
    asked = _ASKED.search(text)
    pending = {m[1].lower(): (m[4].lower(), _OPS[m[3]], int(m[2])) for m in _COMPARED.finditer(text)}
    known: dict[str, Expression] = {m[1].lower(): int(m[2]) for m in _GIVEN.finditer(text)}
    if not asked or not known or not pending:
        return None
    while ready := [name for name, (reference, _, _) in pending.items() if reference in known]:
        for name in ready:
            reference, op, amount = pending.pop(name)
            known[name] = combined(known[reference], op, amount)
    names = [name.lower() for name in asked.groups() if name]
    if any(name not in known for name in names):
        return None
    whole = total(known[name] for name in names)
    return None if isinstance(whole, int) else whole
