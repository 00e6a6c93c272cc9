"""A problem to solve."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Message:
    """One message of a chat: `system`, `user` or `assistant`, and what it says."""

    role: str
    text: str


@dataclass(frozen=True, slots=True)
class Problem:
    """`answer` is the known answer, if any; it is used to report accuracy and never shown to a model."""

    text: str
    id: str = ""
    answer: str | None = None
    chat: tuple[Message, ...] = ()
    """The whole chat that the problem is, if it is more than a question: a policy that knows chats reads it
    in place of the text, which has the same in one piece."""

    def __post_init__(self) -> None:
        if not self.id:
            digest = hashlib.sha256(self.text.encode()).hexdigest()
            object.__setattr__(self, "id", digest[:16])
