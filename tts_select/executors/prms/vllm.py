"""A PRM run by vLLM in this process.

A causal LM whose two signs are weighed writes one token behind each step, with vLLM's prefix cache for what
is before it. A Qwen2.5-Math-PRM classifies the tokens of the whole text in one request: that needs all hidden
states, so vLLM computes a text that grows again from its beginning.
"""

from __future__ import annotations

import asyncio
import itertools
import math
import operator
import weakref
from collections import OrderedDict
from collections.abc import AsyncGenerator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from tts_select.core.cost import Cost, inference_flops
from tts_select.core.errors import BackendError, InputError, ProblemTooLong
from tts_select.core.protocols import Meter
from tts_select.data.fingerprint import fingerprint_of
from tts_select.executors.policies.sizes import size_in_folder, size_in_name
from tts_select.executors.prms.encoding import Encoder, single_token
from tts_select.executors.prms.formats import FORMATS, PrmFormat
from tts_select.executors.prms.rules import Classes, Sign
from tts_select.executors.prms.validation import as_probability, check_steps
from tts_select.executors.runtime.background import BackgroundLoop
from tts_select.executors.runtime.loading import load_tokenizer
from tts_select.executors.runtime.vllm_engine import (
    Vllm,
    as_prompt,
    check_vllm,
    forget_prefixes,
    imported_vllm,
    shut_down,
    started_engine,
)

_REMEMBERED_SCORES = 200_000
_MEMORY_SHARE = 0.3
"""The share of a GPU beside that of a vLLM policy, unless another is specified."""
_CLASSIFIER = "Qwen2ForProcessRewardModel"
"""vLLM's own class of this name; nothing else of ours has a head in vLLM."""


class _Read(NamedTuple):
    """Scores of the steps asked for, and the tokens that vLLM computed and found in its cache for them."""

    scores: list[float]
    computed: int
    reused: int


class VllmRewardModel:
    """See `RewardModel`."""

    def __init__(
        self,
        source: str,
        format: PrmFormat,
        engine: dict[str, Any],
        *,
        name: str,
        params: float | None = None,
    ) -> None:
        """`engine` are arguments of vLLM's `AsyncEngineArgs`; `params` the parameters that compute a token,
        if they are neither in the folder nor in the name.

        Raises:
            InputError: the format cannot be read in vLLM, or the tokenizer does not suit it.
            BackendError: vLLM is not installed, or cannot load the model.
        """
        check_format(format)
        check_vllm()
        self.name = name
        self.n_parameters = _size(source, params)
        self.fingerprint = format.mark(fingerprint_of(Path(source), source))
        tokenizer = load_tokenizer(source)
        self._encoder = Encoder(format.layout, tokenizer, name)
        self._vllm = imported_vllm()
        arguments: dict[str, Any] = {"gpu_memory_utilization": _MEMORY_SHARE}
        self._read: _Weigher | _Classifier
        self._is_cumulative = isinstance(format.rule, Sign) and format.rule.is_cumulative
        if isinstance(format.rule, Sign):
            signs = [single_token(sign, tokenizer, name) for sign in (format.rule.good, format.rule.bad)]
            self._read = _Weigher(self._vllm, signs)
        else:
            assert isinstance(format.rule, Classes)
            self._read = _Classifier(self._encoder.close_id, format.rule.good)
            arguments |= self._read.engine_arguments()
        self._background = BackgroundLoop("tts-select-vllm-prm")
        self._engine = started_engine(self._vllm, source, {**arguments, **engine}, self._background)
        self._end = weakref.finalize(self, shut_down, self._engine, self._background)
        self._context = int(self._engine.model_config.max_model_len)
        self._requests = itertools.count()
        self._scores: OrderedDict[tuple[str, ...], float] = OrderedDict()

    def close(self) -> None:
        """End the engine and free its memory. It happens by itself when nothing refers to the PRM."""
        self._end()

    async def forget(self) -> None:
        """See `core.protocols.forget`."""
        self._scores.clear()
        await self._background.run(forget_prefixes(self._engine, self.name))

    async def score(self, problem: str, steps: Sequence[str], *, meter: Meter | None = None) -> list[float]:
        """See `RewardModel.score`."""
        check_steps(steps)
        if not steps:
            return []
        ids, closed = self._encoder(problem, steps)
        if len(ids) >= self._context:  # the one token that is written needs room too
            raise ProblemTooLong(n_tokens=len(ids), context=self._context, model=self.name)
        return await self._background.run(self._score((problem, *steps), ids.tolist(), closed, meter))

    async def _score(
        self, text: tuple[str, ...], ids: list[int], closed: list[int], meter: Meter | None
    ) -> list[float]:
        unknown = [k for k in range(1, len(text)) if text[: k + 1] not in self._scores]
        read = _Read([], 0, len(ids))
        if unknown:
            try:
                read = await self._read(self, ids, [closed[k] for k in unknown])
            except self._vllm.failures as error:
                raise BackendError(f"{self.name} failed: {error}") from error
        if meter is not None:
            flops = inference_flops(self.n_parameters, read.computed)
            meter.charge(
                Cost(prm_tokens=read.computed, prm_reused_tokens=read.reused, prm_calls=1, flops=flops)
            )
        self._scores.update({text[: k + 1]: s for k, s in zip(unknown, read.scores, strict=True)})
        found = [self._scores[text[: k + 1]] for k in range(1, len(text))]
        while len(self._scores) > _REMEMBERED_SCORES:
            self._scores.popitem(last=False)
        return list(itertools.accumulate(found, operator.mul)) if self._is_cumulative else found

    async def ask(self, how: str, ids: list[int], parameters: Any) -> Any:
        """The last output of the engine for a request of this kind, `generate` or `encode`."""
        requests: AsyncGenerator[Any, None] = getattr(self._engine, how)(
            as_prompt(ids), parameters, f"{self.name}-{next(self._requests)}"
        )
        last = None
        async for output in requests:
            last = output
        return last


class _Weigher:
    """Reads one token behind each step, the longest text first: the others find theirs in the cache."""

    def __init__(self, vllm: Vllm, signs: Sequence[int]) -> None:
        self._signs = list(signs)
        self._parameters = vllm.sampling_params(
            temperature=0.0, max_tokens=1, logprob_token_ids=self._signs, detokenize=False
        )

    async def __call__(self, prm: VllmRewardModel, ids: list[int], places: Sequence[int]) -> _Read:
        outputs = await asyncio.gather(
            *(prm.ask("generate", ids[: place + 1], self._parameters) for place in reversed(places))
        )
        reused = sum(output.num_cached_tokens or 0 for output in outputs)
        read = sum(len(output.prompt_token_ids) for output in outputs)
        return _Read([self._share(o) for o in reversed(outputs)], read - reused, reused)

    def _share(self, output: Any) -> float:
        logprobs = output.outputs[0].logprobs[0]
        good, bad = (logprobs[sign].logprob for sign in self._signs)
        return 0.5 * (1 + math.tanh((good - bad) / 2))


class _Classifier:
    """Sends one request for the text up to the last step asked for: the classes at every step's tag come
    back."""

    def __init__(self, tag: int, good: Sequence[int]) -> None:
        self._tag, self._good = tag, list(good)

    def engine_arguments(self) -> dict[str, Any]:
        """What the engine must know to classify tokens."""
        from vllm.config import PoolerConfig

        return {
            "runner": "pooling",
            "hf_overrides": {"architectures": [_CLASSIFIER]},
            "pooler_config": PoolerConfig(step_tag_id=self._tag),
        }

    async def __call__(self, prm: VllmRewardModel, ids: list[int], places: Sequence[int]) -> _Read:
        from vllm import PoolingParams

        text = ids[: places[-1] + 1]
        output = await prm.ask("encode", text, PoolingParams(task="token_classify"))
        rows = dict(
            zip((i for i, token in enumerate(text) if token == self._tag), output.outputs.data, strict=True)
        )
        scores = [as_probability(float(rows[place][self._good].sum())) for place in places]
        reused = output.num_cached_tokens or 0
        return _Read(scores, len(text) - reused, reused)


def check_format(format: PrmFormat) -> None:
    """Check that vLLM can read the format.

    Raises:
        InputError: it cannot be read in vLLM.
    """
    if not is_read_in_vllm(format):
        known = ", ".join(name for name, f in FORMATS.items() if is_read_in_vllm(f))
        raise InputError(
            f"vLLM cannot read the PRM format '{format.name}', only {known}: write hf: for vllm:"
        )


def is_read_in_vllm(format: PrmFormat) -> bool:
    """Whether vLLM has what the format needs."""
    return isinstance(format.rule, Sign) or format.name == "qwen2.5-math-prm"


def _size(source: str, params: float | None) -> int:
    folder = Path(source)
    counted = size_in_folder(folder) if folder.is_dir() else size_in_name(source)
    found = round(float(params)) if params is not None else counted
    if found is None:
        raise InputError(
            f"the size of {source} is not known, so its FLOPs cannot be counted: name it, as in "
            "--prm-option params=7e9"
        )
    return found
