"""One way of writing for what LaTeX, Unicode and plain text write in many: spaces, fonts, fractions, symbols.

What is rewritten here means the same in every context; what depends on the rest of the answer (units,
percent, separators, choices) is read in `numerals` and `reading`.
"""

from __future__ import annotations

import re

from tts_select.data.grading.symbols import in_latex

ROW_END = r"\cr "
"""Between the rows of a matrix, so that no double backslash is left."""
_FONTS = (
    r"\\(?:text|textbf|textit|textrm|textnormal|textsf|texttt|mathrm|mathbf|mathit|mathsf|mathtt|boldsymbol|bm|mbox"
    r"|hbox|emph|operatorname\*?|bf|rm|it)"
)
FUNCTIONS = (
    "arcsin|arccos|arctan|arccot|arcsec|arccsc|sinh|cosh|tanh|coth|sqrt|sin|cos|tan|cot|sec|csc|log|ln|lg|exp|pi"
    "|gcd|lcm|alpha|beta|gamma|delta|theta|lambda|omega|infty|binom|frac|times|cdot|cup|cap"
)
_PLAIN_FUNCTIONS = "|".join(
    name for name in FUNCTIONS.split("|") if name not in ("frac", "binom", "times", "cup", "cap")
)

_REWRITES: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern), by)
    for pattern, by in (
        (r"\\[()\[\]]|\$\$|(?<!\\)\$|\\\$|[€£¥₹]", " "),  # delimiters of mathematics, and currencies
        (r"\\(?:left|right|middle|[bB]igg?[lrm]?)(?![a-zA-Z])\s*\.?(?=\W|$|\\)", ""),
        (r",\\!\s*", ","),
        (r"\\(?:text)?color\{[^{}]*\}|\{\\(?:bf|it|rm|tt|sf) (?=[^{}]*\}$)|\\$", ""),
        (r"\\(?:underline|bbox|framebox|ensuremath|mathord|mathop)\{([^{}]*)\}", r"\1"),
        (rf"{_FONTS}\s*\{{((?:[^{{}}]|\{{[^{{}}]*\}})*\{{(?:[^{{}}]|\{{[^{{}}]*\}})*)\}}", r" \1 "),
        (r"\\!|\\(?:displaystyle|textstyle|limits|nolimits)(?![a-zA-Z])|\\label\{[^{}]*\}", ""),
        (r"\\[,;:> ]|~|\\q?quad|\\(?:hspace|phantom|hphantom)\{[^{}]*\}|\\(?:newline|n)(?![a-zA-Z])", " "),
        (r"\{,\}", ","),
        (rf"{_FONTS}\s*\{{\s*(and|or)\s*\}}", r" \1 "),
        (r"\\(?:lor|vee)(?![a-zA-Z])(?=.*(?:[<>=]|\\[lg]e))", " or "),
        (r"\\(?:land|wedge)(?![a-zA-Z])(?=.*(?:[<>=]|\\[lg]e))", " and "),
        (rf"(?<=[\d}}])\s*(?:{_FONTS})\s*\{{\s*([mgsAKNJWVCFTHLh])\s*\}}", r"\\unit{\1}"),
        (r",\s*(?:and|or)\b", ", "),
        (r"(?<=\d)(and|or)(?=[A-Z\d(\\])", r" \1 "),
        (r"(?<![\w)\]}])\+(?=\\infty)", ""),
        (r"\\(?:[dtc]|nice|s)frac", r"\\frac"),
        (r"\\[dt]binom", r"\\binom"),
        (r"\{([^{}]+)\\over(?![a-zA-Z])([^{}]+)\}", r"\\frac{\1}{\2}"),
        (r"\{([^{}]+)\\choose(?![a-zA-Z])([^{}]+)\}", r"\\binom{\1}{\2}"),
        (rf"(?<![\d}}])(?<![\d}}]\s){_FONTS}\s*\{{\s*({FUNCTIONS}|max|min)\s*\}}", r"\\\1 "),
        (rf"{_FONTS}\s*\{{\s*(\W*\w?\W*)\s*\}}", r"\1"),  # \mathrm{i}, \textbf{(B)}
        (rf"{_FONTS}\s*\{{([^{{}}]*\d[^{{}}]*)\}}", r"\1"),  # \text{5 cm}
        (rf"{_FONTS}\s*\{{", r"\\text{"),
        (r"\\unit\{", r"\\text{"),
        (r"\\text\{([^{}]*(?:,| and | or )[^{}]*)\}", r" \1 "),
        (r"(\d) ?(?:\\text\{ ?)?to(?: ?\})? ?(?=\d)", r"\1:"),
        (r"(?<![a-zA-Z\\\d])C\((\d+), ?(\d+)\)|(?<![\w.])(\d+)C(\d+)(?!\w)", r"\\binom{\1\3}{\2\4}"),
        (r"\\text\{\s+", r"\\text{"),
        (r"\\text\{([^{}]*?)\s+\}", r"\\text{\1}"),
        (r"\\[lr]?(?:vert|Vert)(?![a-zA-Z])|\\\|", "|"),
        (r"(?<![a-zA-Z\\])(?:abs|Abs)\(([^()]*)\)", r"|\1|"),
        (r"\\frac\s*(\d)\s*(\d)", r"\\frac{\1}{\2}"),
        (r"\\frac\s*(\d|[a-z])\s*\{", r"\\frac{\1}{"),
        (r"\\frac\s*(\d)\s*(\\?[a-z]+)", r"\\frac{\1}{\2}"),
        (r"(\\frac\s*\{(?:[^{}]|\{[^{}]*\})*\})\s*(\w)", r"\1{\2}"),
        (r"\\sqrt\s*(\[[^\[\]]*\])?\s*(\w)", r"\\sqrt\1{\2}"),
        (r"\^\s*\{?\s*(?:\\circ|\\degree)\s*\}?|\\degree(?![a-zA-Z])", r"\\degree "),
        (r"(?<=\d) ?degrees?(?![a-zA-Z])|(?<=\d)\\text\{ ?degrees?\}", r"\\degree "),
        (r"\\%", "%"),
        (r"(?<=[\d}\])]) ?(?:percent|per cent|pct|\\text\{(?:percent|pct|per cent)\})(?![a-zA-Z])", "%"),
        (r"\\(?:leq|leqslant|leqq)(?![a-zA-Z])", r"\\le "),
        (r"\\(?:geq|geqslant|geqq)(?![a-zA-Z])", r"\\ge "),
        (r"\\lt(?![a-zA-Z])", "<"),
        (r"\\gt(?![a-zA-Z])", ">"),
        (r"=<|<=", r" \\le "),
        (r">=", r" \\ge "),
        (r"!=|\\not\s*=|\\(?:neq)(?![a-zA-Z])", r"\\ne "),
        (r"==", "="),
        (r"\\(?:colon)(?![a-zA-Z])", ":"),
        (r"\\(?:c|l|d)dots(?![a-zA-Z])|\\dots(?![a-zA-Z])|\.{3,}", r"\\ldots "),
        (r"\\(?:smallsetminus|backslash)(?![a-zA-Z])", r"\\setminus "),
        (r"\\varnothing|\\emptyset|\\\{\s*\\\}|\{\s*\}(?=\s*$)(?<=^..)", r"\\emptyset "),
        (r"\\langle\s*", r"("),
        (r"\\rangle", r")"),
        (r"\\lbrace", r"\\{"),
        (r"\\rbrace", r"\\}"),
        (r"\\lbrack", "["),
        (r"\\rbrack", "]"),
        (r"\*\*", "^"),
        (r"\\ast|\\cdot(?![a-zA-Z])", "*"),
        (rf"(?<![\\a-zA-Z])(?<!\d )({_PLAIN_FUNCTIONS})(?![a-zA-Z])", r"\\\1 "),
        (rf"(?<=\d )({_PLAIN_FUNCTIONS.replace('|sec|', '|')})(?![a-zA-Z])", r"\\\1 "),
        (r"\\(sin|cos|tan|cot|sec|csc)\s*\^\s*(?:\{\s*-\s*1\s*\}|-1)", r"\\arc\1 "),
        (r"(?<![\\a-zA-Z])(?:infinity|Infinity|inf|oo)(?![a-zA-Z])", r"\\infty "),
        (r"(?<=[)\]}]) ?U ?(?=[(\[{\\])", r"\\cup "),
        (r"\\sqrt\s*\(([^()]*(?:\([^()]*\)[^()]*)*)\)", r"\\sqrt{\1}"),
        (r"\^\s*\((-?\w+)\)", r"^{\1}"),
        (r"\^\s*\{\s*(\w)\s*\}", r"^\1"),
        (r"\^(-\d+|\d{2,})", r"^{\1}"),
        (r"_\s*\{\s*(\w+)\s*\}", r"_\1"),
        (r"_\{?\\text\{(\w+)\}\}?", r"_\1"),
        (
            r" ?(?:_\{? ?\(?|\(?(?:in )?base[ -]?)"
            r"(two|three|five|six|seven|eight|nine|ten)(?![a-zA-Z])\)?\}?",
            r"_\1",
        ),
        (r"(?<=[\dA-F]) ?\(?(?:in )?base[ -]?(\d+)\)?", r"_\1"),
        (r"\s+", " "),
        (r" ?([-+*/^_={}();<>|%!]) ?| (?=,)", r"\1"),
        (r"(\\[a-zA-Z]+) (?=[^a-zA-Z])", r"\1"),
        (r"(?<=[^,;]) (?=\\(?!text)[a-zA-Z])", ""),
        (r"(?<=[)\]}\d]) ?\b(and|or)\b ?(?=[(\[{\\\d-])", r" \1 "),
    )
)
_BASES = {
    "two": "2",
    "three": "3",
    "five": "5",
    "six": "6",
    "seven": "7",
    "eight": "8",
    "nine": "9",
    "ten": "10",
}
_NAMED_BASE = re.compile(r"(?<=\d)_(two|three|five|six|seven|eight|nine|ten)(?![a-zA-Z])")
_SINGLE_BACKSLASH = re.compile(r"(?<!\\)(?:\\\\)*\\(?!\\)")
_TWICE = re.compile(r"\\\\(?=[a-zA-Z])")
_EMPTY_SCRIPT = re.compile(r"(?<=.)\{\}")
_ENDING = re.compile(r"(?<=[^.\s])\s*\.$|[\s:;,]+$")


def rewritten(text: str) -> str:
    """The answer in one way of writing; the same text again if it is in it already, or cannot be."""
    found = in_latex(text)
    if "\\\\" in found and not _SINGLE_BACKSLASH.search(found):  # LaTeX that was escaped once too often
        found = found.replace("\\\\", "\\")
    has_rows = "\\begin{" in found
    found = found.replace("\\\\", ROW_END) if has_rows else _TWICE.sub(r"\\", found)
    for pattern, by in _REWRITES:
        found = pattern.sub(by, found)
    found = _NAMED_BASE.sub(lambda base: f"_{_BASES[base[1]]}", found)
    return _ENDING.sub("", _EMPTY_SCRIPT.sub("", found.strip())).strip()
