"""Golden numbers: the memory of published models on GPUs that are made up."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cache
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tts_select import InputError
from tts_select.executors.placement.checkpoints import Checkpoint, checkpoint_of
from tts_select.executors.placement.devices import GIB, Device, declared_gpus
from tts_select.executors.placement.fitting import DoesNotFit, fit, shares_of
from tts_select.executors.placement.memory import ModelPlacement, Workload, need_of

GPU_22, GPU_79 = declared_gpus([22])[0], declared_gpus([79])[0]
TINY = Checkpoint(1000, 2, 2, 8, 32, 64, 100, 512, "float32")


def gpu(gib: float, index: int = 0, free: float | None = None) -> Device:
    return Device(f"cuda:{index}", int(gib * GIB), int((gib if free is None else free) * GIB))


@pytest.fixture(scope="module")
def place(published: Callable[..., str]) -> Callable[..., ModelPlacement]:
    @cache
    def read(name: str) -> Checkpoint:
        return checkpoint_of(published(name), has_vocabulary="PRM" not in name)

    def placed(name: str, runtime: Any = "vllm", **changes: Any) -> ModelPlacement:
        return ModelPlacement(
            name, runtime, "cuda:0", "bfloat16", [read(name)], **{"writes": "PRM" not in name, **changes}
        )

    return placed


def test_a_small_policy_in_vllm_needs_what_is_reckoned_by_hand(place: Callable[..., ModelPlacement]) -> None:
    need = need_of(place("Qwen2.5-1.5B-Instruct", longest=8192), Workload(64, 4096), GPU_22)
    assert need.weights == 3_087_428_608
    assert need.cache == 64 * 4096 * 28_672 == 7 * GIB
    # 8,192 tokens of 4 x 1,536 + 3 x 8,960 numbers of 2 bytes; 256 rows of logits, twice, of 4 bytes; 2 GiB
    assert need.working == 8192 * 33_024 * 2 + 256 * 151_936 * 8 + 2 * GIB
    assert f"{need.total / GIB:.2f}" == "12.67"


def test_a_larger_policy_on_a_large_gpu_is_given_the_larger_batches_of_vllm(
    place: Callable[..., ModelPlacement],
) -> None:
    need = need_of(place("Qwen2.5-7B-Instruct", longest=8192), Workload(128, 4096), GPU_79)
    assert need.weights == 15_231_233_024
    assert need.cache == 128 * 4096 * 57_344 == 28 * GIB
    assert need.working == 16_384 * 71_168 * 2 + 1024 * 152_064 * 8 + 2 * GIB
    assert f"{need.total / GIB:.2f}" == "47.52"


def test_vllm_needs_room_for_one_text_of_the_greatest_length(place: Callable[..., ModelPlacement]) -> None:
    whole = need_of(place("Qwen2.5-7B-Instruct"), Workload(1, 100), GPU_79)
    assert whole.cache == 32_768 * 57_344
    assert (
        need_of(place("Qwen2.5-7B-Instruct", longest=1000), Workload(1, 100), GPU_79).cache == 1000 * 57_344
    )


def test_a_prm_of_the_transformers_runtime_has_two_bounded_caches(
    place: Callable[..., ModelPlacement],
) -> None:
    prm = place("Qwen2.5-Math-PRM-7B", "transformers")
    few, many = (need_of(prm, Workload(n, 4096), GPU_79) for n in (1, 500))
    assert few == many
    assert few.weights == 2 * (7_615_616_512 - 152_064 * 3584)
    assert few.cache == 2 * GIB
    assert few.working == 8192 * 71_168 * 2 + GIB


def test_a_policy_of_the_transformers_runtime_has_its_rows_twice_while_they_grow(
    place: Callable[..., ModelPlacement],
) -> None:
    policy = place("Qwen2.5-1.5B-Instruct", "transformers", most_rows=256)
    need = need_of(policy, Workload(16, 2048), GPU_22)
    assert need.cache == GIB + 2 * 16 * 2048 * 28_672
    assert need_of(policy, Workload(256, 2048), GPU_22) == need_of(policy, Workload(1000, 2048), GPU_22)


def test_a_pair_on_one_gpu_shares_it(place: Callable[..., ModelPlacement]) -> None:
    policy, prm = (
        place("Qwen2.5-1.5B-Instruct", longest=8192),
        place("Skywork-o1-Open-PRM-Qwen-2.5-1.5B", "transformers"),
    )
    (found,) = fit([policy, prm], [GPU_22], Workload(64, 4096))
    # 95 % of 22 GiB are 20.9; the PRM takes 6.38 of them, and the rest is 0.66 of 22
    assert found.usable == int(0.95 * 22 * GIB)
    assert f"{found.needs[1].total / GIB:.2f}" == "6.38"
    assert shares_of([found]) == {policy.name: 0.66}


def test_two_models_in_vllm_are_given_shares_of_their_own(place: Callable[..., ModelPlacement]) -> None:
    policy = place("Qwen2.5-7B-Instruct", longest=8192)
    prm = place("Qwen2.5-Math-PRM-7B")
    (found,) = fit([policy, prm], [GPU_79], Workload(32, 2048))
    shares = shares_of([found])
    assert shares[prm.name] * 79 >= found.needs[1].total / GIB > (shares[prm.name] - 0.01) * 79
    assert 0.93 <= sum(shares.values()) <= 0.951


def test_a_pair_on_two_gpus_has_one_each(place: Callable[..., ModelPlacement]) -> None:
    policy, prm = place("Qwen2.5-7B-Instruct", longest=8192), place("Qwen2.5-Math-PRM-7B", "transformers")
    with pytest.raises(DoesNotFit):
        fit([policy, prm], [gpu(24), gpu(24, 1)], Workload(8, 4096))
    first, second = fit([policy, replace(prm, device="cuda:1")], [gpu(24), gpu(24, 1)], Workload(8, 4096))
    assert (first.device.name, second.device.name) == ("cuda:0", "cuda:1")
    assert first.shares == {policy.name: 0.95}
    assert second.shares == {}


def test_tensor_parallelism_divides_weights_and_heads(place: Callable[..., ModelPlacement]) -> None:
    whole = place("Qwen2.5-7B-Instruct", longest=8192)
    halves = fit([replace(whole, n_devices=2)], [gpu(24), gpu(24, 1)], Workload(8, 4096))
    assert [f.device.name for f in halves] == ["cuda:0", "cuda:1"]
    one = need_of(whole, Workload(8, 4096), gpu(24))
    for half in halves:
        assert half.needs[0].weights == one.weights / 2
        assert half.needs[0].cache == one.cache / 2
    eight = need_of(replace(whole, n_devices=8), Workload(8, 4096), gpu(24))
    assert eight.cache == one.cache / 4  # four key-value heads: two devices hold the same one


def test_what_does_not_fit_is_refused_with_the_numbers_and_what_would(
    place: Callable[..., ModelPlacement],
) -> None:
    policy, prm = (
        place("Qwen2.5-1.5B-Instruct", longest=4096),
        place("Skywork-o1-Open-PRM-Qwen-2.5-1.5B", "transformers"),
    )
    with pytest.raises(DoesNotFit) as refused:
        fit([policy, prm], [GPU_22], Workload(128, 4096))
    said = str(refused.value)
    assert "do not fit on cuda:0 (22.0 GiB, of which 20.9 can be used): 26.0 GiB are needed" in said
    assert "for 128 solutions of 4,096 tokens at once" in said
    assert "Qwen2.5-1.5B-Instruct: 2.9 weights + 14.0 keys and values + 2.8 working memory" in said
    assert "What fits: concurrency: 80 or context: 2560 under placement" in said
    assert "\n" not in said
    for fitting in (Workload(80, 4096), Workload(128, 2560)):
        assert fit([policy, prm], [GPU_22], fitting)
    for failing in (Workload(82, 4096), Workload(128, 2560 + 256)):
        with pytest.raises(DoesNotFit):
            fit([policy, prm], [GPU_22], failing)


def test_weights_that_alone_are_too_large_are_said_to_be(place: Callable[..., ModelPlacement]) -> None:
    with pytest.raises(DoesNotFit, match=r"No smaller workload fits: choose more devices .*a smaller model"):
        fit([place("Qwen2.5-7B-Instruct", longest=8192)], [gpu(16)], Workload())


def test_what_others_use_is_not_given_away(place: Callable[..., ModelPlacement]) -> None:
    policy = place("Qwen2.5-1.5B-Instruct", longest=8192)
    (alone,), (beside,) = (fit([policy], [gpu(24, free=f)], Workload(8, 4096)) for f in (24, 16))
    assert (alone.shares[policy.name], beside.shares[policy.name]) == (0.95, 0.61)
    with pytest.raises(DoesNotFit):
        fit([policy], [gpu(24, free=5)], Workload(8, 4096))


def test_a_share_that_is_asked_for_is_kept_or_refused(place: Callable[..., ModelPlacement]) -> None:
    policy = place("Qwen2.5-1.5B-Instruct", longest=8192)
    (found,) = fit([replace(policy, share=0.7)], [GPU_22], Workload(64, 4096))
    assert found.shares == {policy.name: 0.7}
    with pytest.raises(DoesNotFit, match=r"gpu_memory_utilization=0.3 .* 6.6 GiB.* give it 0.58 or more"):
        fit([replace(policy, share=0.3)], [GPU_22], Workload(64, 4096))


def test_a_device_that_is_not_there_is_named_with_those_that_are(
    place: Callable[..., ModelPlacement],
) -> None:
    policy = place("Qwen2.5-1.5B-Instruct", n_devices=2)
    with pytest.raises(InputError, match="run on cuda:1, which is not there: there is cuda:0"):
        fit([policy], [GPU_79], Workload())
    with pytest.raises(InputError, match="there is none"):
        fit([policy], [], Workload())


@given(
    st.lists(st.sampled_from(["vllm", "transformers"]), min_size=1, max_size=4),
    st.integers(1, 400),
    st.integers(1, 2000),
    st.floats(4, 90),
    st.floats(0.2, 1),
)
def test_shares_and_needs_never_exceed_what_is_free(
    runtimes: list[Any], concurrency: int, context: int, gib: float, free: float
) -> None:
    models = [
        ModelPlacement(f"m{k}", runtime, "cuda:0", "float32", [TINY]) for k, runtime in enumerate(runtimes)
    ]
    device = gpu(gib, free=free * gib)
    try:
        (found,) = fit(models, [device], Workload(concurrency, context))
    except DoesNotFit:
        return
    in_vllm = sum(found.shares.values()) * device.total
    others = sum(n.total for n in found.needs if n.model not in found.shares)
    assert in_vllm + others <= device.free
    for need in found.needs:
        if need.model in found.shares:
            assert found.shares[need.model] * device.total >= need.total
