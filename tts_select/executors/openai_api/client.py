"""Requests to an OpenAI-compatible server: how many at once, what is tried again, and what an error says.

The SDK would try again after time-outs and conflicts too, and does not know a search's deadline, so its own
retries are off: here a request is repeated after 429, 5xx and dropped connections alone, as late as
`Retry-After` says, and never past the deadline.
"""

from __future__ import annotations

import asyncio
import email.utils
import os
import random
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlsplit

from tts_select.core.errors import BackendError, InputError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from openai import APIConnectionError, APIStatusError

T = TypeVar("T")
Body = dict[str, Any]

KEY_VARIABLE = "OPENAI_API_KEY"
URL_VARIABLE = "OPENAI_BASE_URL"
_NO_KEY = "none"
"""Sent where there is no key: servers of one's own ask for none, and the SDK insists on one."""
_FIRST_WAIT_S, _LONGEST_WAIT_S = 0.5, 8.0
_LONGEST_RETRY_AFTER_S = 120.0
_CONNECT_S = 10.0


class Client:
    """One server. Everything that it raises is a `BackendError`, and none of it holds the key.

    Must be used in one event loop only.
    """

    def __init__(
        self, base_url: str | None, *, concurrency: int = 64, timeout: float = 600.0, retries: int = 4
    ) -> None:
        import openai

        self._key = os.environ.get(KEY_VARIABLE)
        url = base_url or os.environ.get(URL_VARIABLE)
        if url is None and not self._key:
            raise InputError(
                f"which server? name it with --base-url (or {URL_VARIABLE}), as in "
                f"http://localhost:8000/v1, or set {KEY_VARIABLE} for the one of OpenAI"
            )
        self._timeout, self._retries = timeout, retries
        self._sdk = openai.AsyncOpenAI(
            api_key=self._key or _NO_KEY,
            base_url=url,
            max_retries=0,
            timeout=openai.Timeout(timeout, connect=min(timeout, _CONNECT_S)),
        )
        self.where = _shown(str(self._sdk.base_url))
        self._room = asyncio.Semaphore(concurrency)

    async def close(self) -> None:
        """Close the connections."""
        await self._sdk.close()

    async def models(self) -> list[dict[str, Any]]:
        """What the server says about each of its models."""
        page = await self._asked(self._sdk.models.list, None)
        return [model.model_dump() for model in getattr(page, "data", None) or []]

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
        with self._translated():
            async for piece in opened:
                yield piece

    async def _asked(self, ask: Callable[[], Awaitable[T]], deadline: float | None) -> T:
        async with self._room:
            return await self._repeated(ask, deadline)

    async def _repeated(self, ask: Callable[[], Awaitable[T]], deadline: float | None) -> T:
        for n_failed in range(self._retries + 1):
            try:
                with self._translated():
                    return await ask()
            except ServerError as error:
                wait = error.wait_s(n_failed)
                too_late = deadline is not None and time.monotonic() + wait >= deadline
                if not error.retryable or n_failed == self._retries or too_late:
                    raise
            await asyncio.sleep(wait)
        raise AssertionError("the last failure is raised")

    def _translated(self) -> _Translated:
        return _Translated(self.where, self._key, self._timeout)


class ServerError(BackendError):
    """A request failed; `status` is the HTTP status if there was a response."""

    def __init__(
        self,
        message: str,
        *,
        status: int | None = None,
        retryable: bool = False,
        after_s: float | None = None,
    ) -> None:
        super().__init__(message)
        self.status, self.retryable, self._after_s = status, retryable, after_s

    def wait_s(self, n_failed: int) -> float:
        """Before the next try: what the server asked for, else twice as long as before."""
        if self._after_s is not None:
            return self._after_s
        jitter = random.uniform(0.75, 1.0)
        return jitter * min(_LONGEST_WAIT_S, _FIRST_WAIT_S * 2.0**n_failed)


class _Translated:
    """Turns the SDK's errors, and those of a response that is no JSON, into `ServerError`."""

    def __init__(self, where: str, key: str | None, timeout: float) -> None:
        self._where, self._key, self._timeout = where, key, timeout

    def __enter__(self) -> None:
        pass

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        import openai

        if isinstance(error, openai.APIStatusError):
            raise self._of_status(error) from None
        if isinstance(error, openai.APITimeoutError):
            raise ServerError(
                f"{self._where} did not answer within {self._timeout:g} s: look at the server, or allow "
                "more with --policy-option timeout=SECONDS"
            ) from None
        if isinstance(error, openai.APIConnectionError):
            raise self._of_connection(error) from None
        if isinstance(error, (openai.OpenAIError, ValueError)):
            raise ServerError(f"{self._where} sent what is no response: {self._quoted(str(error))}") from None
        if error is not None and _is_transport_error(error):  # while a stream was read
            raise self._of_connection(error) from None

    def _of_connection(self, error: APIConnectionError | BaseException) -> ServerError:
        reason = self._quoted(str(error.__cause__ or error) or type(error.__cause__ or error).__name__)
        message = f"the connection to {self._where} failed ({reason}): is it running, and --base-url right?"
        return ServerError(message, retryable=True)

    def _of_status(self, error: APIStatusError) -> ServerError:
        status, said = error.status_code, self._quoted(_message(error))
        if status in (401, 403):
            return ServerError(f"{self._where} refused the key: set {KEY_VARIABLE} ({said})", status=status)
        after_s = _retry_after_s(error.response.headers)
        patient = after_s is None or after_s <= _LONGEST_RETRY_AFTER_S
        return ServerError(
            f"{self._where} answered with status {status}: {said}",
            status=status,
            retryable=(status == 429 or status >= 500) and patient,
            after_s=after_s,
        )

    def _quoted(self, text: str) -> str:
        """One short line of another's text, without the key."""
        if self._key:
            text = text.replace(self._key, "***")
        return " ".join(text.split())[:300]


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


def _shown(url: str) -> str:
    """Where the server is, without a password or a query that may be in its URL."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    port = f":{parts.port}" if parts.port else ""
    return f"{parts.scheme}://{host}{port}{parts.path.rstrip('/')}"
