"""Tiny random checkpoints of real architectures: run as `generate` runs them, or refused with the reason."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

import pytest
import torch
import transformers

from tts_select import InputError
from tts_select.core.protocols import SampleRequest
from tts_select.data.world.suite import WorldProblem
from tts_select.data.world.tokenizer import PROMPT_TEMPLATE
from tts_select.executors.accounting import Ledger
from tts_select.executors.policies.transformers import TransformersPolicy
from tts_select.executors.runtime.loading import LoadedModel
from tts_select.executors.runtime.selfcheck import attention_window, check_architecture

N_NEW = 12
COMMON = {
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 8,
    "max_position_embeddings": 4096,
    "eos_token_id": 1,
    "bos_token_id": None,
    "pad_token_id": 0,
    "tie_word_embeddings": False,
}
SHARED_EXPERTS = {"num_local_experts": 2, "num_experts_per_tok": 1}

InTime = Callable[[Coroutine[Any, Any, Any]], Any]


def tiny(family: str, vocab_size: int, **more: Any) -> Any:
    """A random model of this family; peaked, so that a wrong context changes what it writes."""
    config = getattr(transformers, f"{family}Config")(**{**COMMON, "vocab_size": vocab_size, **more})
    torch.manual_seed(3)
    model = transformers.AutoModelForCausalLM.from_config(config).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.dim() > 1:
                parameter.normal_(0.0, parameter.shape[-1] ** -0.5)
    return model


@pytest.mark.parametrize(
    ("family", "more"),
    [
        ("Llama", {}),
        ("Qwen2", {}),
        ("Qwen3", {}),
        ("Mistral", {"sliding_window": None}),
        ("Mistral", {"sliding_window": 2048}),
        ("Gemma", {}),
        ("Gemma2", {"sliding_window": 2048, "query_pre_attn_scalar": 8}),
        ("Phi3", {}),
        ("Olmo2", {}),
        ("Mixtral", SHARED_EXPERTS),
        ("GPT2", {"num_key_value_heads": 4}),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_greedy_text_is_what_generate_writes(
    family: str, more: dict[str, Any], tiny_llama: Any, world_problems: list[WorldProblem], in_time: InTime
) -> None:
    tokenizer = tiny_llama.tokenizer
    model = tiny(family, len(tokenizer), **more)
    check_architecture(model, "tiny")
    policy = TransformersPolicy(LoadedModel(model, tokenizer, "fp"), name="tiny")
    problems = sorted({p.problem for p in world_problems}, key=len)[:: len(world_problems) // 3]

    written = [in_time(_greedy(policy, problem)) for problem in problems]

    assert written == [_generated(model, tokenizer, problem) for problem in problems]
    assert len(set(written)) > 1


async def _greedy(policy: TransformersPolicy, problem: str) -> str:
    request = SampleRequest(problem, temperature=0.0, max_new_tokens=N_NEW)
    return (await policy.sample(request, Ledger().phase("test")))[0].text


def _generated(model: Any, tokenizer: Any, problem: str) -> str:
    ids = torch.tensor([tokenizer(PROMPT_TEMPLATE.format(problem=problem))["input_ids"]])
    found = model.generate(
        ids, attention_mask=torch.ones_like(ids), do_sample=False, max_new_tokens=N_NEW,
        eos_token_id=1, pad_token_id=0,
    )  # fmt: skip
    new = found[0, ids.shape[1] :].tolist()
    return str(tokenizer.decode([i for i in new if i != 1]))


@pytest.mark.parametrize(
    ("family", "more"),
    [
        ("Mamba", {"state_size": 4}),
        ("Bloom", {"n_head": 4, "n_layer": 2}),
        ("DeepseekV3", {"q_lora_rank": 8, "kv_lora_rank": 8, "qk_rope_head_dim": 4, "qk_nope_head_dim": 4,
                        "v_head_dim": 6, "n_routed_experts": 4, "n_group": 1, "topk_group": 1,
                        "num_experts_per_tok": 1, "moe_intermediate_size": 16, "first_k_dense_replace": 2,
                        "num_key_value_heads": 4}),
        ("Mistral", {"sliding_window": 16}),
        ("Gemma2", {"sliding_window": 16}),
    ],
    ids=["state-space", "alibi", "mla", "window", "windows-in-turn"],
)  # fmt: skip
def test_what_this_runtime_cannot_run_is_refused_with_a_way_out(family: str, more: dict[str, Any]) -> None:
    with pytest.raises(InputError, match=rf"a {family}ForCausalLM.*vllm: or behind a server") as refused:
        check_architecture(tiny(family, 64, **more), "tiny")
    assert "\n" not in str(refused.value)


def test_a_window_bounds_the_context_only_where_a_layer_slides() -> None:
    slides = transformers.MistralConfig(**{**COMMON, "sliding_window": 2048})
    idle = transformers.Qwen2Config(**{**COMMON, "sliding_window": 2048, "use_sliding_window": False})
    assert attention_window(slides) == 2048
    assert attention_window(idle) is None
    assert attention_window(transformers.LlamaConfig(**COMMON)) is None
