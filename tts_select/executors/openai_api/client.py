"""Requests to an OpenAI-compatible server: how many at once, what is tried again, and what an error says.

The SDK would try again after time-outs and conflicts too, and does not know a search's deadline, so its own
retries are off: here a request is repeated after 429, 5xx and dropped connections alone, as late as
`Retry-After` says, and never past the deadline.
"""

from __future__ import annotations

import asyncio
import email.utils
import random
import re
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import parse_qsl

from tts_select.core.errors import BackendError, InputError
from tts_select.executors.openai_api.credentials import (
    KEY_VARIABLE,
    URL_VARIABLE,
    hide,
    read_key,
    read_url,
    shown_url,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from openai import APIStatusError

T = TypeVar("T")
Body = dict[str, Any]

_OPENAI = "https://api.openai.com/v1"
_NO_KEY = "none"
"""The key that is sent where there is none: servers of one's own ask for none, and the SDK insists on one."""
_FIRST_WAIT_S, _LONGEST_WAIT_S = 0.5, 8.0
_LONGEST_RETRY_AFTER_S = 120.0
_CONNECT_S = 10.0
_ALIVE_S = 5.0
"""The longest wait for a server's word that it is there."""
_BAD_REQUEST = 400
_REFUSES_KEY = (401, 403)
_FIRST_OF_SERVER = 500
_UNPROCESSABLE = 422
_ABOUT_CONTEXT = ("context", "max_tokens")
_ABOUT_N = re.compile(r"(?<![\w\\])n(?!\w)")
"""The field, as in "'n' must be at most 4", and no line's end that is quoted."""


class Client:
    """A connection to one server. Everything that it raises is a `BackendError`, and none of it holds the
    key.

    Must be used in one event loop only.
    """

    def __init__(
        self, base_url: str | None, *, concurrency: int = 64, timeout: float = 600.0, retries: int = 4
    ) -> None:
        import openai

        key, url = read_key(), read_url(base_url)
        address, _, query = (url or _OPENAI).partition("?")
        if url is None and key is None:
            raise InputError(
                f"which server? name it with --base-url (or {URL_VARIABLE}), as in "
                f"http://localhost:8000/v1, or set {KEY_VARIABLE} for the one of OpenAI"
            )
        self._timeout, self._retries = timeout, retries
        self._sdk = openai.AsyncOpenAI(
            api_key=key or _NO_KEY,
            base_url=address,
            default_query=dict(parse_qsl(query)),
            max_retries=0,
            timeout=openai.Timeout(timeout, connect=min(timeout, _CONNECT_S)),
        )
        self.where = shown_url(str(self._sdk.base_url))
        self._room = asyncio.Semaphore(concurrency)

    async def close(self) -> None:
        """Close the connections."""
        await self._sdk.close()

    async def models(self) -> list[dict[str, Any]]:
        """What the server says about each of its models."""
        page = await self._asked(self._sdk.models.list, None)
        return [model.model_dump() for model in getattr(page, "data", None) or []]

    async def check_alive(self) -> None:
        """Ask for the models once, in a moment and beside whatever waits: that a server is busy is no reason
        to call it dead.

        Raises:
            ServerError: it does not answer, fails, or refuses the key.
        """
        with suppress(TimeoutError):  # raised when it is over, for the reason that `_translated` has
            async with asyncio.timeout(_ALIVE_S):
                try:
                    await self._translated(self._sdk.models.list)
                except ServerError as error:
                    status = error.status
                    if status is None or status in _REFUSES_KEY or status >= _FIRST_OF_SERVER:
                        raise
                return
        raise ServerError(f"{self.where} did not answer within {_ALIVE_S:g} s")

    async def completion(self, body: Body, *, deadline: float | None = None) -> Any:
        """The response to a request of `/completions`, or of `/chat/completions` if it has messages."""
        return await self._asked(lambda: self._create(body), deadline)

    async def post(self, path: str, body: Body) -> Any:
        """The JSON that an endpoint outside the API answers with, as `/pooling` beside `/v1`."""
        root = str(self._sdk.base_url).rstrip("/").removesuffix("/v1")
        return await self._asked(lambda: self._sdk.post(root + path, cast_to=object, body=body), None)

    @asynccontextmanager
    async def stream(self, body: Body, *, deadline: float | None = None) -> AsyncIterator[AsyncIterator[Any]]:
        """The same in pieces; leaving early closes the connection, which ends the writing."""
        async with self._room:
            opened = await self._repeated(lambda: self._create({**body, "stream": True}), deadline)
            async with opened:
                yield self._pieces(opened)

    def _create(self, body: Body) -> Awaitable[Any]:
        if "messages" in body:
            return self._sdk.chat.completions.create(**body)
        return self._sdk.completions.create(**body)

    async def _pieces(self, opened: Any) -> AsyncIterator[Any]:
        pieces = aiter(opened)
        while True:
            piece = await self._translated(lambda: anext(pieces, None))
            if piece is None:
                return
            yield piece

    async def _asked(self, ask: Callable[[], Awaitable[T]], deadline: float | None) -> T:
        async with self._room:
            return await self._repeated(ask, deadline)

    async def _repeated(self, ask: Callable[[], Awaitable[T]], deadline: float | None) -> T:
        for n_failed in range(self._retries + 1):
            try:
                return await self._translated(ask)
            except ServerError as error:
                wait = error.wait_s(n_failed)
                too_late = deadline is not None and time.monotonic() + wait >= deadline
                if not error.retryable or n_failed == self._retries or too_late:
                    raise
            await asyncio.sleep(wait)
        raise AssertionError("the last failure is raised")

    async def _translated(self, ask: Callable[[], Awaitable[T]]) -> T:
        """What is asked for. A failure is raised when that of the SDK is over, so that it does not hang on it
        as its context: the SDK's holds the request, and the request the key."""
        try:
            return await ask()
        except Exception as error:
            failure = _failure(error, self.where, self._timeout)
            if failure is None:
                raise
        raise failure


class ServerError(BackendError):
    """A request failed, or what came cannot be used; `status` is the HTTP status if there was a response. The
    message never holds the key, whatever it quotes."""

    def __init__(
        self,
        message: str,
        *,
        status: int | None = None,
        retryable: bool = False,
        after_s: float | None = None,
        is_too_long: bool = False,
        is_too_many: bool = False,
    ) -> None:
        """`is_too_long`: the server says that the text does not fit the model's context; `is_too_many`: that
        it does not write so many texts for one request."""
        super().__init__(hide(message))
        self.status, self.retryable, self._after_s = status, retryable, after_s
        self.is_too_long, self.is_too_many = is_too_long, is_too_many

    def wait_s(self, n_failed: int) -> float:
        """Return the seconds before the next try: what the server asked for, else twice as long as before."""
        if self._after_s is not None:
            return self._after_s
        jitter = random.uniform(0.75, 1.0)
        return jitter * min(_LONGEST_WAIT_S, _FIRST_WAIT_S * 2.0**n_failed)


def _failure(error: Exception, where: str, timeout: float) -> ServerError | None:
    """What an error of the SDK means, or of a response that is no JSON; None: it is neither."""
    import openai

    if isinstance(error, openai.APIStatusError):
        return _status_failure(error, where)
    if isinstance(error, openai.APITimeoutError):
        return ServerError(
            f"{where} did not answer within {timeout:g} s: look at the server, or allow more with "
            "--policy-option timeout=SECONDS"
        )
    if isinstance(error, openai.APIConnectionError) or _is_transport_error(error):
        cause = error.__cause__ or error
        reason = _quoted(str(cause) or type(cause).__name__)
        message = f"the connection to {where} failed ({reason}): is it running, and --base-url right?"
        return ServerError(message, retryable=True)
    if isinstance(error, (openai.OpenAIError, ValueError)):
        return ServerError(f"{where} sent what is no response: {_quoted(str(error))}")
    return None


def _status_failure(error: APIStatusError, where: str) -> ServerError:
    status, said = error.status_code, _message(error)
    if status in _REFUSES_KEY:
        return ServerError(f"{where} refused the key: set {KEY_VARIABLE} ({_quoted(said)})", status=status)
    after_s = _retry_after_s(error.response.headers)
    patient = after_s is None or after_s <= _LONGEST_RETRY_AFTER_S
    is_too_long = status == _BAD_REQUEST and any(word in said.lower() for word in _ABOUT_CONTEXT)
    refuses = status in (_BAD_REQUEST, _UNPROCESSABLE) and not is_too_long
    return ServerError(
        f"{where} answered with status {status}: {_quoted(said)}",
        status=status,
        retryable=(status == 429 or status >= _FIRST_OF_SERVER) and patient,
        after_s=after_s,
        is_too_long=is_too_long,
        is_too_many=refuses and _ABOUT_N.search(said) is not None,
    )


def _quoted(text: str) -> str:
    """Return one short line of another's text."""
    return " ".join(hide(text).split())[:300]


def _message(error: APIStatusError) -> str:
    body = error.body
    if isinstance(body, Mapping):
        return str(body.get("message") or body.get("detail") or body)
    return str(body or error.response.reason_phrase)


def _is_transport_error(error: BaseException) -> bool:
    import httpx2

    return isinstance(error, httpx2.TransportError)


def _retry_after_s(headers: Mapping[str, str]) -> float | None:
    """Seconds, or a date."""
    value = headers.get("retry-after")
    if value is None:
        return None
    try:
        return max(0.0, float(value))
    except ValueError:
        pass
    try:
        return max(0.0, email.utils.parsedate_to_datetime(value).timestamp() - time.time())
    except ValueError:
        return None
