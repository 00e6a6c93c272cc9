"""YAML as a config means it: no key twice, and each mistake one line that says where it is."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from tts_select.core.errors import InputError, UnknownName

_NUMBER = re.compile(r"[-+]?\d+(\.\d*)?[eE][-+]?\d+$")
"""A number as YAML 1.2 has it; YAML 1.1, which PyYAML reads, takes `7e9` for a text and wants `7.0e+9`."""
_MERGE = "tag:yaml.org,2002:merge"
"""The tag of the key `<<`, which takes over another mapping."""


def read_yaml(path: Path) -> Any:
    """What the file holds.

    Raises:
        InputError: it cannot be read, is no YAML, or has a key twice.
    """
    import yaml

    class Loader(yaml.SafeLoader):  # type: ignore[misc]  # yaml has no types
        """Refuses a key that is there already, of which plain YAML takes the last."""

        def construct_mapping(self, node: Any, deep: bool = False) -> Any:
            seen: set[Any] = set()
            for key, _ in node.value:
                if key.tag == _MERGE:
                    continue
                name = self.construct_object(key, deep=True)
                if name in seen:
                    line = key.start_mark.line + 1
                    raise InputError(f"the config '{path}', line {line}: '{name}' is there twice; drop one")
                seen.add(name)
            return super().construct_mapping(node, deep=deep)

    Loader.add_implicit_resolver("tag:yaml.org,2002:float", _NUMBER, list("-+0123456789"))
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise InputError(
            f"cannot read the config '{path}': {error.strerror}; name a YAML file with --config"
        ) from error
    except UnicodeDecodeError as error:
        raise InputError(f"the config '{path}' is not UTF-8 text: save it as UTF-8") from error
    try:
        return yaml.load(text, Loader)  # noqa: S506  it is a SafeLoader
    except (yaml.YAMLError, TypeError, ValueError) as error:
        reason = " ".join(str(error).split())
        raise InputError(f"the config '{path}' is not YAML ({reason}): mend it there") from error


class Section:
    """A mapping of the file; what is taken from it is checked, and a mistake says the file and the key."""

    def __init__(self, content: Any, where: str, known: Collection[str]) -> None:
        """`where` is for messages, as in `the config 'c.yaml', policies.qwen`.

        Raises:
            InputError: it is no mapping, or has another key than those known.
        """
        self.where = where
        if not isinstance(content, Mapping):
            raise InputError(f"{where} is {_shown(content)}: write {', '.join(f'{k}: ...' for k in known)}")
        for key in content:
            if key not in known:
                raise InputError(f"{where}: {UnknownName('key', str(key), known)}")
        self.content = content

    def text(self, key: str) -> str | None:
        """A string that is not empty, or None if the key is not there."""
        found: str | None = self._take(key, str, "a text")
        return found

    def positive(self, key: str) -> int | None:
        """A whole number from 1 on."""
        value: int | None = self._take(key, int, "a whole number")
        if value is not None and value < 1:
            raise self.wrong(key, value, "a whole number from 1 on")
        return value

    def mapping(self, key: str) -> Mapping[str, Any]:
        """Return a mapping by names, empty if the key is not there."""
        found = self._take(key, dict, "a mapping, NAME: VALUE") or {}
        for name in found:
            if not isinstance(name, str):
                raise InputError(f"{self.where}, {key}: the name {name!r} is no text: put it in quotes")
        return found

    def wrong(self, key: str, value: Any, wanted: str) -> InputError:
        """A value of another kind than is wanted."""
        return InputError(f"{self.where}, {key} is {_shown(value)}: write {wanted}")

    def _take(self, key: str, kind: type[Any], wanted: str) -> Any:
        value = self.content.get(key)
        if key not in self.content or value is None:
            return None
        if not isinstance(value, kind) or isinstance(value, bool) or value == "":
            raise self.wrong(key, value, wanted)
        return value


def _shown(value: Any) -> str:
    if value is None:
        return "empty"
    return f"{value!r}" if isinstance(value, str | int | float) else f"a {type(value).__name__}"
