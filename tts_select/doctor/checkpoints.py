"""Chat templates of the policies of a config, and formats of its PRMs: their tokenizers alone are loaded."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from tts_select.config import Config, PolicyEntry, PrmEntry
from tts_select.core.errors import InputError, TtsSelectError
from tts_select.doctor.findings import Finding, problem
from tts_select.doctor.hub import why_unreadable
from tts_select.executors.prms.formats import JUDGE, PrmFormat, format_named
from tts_select.executors.prms.head_card import is_trained, read_card
from tts_select.executors.prms.rules import Verdict
from tts_select.executors.prms.tokenizer_files import TokenizerFiles
from tts_select.executors.prompts.rendering import renderer_for
from tts_select.executors.registry import WORLD, format_of, split_spec

_DELIMITER = "\n\n"


def examine_checkpoints(config: Config) -> Iterator[Finding]:
    """Yield one finding for each entry whose tokenizer is used here."""
    for name, policy in config.policies.items():
        if source := _source_of_chat(policy):
            yield _policy(f"policies.{name}", source, policy.options)
    for name, prm in config.prms.items():
        yield _prm(f"prms.{name}", prm)


def unreadable(config: Config) -> set[str]:
    """The names of the entries whose checkpoints cannot be read."""
    sources = {n: _source_of_chat(e) for n, e in config.policies.items()}
    sources |= {n: _source_of_prm(e) for n, e in config.prms.items()}
    return {name for name, source in sources.items() if source and why_unreadable(source)}


def _source_of_chat(entry: PolicyEntry) -> str | None:
    scheme, source = split_spec(entry.spec)
    if scheme == "openai":
        return entry.options.get("tokenizer")
    return None if scheme == WORLD else source


def _source_of_prm(entry: PrmEntry) -> str | None:
    scheme, source = split_spec(entry.spec)
    if scheme == "served":
        return str(entry.options.get("tokenizer", source))
    if is_trained(source):
        return _base_of(source, entry.options)
    return None if scheme in (WORLD, "openai") else source


def _base_of(folder: str, options: Mapping[str, Any]) -> str:
    """The model that a value head reads; its own folder, which is no model's, if that cannot be told."""
    try:
        return str(options.get("base") or read_card(Path(folder)).base)
    except InputError:
        return folder


def _policy(about: str, source: str, options: Mapping[str, Any]) -> Finding:
    from tts_select.executors.runtime.loading import load_tokenizer

    try:
        _check_readable(source)
        renderer = renderer_for(
            load_tokenizer(source),
            delimiter=_DELIMITER,
            prompt=options.get("prompt"),
            thinking=options.get("thinking"),
        )
        renderer.ids(renderer.text("1 + 1?", ("It is 2.",)))
    except TtsSelectError as error:
        return problem(about, error)
    how = "its chat template" if renderer.is_chat else "no chat template"
    thinks = ", it thinks first" if renderer.thinks else ""
    return Finding(about, "ok", f"{how}, prompt {renderer.prompt.name}{thinks}")


def _prm(about: str, entry: PrmEntry) -> Finding:
    scheme, named = split_spec(entry.spec)
    try:
        source = _source_of_prm(entry)
        if source is None:
            format = format_named(entry.format or (WORLD if scheme == WORLD else JUDGE))
        elif is_trained(named):
            read_card(Path(named))
            _check_readable(source)
            return Finding(about, "ok", f"a value head on {source}")
        else:
            format = format_of(entry.spec, entry.format)
            _check_readable(source)
            _check(format, source, scheme)
    except TtsSelectError as error:
        return problem(about, error)
    return Finding(about, "ok", f"format {format.name}")


def _check_readable(source: str) -> None:
    if reason := why_unreadable(source):
        raise InputError(reason)


def _check(format: PrmFormat, source: str, scheme: str) -> None:
    from tts_select.executors.prms.encoding import Encoder

    if scheme == "served":
        Encoder(format.layout, TokenizerFiles(source), source)
    else:
        _check_local(format, source, in_vllm=scheme == "vllm")


def _check_local(format: PrmFormat, source: str, *, in_vllm: bool) -> None:
    from tts_select.executors.prms.encoding import Encoder, single_token
    from tts_select.executors.prms.reading import reader_of
    from tts_select.executors.prms.vllm import check_format
    from tts_select.executors.runtime.loading import load_tokenizer

    if in_vllm:
        check_format(format)
    tokenizer = load_tokenizer(source)
    if isinstance(format.rule, Verdict):
        for word in (format.rule.good, format.rule.bad):
            single_token(word, tokenizer, source)
        return
    Encoder(format.layout, tokenizer, source)
    reader_of(format.rule, tokenizer, source)
