from __future__ import annotations

from importlib.util import find_spec
from typing import Any

import pytest

from tts_select import BackendError, InputError, UnknownName, load_policy
from tts_select.data.world.artifacts import folder_of
from tts_select.executors.backend_options import OpenAIOptions, TransformersOptions, checked


def test_options_are_taken_by_name() -> None:
    found = checked("openai policies", OpenAIOptions, {"params": 7, "thinking": False})
    assert (found.params, found.thinking, found.concurrency) == (7, False, 64)


@pytest.mark.parametrize(
    "given",
    [{"max_rows": True}, {"max_rows": 1.5}, {"thinking": 1}, {"dtype": None}, {"prompt": ["boxed@1"]}],
)
def test_a_value_of_another_type_is_refused(given: dict[str, Any]) -> None:
    with pytest.raises(InputError, match=rf"{next(iter(given))} of hf policies is .*it takes"):
        checked("hf policies", TransformersOptions, given)


@pytest.mark.parametrize(
    ("options", "given", "value"),
    [
        (OpenAIOptions, {"params": "7e9"}, 7e9),
        (OpenAIOptions, {"params": "7_000_000"}, 7e6),
        (OpenAIOptions, {"timeout": " 1.5 "}, 1.5),
        (OpenAIOptions, {"retries": "0"}, 0),
        (OpenAIOptions, {"concurrency": "1e2"}, 100),
        (OpenAIOptions, {"concurrency": 1e2}, 100),
        (TransformersOptions, {"max_rows": "64"}, 64),
        (TransformersOptions, {"dtype": "16"}, "16"),
    ],
)
def test_a_number_may_be_written_as_a_text(options: Any, given: dict[str, Any], value: Any) -> None:
    (name,) = given
    found = getattr(checked("some policies", options, given), name)
    assert (found, type(found)) == (value, type(value))


@pytest.mark.parametrize(
    "given",
    [
        {"params": "nan"}, {"params": float("nan")}, {"params": "inf"}, {"params": 0}, {"params": -7e9},
        {"params": "7B"}, {"concurrency": 0}, {"concurrency": "1.5"}, {"retries": -1}, {"timeout": 0},
        {"timeout": "-1e1"}, {"params": True},
    ],
)  # fmt: skip
def test_a_number_that_makes_no_sense_is_refused(given: dict[str, Any]) -> None:
    (name,) = given
    with pytest.raises(InputError, match=rf"the option {name} of openai policies is .*: it takes") as refused:
        checked("openai policies", OpenAIOptions, given)
    assert "\n" not in str(refused.value)


def test_an_option_of_another_backend_is_refused() -> None:
    with pytest.raises(UnknownName, match="unknown option of world policies 'dtype'"):
        load_policy("world:small", dtype="bfloat16")


@pytest.mark.parametrize(
    ("options", "remedy"),
    [
        ({"dtype": "bfloat"}, "did you mean 'bfloat16'"),
        ({"device": "quantum"}, "leave it out, or use cpu"),
        ({"prompt": "nothing@1"}, "choose from boxed@1"),
    ],
)
def test_a_policy_that_cannot_be_loaded_so_is_refused(
    tiny_llama: Any, options: dict[str, Any], remedy: str
) -> None:
    with pytest.raises(InputError) as refused:
        load_policy(tiny_llama.model.config.name_or_path, **options)
    assert remedy in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_type_and_a_prompt_are_used(tiny_llama: Any) -> None:
    import torch

    folder = tiny_llama.model.config.name_or_path
    policy: Any = load_policy(folder, dtype="bfloat16", prompt="boxed@1")
    assert policy._decoder._model.dtype == torch.bfloat16
    assert policy.fingerprint == f"{tiny_llama.fingerprint}+c756ef5e"


@pytest.mark.skipif(find_spec("vllm") is not None, reason="vLLM is installed here")
def test_vllm_that_is_not_installed_is_said() -> None:
    with pytest.raises(BackendError, match=r"install it as docs/models\.md says"):
        load_policy(f"vllm:{folder_of('policy', 'small')}")
