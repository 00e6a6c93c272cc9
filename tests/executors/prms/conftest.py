"""A tiny random checkpoint of each PRM family: its real configuration, and a tokenizer of its real kind.

The tokenizers are trained here on a few lines, with the special tokens and the chat template of the family.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any

import pytest

CORPUS = [
    "We add 12 and 3 - that is 15. So the answer is 15.",
    "The step is right + the next step is wrong - because 4 * 5 = 20.",
    "Let's think step by step. Let's verify step by step: Is the solution correct? Yes",
    "Is the solution correct? No. Step 1: We find x. Step 2: We find y. The answer is \\boxed{7}.",
    "шаг ки шаг ки шаг ки + - + - + -",
]
CHATML = (
    "{% if messages[0]['role'] != 'system' %}<|im_start|>system\nYou are a helpful assistant.<|im_end|>"
    "\n{% endif %}{% for message in messages %}<|im_start|>{{ message['role'] }}\n{{ message['content'] }}"
    "<|im_end|>\n{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
LLAMA_3 = (
    "{{ bos_token }}{% for message in messages %}<|start_header_id|>{{ message['role'] }}<|end_header_id|>"
    "\n\n{{ message['content'] | trim }}<|eot_id|>{% endfor %}{% if add_generation_prompt %}"
    "<|start_header_id|>assistant<|end_header_id|>\n\n{% endif %}"
)
SIZES = {
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 2048,
    "tie_word_embeddings": False,
}


@lru_cache
def byte_level() -> tuple[dict[str, int], list[tuple[str, str]]]:
    """Vocabulary and merges of a byte-level BPE."""
    from tokenizers import Tokenizer, models, pre_tokenizers, trainers

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = _byte_level_words()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    # a blank line is one token in the real vocabularies, and so is one with the full stop before it
    lines = [*CORPUS, *["\n\n", ".\n\n", "\n"] * 9]
    trainer = trainers.BpeTrainer(vocab_size=420, initial_alphabet=alphabet, show_progress=False)
    tokenizer.train_from_iterator(lines, trainer)
    return _of_bpe(tokenizer)


def _byte_level_words() -> Any:
    """Cuts text into words as Qwen's and Llama 3's tokenizers do."""
    from tokenizers import Regex, pre_tokenizers

    words = r"[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
    return pre_tokenizers.Sequence(
        [pre_tokenizers.Split(Regex(words), "isolated"), pre_tokenizers.ByteLevel(False, use_regex=False)]
    )


@lru_cache
def sentence_piece() -> tuple[dict[str, int], list[tuple[str, str]]]:
    """Vocabulary and merges of a BPE with byte fallback, as SentencePiece makes it."""
    from tokenizers import Tokenizer, models, pre_tokenizers, trainers

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.train_from_iterator(CORPUS, trainers.BpeTrainer(vocab_size=260, show_progress=False))
    pieces, merges = _of_bpe(tokenizer)
    tokens = ["<unk>", "<s>", "</s>", *(f"<0x{byte:02X}>" for byte in range(256)), *pieces]
    return {token: i for i, token in enumerate(tokens)}, merges


def _of_bpe(tokenizer: Any) -> tuple[dict[str, int], list[tuple[str, str]]]:
    model = json.loads(tokenizer.to_str())["model"]
    return model["vocab"], [tuple(merge) for merge in model["merges"]]


def qwen_tokenizer(*special: str, bos: str | None = None, merged: bool = True) -> Any:
    """Without its merges, every character is a token of its own, or several."""
    from transformers import Qwen2Tokenizer

    vocab, merges = byte_level()
    found = Qwen2Tokenizer(vocab=dict(vocab), merges=list(merges) if merged else [], bos_token=bos)
    found.add_special_tokens({"additional_special_tokens": ["<|im_start|>", "<|im_end|>", *special]})
    found.chat_template = CHATML
    return found


def llama_3_tokenizer() -> Any:
    from tokenizers import Tokenizer, decoders, models
    from transformers import PreTrainedTokenizerFast

    vocab, merges = byte_level()
    tokenizer = Tokenizer(models.BPE(vocab=vocab, merges=merges))
    tokenizer.pre_tokenizer = _byte_level_words()
    tokenizer.decoder = decoders.ByteLevel()
    found = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        bos_token="<|begin_of_text|>",  # noqa: S106
        eos_token="<|eot_id|>",  # noqa: S106
    )
    found.add_special_tokens({"additional_special_tokens": ["<|start_header_id|>", "<|end_header_id|>"]})
    found.chat_template = LLAMA_3
    return found


def llama_2_tokenizer(**more: Any) -> Any:
    from transformers import LlamaTokenizer

    vocab, merges = sentence_piece()
    return LlamaTokenizer(vocab=dict(vocab), merges=list(merges), add_bos_token=True, **more)


def save_checkpoint(
    folder: Path,
    kind: str,
    tokenizer: Any,
    *,
    seed: int = 0,
    head: dict[str, tuple[int, ...]] | None = None,
    **config: Any,
) -> Path:
    """A random model of this kind; with the shapes of a `head`, that instead of the output layer, and a
    configuration that asks for code of its own, as the real ones do."""
    import torch
    import transformers
    from safetensors.torch import load_file, save_file

    sizes = {**SIZES, "vocab_size": len(tokenizer), "eos_token_id": tokenizer.eos_token_id, **config}
    made = getattr(transformers, f"{kind}Config")(**{"bos_token_id": None, "pad_token_id": None, **sizes})
    torch.manual_seed(seed)
    model = getattr(transformers, f"{kind}ForCausalLM")(made)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.dim() > 1:
                parameter.normal_(0.0, 1.5 * parameter.shape[-1] ** -0.5)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    if head is not None:
        weights = {n: w for n, w in load_file(folder / "model.safetensors").items() if n != "lm_head.weight"}
        weights |= {name: torch.randn(shape) * shape[-1] ** -0.5 for name, shape in head.items()}
        save_file(weights, folder / "model.safetensors", {"format": "pt"})
        file = folder / "config.json"
        asked = {"architectures": ["ItsOwnPrm"], "auto_map": {"AutoModel": "its_own_code.ItsOwnPrm"}}
        file.write_text(json.dumps({**json.loads(file.read_text()), **asked}))
    return folder


def _save(name: str, folder: Path) -> None:
    hidden = SIZES["hidden_size"]
    mlp = {"score.0.weight": (hidden, hidden), "score.0.bias": (hidden,)}
    mlp |= {"score.2.weight": (2, hidden), "score.2.bias": (2,)}
    match name:
        case "math-shepherd":
            save_checkpoint(folder, "Mistral", llama_2_tokenizer(), sliding_window=2048)
        case "rlhflow-mistral" | "rlhflow-deepseek":
            save_checkpoint(folder, "Llama", llama_3_tokenizer(), rope_parameters=LLAMA_3_ROPE)
        case "skywork-o1":
            head = {"v_head.summary.weight": (1, hidden), "v_head.summary.bias": (1,)}
            save_checkpoint(folder, "Qwen2", qwen_tokenizer(bos="<|im_start|>"), head=head)
        case "qwen2.5-math-prm":
            save_checkpoint(folder, "Qwen2", qwen_tokenizer("<extra_0>"), head=mlp)
        case "eurus":
            save_checkpoint(folder, "Qwen2", qwen_tokenizer())
            save_checkpoint(folder / "reference", "Qwen2", qwen_tokenizer(), seed=1)
        case "reason-eval":
            head = {"score_head.weight": (3, hidden)}
            save_checkpoint(folder, "Mistral", llama_2_tokenizer(pad_token="<s>"), head=head)  # noqa: S106
        case "reason-eval-34b":
            head = {"score_head.weight": (3, hidden), "score_head.bias": (3,)}
            save_checkpoint(folder, "Llama", llama_2_tokenizer(pad_token="</s>"), head=head)  # noqa: S106
        case "generative":
            save_checkpoint(folder, "Qwen2", qwen_tokenizer())


LLAMA_3_ROPE = {
    "rope_type": "llama3",
    "rope_theta": 500000.0,
    "factor": 8.0,
    "low_freq_factor": 1.0,
    "high_freq_factor": 4.0,
    "original_max_position_embeddings": 512,
}


@pytest.fixture(scope="session")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """The folder of a family's checkpoint, by the name of its format."""

    @lru_cache
    def folder(name: str) -> Path:
        made = tmp_path_factory.mktemp("prm") / name
        _save(name, made)
        return made

    return folder


@pytest.fixture(scope="session")
def new_checkpoint() -> Callable[..., Path]:
    """`save_checkpoint`, for what is not of a family, or broken."""
    return save_checkpoint


@pytest.fixture(scope="session")
def new_tokenizer() -> dict[str, Callable[..., Any]]:
    """Of each kind."""
    return {"qwen": qwen_tokenizer, "llama-3": llama_3_tokenizer, "llama-2": llama_2_tokenizer}
