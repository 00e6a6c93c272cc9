"""One way of writing for what LaTeX, Unicode and plain text write in many: spaces, fonts, fractions, symbols.

What is rewritten here means the same in every context; what depends on the rest of the answer (units,
percent, separators, choices) is read in `numerals` and `reading`.
"""

from __future__ import annotations

import re

_SYMBOLS = str.maketrans(
    {
        "\N{MINUS SIGN}": "-",
        "\N{EN DASH}": "-",
        "\N{MULTIPLICATION SIGN}": r" \times ",
        "÷": "/",
        "·": r" \cdot ",
        "⋅": r" \cdot ",
        "π": r" \pi ",
        "∞": r" \infty ",
        "≤": r" \le ",
        "≥": r" \ge ",
        "≠": r" \ne ",
        "≈": r" \approx ",
        "\N{UNION}": r" \cup ",
        "∩": r" \cap ",
        "∈": r" \in ",
        "∅": r" \emptyset ",
        "±": r" \pm ",
        "°": r"^\circ",
        "²": "^2",
        "³": "^3",
        "½": r"\frac{1}{2}",
        "¼": r"\frac{1}{4}",
        "¾": r"\frac{3}{4}",
        "\N{FULLWIDTH COMMA}": ",",
        "\N{FULLWIDTH LEFT PARENTHESIS}": "(",
        "\N{FULLWIDTH RIGHT PARENTHESIS}": ")",
        "\N{NO-BREAK SPACE}": " ",
        "\N{NARROW NO-BREAK SPACE}": " ",
        "\0": None,
    }
)

ROW_END = r"\cr "
"""Between the rows of a matrix, so that no double backslash is left."""
_FONTS = (
    r"\\(?:text|textbf|textit|textrm|textnormal|textsf|texttt|mathrm|mathbf|mathit|mathsf|mathtt|mbox|bf|rm)"
)
FUNCTIONS = "sqrt|sin|cos|tan|cot|sec|csc|log|ln|exp|pi"

_REWRITES: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern), by)
    for pattern, by in (
        (r"\\[()\[\]]|\$\$|(?<!\\)\$|\\\$|[€£]", " "),  # delimiters of mathematics, and currencies
        (r"\\(?:left|right|[bB]igg?[lrm]?)(?![a-zA-Z])\s*\.?(?=\W|$)", ""),
        (r",\\!\s*", ","),
        (r"\\!|\\displaystyle|\\limits", ""),
        (r"\\[,;:> ]|~|\\q?quad(?![a-zA-Z])|\\(?:hspace|phantom)\{[^{}]*\}|\\(?:newline|n)(?![a-zA-Z])", " "),
        (r"\{,\}", ","),
        (rf"{_FONTS}\s*\{{\s*(and|or)\s*\}}", r" \1 "),
        (r",\s*(?:and|or)\b", ", "),
        (r"\\[dtc]frac", r"\\frac"),
        (rf"{_FONTS}\s*\{{\s*(\W*\w?\W*)\s*\}}", r"\1"),  # \mathrm{i}, \textbf{(B)}
        (rf"{_FONTS}\s*\{{([^{{}}]*\d[^{{}}]*)\}}", r"\1"),  # \text{5 cm}
        (rf"{_FONTS}\s*\{{", r"\\text{"),
        (r"\\text\{\s+", r"\\text{"),
        (r"\\frac\s*(\d)\s*(\d)", r"\\frac{\1}{\2}"),
        (r"\\frac\s*(\d)\s*\{", r"\\frac{\1}{"),
        (r"(\\frac\s*\{[^{}]*\})\s*(\w)", r"\1{\2}"),
        (r"\\sqrt\s*(\w)", r"\\sqrt{\1}"),
        (r"\^\s*\{?\s*(?:\\circ|\\degree)\s*\}?|\\degree(?![a-zA-Z])", r"\\degree "),
        (r"\\%", "%"),
        (r"\\(?:leq|leqslant)(?![a-zA-Z])", r"\\le "),
        (r"\\(?:geq|geqslant)(?![a-zA-Z])", r"\\ge "),
        (r"<=", r" \\le "),
        (r">=", r" \\ge "),
        (r"\\(?:neq)(?![a-zA-Z])", r"\\ne "),
        (r"\\varnothing|\\emptyset|\\\{\s*\\\}", r"\\emptyset "),
        (r"\*\*", "^"),
        (r"\\ast|\\cdot(?![a-zA-Z])", "*"),
        (rf"(?<![\\a-zA-Z])({FUNCTIONS})(?![a-zA-Z])", r"\\\1 "),
        (r"(?<![\\a-zA-Z])(?:infinity|infty|inf|oo)(?![a-zA-Z])", r"\\infty "),
        (r"\\sqrt\s*\(([^()]*)\)", r"\\sqrt{\1}"),
        (r"\^\s*\((-?\w+)\)", r"^{\1}"),
        (r"\^\s*\{\s*(\w)\s*\}", r"^\1"),
        (r"\^(-\d+|\d{2,})", r"^{\1}"),
        (r"_\s*\{\s*(\w+)\s*\}", r"_\1"),
        (r"\s+", " "),
        (r" ?([-+*/^_={}();<>|%]) ?| (?=,)", r"\1"),
        (r"(\\[a-zA-Z]+) (?=[^a-zA-Z])", r"\1"),
    )
)
_SINGLE_BACKSLASH = re.compile(r"(?<!\\)(?:\\\\)*\\(?!\\)")
_EMPTY_SCRIPT = re.compile(r"\{\}")
_ENDING = re.compile(r"(?<=[^.\s])\s*\.$|[\s:;,]+$")


def rewritten(text: str) -> str:
    """The answer in one way of writing; the same text again if it is in it already, or cannot be."""
    found = text.translate(_SYMBOLS)
    if "\\\\" in found and not _SINGLE_BACKSLASH.search(found):  # LaTeX that was escaped once too often
        found = found.replace("\\\\", "\\")
    if "\\begin{" in found:
        found = found.replace("\\\\", ROW_END)
    for pattern, by in _REWRITES:
        found = pattern.sub(by, found)
    return _ENDING.sub("", _EMPTY_SCRIPT.sub("", found.strip())).strip()
