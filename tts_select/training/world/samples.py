"""The samples that the policies write on training problems, kept on disk and labelled by the exact
checker."""

from __future__ import annotations

import asyncio
import json
import operator
from collections.abc import Sequence
from itertools import accumulate, islice
from pathlib import Path

import numpy as np
from tokenizers import Tokenizer

from tts_select.core.protocols import SampleRequest
from tts_select.data.world.checker import check_steps
from tts_select.data.world.levels import training_shape
from tts_select.data.world.suite import STEP_DELIMITER, WorldProblem, canonical_steps, parse_facts, stream
from tts_select.data.world.tokenizer import EOS, PROMPT_TEMPLATE, token_id
from tts_select.executors.accounting import Ledger
from tts_select.executors.policies.transformers import TransformersPolicy
from tts_select.executors.runtime.loading import load_causal_lm
from tts_select.executors.stepping import split_steps
from tts_select.solving.batch import in_flight
from tts_select.training.world.corpus import IGNORE, Example

TEMPERATURES = (0.7, 1.0)
_IN_FLIGHT = 512


def write_samples(
    policy_folder: Path, out: Path, *, n_problems: int, n_samples: int, seed: int, device: str
) -> None:
    """Sample `n_samples` solutions of each of `n_problems` training problems, half of them hot."""
    policy = TransformersPolicy(
        load_causal_lm(str(policy_folder), device=device),
        name=policy_folder.name,
        max_rows=512,
    )
    name = f"samples:{policy_folder.name}:{seed}"
    problems = list(islice(stream(training_shape, seed=name, split="train"), n_problems))
    texts = asyncio.run(_sample(policy, problems, n_samples, seed))
    partial = out.with_suffix(".partial")
    with partial.open("w") as stream_out:
        for problem, written in zip(problems, texts, strict=True):
            for text in written:
                record = {"problem": problem.problem, "solution": text}
                stream_out.write(json.dumps(record) + "\n")
    partial.replace(out)


async def _sample(
    policy: TransformersPolicy, problems: Sequence[WorldProblem], n: int, seed: int
) -> list[list[str]]:
    meter = Ledger().phase("samples")

    async def one(place: int) -> list[str]:
        request = SampleRequest(
            problems[place].problem,
            n=n,
            max_new_tokens=200,
            temperature=TEMPERATURES[place % len(TEMPERATURES)],
            seed=seed + place,
        )
        return [c.text for c in await policy.sample(request, meter)]

    return await in_flight(one, range(len(problems)), _IN_FLIGHT)


def read_labelled(path: Path, tokenizer: Tokenizer) -> list[Example]:
    """The samples of a file as training examples for a PRM."""
    with path.open() as lines:
        return [label(r["problem"], r["solution"], tokenizer) for r in map(json.loads, lines)]


def label(problem: str, solution: str, tokenizer: Tokenizer) -> Example:
    """Right or wrong for each token: is the text up to here the beginning of a right solution?

    At a step's delimiter that is the checker's verdict on all steps so far. Inside a step it follows from
    the canonical solution, where that decides it. While the text is canonical, its next canonical token is
    to be predicted too: the PRM learns what the policy should have written where it goes wrong.
    """
    facts = parse_facts(problem)
    assert facts is not None
    prompt = tokenizer.encode(PROMPT_TEMPLATE.format(problem=problem)).ids
    gold = tokenizer.encode(STEP_DELIMITER.join(canonical_steps(facts))).ids
    gold.append(token_id(tokenizer, EOS))
    steps = split_steps(solution, STEP_DELIMITER)
    right = list(accumulate(check_steps(problem, steps), operator.and_))
    ids, next_ids, verdicts = list(prompt), [IGNORE] * (len(prompt) - 1) + [gold[0]], [IGNORE] * len(prompt)
    so_far, canonical = 0, True
    for step, is_right in zip(steps, right, strict=True):
        for token in tokenizer.encode(step).ids:
            canonical = canonical and so_far < len(gold) and token == gold[so_far]
            so_far += 1
            ids.append(token)
            next_ids.append(gold[so_far] if canonical and so_far < len(gold) else IGNORE)
            verdicts.append(1 if canonical else IGNORE if is_right else 0)
        delimiter = token_id(tokenizer, STEP_DELIMITER)
        canonical = canonical and so_far < len(gold) and gold[so_far] == delimiter
        so_far += 1
        ids.append(delimiter)
        next_ids.append(gold[so_far] if canonical and so_far < len(gold) else IGNORE)
        verdicts.append(int(is_right))
    return Example(*(np.array(a, dtype=np.int64) for a in (ids, next_ids, verdicts)))
