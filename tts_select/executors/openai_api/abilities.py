"""What a server can do, found out by asking it for one token, a few times, and for a short text, before any
search begins."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from tts_select.core.certainty import TOP_LOGPROBS
from tts_select.core.errors import InputError, UnknownName
from tts_select.executors.openai_api import thoughts
from tts_select.executors.openai_api.client import Body, Client, ServerError
from tts_select.executors.openai_api.credentials import hide
from tts_select.executors.openai_api.responses import (
    choice_ids,
    prompt_ids,
    tells_stops,
    top_logprobs,
    usage_of,
)
from tts_select.executors.openai_api.thoughts import ThinkingMode, find_thinking

Api = Literal["chat", "completions"]
APIS: tuple[Api, ...] = ("chat", "completions")

CONTINUE: Body = {"add_generation_prompt": False, "continue_final_message": True}
"""How vLLM and SGLang are told that the last message, the assistant's, is to be continued."""
TELL_TOKENS: Body = {"return_token_ids": True}
"""How vLLM is asked for the tokens of a prompt and of each choice."""
_NO_TOKENS: dict[str, Any] = {"token_ids": False, "closing_id": None}
_QUESTION = {"role": "user", "content": "1 + 1"}
_TOPS = (TOP_LOGPROBS, 5, 0)
"""How many of the most likely tokens are asked for, until a server does not refuse: OpenAI's completions tell
5, and some chats none."""
_UNSUPPORTED = (400, 404, 405, 422, 501)


@dataclass(frozen=True, slots=True)
class Abilities:
    """What one model on one server is able to do."""

    api: Api
    logprobs: bool
    top_logprobs: int
    """For how many of the most likely tokens at each place it may be asked; 0: it tells none."""
    thinks: bool
    switch: Body
    """What goes along with every request of a chat, so that the model thinks or not, as is wanted."""
    no_steps: str | None
    """Why a solution cannot be continued step by step, or None."""
    context: int | None
    counts_pieces: bool
    """Whether a stream can say its usage in every piece."""
    token_ids: bool
    """Whether it tells the tokens of each choice, as vLLM does. Else log-probabilities count them."""
    closing_id: int | None
    """The token that the step delimiter is, where the server tells tokens, as vLLM does. A server stops at it
    at once; a stop string it finds late, when it has written on."""
    identity: str
    """What the server reveals about the model, for its fingerprint."""


async def find_abilities(
    client: Client, model: str, *, api: Api | None, delimiter: str, thinking: bool | None, renders: bool
) -> Abilities:
    """Ask for them. Without an `api`, that of chats if the model has a chat template, else completions.
    `thinking`: whether the model is to think, None leaves it to the server; `renders`: chats come rendered,
    so that nothing is to be found out about that.

    Raises:
        UnknownName: the server has no such model.
        InputError: the model thinks although it is not to.
        BackendError: the server cannot be asked, or can do nothing of what is needed.
    """
    card = await _card(client, model)
    probe = _Probe(client, model, delimiter, thinking=thinking, renders=renders)
    kind = str(card.get("owned_by", ""))
    is_vllm = kind == "vllm"
    common: dict[str, Any] = {
        "context": card.get("max_model_len"),
        "counts_pieces": kind in ("vllm", "sglang"),
        "identity": repr([card.get(key) for key in ("id", "root", "max_model_len")] if card else model),
    }
    if api != "completions" and (chat := await probe.chat()):
        tokens = await probe.tokens(chat=True) if is_vllm else _NO_TOKENS
        return Abilities(api="chat", **chat, **common, **tokens)
    if api != "chat" and (completions := await probe.completions()):
        tokens = await probe.tokens(chat=False) if is_vllm else _NO_TOKENS
        return Abilities(api="completions", **completions, **common, **tokens)
    wanted = api or " or ".join(APIS)
    raise ServerError(f"{client.where} has no {wanted} for '{model}': is --base-url right, to its /v1?")


async def _card(client: Client, model: str) -> dict[str, Any]:
    """The server's entry for the model; empty if it does not list its models."""
    try:
        models = await client.models()
    except ServerError as error:
        if error.status in _UNSUPPORTED:
            return {}
        raise
    known = {str(m.get("id")): m for m in models}
    if known and model not in known:
        raise UnknownName(f"model of {client.where}", model, map(hide, known))
    return known.get(model, {})


class _Probe:
    def __init__(
        self, client: Client, model: str, delimiter: str, *, thinking: bool | None, renders: bool
    ) -> None:
        self._client, self._model, self._delimiter = client, model, delimiter
        self._thinking, self._renders = thinking, renders
        self._switch: Body = {}

    async def completions(self) -> dict[str, Any] | None:
        body = {"prompt": "1 + 1 =", "stop": [self._delimiter]}
        response, logprobs = await self._with_logprobs(body, chat=False)
        response = response or await self._try(body)
        if response is None:
            return None
        no_steps = None if tells_stops(self._choice(response)) else self._tells_no_stops()
        found = ThinkingMode(thinks=False, switch={})
        if not self._renders:
            found = await self._find_thinking({"prompt": "1 + 1 ="}, n_begun=None)
        return {**logprobs, "no_steps": no_steps, **found._asdict()}

    async def chat(self) -> dict[str, Any] | None:
        body: Body = {"messages": [_QUESTION], "stop": [self._delimiter]}
        response, logprobs = await self._with_logprobs(body, chat=True)
        response = response or await self._try(body)
        if response is None:
            return None
        choice = self._choice(response)
        n_begun = await self._length("1", go_on=True)
        found = await self._find_thinking({"messages": [_QUESTION]}, n_begun=n_begun)
        self._switch = found.switch
        no_steps = await self._cannot_continue() if tells_stops(choice) else self._tells_no_stops()
        return {**logprobs, "no_steps": no_steps, **found._asdict()}

    async def _find_thinking(self, question: Body, *, n_begun: int | None) -> ThinkingMode:
        key = (self._client.where, self._model, self._thinking, *question)
        if key not in thoughts.found:
            thoughts.found[key] = await find_thinking(
                self._try, question, wanted=self._thinking, n_begun=n_begun
            )
        return thoughts.found[key]

    async def tokens(self, *, chat: bool) -> dict[str, Any]:
        """What the server tells of tokens. The delimiter's is that by which a prompt that ends with it is
        longer than one without."""
        answers = [await self._with_ids("1" + end, chat=chat) for end in ("", self._delimiter)]
        opened, closed = map(prompt_ids, answers)
        is_known = opened is not None and closed is not None and closed[:-1] == opened
        return {
            "token_ids": all(answer and choice_ids(self._choice(answer)) for answer in answers),
            "closing_id": closed[-1] if is_known and closed else None,
        }

    async def _with_ids(self, begun: str, *, chat: bool) -> Any | None:
        if not chat:
            return await self._try({"prompt": begun, "extra_body": TELL_TOKENS})
        body = {"messages": [_QUESTION, {"role": "assistant", "content": begun}]}
        return await self._try({**body, "extra_body": {**CONTINUE, **TELL_TOKENS, **self._switch}})

    async def _with_logprobs(self, body: Body, *, chat: bool) -> tuple[Any | None, dict[str, Any]]:
        """The first answer to a question for log-probabilities, and what the server tells of them."""
        for top in _TOPS:
            if response := await self._try({**body, **ask_logprobs(top, chat=chat)}):
                told = getattr(self._choice(response), "logprobs", None)
                # the likelier a single token is, the smaller is minus its log-probability: two are needed
                tells_more = any(len(row) > 1 for row in top_logprobs(told))
                return response, {"logprobs": bool(told), "top_logprobs": top if tells_more else 0}
        return None, {"logprobs": False, "top_logprobs": 0}

    async def _cannot_continue(self) -> str | None:
        """An open turn is shorter than a closed one with the next turn's opening, and a step's delimiter at
        its end must be a token in it."""
        closed = await self._length("1", go_on=False)
        opened = await self._length("1", go_on=True)
        if opened is None or closed is None or opened >= closed:
            return (
                f"{self._client.where} does not continue a chat's last message, so no solution can be grown "
                "step by step: use cot, majority, adaptive or best_of_n, or --policy-option api=completions"
            )
        if await self._length("1" + self._delimiter, go_on=True) == opened:
            return (
                f"the chat template at {self._client.where} strips the end of a message, so steps cannot be "
                "told apart: use cot, majority, adaptive or best_of_n, or render the chat here with "
                "--policy-option tokenizer=ORG/NAME"
            )
        return None

    async def _length(self, begun: str, *, go_on: bool) -> int | None:
        """The tokens of a chat whose last message is the assistant's."""
        body: Body = {"messages": [_QUESTION, {"role": "assistant", "content": begun}]}
        response = await self._try({**body, "extra_body": {**(CONTINUE if go_on else {}), **self._switch}})
        usage = None if response is None else usage_of(response)
        return None if usage is None else usage.prompt

    def _tells_no_stops(self) -> str:
        return (
            f"{self._client.where} does not tell a step's end from the solution's (vLLM and SGLang do): "
            "use cot, majority, adaptive or best_of_n"
        )

    async def _try(self, body: Body) -> Any | None:
        try:
            return await self._client.completion({"model": self._model, "max_tokens": 1, **body})
        except ServerError as error:
            if error.status in _UNSUPPORTED:
                return None
            raise

    def _choice(self, response: Any) -> Any:
        choices = getattr(response, "choices", None)
        if not choices or usage_of(response) is None:
            raise ServerError(
                f"{self._client.where} is no OpenAI-compatible server: its response lacks choices or usage"
            )
        return choices[0]


def ask_logprobs(top: int, *, chat: bool) -> Body:
    """How a server is asked for the log-probability of each token, and for those of the `top` most likely
    ones."""
    if not chat:
        return {"logprobs": max(1, top)}
    return {"logprobs": True, **({"top_logprobs": top} if top else {})}


def as_api(name: str | None) -> Api | None:
    """Return the API of this name; None stays None.

    Raises:
        InputError: there is no such API.
    """
    if name is None:
        return None
    for api in APIS:
        if api == name:
            return api
    raise InputError(f"the api is '{name}': choose chat or completions, or leave it out to have it found")
