"""World problems as arithmetic: one expression of sums and products, reduced step by step to a number.

Every family writes its own English, but all of them reduce to this one form, so a single checker judges them
all. A sum does not know in which order it is added up, nor a product: a problem has as many derivations as
its expression has ways to be reduced.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import reduce
from typing import TypeVar

T = TypeVar("T")

OPERATIONS: dict[str, Callable[[int, int], int]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
}


@dataclass(frozen=True, slots=True)
class Sum:
    """Terms with their signs (1 or -1), in the order of the text; no term is a sum."""

    terms: tuple[tuple[int, Expression], ...]


@dataclass(frozen=True, slots=True)
class Product:
    """Factors in the order of the text; no factor is a product."""

    factors: tuple[Expression, ...]


Expression = int | Sum | Product


@dataclass(frozen=True, slots=True)
class Pair:
    """Two numbers of one sum or product that a step may combine; `left` is not the smaller one of a
    subtraction."""

    left: int
    op: str
    right: int

    @property
    def result(self) -> int:
        """What the step makes of them."""
        return OPERATIONS[self.op](self.left, self.right)

    def lines(self) -> tuple[str, ...]:
        """The ways to write the step."""
        orders = [(self.left, self.right)]
        if self.op != "-" and self.left != self.right:
            orders.append((self.right, self.left))
        return tuple(f"{left} {self.op} {right} = {self.result}" for left, right in orders)


def combined(left: Expression, op: str, right: Expression) -> Expression:
    """The expression `left op right`."""
    if op == "*":
        return _product([left, right])
    return _sum([(1, left), (1 if op == "+" else -1, right)])


def total(parts: Iterable[Expression]) -> Expression:
    """The sum of expressions; there is at least one."""
    return _sum([(1, part) for part in parts])


def value(expression: Expression) -> int:
    """The number that an expression stands for."""
    match expression:
        case Sum(terms):
            return sum(sign * value(term) for sign, term in terms)
        case Product(factors):
            return reduce(operator.mul, map(value, factors))
        case _:
            return expression


def canonical(expression: Expression) -> str:
    """A text that is equal for expressions that differ only in the order of terms and factors."""
    match expression:
        case Sum(terms):
            return "(" + "".join(sorted(f"{'+-'[sign < 0]}{canonical(term)}" for sign, term in terms)) + ")"
        case Product(factors):
            return "*".join(sorted(map(canonical, factors)))
        case _:
            return str(expression)


def pairs(expression: Expression, *, neighbours: bool = False) -> Iterator[Pair]:
    """Yield the pairs that a step may combine, the innermost and first of the text first; of `neighbours`
    only those whose numbers stand side by side."""
    if isinstance(expression, Product):
        for factor in expression.factors:
            yield from pairs(factor, neighbours=neighbours)
        numbers = [(1, factor) for factor in expression.factors if isinstance(factor, int)]
        ops = {1: "*"}
    elif isinstance(expression, Sum):
        for _, term in expression.terms:
            yield from pairs(term, neighbours=neighbours)
        numbers = [(sign, term) for sign, term in expression.terms if isinstance(term, int)]
        ops = {1: "+", -1: "-"}
    else:
        return
    for place, (sign, first) in enumerate(numbers):
        for other_sign, other in numbers[place + 1 : place + 2 if neighbours else None]:
            op = ops[sign * other_sign]
            swapped = op == "-" and first < other
            yield Pair(other, op, first) if swapped else Pair(first, op, other)


def reduced_everywhere(expression: Expression, pair: Pair) -> Expression:
    """The expression with the pair combined wherever it stands: who needs a number twice computes it once."""
    match expression:
        case Sum(terms):
            terms = tuple((sign, reduced_everywhere(term, pair)) for sign, term in terms)
            while after := next(_within_sum(terms, pair), None):
                terms = after
            return _sum(terms)
        case Product(factors):
            factors = tuple(reduced_everywhere(factor, pair) for factor in factors)
            while shorter := _within_product(factors, pair):
                factors = shorter
            return _product(factors)
        case _:
            return expression


def reduced_once(expression: Expression, pair: Pair) -> Iterator[Expression]:
    """Yield the expressions in which the pair is combined at one place."""
    if isinstance(expression, Sum):
        terms = expression.terms
        yield from (_sum(after) for after in _within_sum(terms, pair))
        for place, (sign, term) in enumerate(terms):
            for inner in reduced_once(term, pair):
                yield _sum([*terms[:place], (sign, inner), *terms[place + 1 :]])
    elif isinstance(expression, Product):
        factors = expression.factors
        if shorter := _within_product(factors, pair):
            yield _product(shorter)
        for place, factor in enumerate(factors):
            for inner in reduced_once(factor, pair):
                yield _product([*factors[:place], inner, *factors[place + 1 :]])


Terms = tuple[tuple[int, Expression], ...]


def _within_sum(terms: Terms, pair: Pair) -> Iterator[Terms]:
    """Yield the terms with the pair combined: of equal signs for `+`, of different ones for `-`."""
    if pair.op == "*":
        return
    for sign in (1, -1):
        first, second = (sign, pair.left), (sign if pair.op == "+" else -sign, pair.right)
        if (rest := _without(terms, first, second)) is not None:
            place, others = rest
            yield (*others[:place], (sign, pair.result), *others[place:])


def _within_product(factors: tuple[Expression, ...], pair: Pair) -> tuple[Expression, ...] | None:
    if pair.op != "*" or (rest := _without(factors, pair.left, pair.right)) is None:
        return None
    place, others = rest
    return (*others[:place], pair.result, *others[place:])


def _without(items: tuple[T, ...], first: T, second: T) -> tuple[int, tuple[T, ...]] | None:
    """Return the items without these two, and the place of the one that came first; None if they are not
    there."""
    if first not in items or second not in items:
        return None
    others = list(items)
    others.remove(first)
    if second not in others:
        return None
    place = min(items.index(first), items.index(second))
    others.remove(second)
    return place, tuple(others)


def _sum(terms: Terms | list[tuple[int, Expression]]) -> Expression:
    flat: list[tuple[int, Expression]] = []
    for sign, term in terms:
        if isinstance(term, Sum):
            flat += [(sign * inner_sign, inner) for inner_sign, inner in term.terms]
        else:
            flat.append((sign, term))
    return flat[0][1] if len(flat) == 1 and flat[0][0] == 1 else Sum(tuple(flat))


def _product(factors: tuple[Expression, ...] | list[Expression]) -> Expression:
    flat: list[Expression] = []
    for factor in factors:
        flat += factor.factors if isinstance(factor, Product) else [factor]
    return flat[0] if len(flat) == 1 else Product(tuple(flat))
