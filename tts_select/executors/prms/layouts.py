"""Where the problem and the steps stand in the text that a PRM reads."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Begins = Literal["", "added", "bos"]
"""What stands before the text: nothing, the beginning-of-text token if the tokenizer adds it by itself, or
that token in any case."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """The prompt, then every step between its `before` and its `close`, at whose last token it is read."""

    prompt: str = "{problem}"
    before_first: str = ""
    before: str = ""
    """What stands before the second step and all that follow it."""
    close: str = ""
    close_is_one_token: bool = False
    """Whether the close is verified to be one token: a checkpoint that splits it was not trained on it."""
    chat: Literal["", "assistant", "dialogue"] = ""
    """`assistant`: the problem is the user's turn and the steps are the assistant's. `dialogue`: each step is
    a turn of the user, the first one behind the problem, and is read before its answer, `answer`."""
    system: str | None = None
    answer: str = ""
    begins: Begins = ""
    behind: str = ""
    """A step is tokenised behind this text, whose tokens are then dropped: what comes first in a text has
    other tokens in some tokenizers. `{pad}` is the padding token."""
    is_apart: bool = False
    """Whether a step and its `close` are tokenised on their own, instead of as one text."""
    is_stripped: bool = True
    """Whether white space at the ends of the problem and of the steps is left out."""
