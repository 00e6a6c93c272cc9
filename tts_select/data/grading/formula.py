"""Reads a formula as a whole, or not at all: what cannot be read to its end is no formula.

Libraries that read LaTeX drop what they do not know, so that `3√2` and `3√5` become 3; this parser drops
nothing. It reads rewritten text (`notation`) into trees of (operator, operands), which `evaluation` computes.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from fractions import Fraction
from functools import lru_cache
from typing import Any

from tts_select.data.grading.numerals import enough_decimals

Node = tuple[Any, ...]
"""("number", Fraction), ("decimal", Fraction, half its last digit), ("symbol", name), (operator, *nodes)."""

_FUNCTION_NAMES = """
sin cos tan cot sec csc arcsin arccos arctan arccot arcsec arccsc sinh cosh tanh coth log ln lg exp max min
gcd lcm Re Im arg
"""
FUNCTIONS = frozenset(_FUNCTION_NAMES.split())
_ARC = {name: f"arc{name}" for name in ("sin", "cos", "tan", "cot", "sec", "csc")}
_GREEK_NAMES = """
alpha beta gamma delta epsilon varepsilon zeta eta theta vartheta iota kappa lambda mu nu xi rho sigma tau
upsilon phi varphi chi psi omega Gamma Delta Theta Lambda Xi Pi Sigma Upsilon Phi Psi Omega ell hbar
"""
_GREEK = frozenset(_GREEK_NAMES.split())
_CLOSERS = {"(": ")", "[": "]", "{": "}", "\\lfloor": "\\rfloor", "\\lceil": "\\rceil"}
_BARS = frozenset({"|", "\\|"})
_AROUND = {"\\lfloor": "floor", "\\lceil": "ceiling"}
_CONSTANTS = {"pi": "pi", "infty": "infinity"}
_APPLIED = frozenset("fghFGHP")
"""Letters that name functions where a bracket follows."""
_TOKEN = re.compile(
    r"\s*(\d+(?:\.\d+)?\.?(?![\d.])|\.\d+|\\[a-zA-Z]+|\\[{}|]|[a-zA-Z]|[-+*/^_!|()\[\]{}%,'=])\s*"
)
_DEGREE: Node = ("/", ("constant", "pi"), ("number", Fraction(180)))
_SHORT = 3
"""Letters that stand together as a product of variables; longer words are words."""
_MAX_DEPTH = 60


class Unreadable(Exception):
    """The text is no formula that can be read as a whole."""


@lru_cache(maxsize=4096)
def formula(text: str) -> Node | None:
    """The tree of a formula, or None."""
    try:
        return _Parser(_tokens(text)).whole()
    except (Unreadable, RecursionError):
        return None


def symbols(node: Node) -> frozenset[str]:
    """The names of its variables."""
    if node[0] == "symbol":
        return frozenset({node[1]})
    if node[0] in ("sum", "prod"):
        return symbols(node[2]) | symbols(node[3]) | symbols(node[4]) - {node[1][1]}
    found: frozenset[str] = frozenset()
    for part in node[1:]:
        if isinstance(part, tuple):
            found |= symbols(part)
    return found


def has(node: Node, *operators: str) -> bool:
    """Whether an operator stands anywhere in it."""
    return node[0] in operators or any(isinstance(part, tuple) and has(part, *operators) for part in node[1:])


def _tokens(text: str) -> list[str]:
    found, place = [], 0
    while place < len(text):
        token = _TOKEN.match(text, place)
        if token is None:
            raise Unreadable(text[place:])
        found.append(token[1])
        place = token.end()
    if any(len(word) > _SHORT for word in re.findall(r"(?<![\\a-zA-Z])[a-zA-Z]+", text)):
        raise Unreadable(text)
    return found


@dataclass(slots=True)
class _Parser:
    tokens: list[str]
    place: int = 0
    depth: int = 0
    bound: list[str] = field(default_factory=list)
    """The indices of the sums that are being read."""
    in_function: bool = False
    """Where degrees are an angle, and not a unit that may be left out."""

    def whole(self) -> Node:
        found = self._sum()
        if self.place < len(self.tokens):
            raise Unreadable(self._next)
        return found

    @property
    def _next(self) -> str:
        return self.tokens[self.place] if self.place < len(self.tokens) else ""

    def _take(self) -> str:
        token = self._next
        self.place += 1
        return token

    def _expect(self, token: str) -> None:
        if self._take() != token:
            raise Unreadable(token)

    def _sum(self) -> Node:
        self.depth += 1
        if self.depth > _MAX_DEPTH:
            raise Unreadable("too deep")
        found = self._product()
        while self._next in ("+", "-"):
            operator = self._take()
            other = self._product()
            found = ("+", found, other if operator == "+" else ("negative", other))
        self.depth -= 1
        return found

    def _product(self) -> Node:
        sign = 1
        while self._next in ("+", "-"):
            sign = -sign if self._take() == "-" else sign
        found = self._power()
        while self._next:
            if self._next in ("*", "\\times"):
                self._take()
                found = ("*", found, self._signed())
            elif self._next in ("/", "\\div"):
                self._take()
                found = ("/", found, self._signed())
            elif self._begins_factor():
                if self._next[:1].isdigit() and self.tokens[self.place - 1][-1:].isdigit():
                    raise Unreadable("two numbers side by side")
                found = ("*", found, self._power())
            else:
                break
        return found if sign > 0 else ("negative", found)

    def _signed(self) -> Node:
        if self._next in ("-", "+"):
            return ("negative", self._signed()) if self._take() == "-" else self._signed()
        return self._power()

    def _begins_factor(self) -> bool:
        token = self._next
        return bool(re.match(r"[\d.a-zA-Z({\[]", token)) or (
            token.startswith("\\") and token not in ("\\}", "\\rfloor", "\\rceil", "\\|", "\\times", "\\div")
        )

    def _power(self) -> Node:
        base = self._mixed(self._postfixed(self._base()))
        if self._next == "^":
            self._take()
            base = self._postfixed(("^", base, self._script()))
        return base

    def _mixed(self, base: Node) -> Node:
        """`2\\frac12` is two and a half."""
        is_whole = base[0] == "number" and base[1].denominator == 1
        if (
            not is_whole
            or self._next != "\\frac"
            or self.place == 0
            or not self.tokens[self.place - 1].isdigit()
        ):
            return base
        start = self.place
        part = self._base()
        proper = part[1][0] == part[2][0] == "number" and 0 < part[1][1] < part[2][1]
        if proper:
            return ("+", base, part)
        self.place = start
        return base

    def _postfixed(self, base: Node) -> Node:
        while self._next in ("!", "%", "\\degree"):
            mark = self._take()
            base = {
                "!": ("factorial", base),
                "%": ("/", base, ("number", Fraction(100))),
                "\\degree": ("*", base, _DEGREE) if self.in_function else base,
            }[mark]
        return base

    def _script(self) -> Node:
        if self._next in ("-", "+"):
            return ("negative", self._script()) if self._take() == "-" else self._script()
        return self._postfixed(self._base())

    def _base(self) -> Node:
        token = self._take()
        if token[:1].isdigit() or token[:1] == ".":
            return _number(token)
        if token in _BARS:
            inside = self._sum()
            self._expect(token)
            return ("abs", inside)
        if token in _CLOSERS:
            return self._enclosed(token)
        if token.startswith("\\"):
            return self._command(token[1:])
        if token.isalpha():
            return self._named(token)
        raise Unreadable(token)

    def _enclosed(self, opening: str) -> Node:
        inside = self._sum()
        self._expect(_CLOSERS[opening])
        return (_AROUND[opening], inside) if opening in _AROUND else inside

    def _group(self) -> Node:
        if self._next == "{":
            self._take()
            return self._enclosed("{")
        return self._base()

    def _command(self, name: str) -> Node:
        if (constant := _CONSTANTS.get(name)) is not None:
            return ("constant", constant)
        if name in ("frac", "binom"):
            return ("/" if name == "frac" else "binomial", self._group(), self._group())
        if name in _GREEK:
            return self._named("\\" + name)
        if name in FUNCTIONS:
            return self._function(name)
        if name == "sqrt":
            return self._root()
        if name not in ("sum", "prod"):
            raise Unreadable(name)
        return self._series(name)

    def _root(self) -> Node:
        index: Node = ("number", Fraction(2))
        if self._next == "[":
            self._take()
            index = self._enclosed("[")
        return ("root", self._group(), index)

    def _function(self, name: str) -> Node:
        base: Node | None = None
        power: Node | None = None
        while self._next in ("_", "^"):
            if self._take() == "_":
                base = self._script()
            else:
                power = self._script()
        self.in_function, was_in_function = True, self.in_function
        argument = self._argument()
        self.in_function = was_in_function
        if power == ("negative", ("number", Fraction(1))) and name in _ARC:
            return (_ARC[name], *argument)
        found = (name, *argument, base) if base is not None else (name, *argument)
        return found if power is None else ("^", found, power)

    def _series(self, name: str) -> Node:
        """`\\sum_{k=1}^{n} k^2`, in which k is no variable of the whole."""
        self._expect("_")
        self._expect("{")
        index = self._take()
        self._expect("=")
        low = self._sum()
        self._expect("}")
        self._expect("^")
        high = self._script()
        self.bound.append(index)
        body = self._product()
        self.bound.pop()
        return (name, ("index", index), low, high, body)

    def _argument(self) -> list[Node]:
        if self._next in ("(", "{", "["):
            closing = _CLOSERS[self._take()]
            found = [self._sum()]
            while self._next == ",":
                self._take()
                found.append(self._sum())
            self._expect(closing)
            return found
        found_one = self._signed()
        while self._begins_factor() and self._next.lstrip("\\") not in FUNCTIONS and self._next != "(":
            found_one = ("*", found_one, self._power())
        return [found_one]

    def _named(self, name: str) -> Node:
        if name in self.bound:
            return ("symbol", name)
        if name in ("i", "I") and self._next != "_":
            return ("constant", "i")
        if name == "e" and self._next != "_":
            return ("constant", "e")
        if self._next == "_":
            self._take()
            name += f"_{self._subscript()}"
        while self._next == "'":
            name += self._take()
        if name[0] in _APPLIED and self._next == "(":
            return ("applied", ("name", name), *self._argument())
        return ("symbol", name)

    def _subscript(self) -> str:
        if self._next != "{":
            return self._take()
        self._take()
        start = self.place
        while self._next not in ("}", ""):
            self._take()
        self._expect("}")
        return "".join(self.tokens[start : self.place - 1])


def _number(token: str) -> Node:
    value, decimals = Fraction(token.rstrip(".")), enough_decimals(token.rstrip("."))
    if decimals is None:
        return ("number", value)
    return ("decimal", value, Fraction(1, 2 * 10**decimals))
