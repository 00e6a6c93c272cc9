"""The names that models have in an imported log, where they are known by their samples alone.

A config may bind such a name to a model that can be run.
"""

from __future__ import annotations

SCHEME = "log"
"""The part before the colon of the name, as in `log:Qwen3-4B`."""
_PREFIX = f"{SCHEME}:"


def is_imported(name: str) -> bool:
    """Whether a name is that of a model in an imported log.

    >>> is_imported("log:Qwen3-4B"), is_imported("world:small")
    (True, False)
    """
    return name.startswith(_PREFIX)


def plain_name(name: str) -> str:
    """The name as the log itself has it.

    >>> plain_name("log:Qwen3-4B"), plain_name("Qwen3-4B")
    ('Qwen3-4B', 'Qwen3-4B')
    """
    return name.removeprefix(_PREFIX)
