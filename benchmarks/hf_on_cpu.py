"""Tokens a second of a real model in the runtime of `hf:` over those of `generate`, on a CPU, in one run.

    python benchmarks/hf_on_cpu.py FOLDER --rows 16 --tokens 64 --repeats 3

Both write `--rows` samples of each problem at once, at temperature 0.7, in float32 and in bfloat16. Which is
first changes with every repeat. Ratios over `generate` in the same type, and of bfloat16 over float32.
"""

from __future__ import annotations

import argparse
import asyncio
import time
from typing import Any

import torch
from measuring import show, spread

from tts_select import load_policy
from tts_select.core.protocols import SampleRequest, forget
from tts_select.executors.accounting import Ledger
from tts_select.executors.runtime.loading import load_causal_lm

PROBLEMS = (
    "A shop sells 12 boxes of 8 pens for 3 dollars a box. How much do 96 pens cost?",
    "Tom runs 4 miles on each of 3 days and 6 miles on each of 2 days. How many miles does he run?",
)
DTYPES = ("float32", "bfloat16")


def ours(folder: str, dtype: str, rows: int, tokens: int) -> float:
    """Generated tokens a second of the policy, which has computed nothing yet."""
    policy = load_policy(f"hf:{folder}", device="cpu", dtype=dtype)
    meter = Ledger().phase("test")

    async def all_of_them() -> int:
        await forget(policy)
        requests = [SampleRequest(p, n=rows, max_new_tokens=tokens, logprobs=False) for p in PROBLEMS]
        written = await asyncio.gather(*(policy.sample(r, meter) for r in requests))
        return sum(c.n_tokens for some in written for c in some)

    began = time.perf_counter()
    return asyncio.run(all_of_them()) / (time.perf_counter() - began)


def raw(loaded: Any, rows: int, tokens: int) -> float:
    """Generated tokens a second of `generate`, for one batch of as many rows."""
    chats = [[{"role": "user", "content": p}] for p in PROBLEMS for _ in range(rows)]
    loaded.tokenizer.padding_side = "left"
    inputs = loaded.tokenizer.apply_chat_template(
        chats, add_generation_prompt=True, padding=True, return_tensors="pt", return_dict=True
    )
    began = time.perf_counter()
    with torch.inference_mode():
        out = loaded.model.generate(
            **inputs, do_sample=True, temperature=0.7, top_k=0, max_new_tokens=tokens, min_new_tokens=tokens
        )
    return (out.shape[1] - inputs["input_ids"].shape[1]) * out.shape[0] / (time.perf_counter() - began)


def main() -> None:
    """Print the ratios."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", help="A model in the Hugging Face format.")
    parser.add_argument("--rows", type=int, default=16)
    parser.add_argument("--tokens", type=int, default=64)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    models = {dtype: load_causal_lm(given.folder, device="cpu", dtype=dtype) for dtype in DTYPES}
    speeds: dict[tuple[str, str], list[float]] = {}
    runs = [(who, dtype) for dtype in DTYPES for who in ("ours", "generate")]
    for repeat in range(given.repeats + 1):  # the first warms up
        for who, dtype in runs if repeat % 2 else reversed(runs):
            if who == "ours":
                found = ours(given.folder, dtype, given.rows, given.tokens)
            else:
                found = raw(models[dtype], given.rows, given.tokens)
            if repeat:
                speeds.setdefault((who, dtype), []).append(found)
    pairs = {
        **{f"hf: over generate, {d}": (("ours", d), ("generate", d)) for d in DTYPES},
        "hf: in bfloat16 over float32": (("ours", "bfloat16"), ("ours", "float32")),
        "generate in bfloat16 over float32": (("generate", "bfloat16"), ("generate", "float32")),
    }
    figures = {
        name: spread([a / b for a, b in zip(speeds[one], speeds[other], strict=True)])
        for name, (one, other) in pairs.items()
    }
    show(figures, as_json=given.json)


if __name__ == "__main__":
    main()
