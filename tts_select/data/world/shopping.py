"""Family `shopping`: unit prices looked up, multiplied and summed, then a fee or a voucher."""

from __future__ import annotations

import random
import re

from tts_select.data.world.levels import MAX_VALUE, Shape, draw_factor, draw_start
from tts_select.data.world.quantities import Facts, Operand, Quantity, Ref
from tts_select.data.world.stories import NAMES

GOODS = ("pens", "cups", "bags", "lamps", "hats", "maps", "rugs", "keys")
_EXTRAS = {"+": "Delivery adds {} coins.", "-": "A voucher takes off {} coins."}

_PRICE = re.compile(r"(\w+) cost (\d+) coins each\.")
_BOUGHT = re.compile(r"(\w+) buys ([^.]*)\.")
_COUNT = re.compile(r"(\d+) (\w+)")
_EXTRA = re.compile(r"(Delivery adds|A voucher takes off) (\d+) coins\.")


def draw(shape: Shape, rng: random.Random) -> str:
    """A purchase of k goods takes 2k - 1 steps; an even `shape.n_steps` ends in a fee or a voucher."""
    n_goods = (shape.n_steps + 1) // 2
    goods = rng.sample(GOODS, n_goods + min(shape.distractors, len(GOODS) - n_goods))
    counts = [draw_factor(shape.size, rng) for _ in range(n_goods)]
    affordable = MAX_VALUE // (10 * n_goods)
    prices = [draw_start(shape.size, rng, at_most=affordable) for _ in goods]
    total = sum(count * price for count, price in zip(counts, prices, strict=False))
    listing = list(zip(goods, prices, strict=True))
    if len(goods) > n_goods:
        listing.insert(rng.randrange(len(listing)), listing.pop())
    if shape.shuffled and len(listing) > 1:
        swap = rng.randrange(len(listing) - 1)
        listing[swap], listing[swap + 1] = listing[swap + 1], listing[swap]
    sentences = [f"{good.capitalize()} cost {price} coins each." for good, price in listing]
    bought = " and ".join(f"{n} {good}" for n, good in zip(counts, goods, strict=False))
    name = rng.choice(NAMES)
    sentences.append(f"{name} buys {bought}.")
    if shape.n_steps % 2 == 0:
        op = rng.choice("+-") if total > 1 else "+"
        amount = draw_start(shape.size, rng)
        sentences.append(_EXTRAS[op].format(amount if op == "+" else min(amount, total - 1)))
    return " ".join([*sentences, f"How many coins does {name} pay?"])


def parse(text: str) -> Facts | None:
    """The facts of a shopping text, or None if it is not one."""
    prices = {m[1].lower(): int(m[2]) for m in _PRICE.finditer(text)}
    purchase = _BOUGHT.search(text)
    basket = _COUNT.findall(purchase[2]) if purchase else []
    if not basket or any(good not in prices for _, good in basket):
        return None
    quantities: list[Quantity] = []
    total: Operand | None = None

    def add(left: Operand, op: str, right: Operand) -> Ref:
        quantities.append(Quantity(left, op, right))
        return Ref(len(quantities) - 1)

    for count, good in basket:
        cost = add(int(count), "*", prices[good])
        total = cost if total is None else add(total, "+", cost)
    if total is not None and (extra := _EXTRA.search(text)):
        add(total, "+" if extra[1].startswith("Delivery") else "-", int(extra[2]))
    return Facts(tuple(quantities), tuple(range(len(quantities))))
