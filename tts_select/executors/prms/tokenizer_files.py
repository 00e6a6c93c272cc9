"""A tokenizer from its files alone (tokenizer.json and its configuration), without transformers.

It has the part of transformers' interface that `encoding.py` and `frames.py` use, so that a PRM behind a
server needs neither torch nor transformers here.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tts_select.core.errors import BackendError, InputError

_TOKENIZER, _CONFIG, _TEMPLATE = "tokenizer.json", "tokenizer_config.json", "chat_template.jinja"


class TokenizerFiles:
    """The tokenizer of a folder or a hub name."""

    def __init__(self, source: str) -> None:
        """Read the tokenizer's files.

        Raises:
            InputError: the folder has no tokenizer.json.
            BackendError: a file cannot be fetched or read.
        """
        from tokenizers import Tokenizer

        if Path(source).exists() and not (Path(source) / _TOKENIZER).is_file():
            raise InputError(f"'{source}' has no {_TOKENIZER}: name the folder of a model with one")
        try:
            self._tokenizer = Tokenizer.from_str(_read(source, _TOKENIZER) or "")
            config = json.loads(_read(source, _CONFIG) or "{}")
            self.chat_template = _read(source, _TEMPLATE) or _default(config.get("chat_template"))
        except Exception as error:  # tokenizers raises plain Exceptions
            reason = str(error).strip().splitlines()[0]
            raise BackendError(f"cannot load the tokenizer of '{source}': {reason}") from error
        self._special = {name: _text(config.get(name)) for name in ("bos_token", "unk_token", "pad_token")}

    @property
    def pad_token(self) -> str | None:
        """The text of the padding token."""
        return self._special["pad_token"]

    @property
    def bos_token_id(self) -> int | None:
        """The token that begins a text."""
        return self._id_of("bos_token")

    @property
    def unk_token_id(self) -> int | None:
        """The token for what the vocabulary lacks."""
        return self._id_of("unk_token")

    def __call__(self, text: str | Sequence[str], *, add_special_tokens: bool = True) -> dict[str, Any]:
        """The ids of a text, or of each of several, as `input_ids`."""
        if isinstance(text, str):
            return {"input_ids": self._tokenizer.encode(text, add_special_tokens=add_special_tokens).ids}
        found = self._tokenizer.encode_batch(list(text), add_special_tokens=add_special_tokens)
        return {"input_ids": [encoding.ids for encoding in found]}

    def apply_chat_template(
        self,
        messages: Sequence[dict[str, str]],
        *,
        tokenize: bool = False,
        add_generation_prompt: bool = False,
    ) -> str:
        """The text of a chat, as transformers renders it.

        Raises:
            TemplateError: the template refuses the chat.
            ValueError: there is no template.
        """
        assert not tokenize, "it renders text alone"
        if self.chat_template is None:
            raise ValueError("there is none")
        text: str = _compiled(self.chat_template).render(
            messages=messages,
            add_generation_prompt=add_generation_prompt,
            **{name: token for name, token in self._special.items() if token is not None},
        )
        return text

    def _id_of(self, name: str) -> int | None:
        token = self._special[name]
        found: int | None = None if token is None else self._tokenizer.token_to_id(token)
        return found


def _read(source: str, name: str) -> str | None:
    """The content of a file of the folder or the hub name; None: it has none."""
    if not Path(source).exists():
        from huggingface_hub import hf_hub_download
        from huggingface_hub.errors import EntryNotFoundError, LocalEntryNotFoundError

        try:
            return Path(hf_hub_download(source, name)).read_text(encoding="utf-8")
        except LocalEntryNotFoundError:  # the hub cannot be asked
            if name == _TEMPLATE:
                return None
            raise
        except EntryNotFoundError:
            return None
    path = Path(source) / name
    return path.read_text(encoding="utf-8") if path.is_file() else None


def _text(token: Any) -> str | None:
    """A special token is written as text, or as an object with its content."""
    content: str | None = token["content"] if isinstance(token, dict) else token
    return content


def _default(template: Any) -> str | None:
    """A checkpoint may have several templates with names."""
    if isinstance(template, list):
        template = {entry["name"]: entry["template"] for entry in template}.get("default")
    found: str | None = template
    return found


def _compiled(template: str) -> Any:
    """Return the template, compiled with what transformers gives to chat templates."""
    from jinja2.exceptions import TemplateError
    from jinja2.ext import loopcontrols
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    def raise_exception(message: str) -> None:
        raise TemplateError(message)

    environment = ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=[loopcontrols]
    )
    environment.globals["raise_exception"] = raise_exception
    return environment.from_string(template)
