from __future__ import annotations

from pathlib import Path

import pytest

from tts_select import InputError, Policy, RewardModel, UnknownName, load_policy, load_prm
from tts_select.core.errors import BackendError
from tts_select.executors.registry import embedded_mismatch, is_embedded


def test_an_embedded_policy_keeps_the_protocol_and_is_loaded_once() -> None:
    policy = load_policy("world:small")
    assert isinstance(policy, Policy)
    assert policy.name == "world:small"
    assert policy.n_parameters == 182_464
    assert load_policy("world:small") is policy


def test_an_embedded_prm_keeps_the_protocol_and_is_loaded_once() -> None:
    prm = load_prm("world:prm")
    assert isinstance(prm, RewardModel)
    assert prm.name == "world:prm"
    assert load_prm("world:prm") is prm
    assert prm.fingerprint != load_policy("world:small").fingerprint


def test_a_folder_is_a_policy_or_with_a_format_a_prm(tiny_llama: object) -> None:
    folder = tiny_llama.model.config.name_or_path  # type: ignore[attr-defined]
    assert load_policy(folder).fingerprint == tiny_llama.fingerprint  # type: ignore[attr-defined]
    assert isinstance(load_prm(f"hf:{folder}", "world"), RewardModel)


@pytest.mark.parametrize(
    ("spec", "remedy"),
    [
        ("", "SCHEME:NAME"),
        ("world:", "SCHEME:NAME"),
        ("world:smal", "did you mean 'small'"),
        ("wrold:small", "did you mean 'world'"),
        ("world:prm", "unknown embedded policy 'prm'"),
    ],
)
def test_a_policy_that_is_not_there_is_named_with_the_remedy(spec: str, remedy: str) -> None:
    with pytest.raises(InputError) as refused:
        load_policy(spec)
    assert remedy in str(refused.value)


def test_a_prm_without_a_format_is_refused_and_an_unknown_format_too(tiny_llama: object) -> None:
    folder = tiny_llama.model.config.name_or_path  # type: ignore[attr-defined]
    with pytest.raises(InputError, match=r"--prm-format, one of eurus.* qwen2.5-math-prm"):
        load_prm(folder)
    with pytest.raises(UnknownName, match="did you mean 'world'"):
        load_prm(folder, "wrld")


def test_a_model_that_cannot_be_loaded_is_a_backend_error(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(BackendError, match="cannot load the model"):
        load_policy(str(tmp_path))


def test_a_prm_of_another_format_than_it_is_loaded_in_is_refused(tiny_llama: object) -> None:
    folder = tiny_llama.model.config.name_or_path  # type: ignore[attr-defined]
    with pytest.raises(InputError, match=r"no weights v_head.*another one with --prm-format"):
        load_prm(folder, "skywork-o1")
    with pytest.raises(InputError, match=r"chat template .* --prm-format"):
        load_prm(folder, "rlhflow-mistral")


@pytest.mark.parametrize("format_name", ["skywork-o1", "reason-eval", "eurus", "world-likelihood"])
def test_a_format_that_is_not_read_in_vllm_is_refused_with_those_that_are(format_name: str) -> None:
    with pytest.raises(InputError, match=r"only world, math-shepherd.*qwen2.5-math-prm: write hf:"):
        load_prm("vllm:some/prm", format_name)


def test_options_of_a_prm_are_checked_and_used(tiny_llama: object) -> None:
    folder = tiny_llama.model.config.name_or_path  # type: ignore[attr-defined]
    prm = load_prm(folder, "world", device="cpu", dtype="bfloat16", fresh=True)
    assert str(prm._lanes[0].part.loaded.model.dtype) == "torch.bfloat16"  # type: ignore[attr-defined]
    assert load_prm(folder, "world", dtype="float32") is load_prm(folder, "world", dtype="float32")
    with pytest.raises(UnknownName, match="unknown option of hf PRMs 'dtyp': did you mean 'dtype'"):
        load_prm(folder, "world", dtyp="bfloat16")
    with pytest.raises(UnknownName, match="unknown option of world PRMs 'dtype'"):
        load_prm("world:prm", dtype="bfloat16")


@pytest.mark.parametrize(
    ("policy", "prm", "said"),
    [
        ("world:small", "world:prm", None),
        ("hf:a/b", "hf:c/d", None),
        ("./folder", "served:x", None),
        ("openai:m", "world:prm", "world:prm is of the embedded world"),
        ("world:small", "hf:a/b", "world:small is of the embedded world"),
    ],
)
def test_embedded_models_are_told_from_others(policy: str, prm: str, said: str | None) -> None:
    found = embedded_mismatch(policy, prm)
    assert found is None if said is None else found is not None and found.startswith(said)
    assert is_embedded(policy) == policy.startswith("world:")
