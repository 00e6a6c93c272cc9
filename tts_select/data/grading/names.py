"""What a value is assigned to: the x of `x=5`, the f(x) of `f(x)=x^2`, the (x,y) of `(x,y)=(1,2)`."""

from __future__ import annotations

import re

_NAMES = (
    # x, x_1, f(x), \theta, P(A \cup B)
    r"\\?[a-zA-Z]+(?:_\w|_\{[^{}]*\})?'*(?:\((?:[^()=<>]|\([^()=<>]*\))*\))?",
    r"\|[^|=<>]{1,40}\|",
    r"[a-zA-Z]\^(?:\{-1\}|-1)\([a-z]\)",
    r"\\frac\{d\^?\d?[a-zA-Z]?\}\{d[a-zA-Z](?:\^\d)?\}[a-z]?(?:\([a-z]\))?",
    r"\\text\{[^{}:]*:? ?\}",
    r"\\begin\{[bp]matrix\}(?:\w|\\cr ?|&)+\\end\{[bp]matrix\}",
    r"m?\\(?:angle|overline|triangle|vec|hat|bar|overrightarrow|mathbf|boldsymbol) ?\{?[a-zA-Z]+\}?",
    r"\([a-zA-Z](?:_\w)?(?:,[ ]?[a-zA-Z](?:_\w)?)+\)",  # (x, y)
    r"[a-zA-Z]+ [a-zA-Z]+",
)
_LABELLED = re.compile(r"\\text\{([^{}:]+): ?\}(.+)", re.DOTALL)
_ASSIGNED = re.compile(
    rf"(?P<name>{'|'.join(_NAMES)})(?:=|\\approx ?|\\in ?|:(?= ?[^\d ]))(?P<value>[^=<>]+)", re.DOTALL
)


def assigned(text: str) -> tuple[str, str]:
    """`x=5` as its name and its value; anything else is a value without a name."""
    if labelled := _LABELLED.fullmatch(text):
        return labelled[1].strip(), labelled[2].strip()
    found = _ASSIGNED.fullmatch(text)
    if found is None or "\\le" in found["value"] or "\\ge" in found["value"]:
        return "", text
    return found["name"].replace(" ", ""), found["value"].strip()
