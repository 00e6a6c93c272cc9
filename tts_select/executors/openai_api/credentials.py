"""The key of a server and its address: read, cleaned, and kept out of everything that anybody may see.

A key is hidden in every form that an error, a log or another's response may quote it in: as it is, escaped as
by `repr` or JSON, and encoded for a URL, for HTML or in base64.
"""

from __future__ import annotations

import base64
import html
import json
import logging
import os
import re
from collections.abc import Iterator
from functools import lru_cache
from urllib.parse import quote, quote_plus, unquote, urlsplit

from tts_select.core.errors import InputError

KEY_VARIABLE = "OPENAI_API_KEY"
URL_VARIABLE = "OPENAI_BASE_URL"
_HIDDEN = "***"
_LONG_ENOUGH = 8
"""Characters of a key that is looked for inside of words too; `x` or `none` would be found everywhere."""
_AROUND = " \t\r\n\v\f\xa0\u200b\ufeff\"'`\u201c\u201d\u2018\u2019"
"""What a copy, a file or a shell leaves at the ends: white space, invisible characters, quotes."""
_LOGGERS = (
    "openai._base_client",
    "httpx2",
    *(f"httpcore2.{part}" for part in ("connection", "http11", "http2", "proxy", "socks")),
)
_secrets: set[str] = set()
"""All secrets that this process was told, since what is quoted later may be of a server that was asked
before."""


def read_key() -> str | None:
    """The key in the environment, without what does not belong to it; None: there is none.

    Raises:
        InputError: no HTTP header can carry it.
    """
    given = os.environ.get(KEY_VARIABLE, "")
    key = given.strip(_AROUND)
    keep_secret(given, key)
    if not all(" " < character < "\x7f" for character in key):
        raise InputError(
            f"the key in {KEY_VARIABLE} has a line end, a space or a letter outside of ASCII in it, which no "
            "server takes: set it again"
        )
    return key or None


def read_url(given: str | None) -> str | None:
    """This base URL, else the one in the environment, without what does not belong to it; None: none is set.

    Raises:
        InputError: it is no URL of a server.
    """
    url = (given or "").strip(_AROUND) or os.environ.get(URL_VARIABLE, "").strip(_AROUND)
    if not url:
        return None
    try:
        parts = urlsplit(url)
        is_whole = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:  # a port that is no number, a bracket that is not closed
        raise _no_url(url) from None
    if not is_whole or not all(c.isprintable() and c not in " \"'<>\\" for c in url):
        raise _no_url(url)
    keep_secret(parts.password or "", unquote(parts.password or ""))
    keep_secret(*(value for pair in parts.query.split("&") if (value := pair.partition("=")[2])))
    return url


def shown_url(url: str) -> str:
    """Where a server is, without a password or a query that may be in its URL."""
    parts = urlsplit(url)
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname or ""
    port = f":{parts.port}" if parts.port else ""
    return hide(f"{parts.scheme}://{host}{port}{parts.path.rstrip('/')}")


def keep_secret(*secrets: str) -> None:
    """Hide these from now on, in the logs of the libraries that send them too."""
    _secrets.update(secret for secret in secrets if secret.strip(_AROUND))
    for name in _LOGGERS:
        logger = logging.getLogger(name)
        if _hide_in_record not in logger.filters:
            logger.addFilter(_hide_in_record)


def hide(text: str) -> str:
    """The text with every form of every secret covered.

    >>> keep_secret("sk-0123456789")
    >>> hide("Illegal header value b'Bearer sk-0123456789'")
    "Illegal header value b'Bearer ***'"
    """
    return _pattern(frozenset(_secrets)).sub(_HIDDEN, text) if _secrets else text


def _no_url(url: str) -> InputError:
    written = re.sub(r"//[^/]*@", "//***@", url.partition("?")[0])  # there may be a password before the host
    return InputError(
        f"the base URL is {hide(ascii(written))}, which is no server's: write it as in "
        f"http://localhost:8000/v1 (--base-url or {URL_VARIABLE})"
    )


def _hide_in_record(record: logging.LogRecord) -> bool:
    said = record.getMessage()
    hidden = hide(said)
    if hidden != said:
        record.msg, record.args = hidden, ()
    return True


@lru_cache(maxsize=4)
def _pattern(secrets: frozenset[str]) -> re.Pattern[str]:
    """The longest forms first, so that none is covered in part."""
    forms = {form for secret in secrets for form in _forms(secret)}
    return re.compile(
        "|".join(_found_as(form) for form in sorted(forms, key=len, reverse=True)), re.IGNORECASE
    )


def _found_as(form: str) -> str:
    escaped = re.escape(form)
    return escaped if len(form) >= _LONG_ENOUGH else rf"(?<!\w){escaped}(?!\w)"


def _forms(secret: str) -> Iterator[str]:
    yield secret
    yield repr(secret)[1:-1]
    yield ascii(secret)[1:-1]
    yield repr(repr(secret)[1:-1])[1:-1]  # quoted by one library in what another one quotes
    yield json.dumps(secret)[1:-1]
    yield json.dumps(secret, ensure_ascii=False)[1:-1]
    yield html.escape(secret)
    as_bytes = secret.encode(errors="surrogateescape")
    yield repr(as_bytes)[2:-1]
    for safe in ("", "/", "/:@"):
        yield quote(as_bytes, safe=safe)
        yield quote_plus(as_bytes, safe=safe)
    yield base64.b64encode(as_bytes).decode()
