"""Tokens a second of a batch over those of a plain asyncio client with the same requests, of one server.

    python benchmarks/plain_client.py openai:MODEL --base-url URL --problems problems.jsonl --repeats 3

Each side asks for `--samples` samples of each of `-n` problems at once, with the same prompt, temperature
and limit on tokens; the plain one is the OpenAI SDK and `asyncio.gather`. Which of them is first changes with
every repeat, and every run has problems of its own, so that neither finds the other's in the server's cache.
Tokens are those that the server counts.
"""

from __future__ import annotations

import argparse
import asyncio
import time
from collections.abc import Callable, Coroutine
from itertools import count
from typing import Any

from measuring import repeated, show, solve_all
from openai import AsyncOpenAI
from prior_live import PATIENCE, tokens_written

from tts_select import Problem, load_policy
from tts_select.core.plan import Settings
from tts_select.data.problems import load_problems
from tts_select.executors.prompts.templates import BOXED, prompt_named


class Sides:
    """Both ways to ask, each for the next problems."""

    def __init__(self, asked: argparse.Namespace) -> None:
        self._asked = asked
        self._policy = load_policy(
            asked.policy, base_url=asked.base_url, prompt=asked.prompt, timeout=PATIENCE, concurrency=asked.n
        )
        self._prompt, self._runs, self._seeds = prompt_named(asked.prompt), count(), count()
        self._problems = list(load_problems(asked.problems))

    def ours(self, _: int) -> float:
        """Tokens a second of a batch of majority votes."""
        options: Any = {
            "policy": self._policy,
            "method": "majority",
            "budget": self._asked.samples,
            "max_new_tokens": self._asked.tokens,
        }
        return self._speed(lambda some: solve_all(some, options))

    def plain(self, _: int) -> float:
        """Tokens a second of the SDK."""
        return self._speed(self._gathered)

    async def _gathered(self, problems: list[Problem]) -> None:
        url = self._asked.base_url
        async with AsyncOpenAI(base_url=url, api_key="none", timeout=PATIENCE, max_retries=0) as client:
            await asyncio.gather(*(self._ask(client, problem) for problem in problems))

    async def _ask(self, client: AsyncOpenAI, problem: Problem) -> None:
        messages: Any = self._prompt.messages(problem.text)
        await client.chat.completions.create(
            model=self._asked.policy.partition(":")[2],
            messages=messages,
            n=self._asked.samples,
            temperature=Settings().temperature,
            max_tokens=self._asked.tokens,
            seed=next(self._seeds),
        )

    def _speed(self, run: Callable[[list[Problem]], Coroutine[Any, Any, object]]) -> float:
        first = next(self._runs) * self._asked.n
        some = self._problems[first : first + self._asked.n]
        if len(some) < self._asked.n:
            raise SystemExit("there are too few problems for so many runs")
        before, began = tokens_written(self._asked.base_url), time.perf_counter()
        asyncio.run(run(some))
        return (tokens_written(self._asked.base_url) - before) / (time.perf_counter() - began)


def main() -> None:
    """Print the ratio."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("policy")
    parser.add_argument("--base-url", required=True)
    parser.add_argument("--problems", required=True)
    parser.add_argument("--prompt", default=BOXED)
    parser.add_argument("-n", type=int, default=16)
    parser.add_argument("--samples", type=int, default=2)
    parser.add_argument("--tokens", type=int, default=128)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    sides = Sides(asked)
    sides.plain(-1)  # the prompt's beginning is in the server's cache for both
    ratio = repeated(asked.repeats, one=sides.ours, other=sides.plain)
    show({f"{asked.policy}: {asked.n} x {asked.samples} samples": ratio}, as_json=asked.json)


if __name__ == "__main__":
    main()
