"""The published configurations of real models, as far as they say what takes memory."""

from __future__ import annotations

QWEN_1_5B = {
    "model_type": "qwen2",
    "architectures": ["Qwen2ForCausalLM"],
    "hidden_size": 1536,
    "intermediate_size": 8960,
    "num_hidden_layers": 28,
    "num_attention_heads": 12,
    "num_key_value_heads": 2,
    "vocab_size": 151936,
    "max_position_embeddings": 32768,
    "tie_word_embeddings": True,
    "torch_dtype": "bfloat16",
}
QWEN_7B = {
    **QWEN_1_5B,
    "hidden_size": 3584,
    "intermediate_size": 18944,
    "num_attention_heads": 28,
    "num_key_value_heads": 4,
    "vocab_size": 152064,
    "tie_word_embeddings": False,
}
SKYWORK_1_5B = {**QWEN_1_5B, "architectures": ["Qwen2ForRewardModel"], "max_position_embeddings": 4096}
MATH_PRM_7B = {**QWEN_7B, "architectures": ["Qwen2ForProcessRewardModel"], "max_position_embeddings": 4096}
LLAMA_8B = {
    "model_type": "llama",
    "architectures": ["LlamaForCausalLM"],
    "hidden_size": 4096,
    "intermediate_size": 14336,
    "num_hidden_layers": 32,
    "num_attention_heads": 32,
    "num_key_value_heads": 8,
    "vocab_size": 128256,
    "max_position_embeddings": 131072,
    "tie_word_embeddings": False,
    "torch_dtype": "bfloat16",
}
PUBLISHED = {
    "Qwen2.5-1.5B-Instruct": QWEN_1_5B,
    "Qwen2.5-7B-Instruct": QWEN_7B,
    "Skywork-o1-Open-PRM-Qwen-2.5-1.5B": SKYWORK_1_5B,
    "Qwen2.5-Math-PRM-7B": MATH_PRM_7B,
    "Llama-3.1-8B": LLAMA_8B,
}
