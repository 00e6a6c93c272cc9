"""Prompt templates: what is said to a model beside the problem, in files with a name and a version.

A file `NAME@VERSION.toml` has the keys `plain` (the whole text before the solution, for a model without a
chat template), `user` and, if there is one, `system` (the messages for a model with one). `{problem}` stands
for the problem; other braces stand for themselves. Tables `[[examples]]`, each with a `problem` and a
`solution`, are turns before the problem's. A change of a text is a new version, never an edit.
"""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tts_select.core.errors import InputError, UnknownName
from tts_select.core.problem import Message

FILES = Path(__file__).parent / "files"
PLAIN, BOXED, THINKING = "plain@1", "boxed@1", "thinking@1"
_PROBLEM = "{problem}"

_TEXTS, _EXAMPLE = ("plain", "user", "system"), ("problem", "solution")

Messages = list[dict[str, str]]
"""The messages of a chat: each has a `role` and a `content`."""


@dataclass(frozen=True, slots=True)
class Example:
    """A problem and how it is to be solved."""

    problem: str
    solution: str


@dataclass(frozen=True, slots=True)
class Prompt:
    """`name` is NAME@VERSION, or the path of a file of one's own."""

    name: str
    plain: str
    user: str
    system: str | None = None
    examples: tuple[Example, ...] = ()

    def text(self, problem: str) -> str:
        """The whole prompt, for a model without a chat template, which no prompt with examples is for."""
        return self.plain.replace(_PROBLEM, problem)

    def messages(self, problem: str, *, merged: bool = False, chat: Sequence[Message] = ()) -> Messages:
        """The chat before the solution, examples first; `merged` where a template knows no system message.

        Of a problem that is a whole `chat` the last question is put as any problem is, and what its own
        system messages say comes behind what is said here.
        """
        turns = [m for m in chat if m.role != "system"] or [Message("user", problem)]
        asked = max((k for k, m in enumerate(turns) if m.role == "user"), default=0)
        said = [self.system, *(m.text for m in chat if m.role == "system")]
        system = "\n\n".join(text for text in said if text)
        found = self._examples() + [
            {"role": m.role, "content": self._asked(m.text) if k == asked else m.text}
            for k, m in enumerate(turns)
        ]
        if system and merged:
            return [{**found[0], "content": f"{system}\n\n{found[0]['content']}"}, *found[1:]]
        return [{"role": "system", "content": system}, *found] if system else found

    def mark(self, fingerprint: str) -> str:
        """The fingerprint of a model that is asked in this way. The plain prompt leaves it as it is."""
        if self.name == PLAIN:
            return fingerprint
        shown = [text for one in self.examples for text in (one.problem, one.solution)]
        said = "\0".join((self.plain, self.user, self.system or "", *shown))
        return f"{fingerprint}+{hashlib.sha256(said.encode()).hexdigest()[:8]}"

    def _examples(self) -> Messages:
        return [
            {"role": role, "content": text}
            for one in self.examples
            for role, text in (("user", self._asked(one.problem)), ("assistant", one.solution))
        ]

    def _asked(self, problem: str) -> str:
        return self.user.replace(_PROBLEM, problem)


BARE = Prompt("bare", plain=f"{_PROBLEM}\n", user=_PROBLEM)
"""No word of ours."""


def prompt_names() -> list[str]:
    """The templates that come with the package."""
    return sorted(file.stem for file in FILES.glob("*.toml"))


def prompt_named(name: str, *, chats: bool = True) -> Prompt:
    """A template of the package, or that of a file whose name ends in `.toml`, for a model that `chats` or
    has no chat template.

    >>> prompt_named("boxed@1").messages("1 + 1?")[-1]
    {'role': 'user', 'content': '1 + 1?'}

    Raises:
        UnknownName: there is none of this name.
        InputError: the file cannot be read as one, or it has examples and the model has no turns.
    """
    is_file = name.endswith(".toml")
    if not is_file and name not in prompt_names():
        raise UnknownName("prompt", name, prompt_names())
    found = _read(Path(name) if is_file else FILES / f"{name}.toml", name)
    if found.examples and not chats:
        # as text they would be continued with further problems, by a model that no turn ends
        raise InputError(
            f"the prompt '{name}' has examples, which are turns of a chat, and this model has no chat "
            "template: drop the examples"
        )
    return found


def _read(file: Path, name: str) -> Prompt:
    try:
        found = tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"cannot read the prompt '{file}': {error}") from error
    where = f"the prompt '{file}'"
    examples = found.pop("examples", [])
    _only(found, _TEXTS, where)
    for key in ("plain", "user"):
        if _PROBLEM not in str(found.get(key, "")):
            raise InputError(f"{where} needs a text '{key}' with {_PROBLEM} in it")
    return Prompt(name, **found, examples=_examples_in(examples, where))


def _examples_in(found: Any, where: str) -> tuple[Example, ...]:
    if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
        raise InputError(f"{where} needs 'examples' as tables: [[examples]], with a problem and a solution")
    for one in found:
        _only(one, _EXAMPLE, f"an example of {where}")
        if set(one) != set(_EXAMPLE):
            raise InputError(f"an example of {where} needs a problem and a solution")
    return tuple(Example(**one) for one in found)


def _only(found: dict[str, Any], keys: Sequence[str], where: str) -> None:
    for key in found:
        if key not in keys:
            raise UnknownName(f"key in {where}", key, keys)
    if not all(isinstance(text, str) for text in found.values()):
        raise InputError(f"{where} has a value that is not a text")
