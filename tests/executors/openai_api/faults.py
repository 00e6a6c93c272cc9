"""What a server that misbehaves does with a request."""

from __future__ import annotations

import socket
import struct
from http.server import BaseHTTPRequestHandler

from tts_select.testing import Fault

POISON = "\\boxed{13}"
"""In every fault: it must never become an answer."""


def status(code: int, **headers: str) -> Fault:
    def fault(handler: BaseHTTPRequestHandler) -> None:
        content = b'{"error": {"message": "overloaded: ' + POISON.replace("\\", "\\\\").encode() + b'"}}'
        handler.send_response(code)
        for name, value in headers.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.send_header("Content-Length", str(len(content)))
        handler.end_headers()
        handler.wfile.write(content)

    return fault


def body(content: bytes, kind: str = "application/json") -> Fault:
    def fault(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Type", kind)
        handler.send_header("Content-Length", str(len(content)))
        handler.end_headers()
        handler.wfile.write(content)

    return fault


def reset(handler: BaseHTTPRequestHandler) -> None:
    """In the middle of the body."""
    handler.send_response(200)
    handler.send_header("Content-Type", "application/json")
    handler.send_header("Content-Length", "1000")
    handler.end_headers()
    handler.wfile.write(b'{"choices": [{"text": "' + POISON.encode())
    handler.wfile.flush()
    linger = struct.pack("ii", 1, 0)  # close with a reset, not with an orderly end
    handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    handler.connection.close()


def hang(handler: BaseHTTPRequestHandler) -> None:
    handler.connection.settimeout(5)
    handler.connection.recv(1)  # until the client goes away
