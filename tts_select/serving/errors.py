"""Errors as OpenAI's clients read them: a status that makes them do the right thing, and one object.

What will not pass by itself is never 408, 409, 429 or 5xx: clients try those again, some of them for ever.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tts_select.core.errors import (
    BackendError,
    CapTooLow,
    InputError,
    ProblemTooLong,
    TtsSelectError,
)

BAD_REQUEST, UNAUTHORIZED, FORBIDDEN, NOT_FOUND, TOO_LARGE = 400, 401, 403, 404, 413
TOO_SLOW = 408
NO_MEDIA_TYPE, UNPROCESSABLE, FAILED_DEPENDENCY, TOO_MANY = 415, 422, 424, 429
INTERNAL, BAD_GATEWAY, UNAVAILABLE, TIMED_OUT = 500, 502, 503, 504

_TYPES = {
    UNAUTHORIZED: "authentication_error",
    FORBIDDEN: "permission_error",
    TOO_MANY: "rate_limit_error",
}
_FIRST_OF_SERVER = 500


class ApiError(Exception):
    """What a client is told; `retry_after_s` where it is to come again."""

    def __init__(
        self,
        status: int,
        message: str,
        *,
        code: str,
        param: str | None = None,
        retry_after_s: float | None = None,
    ) -> None:
        super().__init__(message)
        self.status, self.code, self.param, self.retry_after_s = status, code, param, retry_after_s

    @property
    def type(self) -> str:
        """OpenAI's word for the kind of error."""
        usual = "server_error" if self.status >= _FIRST_OF_SERVER else "invalid_request_error"
        return _TYPES.get(self.status, usual)

    @property
    def headers(self) -> Mapping[str, str]:
        """When to come again, in whole seconds, if that may help."""
        if self.retry_after_s is None:
            return {}
        return {"Retry-After": str(max(1, round(self.retry_after_s)))}

    def as_dict(self) -> dict[str, Any]:
        """OpenAI's error object."""
        said = {"message": str(self), "type": self.type, "param": self.param, "code": self.code}
        return {"error": said}


def bad_field(param: str, message: str) -> ApiError:
    """A field of the request that cannot be used."""
    return ApiError(BAD_REQUEST, message, code="invalid_value", param=param)


def shutting_down() -> ApiError:
    """What is said to those whose runs are cut off at the end."""
    return ApiError(UNAVAILABLE, "the server is shutting down", code="not_ready", retry_after_s=5.0)


def as_api_error(error: TtsSelectError) -> ApiError:
    """What a failure of a session is to a client."""
    said = str(error)
    if isinstance(error, ProblemTooLong):
        return ApiError(BAD_REQUEST, said, code="context_length_exceeded", param="messages")
    if isinstance(error, CapTooLow):
        return ApiError(UNPROCESSABLE, said, code="budget_too_small", param="tts")
    if isinstance(error, InputError):
        return ApiError(BAD_REQUEST, said, code="invalid_value")
    if isinstance(error, BackendError) and _will_not_pass(error):
        return ApiError(FAILED_DEPENDENCY, said, code="backend_refused")
    return ApiError(BAD_GATEWAY, said, code="backend_failed")


def _will_not_pass(error: BackendError) -> bool:
    """Whether a backend refuses what it is asked, and will refuse it again."""
    status = getattr(error, "status", None)
    return status is not None and not error.retryable and status < _FIRST_OF_SERVER
