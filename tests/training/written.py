"""Problems as people write them, made up from parts: word problems, competition mathematics, code."""

from __future__ import annotations

import numpy as np

NAMES = ("Maria", "Tom", "Priya", "Kenji", "Olga", "Samuel", "Lina", "Ahmed", "Greta", "Diego")
THINGS = (
    "apples",
    "pencils",
    "stickers",
    "books",
    "tickets",
    "marbles",
    "cookies",
    "shirts",
    "plants",
    "cards",
)
PLACES = (
    "at the market",
    "in the garden",
    "after school",
    "on her birthday",
    "during the summer",
    "at the bakery",
)
STORIES = (
    "{a} has {x} {t} and buys {y} more {p}. {a} gives {z} of them to {b}. How many {t} does {a} have left?",
    "Every day {p}, {a} sells {x} {t} for ${y} each. How much money does {a} earn in {z} days?",
    "{a} is {x} years old, which is {y} years older than {b}. How old will {b} be in {z} years?",
    "The shop has {x} boxes of {t}, and each box holds {y}. If {z} are broken, how many can {a} still sell?",
    "{a} and {b} share {x} {t} equally. {b} loses {y} and finds {z} others. How many does {b} have now?",
    "A ticket costs ${y}, and {a} needs one for each of {x} friends. If {b} pays ${z}, what must {a} pay?",
    "{a} reads {x} pages on Monday and twice as many on Tuesday. How many of the {y}{z} pages are left?",
)
COMPETITION = (
    r"Let $f(x) = \frac{{{x}x^2 + {y}}}{{x - {z}}}$. Find the sum of all $x$ with $f(x) = f(x^{{-1}})$.",
    r"Find the remainder when $\sum_{{k=1}}^{{{x}}} \binom{{{y}}}{{k}}$ is divided by ${z}$.",
    r"In $\triangle ABC$, $AB={x}$, $BC={y}$ and $\angle B = {z}^\circ$. Find $\cos A = \frac{{m}}{{n}}$.",
    r"What is the smallest $n$ with $\lfloor \sqrt{{n + {x}}} \rfloor \equiv {y} \pmod{{{z}}}$?",
    r"Evaluate $\begin{{vmatrix}} {x} & {y} \\ {y} & {z} \end{{vmatrix}} + \log_{{2}} {x}$.",
)
CODE = (
    "def f(n):\n    total = {x}\n    for k in range({y}):\n        total += k ** {z} % n\n    return total",
    "SELECT count(*) FROM t{x} JOIN u{y} USING (id) WHERE u{y}.k > {z} GROUP BY t{x}.id;",
)


def written(kind: tuple[str, ...], n: int, seed: int) -> list[str]:
    """So many problems of a kind."""
    rng = np.random.default_rng(seed)

    def one() -> str:
        a, b = rng.choice(NAMES, 2, replace=False)
        x, y, z = (int(v) for v in rng.integers(2, 90, 3))
        return str(rng.choice(kind)).format(
            a=a, b=b, x=x, y=y, z=z, t=rng.choice(THINGS), p=rng.choice(PLACES)
        )

    return [one() for _ in range(n)]
