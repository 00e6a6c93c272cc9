"""What a backend is, and its options, as a dataclass of its own, checked by name."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from importlib.util import find_spec
from typing import Any, Generic, TypeVar

from tts_select.core.errors import InputError, UnknownName
from tts_select.core.extras import how_to_install, missing_from

T = TypeVar("T")
L = TypeVar("L")
_LEAST = "least"
"""The key of a number's least value, in the metadata of its option; without it a number is above zero."""
Given = dict[str, Any]
"""Options by name: of a backend, not checked yet, or of its engine."""


@dataclass(frozen=True, slots=True)
class Backend(Generic[L]):
    """What loads the specs of one scheme."""

    load: L
    options: type[Any]
    """A dataclass of `backend_options`."""
    needs: str
    """The package that it runs on."""
    extra: str | None = None
    """The extra of this package that installs what it runs on (`core/extras.py`)."""
    has_engine: bool = False
    """Whether what is no option of ours is an argument of its engine."""

    def why_not(self) -> str | None:
        """Why it does not run here, or None if it does."""
        if self.extra and missing_from(self.extra):
            return f"{', '.join(missing_from(self.extra))} not installed: {how_to_install(self.extra)}"
        return None if find_spec(self.needs) else f"{self.needs} is not installed: docs/models.md says how"

    def read(self, whose: str, given: Mapping[str, Any]) -> tuple[Any, Given]:
        """The options, checked, and the arguments of the engine; `whose` as in `checked`."""
        engine: Given = {}
        if self.has_engine:
            engine = {name: value for name, value in given.items() if name not in self.options.__slots__}
        ours = {name: value for name, value in given.items() if name not in engine}
        return checked(whose, self.options, ours), engine


@dataclass(frozen=True, slots=True)
class WorldOptions:
    """The options of `load_policy("world:NAME", ...)`."""

    device: str | None = None
    """The device, such as cpu or cuda:0; by default a GPU if there is one."""


@dataclass(frozen=True, slots=True)
class TransformersOptions:
    """The options of `load_policy("hf:ORG/NAME", ...)` and of folders."""

    device: str | None = None
    """The device, such as cpu or cuda:0; by default a GPU if there is one."""
    dtype: str = "auto"
    """The dtype, such as bfloat16; `auto` is the checkpoint's own on a GPU, and on a CPU float32, but for
    large checkpoints in bfloat16 where the processor computes in it."""
    prompt: str | None = None
    """NAME@VERSION, or a file ending in .toml; else the one that suits the tokenizer."""
    thinking: bool | None = None
    """Whether it thinks before it answers; else as its chat template says."""
    max_rows: int = 256
    """Samples that are written at the same time."""


@dataclass(frozen=True, slots=True)
class TransformersPrmOptions:
    """The options of `load_prm("hf:ORG/NAME", ...)` and of folders."""

    device: str | None = None
    """The device, such as cpu or cuda:0; by default a GPU if there is one."""
    dtype: str = "auto"
    """The dtype, such as bfloat16; `auto` is the checkpoint's own on a GPU, and on a CPU float32, but for
    large checkpoints in bfloat16 where the processor computes in it."""
    base: str | None = None
    """Where the base model of a PRM of `train-prm` is, if it has moved."""


@dataclass(frozen=True, slots=True)
class VllmPrmOptions:
    """The options of `load_prm("vllm:ORG/NAME", ...)`, beside the engine arguments of vLLM."""

    params: float | None = None
    """The parameters that compute a token; else those in the folder, or in the model's name."""


@dataclass(frozen=True, slots=True)
class OpenAIOptions:
    """The options of `load_policy("openai:MODEL", ...)`. The key comes from OPENAI_API_KEY alone."""

    base_url: str | None = None
    """The URL, such as http://localhost:8000/v1; by default OPENAI_BASE_URL, else that of OpenAI."""
    params: float | None = None
    """The parameters that compute a token, for FLOPs and the rule; else those in the model's name."""
    prompt: str | None = None
    """NAME@VERSION, or a file ending in .toml; else the one that suits the server."""
    thinking: bool | None = None
    """Whether it thinks before it answers; else as the server's first answer shows."""
    api: str | None = None
    """`chat` or `completions`."""
    tokenizer: str | None = None
    """A folder or hub name: the chat is rendered here with its template, and sent as completions."""
    concurrency: int = 64
    """Requests at the same time."""
    timeout: float = 600.0
    """Seconds for one request."""
    retries: int = field(default=4, metadata={_LEAST: 0})
    """The number of further tries after 429, 5xx and dropped connections."""


@dataclass(frozen=True, slots=True)
class ServedPrmOptions:
    """The options of `load_prm("served:MODEL", ...)`. The key comes from OPENAI_API_KEY alone."""

    base_url: str | None = None
    """The URL, such as http://localhost:8001/v1; by default OPENAI_BASE_URL."""
    tokenizer: str | None = None
    """A folder or hub name, if the model's own name is none."""
    params: float | None = None
    """The parameters that compute a token; else those in the model's name."""
    concurrency: int = 64
    """Requests at the same time."""
    timeout: float = 600.0
    """Seconds for one request."""
    retries: int = field(default=4, metadata={_LEAST: 0})
    """The number of further tries after 429, 5xx and dropped connections."""


@dataclass(frozen=True, slots=True)
class VllmOptions:
    """The options of `load_policy("vllm:ORG/NAME", ...)`, beside the engine arguments of vLLM."""

    params: float | None = None
    """The parameters that compute a token; else those in the folder, or in the model's name."""
    prompt: str | None = None
    """NAME@VERSION, or a file ending in .toml; else the one that suits the tokenizer."""
    thinking: bool | None = None
    """Whether it thinks before it answers; else as its chat template says."""


def checked(whose: str, options: type[T], given: Mapping[str, Any]) -> T:
    """`options` with the values given; `whose` they are is for messages, as in `hf policies`. A number may be
    written as a text, which is what YAML makes of `7e9`.

    Raises:
        UnknownName: one of them is no option of theirs.
        InputError: a value is not of the option's type, or a number that makes no sense.
    """
    known = {f.name: f for f in fields(options)}  # type: ignore[arg-type]  # they are dataclasses
    found: Given = {}
    for name, value in given.items():
        if name not in known:
            raise UnknownName(f"option of {whose}", name, known)
        taken = str(known[name].type)
        found[name] = _as_number(value, taken)
        if not _is_of(found[name], taken):
            raise InputError(f"the option {name} of {whose} is {value!r}: it takes {taken}")
        _check_range(f"the option {name} of {whose}", found[name], known[name].metadata.get(_LEAST))
    return options(**found)


def _as_number(value: Any, annotation: str) -> Any:
    """The number that a text is, where a number is taken and no text; a whole one where that is asked for."""
    names = annotation.split(" | ")
    if not isinstance(value, (str, float)) or "str" in names or not {"int", "float"} & set(names):
        return value
    try:
        number = float(value)
    except ValueError:
        return value
    return int(number) if "float" not in names and number.is_integer() else number


def _check_range(what: str, value: Any, least: float | None) -> None:
    if not isinstance(value, (int, float)) or isinstance(value, bool):
        return
    if not math.isfinite(value):
        raise InputError(f"{what} is {value}: it takes a finite number")
    if value < least if least is not None else value <= 0:
        raise InputError(f"{what} is {value:g}: it takes a number {'from 0 on' if least == 0 else 'above 0'}")


def _is_of(value: Any, annotation: str) -> bool:
    """Annotations are plain types with `|` between them; an int is a float too, and a bool is neither."""
    types = {"str": str, "int": int, "float": (int, float), "bool": bool, "None": type(None)}
    names = [name.strip() for name in annotation.split("|")]
    if isinstance(value, bool):
        return "bool" in names
    return any(isinstance(value, types[name]) for name in names)  # type: ignore[arg-type]  # a type or several
