"""Family `machine`: a number goes through a list of changes, in order; nothing has to be looked up."""

from __future__ import annotations

import random
import re
from dataclasses import dataclass

from tts_select.data.world.expressions import OPERATIONS, Expression, combined
from tts_select.data.world.levels import MAX_VALUE, Shape, draw_change, draw_factor, draw_start
from tts_select.data.world.words import ITEMS, NAMES

_PRODUCT = 0.25
"""How often two steps are a change by a product."""


@dataclass(frozen=True, slots=True)
class _Wording:
    start: str
    changes: dict[str, str]
    """By operation; of a product of two numbers with a `*` behind it."""
    ask: str


_NUMBER = _Wording(
    "Start with {amount}.",
    {
        "+": "Add {amount}.",
        "-": "Subtract {amount}.",
        "*": "Multiply by {amount}.",
        "+*": "Add {factor} times {amount}.",
        "-*": "Subtract {factor} times {amount}.",
    },
    "What is the result?",
)
_ACCOUNT = _Wording(
    "{name} has {amount} {item}.",
    {
        "+": "{name} gets {amount} {item}.",
        "-": "{name} gives away {amount} {item}.",
        "*": "Then {name} has {amount} times as many {item}.",
        "+*": "{name} gets {factor} times {amount} {item}.",
        "-*": "{name} gives away {factor} times {amount} {item}.",
    },
    "How many {item} does {name} have?",
)
_WORDINGS = (_NUMBER, _ACCOUNT)


def draw(shape: Shape, rng: random.Random) -> str:
    """The text of a machine that takes `shape.n_steps` steps (it has no distractors and no order to lose)."""
    wording = rng.choice(_WORDINGS)
    words = {"name": rng.choice(NAMES), "item": rng.choice(ITEMS)}
    value = draw_start(shape.size, rng)
    sentences = [wording.start.format(amount=value, **words)]
    left = shape.n_steps
    while left:
        product = left > 1 and rng.random() < _PRODUCT and _product_change(value, shape.size, rng)
        if product:
            op, factor, amount = product
            value = OPERATIONS[op](value, factor * amount)
            sentences.append(wording.changes[f"{op}*"].format(factor=factor, amount=amount, **words))
            left -= 2
        else:
            change = draw_change(value, shape.size, rng)
            value = OPERATIONS[change.op](value, change.amount)
            sentences.append(wording.changes[change.op].format(amount=change.amount, **words))
            left -= 1
    return " ".join([*sentences, wording.ask.format(**words)])


def _product_change(value: int, size: int, rng: random.Random) -> tuple[str, int, int] | None:
    factor, amount = draw_factor(size, rng), draw_start(min(size, 1), rng)
    ops = [op for op in "+-" if 1 <= OPERATIONS[op](value, factor * amount) <= MAX_VALUE]
    return (rng.choice(ops), factor, amount) if ops else None


def parse(text: str) -> Expression | None:
    """What a machine ends with, or None if the text is not one."""
    for start, change, ask in _PATTERNS:
        begun = start.match(text)
        if begun and ask.search(text):
            found: Expression = int(begun["amount"])
            for said in change.finditer(text, begun.end()):
                kind = next(op for op, group in _GROUPS.items() if said[group])
                found = combined(found, kind[0], _amount(said[_GROUPS[kind]]))
            return None if isinstance(found, int) else found
    return None


_GROUPS = {"+": "plus", "-": "minus", "*": "times", "+*": "plus_product", "-*": "minus_product"}


def _amount(sentence: str) -> Expression:
    numbers = [int(n) for n in re.findall(r"\d+", sentence)]
    return combined(numbers[0], "*", numbers[1]) if len(numbers) > 1 else numbers[0]


def _pattern(sentence: str, amount: str = r"\d+") -> str:
    blanks = {"amount": amount, "factor": r"\d+", "name": r"\w+", "item": r"\w+"}
    return re.sub(r"\\{(\w+)\\}", lambda m: blanks[m[1]], re.escape(sentence))


_PATTERNS = [
    (
        re.compile(_pattern(w.start, r"(?P<amount>\d+)")),
        re.compile("|".join(f"(?P<{_GROUPS[op]}>{_pattern(said)})" for op, said in w.changes.items())),
        re.compile(_pattern(w.ask)),
    )
    for w in _WORDINGS
]
