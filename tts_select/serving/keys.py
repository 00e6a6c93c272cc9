"""Who asks: bearer keys, of which the server knows the hashes alone, and what each of them may do."""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tts_select.config.strict_yaml import Section, read_yaml
from tts_select.core.errors import InputError
from tts_select.serving.errors import FORBIDDEN, UNAUTHORIZED, ApiError
from tts_select.serving.extension import is_number, is_whole
from tts_select.serving.settings import Daily

_SHA256 = re.compile(r"[0-9a-f]{64}")
_FIELDS = ("name", "sha256", "daily_tokens", "daily_dollars", "models")


@dataclass(frozen=True, slots=True)
class Key:
    """Whoever may ask; `models` are the ids that it may ask for (empty: all)."""

    name: str
    sha256: str = ""
    daily: Daily = field(default_factory=Daily)
    models: frozenset[str] = frozenset()

    def check_model(self, model: str) -> None:
        """Check that the key may ask for a model.

        Raises:
            ApiError: it may not.
        """
        if self.models and model not in self.models:
            message = f"this key may not use {model}: choose from {', '.join(sorted(self.models))}"
            raise ApiError(FORBIDDEN, message, code="model_not_permitted", param="model")


class Keys:
    """The keys of a server; without any, whoever reaches it may ask."""

    def __init__(self, keys: tuple[Key, ...], daily: Daily) -> None:
        """`daily` is the purse where no key is asked for."""
        self.known = keys
        self._anyone = Key("anyone", daily=daily)

    def __len__(self) -> int:
        return len(self.known)

    @property
    def has_purses(self) -> bool:
        """Whether anybody has a cap for a day."""
        return self.caps_a_day("tokens") or self.caps_a_day("dollars")

    def caps_a_day(self, unit: str) -> bool:
        """Whether anybody has one in this unit."""
        return any(getattr(key.daily, unit) is not None for key in self.known or (self._anyone,))

    def named(self, headers: Mapping[str, str]) -> Key:
        """The key of a request, by its `Authorization` header; each hash is compared in constant time.

        Raises:
            ApiError: it is missing, or not known.
        """
        if not self.known:
            return self._anyone
        scheme, _, said = headers.get("authorization", "").partition(" ")
        digest = hash_of(said.strip()) if scheme.lower() == "bearer" else ""
        matching = [key for key in self.known if hmac.compare_digest(key.sha256, digest)]
        if not matching:
            message = "the API key is missing or wrong: send it as 'Authorization: Bearer KEY'"
            raise ApiError(UNAUTHORIZED, message, code="invalid_api_key")
        return matching[0]


def hash_of(key: str) -> str:
    """What is kept of a key. Keys are 256 random bits, so that a plain hash tells nothing.

    >>> hash_of("secret")[:16]
    '2bb80d537b1da3e3'
    """
    return hashlib.sha256(key.encode()).hexdigest()


def new_key() -> str:
    """Make a key."""
    return f"tts-{secrets.token_urlsafe(32)}"


def read_keys(file: Path | None, daily: Daily) -> Keys:
    """The keys of a YAML file; `daily` is the purse of those that have no other.

    Raises:
        InputError: it cannot be read, or is no file of keys.
    """
    if file is None:
        return Keys((), daily)
    whole = Section(read_yaml(file), f"the keys '{file}'", ("keys",))
    entries = whole.content.get("keys")
    if not isinstance(entries, list) or not entries:
        raise InputError(f"the keys '{file}' name none: make one with tts-select serve --new-key NAME")
    keys = tuple(_read(entry, f"the keys '{file}', entry {k + 1}", daily) for k, entry in enumerate(entries))
    if len({key.name for key in keys}) < len(keys):
        raise InputError(f"the keys '{file}' have a name twice: purses go by name, so give each its own")
    return Keys(keys, daily)


def _read(entry: object, where: str, daily: Daily) -> Key:
    section = Section(entry, where, _FIELDS)
    name, digest = section.text("name"), section.text("sha256")
    if name is None:
        raise InputError(f"{where} has no name")
    if digest is None or not _SHA256.fullmatch(digest):
        raise section.wrong("sha256", digest, "the 64 hex digits that tts-select serve --new-key prints")
    tokens, dollars = section.content.get("daily_tokens"), section.content.get("daily_dollars")
    if tokens is not None and not (is_whole(tokens) and tokens > 0):
        raise section.wrong("daily_tokens", tokens, "a whole number from 1 on")
    if dollars is not None and not (is_number(dollars) and dollars > 0):
        raise section.wrong("daily_dollars", dollars, "a number above 0")
    models = section.content.get("models") or []
    if not isinstance(models, list) or not all(isinstance(model, str) for model in models):
        raise section.wrong("models", models, "a list of ids, as in [tts-select/auto]")
    purse = Daily(daily.tokens if tokens is None else tokens, daily.dollars if dollars is None else dollars)
    return Key(name, digest, purse, frozenset(models))
