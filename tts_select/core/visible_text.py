"""Text that others wrote (models, files, servers), made safe to show: nothing in it can act on a terminal."""

from __future__ import annotations

from unicodedata import category

_UNSHOWN = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
"""Categories of characters that act on a terminal or on the text around them, and have no shape."""
_KEPT = "\n\t\u200c\u200d"
"""What stays all the same: line ends, tabs, and the joiners that scripts and emoji need."""


def visible(text: str) -> str:
    r"""The text with an escape in place of each control, direction or surrogate character; the rest as it is.

    >>> print(visible("a\x1b[31mb\r\u202ec [x]"))
    a\x1b[31mb\r\u202ec [x]
    """
    if text.isprintable():
        return text
    return "".join(c if _is_shown(c) else c.encode("unicode_escape").decode() for c in text)


def _is_shown(character: str) -> bool:
    return character in _KEPT or category(character) not in _UNSHOWN
