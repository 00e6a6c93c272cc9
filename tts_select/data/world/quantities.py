"""World problems as arithmetic: quantities, each given or computed from earlier ones.

Every family writes its own English, but all of them reduce to this one form, so a single checker
judges them all.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from dataclasses import dataclass

OPERATIONS: dict[str, Callable[[int, int], int]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
}

COMMUTATIVE = frozenset("+*")


@dataclass(frozen=True, slots=True)
class Ref:
    """A reference to another quantity, by its index in `Facts.quantities`."""

    index: int


Operand = int | Ref


@dataclass(frozen=True, slots=True)
class Quantity:
    """The quantity that one line of a solution computes."""

    left: Operand
    op: str
    right: Operand


@dataclass(frozen=True, slots=True)
class Facts:
    """The computed quantities of a problem in an order in which each needs only earlier ones.

    `core` lists the indices needed for the answer, in solution order; the last of them is asked for.
    """

    quantities: tuple[Quantity, ...]
    core: tuple[int, ...]

    def values(self) -> list[int]:
        """The value of every quantity."""
        known: list[int] = []
        for quantity in self.quantities:
            left, right = (resolve(side, known) for side in (quantity.left, quantity.right))
            known.append(OPERATIONS[quantity.op](left, right))
        return known

    def answer(self) -> int:
        """The value that the problem asks for."""
        return self.values()[self.core[-1]]

    def canonical(self) -> str:
        """The arithmetic of the core alone: equal for problems that differ in names or distractors."""
        place = {index: k for k, index in enumerate(self.core)}

        def show(side: Operand) -> str:
            return f"q{place[side.index]}" if isinstance(side, Ref) else str(side)

        return ";".join(
            f"{show(q.left)}{q.op}{show(q.right)}" for q in (self.quantities[i] for i in self.core)
        )


def resolve(side: Operand, known: list[int]) -> int:
    """Return the number behind an operand, given the values of the quantities so far."""
    return known[side.index] if isinstance(side, Ref) else side
