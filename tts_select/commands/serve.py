"""`tts-select serve`: an OpenAI-compatible server over the router."""

from __future__ import annotations

import ipaddress
import socket
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tts_select.commands._options import Number, config_option, router_option, writable_folder
from tts_select.commands._terminal import say, show
from tts_select.core.errors import InputError
from tts_select.core.extras import require

if TYPE_CHECKING:
    from tts_select.config import Config
    from tts_select.serving.settings import ServeSettings

_AMOUNT = Number(min=0, min_open=True)


@click.command(
    epilog="""\b
Examples:
  tts-select serve
  tts-select serve --config tts-select.yaml --router router/
  tts-select serve --new-key alice
  tts-select serve --host 0.0.0.0 --api-key-file keys.yaml --purses purses.sqlite \\
      --max-tokens 50000 --daily-tokens 1000000

\b
docs/serving.md has the API, its errors, and how to point clients at it."""
)
@config_option
@router_option
@click.option(
    "--host", default="127.0.0.1", show_default=True, help="Address; another than loopback needs keys."
)
@click.option(
    "--port", type=click.IntRange(0, 65535), default=8484, show_default=True, help="Port; 0 takes a free one."
)
@click.option(
    "--api-key-file",
    type=Path,
    default=None,
    help="YAML file of the keys that may ask.",
    show_default="nobody is asked for one",
)
@click.option(
    "--new-key", metavar="NAME", default=None, help="Print a new key and its entry for that file, and end."
)
@click.option(
    "--purses", type=Path, default=None, help="SQLite file of what each key spent.", show_default="in memory"
)
@click.option(
    "--daily-tokens",
    type=click.IntRange(1),
    default=None,
    help="Most generated tokens of a key in a day (UTC).",
)
@click.option("--daily-dollars", type=_AMOUNT, default=None, help="Most dollars of a key in a day.")
@click.option(
    "--max-tokens", type=click.IntRange(1), default=None, help="Most tokens generated for a request."
)
@click.option("--max-flops", type=_AMOUNT, default=None, help="Most FLOPs for a request, approximately.")
@click.option("--max-dollars", type=_AMOUNT, default=None, help="Most dollars for a request, approximately.")
@click.option("--deadline", type=_AMOUNT, default=None, help="Most seconds for a request, waiting included.")
@click.option(
    "--concurrency",
    type=click.IntRange(1, 4096),
    default=64,
    show_default=True,
    help="Requests that run at once.",
)
@click.option(
    "--queue", type=click.IntRange(0), default=256, show_default=True, help="Requests of a key that may wait."
)
@click.option(
    "--outcomes", type=Path, default=None, help="File for outcomes.", show_default="beside the router"
)
@click.option(
    "--trace",
    type=Path,
    default=None,
    callback=writable_folder,
    help="Folder for traces of the requests, which `tts-select view` shows; they hold what was asked.",
    show_default="none are kept",
)
@click.option(
    "--traces-kept",
    type=click.IntRange(1),
    default=1000,
    show_default=True,
    help="The newest traces that stay in that folder.",
)
@click.option(
    "--grace",
    type=click.IntRange(0),
    default=30,
    show_default=True,
    help="Seconds that running requests have to end at shutdown.",
)
def serve(*, host: str, port: int, new_key: str | None, grace: int, **options: Any) -> None:
    """Serve the router to OpenAI's clients."""
    if new_key is not None:
        _print_key(new_key)
        return
    require("serve", "the server and its metrics")
    settings = _settings(**options)
    if settings.api_keys is None and not _is_loopback(host):
        raise InputError(
            f"'{host}' can be reached from elsewhere, so it needs keys: make one with --new-key NAME, and "
            "name its file with --api-key-file"
        )
    _run(settings, host, port, grace)


def _settings(
    *,
    config: Config | None,
    api_key_file: Path | None,
    daily_tokens: int | None,
    daily_dollars: float | None,
    max_tokens: int | None,
    max_flops: float | None,
    max_dollars: float | None,
    deadline: float | None,
    **more: Any,
) -> ServeSettings:
    from tts_select.serving.settings import Caps, Daily, ServeSettings

    return ServeSettings(
        config=config,
        api_keys=api_key_file,
        caps=Caps(max_tokens, max_flops, max_dollars, deadline),
        daily=Daily(daily_tokens, daily_dollars),
        **more,
    )


def _run(settings: ServeSettings, host: str, port: int, grace: int) -> None:
    import uvicorn

    from tts_select.serving.app import app_for
    from tts_select.serving.service import Service

    service = Service(settings)

    def stop() -> None:
        server.should_exit = True

    app = app_for(service, on_failure=stop)
    server = uvicorn.Server(
        uvicorn.Config(app, log_level="warning", lifespan="on", timeout_graceful_shutdown=grace)
    )
    with _listening(host, port) as listening:
        where = f"[{host}]" if ":" in host else host
        url = f"http://{where}:{listening.getsockname()[1]}"
        say(f"serving at {url}/v1 once its models are loaded, and a page at {url}/ui; Ctrl-C ends it")
        server.run(sockets=[listening])
    if service.failure is not None:
        raise service.failure


def _listening(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=2048)
    except OSError as error:
        reason = error.strerror or error
        raise InputError(f"cannot listen at {host}, port {port}: {reason}; choose another --port") from error


def _print_key(name: str) -> None:
    from tts_select.serving.keys import hash_of, new_key

    key = new_key()
    show(
        f"the key of {name}, which is shown this once: {key}",
        "its entry under keys: in the file of --api-key-file:",
        f"  - {{name: {name}, sha256: {hash_of(key)}}}",
        wrap=False,
    )


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"
