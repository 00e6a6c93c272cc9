"""A PRM behind a server of vLLM's that classifies tokens (its endpoint `/pooling`).

The text is tokenised here, as the format has it, and sent as token ids; the server gives the classes back, at
the tokens that close steps or at all tokens. It computes a text that grows again from its beginning.
"""

from __future__ import annotations

import hashlib
import math
import weakref
from collections.abc import Sequence
from typing import Any, NamedTuple

from tts_select.core.cost import Cost, inference_flops
from tts_select.core.errors import InputError, ProblemTooLong, UnknownName
from tts_select.core.protocols import Meter
from tts_select.executors.backend_options import ServedPrmOptions
from tts_select.executors.openai_api.client import Client, ServerError
from tts_select.executors.openai_api.credentials import hide
from tts_select.executors.policies.sizes import size_in_name
from tts_select.executors.prms.encoding import Encoder
from tts_select.executors.prms.formats import PrmFormat
from tts_select.executors.prms.rules import Classes
from tts_select.executors.prms.tokenizer_files import TokenizerFiles
from tts_select.executors.prms.validation import as_probability, check_steps
from tts_select.executors.runtime.background import BackgroundLoop

_FORMAT = "qwen2.5-math-prm"
"""The only format that vLLM has a class for."""
_TASK = "token_classify"


class _Classified(NamedTuple):
    """The classes of tokens, one row each, and the tokens that were read for them."""

    rows: list[list[float]]
    n_tokens: int


class ServedRewardModel:
    """See `RewardModel`."""

    def __init__(self, model: str, format: PrmFormat, options: ServedPrmOptions, *, name: str) -> None:
        """Asks the server whether it has the model.

        Raises:
            InputError: the format is not read by servers, the tokenizer does not suit it, the size is not
                known, or the server has no such model.
            BackendError: the server cannot be reached.
        """
        if format.name != _FORMAT or not isinstance(format.rule, Classes):
            raise InputError(
                f"a server cannot read the PRM format '{format.name}', only {_FORMAT}: write hf: for served:"
            )
        self.name, self._model, self._good = name, model, format.rule.good
        self.n_parameters = _size(model, options)
        self._encoder = Encoder(format.layout, TokenizerFiles(options.tokenizer or model), name)
        self._client = Client(
            options.base_url,
            concurrency=options.concurrency,
            timeout=options.timeout,
            retries=options.retries,
        )
        self._background = BackgroundLoop("tts-select-served-prm")
        self._end = weakref.finalize(self, self._background.stop, self._client.close)
        try:
            card = self._background.wait_for(_card(self._client, model))
        except BaseException:
            self.close()
            raise
        self._context: int | None = card.get("max_model_len")
        identity = repr([card.get(key) for key in ("id", "root", "max_model_len")])
        self.fingerprint = format.mark(hashlib.sha256(identity.encode()).hexdigest()[:16])

    def close(self) -> None:
        """Close the connections. It happens by itself when nothing refers to the PRM."""
        self._end()

    async def check_alive(self) -> None:
        """See `core.protocols.check_alive`."""
        await self._background.run(self._client.check_alive())

    async def score(self, problem: str, steps: Sequence[str], *, meter: Meter | None = None) -> list[float]:
        """See `RewardModel.score`."""
        check_steps(steps)
        if not steps:
            return []
        ids, closed = self._encoder(problem, steps)
        places = closed[1:]
        text = ids[: places[-1] + 1].tolist()
        if self._context is not None and len(text) > self._context:
            raise ProblemTooLong(n_tokens=len(text), context=self._context, model=self.name)
        try:
            found = await self._background.run(self._classify(text))
        except ServerError as error:
            if error.is_too_long:  # a server that does not tell its context, or another one than it told
                raise ProblemTooLong(n_tokens=len(text), context=self._context, model=self.name) from error
            raise
        if meter is not None:
            flops = inference_flops(self.n_parameters, found.n_tokens)
            meter.charge(Cost(prm_tokens=found.n_tokens, prm_calls=1, flops=flops))
        return [self._probability(row) for row in self._at(found.rows, text, places)]

    async def _classify(self, text: list[int]) -> _Classified:
        response = await self._client.post("/pooling", {"model": self._model, "input": text, "task": _TASK})
        try:
            (entry,) = response["data"]
            rows = [[math.nan if value is None else float(value) for value in row] for row in entry["data"]]
            return _Classified(rows, int(response["usage"]["prompt_tokens"]))
        except (KeyError, TypeError, ValueError) as error:
            raise ServerError(
                f"{self._client.where} classifies no tokens: serve the model with vLLM and --runner pooling"
            ) from error

    def _at(self, rows: list[list[float]], text: list[int], places: list[int]) -> list[list[float]]:
        """The rows of the tokens that close steps: the server knows these, or gives those of all tokens."""
        if len(rows) == len(text):
            return [rows[place] for place in places]
        tags = [place for place, token in enumerate(text) if token == self._encoder.close_id]
        if len(rows) != len(tags):
            raise ServerError(
                f"{self._client.where} gave {len(rows)} scores for {len(tags)} steps: start it with "
                f"--pooler-config '{{\"step_tag_id\": {self._encoder.close_id}}}'"
            )
        by_place = dict(zip(tags, rows, strict=True))
        return [by_place[place] for place in places]

    def _probability(self, row: list[float]) -> float:
        """NaN where the server's own arithmetic overflowed."""
        if len(row) <= max(self._good):
            raise self._no_classes(row)
        found = sum(row[k] for k in self._good)
        if math.isfinite(found) and not 0 <= found <= 1 + 1e-3:
            raise self._no_classes(row)
        return as_probability(found)

    def _no_classes(self, row: list[float]) -> ServerError:
        return ServerError(f"{self._client.where} gave {row} as a step's classes: is it the PRM's model?")


async def _card(client: Client, model: str) -> dict[str, Any]:
    """The server's entry for the model."""
    known = {str(m.get("id")): m for m in await client.models()}
    if model not in known:
        raise UnknownName(f"model of {client.where}", model, map(hide, known))
    return known[model]


def _size(model: str, options: ServedPrmOptions) -> int:
    found = size_in_name(model) if options.params is None else round(float(options.params))
    if found is None:
        raise InputError(
            f"the size of {model} is not known, so its FLOPs cannot be counted: name it, as in "
            "--prm-option params=7e9"
        )
    return found
