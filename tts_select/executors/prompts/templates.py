"""Prompt templates: what is said to a model beside the problem, in files with a name and a version.

A file `NAME@VERSION.toml` has the keys `plain` (the whole text before the solution, for a model without a
chat template), `user` and, if there is one, `system` (the messages for a model with one). `{problem}` stands
for the problem; other braces stand for themselves. A change of a text is a new version, never an edit.
"""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tts_select.core.errors import InputError, UnknownName
from tts_select.core.problem import Message

FILES = Path(__file__).parent / "files"
PLAIN, BOXED, THINKING = "plain@1", "boxed@1", "thinking@1"
_PROBLEM = "{problem}"

Messages = list[dict[str, str]]
"""The messages of a chat: each has a `role` and a `content`."""


@dataclass(frozen=True, slots=True)
class Prompt:
    """`name` is NAME@VERSION, or the path of a file of one's own."""

    name: str
    plain: str
    user: str
    system: str | None = None

    def text(self, problem: str) -> str:
        """The whole prompt, for a model without a chat template."""
        return self.plain.replace(_PROBLEM, problem)

    def messages(self, problem: str, *, merged: bool = False, chat: Sequence[Message] = ()) -> Messages:
        """The chat before the solution; `merged` where a template knows no system message.

        Of a problem that is a whole `chat` the last question is put as any problem is, and what its own
        system messages say comes behind what is said here.
        """
        turns = [m for m in chat if m.role != "system"] or [Message("user", problem)]
        asked = max((k for k, m in enumerate(turns) if m.role == "user"), default=0)
        said = [self.system, *(m.text for m in chat if m.role == "system")]
        system = "\n\n".join(text for text in said if text)
        found = [
            {"role": m.role, "content": self.user.replace(_PROBLEM, m.text) if k == asked else m.text}
            for k, m in enumerate(turns)
        ]
        if system and merged:
            return [{**found[0], "content": f"{system}\n\n{found[0]['content']}"}, *found[1:]]
        return [{"role": "system", "content": system}, *found] if system else found

    def mark(self, fingerprint: str) -> str:
        """The fingerprint of a model that is asked in this way. The plain prompt leaves it as it is."""
        if self.name == PLAIN:
            return fingerprint
        said = "\0".join((self.plain, self.user, self.system or ""))
        return f"{fingerprint}+{hashlib.sha256(said.encode()).hexdigest()[:8]}"


BARE = Prompt("bare", plain=f"{_PROBLEM}\n", user=_PROBLEM)
"""No word of ours."""


def prompt_names() -> list[str]:
    """The templates that come with the package."""
    return sorted(file.stem for file in FILES.glob("*.toml"))


def prompt_named(name: str) -> Prompt:
    """A template of the package, or that of a file whose name ends in `.toml`.

    >>> prompt_named("boxed@1").messages("1 + 1?")[-1]
    {'role': 'user', 'content': '1 + 1?'}

    Raises:
        UnknownName: there is none of this name.
        InputError: the file cannot be read as one.
    """
    if name.endswith(".toml"):
        return _read(Path(name), name)
    if name not in prompt_names():
        raise UnknownName("prompt", name, prompt_names())
    return _read(FILES / f"{name}.toml", name)


def _read(file: Path, name: str) -> Prompt:
    try:
        found = tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"cannot read the prompt '{file}': {error}") from error
    for key in found:
        if key not in ("plain", "user", "system"):
            raise UnknownName(f"key in the prompt '{file}'", key, ("plain", "user", "system"))
    for key in ("plain", "user"):
        if _PROBLEM not in str(found.get(key, "")):
            raise InputError(f"the prompt '{file}' needs a text '{key}' with {_PROBLEM} in it")
    if not all(isinstance(text, str) for text in found.values()):
        raise InputError(f"the prompt '{file}' has a value that is not a text")
    return Prompt(name, **found)
