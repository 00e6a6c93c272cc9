"""Starts real vLLM's OpenAI server on this machine, for tests and benchmarks of what talks to one."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_ENVIRONMENT = {"VLLM_CPU_KVCACHE_SPACE": "1", "HF_HUB_OFFLINE": "1"}
_END_SECONDS = 60


@contextmanager
def vllm_server(folder: Path, name: str, *more: str, start_seconds: float = 600) -> Iterator[str]:
    """Yield the server's base URL while the context is open; the model in `folder` is served as `name`, in
    float32. `more` are further arguments of the server.

    Raises:
        RuntimeError: it does not start; the end of what it said is in the message.
    """
    port = _free_port()
    command = [
        sys.executable, "-m", "vllm.entrypoints.openai.api_server", "--model", str(folder),
        "--served-model-name", name, "--dtype", "float32", "--enforce-eager",
        "--enable-prompt-tokens-details", "--no-enable-chunked-prefill",
        "--host", "127.0.0.1", "--port", str(port), *more,
    ]  # fmt: skip
    with tempfile.TemporaryDirectory() as logs:
        log = Path(logs, "log")
        with log.open("w") as out:
            environment = {**_ENVIRONMENT, **os.environ}
            process = subprocess.Popen(command, env=environment, stdout=out, stderr=out)  # noqa: S603  ours
        try:
            _wait_until_healthy(f"http://127.0.0.1:{port}/health", process, log, start_seconds)
            yield f"http://127.0.0.1:{port}/v1"
        finally:
            _end(process)


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def _wait_until_healthy(url: str, process: subprocess.Popen[bytes], log: Path, seconds: float) -> None:
    until = time.monotonic() + seconds
    while time.monotonic() < until and process.poll() is None:
        try:
            with urllib.request.urlopen(url, timeout=2):  # noqa: S310  it is http
                return
        except OSError:
            time.sleep(0.5)
    raise RuntimeError(f"the server did not start: {log.read_text()[-2000:]}")


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(_END_SECONDS)
    except subprocess.TimeoutExpired:  # it has not even started, on a busy machine
        process.kill()
        process.wait()
