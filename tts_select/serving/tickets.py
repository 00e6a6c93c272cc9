"""A request that was let in, with what is known of it before it runs."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from tts_select.core.cost import Bill
from tts_select.core.protocols import Told
from tts_select.serving.catalogue import AUTO, Routed, Single
from tts_select.serving.chat import ChatRequest
from tts_select.serving.keys import Key
from tts_select.serving.runs import Run
from tts_select.serving.settings import Caps
from tts_select.serving.spans import RunSpan


@dataclass(slots=True)
class Ticket:
    """A request that was let in: it has its run, its caps and its reservation."""

    request: ChatRequest
    key: Key
    run: Run
    choice: Routed | Single
    caps: Caps
    is_lowered: bool = False
    """Whether the purse of the day allows less than the request would."""
    came: float = field(default_factory=time.monotonic)
    span: RunSpan = field(init=False)
    told: Told | None = None
    """Takes the pieces of a single reply that a server behind us streams; None: the reply is wanted whole."""
    bill: Callable[[], Bill] = lambda: Bill({})
    """What it has spent by now."""

    def __post_init__(self) -> None:
        self.span = RunSpan(self.run.model, self.run.id)


def ignored_by(request: ChatRequest, choice: Routed | Single) -> list[str]:
    """The fields that do not count, each with the reason."""
    found = [f"{name}: not known here" for name in request.extra]
    if isinstance(choice, Single):
        return found
    found += choice.ignored
    for name in ("temperature", "top_p"):
        if getattr(request, name) is not None and request.unvotable is None:
            found.append(f"{name}: the plan's own counts; ask a policy by its id instead of {AUTO}")
    return found
