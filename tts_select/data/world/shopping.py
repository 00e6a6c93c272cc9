"""Family `shopping`: contents or prices looked up, multiplied and summed, then something added or taken."""

from __future__ import annotations

import random
import re

from tts_select.data.world.expressions import Expression, combined, total
from tts_select.data.world.levels import MAX_VALUE, Shape, draw_factor, draw_start, swap_neighbours
from tts_select.data.world.words import CONTAINERS, GOODS, ITEMS, NAMES

_FEES = {"+": "Delivery adds {} coins.", "-": "A voucher takes off {} coins."}
_GIFTS = {"+": "{name} gets {} {item}.", "-": "{name} gives away {} {item}."}

_PRICE = re.compile(r"(\w+) (?:cost|have) (\d+) \w+ each\.")
_BOUGHT = re.compile(r"\w+ (?:buys|has) (\d+ \w+(?: and \d+ \w+)*)\.")
_COUNT = re.compile(r"(\d+) (\w+)")
_EXTRA = re.compile(r"(Delivery adds|\w+ gets|A voucher takes off|\w+ gives away) (\d+) \w+\.")


def draw(shape: Shape, rng: random.Random) -> str:
    """A purchase of k goods takes 2k - 1 steps; an even `shape.n_steps` ends in a fee or a voucher. Or it is
    k kinds of containers that somebody has, and a gift."""
    is_sale = rng.random() < 0.5
    n_goods = (shape.n_steps + 1) // 2
    shelf = GOODS if is_sale else CONTAINERS
    goods = rng.sample(shelf, n_goods + min(shape.distractors, len(shelf) - n_goods))
    counts = [draw_factor(shape.size, rng) for _ in range(n_goods)]
    affordable = MAX_VALUE // (10 * n_goods)
    prices = [draw_start(shape.size, rng, at_most=affordable) for _ in goods]
    paid = sum(count * price for count, price in zip(counts, prices, strict=False))
    name = rng.choice(NAMES)
    item = "coins" if is_sale else rng.choice(ITEMS)
    verb, deed, ask = ("cost", "buys", "pay") if is_sale else ("have", "has", "have")
    listing = _listing(list(zip(goods, prices, strict=True)), n_goods, shape, rng)
    sentences = [f"{good.capitalize()} {verb} {price} {item} each." for good, price in listing]
    basket = " and ".join(f"{n} {good}" for n, good in zip(counts, goods, strict=False))
    sentences.append(f"{name} {deed} {basket}.")
    if shape.n_steps % 2 == 0:
        op = rng.choice("+-") if paid > 1 else "+"
        amount = draw_start(shape.size, rng)
        said = (_FEES if is_sale else _GIFTS)[op]
        sentences.append(said.format(amount if op == "+" else min(amount, paid - 1), name=name, item=item))
    return " ".join([*sentences, f"How many {item} does {name} {ask}?"])


def _listing(
    listing: list[tuple[str, int]], n_goods: int, shape: Shape, rng: random.Random
) -> list[tuple[str, int]]:
    if len(listing) > n_goods:
        listing.insert(rng.randrange(len(listing)), listing.pop())
    if shape.shuffled and len(listing) > 1:
        swap_neighbours(listing, rng)
    return listing


def parse(text: str) -> Expression | None:
    """What is to be paid, or is there, or None if the text is not a purchase."""
    prices = {m[1].lower(): int(m[2]) for m in _PRICE.finditer(text)}
    purchase = _BOUGHT.search(text)
    basket = _COUNT.findall(purchase[1]) if purchase else []
    if not basket or any(good not in prices for _, good in basket):
        return None
    cost = total(combined(int(count), "*", prices[good]) for count, good in basket)
    extra = _EXTRA.search(text)
    if not extra:
        return cost
    return combined(cost, "+" if extra[1].split()[-1] in ("adds", "gets") else "-", int(extra[2]))
