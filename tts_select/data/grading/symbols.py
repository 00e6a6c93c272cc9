# ruff: noqa: RUF001, RUF002
"""What Unicode writes in one character, as LaTeX writes it: √, ⁻³, ⅓, ×, ∪, π, x₁, and full-width letters."""

from __future__ import annotations

import re
import unicodedata

_WRITTEN = {
    "-": "−‐‑‒–—﹣－⁃",
    "/": "÷∕⧸",
    "*": "∗＊",
    "'": "’‘′ʹ`´",
    '"': "“”″",
    " ": "\u00a0\u2007\u2009\u200a\u202f\u205f\u3000\t",
    "": "\0\u200b\u200c\u200d\u2060\ufeff\u2061\u2062\u2063\u2064\u00ad\ufe0e\ufe0f\u200e\u200f",
    r" \times ": "×✕✖⨯",
    r" \cdot ": "·⋅∙•",
    r" \infty ": "∞",
    r" \le ": "≤≦⩽",
    r" \ge ": "≥≧⩾",
    r" \ne ": "≠",
    r" \approx ": "≈≃≅",
    r" \cup ": "∪⋃",
    r" \cap ": "∩⋂",
    r" \in ": "∈∊",
    r" \notin ": "∉",
    r" \emptyset ": "∅⌀",
    r" \setminus ": "∖",
    r" \pm ": "±",
    r" \mp ": "∓",
    r" \mid ": "∣",
    r" \triangle ": "△∆",
    r" \angle ": "∠",
    r" \parallel ": "∥",
    r" \perp ": "⊥",
    r" \subset ": "⊂",
    r" \to ": "→⟶",
    r" \Rightarrow ": "⇒⟹",
    r" \equiv ": "≡",
    r" \sim ": "∼",
    r" \wedge ": "∧",
    r" \vee ": "∨",
    r" \partial ": "∂",
    r" \int ": "∫",
    r" \sum ": "∑",
    r" \prod ": "∏",
    r" \mathbb{R} ": "ℝ",
    r" \mathbb{Z} ": "ℤ",
    r" \mathbb{N} ": "ℕ",
    r" \mathbb{Q} ": "ℚ",
    r" \mathbb{C} ": "ℂ",
    r"\lfloor ": "⌊",
    r"\rfloor ": "⌋",
    r"\lceil ": "⌈",
    r"\rceil ": "⌉",
    r"\langle ": "⟨〈",
    r"\rangle ": "⟩〉",
    r"^\circ": "°º˚",
    r"\ldots ": "…⋯",
    " cents": "¢",
}
_GREEK = {
    chr(code): f" \\{name} "
    for code, name in (
        (ord(letter), unicodedata.name(letter).removeprefix("GREEK SMALL LETTER ").lower())
        for letter in "αβγδεζηθικμνξπρστυχψω"
    )
} | {
    "λ": r" \lambda ",
    "φ": r" \varphi ",
    "ϕ": r" \phi ",
    "Γ": r" \Gamma ",
    "Δ": r" \Delta ",
    "Θ": r" \Theta ",
    "Λ": r" \Lambda ",
    "Σ": r" \Sigma ",
    "Φ": r" \Phi ",
    "Ψ": r" \Psi ",
    "Ω": r" \Omega ",
    "µ": r" \mu ",
}
_FRACTION_SLASH = "\N{FRACTION SLASH}"
_TABLE = str.maketrans({one: to for to, ones in _WRITTEN.items() for one in ones} | _GREEK)
_SUPERSCRIPTS = dict(zip("⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁽⁾ⁿⁱˣ", "0123456789+-()nix", strict=True))
_SUBSCRIPTS = dict(zip("₀₁₂₃₄₅₆₇₈₉₊₋₍₎ₙₓᵢₖ", "0123456789+-()nxik", strict=True))
_RAISED = re.compile(rf"[{''.join(map(re.escape, _SUPERSCRIPTS))}]+")
_LOWERED = re.compile(rf"[{''.join(map(re.escape, _SUBSCRIPTS))}]+")
_VULGAR = re.compile(r"[\u00bc-\u00be\u2150-\u215e\u2189]")
_SLASHED = re.compile(rf"(\d+){_FRACTION_SLASH}(\d+)")
_SMALL = re.compile(rf"([⁰¹²³⁴-⁹]+)[{_FRACTION_SLASH}/]([₀-₉]+)")
_RADICAL = re.compile(r"([√∛∜])\s*(?:\(([^()]*)\)|(\{[^{}]*\})|(\d+(?:\.\d+)?|\\?[a-zA-Z]+)|)")
_INDEX = {"√": "", "∛": "[3]", "∜": "[4]"}


def in_latex(text: str) -> str:
    """The same in the characters that LaTeX is written in; text of ASCII alone is returned as it is."""
    if text.isascii():
        return text.replace("\t", " ").replace("\0", "")
    found = _SMALL.sub(lambda one: f"{_digits(one[1])}{_FRACTION_SLASH}{_digits(one[2])}", text)
    found = _RAISED.sub(lambda run: f"^{{{''.join(_SUPERSCRIPTS[c] for c in run[0])}}}", found)
    found = _LOWERED.sub(lambda run: f"_{{{''.join(_SUBSCRIPTS[c] for c in run[0])}}}", found)
    found = _VULGAR.sub(_fraction, found).translate(_TABLE)
    found = _SLASHED.sub(r"\\frac{\1}{\2}", unicodedata.normalize("NFKC", found))
    found = found.replace(_FRACTION_SLASH, "/")
    for _ in range(found.count("√") + found.count("∛") + found.count("∜")):
        found = _RADICAL.sub(_root, found, count=1)
    return found


def _digits(small: str) -> str:
    return unicodedata.normalize("NFKC", small)


def _fraction(one: re.Match[str]) -> str:
    above, _, below = unicodedata.normalize("NFKC", one[0]).partition(_FRACTION_SLASH)
    return f"\\frac{{{above}}}{{{below}}}"


def _root(one: re.Match[str]) -> str:
    inside = next((part for part in one.groups()[1:] if part is not None), None)
    root = f"\\sqrt{_INDEX[one[1]]}"
    return f"{root} " if inside is None else f"{root}{{{inside.strip('{}')}}}"
