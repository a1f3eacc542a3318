"""A service that asks its backend on a new connection for each request: in a thread of the test, or as a process.

    python shop.py BACKEND PORT

Needs the standard library alone, so that a process starts fast.
"""

from __future__ import annotations

import socket
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final

_PATIENCE: Final = 5.0
_SLOW: Final = 0.2


class Shop:
    """Answers 200 when its backend has, and 503 when not.

    `healthy` False makes it fail on its own account; with `sticky` it stays broken once it was slow.
    """

    def __init__(self, backend: str, port: int = 0) -> None:
        self.healthy = True
        self.sticky = False
        self._broken = False
        self._backend = backend
        shop = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(200 if shop.ask() else 503)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                """Says nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self._server.daemon_threads = True
        self.port: Final = self._server.server_port
        self.url = f"http://127.0.0.1:{self.port}/"

    def serve(self) -> None:
        self._server.serve_forever(poll_interval=0.05)

    def start(self) -> None:
        threading.Thread(target=self.serve, daemon=True).start()

    def ask(self) -> bool:
        began = time.monotonic()
        try:
            answered = _said_back(self._backend)
        except OSError:
            return False
        if self.sticky and time.monotonic() - began > _SLOW:
            self._broken = True
        return answered and self.healthy and not self._broken

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


def _said_back(address: str) -> bool:
    host, _, port = address.rpartition(":")
    with socket.create_connection((host, int(port)), timeout=_PATIENCE) as backend:
        backend.sendall(b"hello")
        backend.shutdown(socket.SHUT_WR)
        answer = b""
        while data := backend.recv(100):
            answer += data
    return answer == b"hello"


if __name__ == "__main__":
    Shop(sys.argv[1], int(sys.argv[2])).serve()
