"""Whether servers that a config or the environment names can be reached and have the models asked for."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator

from tts_select.config import Config, PolicyEntry, PrmEntry
from tts_select.core.errors import TtsSelectError, UnknownName
from tts_select.doctor.findings import Finding, problem
from tts_select.executors.openai_api.client import Client
from tts_select.executors.openai_api.credentials import KEY_VARIABLE, URL_VARIABLE, hide, read_key
from tts_select.executors.policies.sizes import size_in_name
from tts_select.executors.registry import split_spec

_TIMEOUT_S = 10.0


def examine_servers(config: Config | None) -> Iterator[Finding]:
    """Ask each server for its models; nothing is generated."""
    served = _served(config) if config else {}
    if not served and os.environ.get(URL_VARIABLE):
        served = {(None, ""): URL_VARIABLE}
    if not served:
        return
    yield _key()
    for (url, model), about in served.items():
        yield _examine(about, url, model)


def _key() -> Finding:
    try:
        is_set = read_key() is not None
    except TtsSelectError as error:
        return problem(KEY_VARIABLE, error)
    told = "is set (and is shown nowhere)" if is_set else "is not set: servers of one's own need none"
    return Finding(KEY_VARIABLE, "ok" if is_set else "note", f"it {told}")


def _served(config: Config) -> dict[tuple[str | None, str], str]:
    """Return the entries that are on servers, by base URL and model."""
    entries: list[tuple[str, PolicyEntry | PrmEntry]] = [
        *((f"policies.{name}", entry) for name, entry in config.policies.items()),
        *((f"prms.{name}", entry) for name, entry in config.prms.items()),
    ]
    return {
        (entry.options.get("base_url"), split_spec(entry.spec)[1]): about
        for about, entry in entries
        if split_spec(entry.spec)[0] in ("openai", "served")
    }


def _examine(about: str, url: str | None, model: str) -> Finding:
    try:
        where, models = asyncio.run(_models(url))
        if model and models and model not in models:
            raise UnknownName(f"model of {where}", model, map(hide, models))
    except TtsSelectError as error:
        return problem(about, error)
    listed = f"its models: {', '.join(models)}" if models else "it lists no models"
    unknown = [name for name in models if size_in_name(name) is None] if not model else []
    if unknown:
        listed += f"; the size of {', '.join(unknown[:8])} is not known: --policy-option params=7e9 tells it"
    return Finding(about, "ok", hide(f"{where} answers; {listed}"))


async def _models(url: str | None) -> tuple[str, list[str]]:
    client = Client(url, timeout=_TIMEOUT_S, retries=0)
    try:
        return client.where, [str(model.get("id")) for model in await client.models()]
    finally:
        await client.close()
