"""The samples that the policies write on training problems, kept on disk and labelled by the exact
checker."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from itertools import islice
from pathlib import Path

import numpy as np
from tokenizers import Tokenizer

from tts_select.core.protocols import SampleRequest
from tts_select.data.world.checker import Solution
from tts_select.data.world.levels import training_shape
from tts_select.data.world.suite import STEP_DELIMITER, WorldProblem, stream
from tts_select.data.world.tokenizer import PROMPT_TEMPLATE, token_id
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
    """Right or wrong for each token up to the end of the first wrong step, given that all before it is right:
    inside a step, whether a line that would be right begins so, at its delimiter, whether it is one.

    What follows the first wrong token in its step is not judged, and nothing behind that step is: there is no
    right way to go on from there. The next right token is to be predicted, as long as it was written.
    """
    prompt = tokenizer.encode(PROMPT_TEMPLATE.format(problem=problem)).ids
    delimiter = token_id(tokenizer, STEP_DELIMITER)
    checked, is_right = Solution.of(problem), True
    ids, verdicts = list(prompt), [IGNORE] * len(prompt)
    for step in split_steps(solution, STEP_DELIMITER):
        tokens = tokenizer.encode(step)
        ids += [*tokens.ids, delimiter]
        if not is_right:
            verdicts += [IGNORE] * (len(tokens.ids) + 1)
            continue
        lines = checked.right_lines()
        inside = [any(line.startswith(step[:end]) for line in lines) for _, end in tokens.offsets]
        until = inside.index(False) + 1 if False in inside else len(inside)
        verdicts += [*map(int, inside[:until]), *[IGNORE] * (len(inside) - until)]
        is_right = checked.takes(step)
        verdicts.append(int(is_right))
    return Example(*(np.array(a, dtype=np.int64) for a in (ids, _next(ids, verdicts, len(prompt)), verdicts)))


def _next(ids: list[int], verdicts: list[int], n_prompt: int) -> list[int]:
    """The next token at each place before a right one; `IGNORE` elsewhere."""
    return [
        following if place + 2 > n_prompt and verdict == 1 else IGNORE
        for place, (following, verdict) in enumerate(zip(ids[1:], verdicts[1:], strict=True))
    ] + [IGNORE]
