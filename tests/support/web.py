"""A small web server of a test's own: it answers what it is told to, and remembers what it was
asked. Used for an application's health route, a collector, a webhook's receiver."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any


@dataclass(frozen=True)
class Asked:
    """One request as it came."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True)
class Reply:
    """What is answered. `hang`: nothing is, until the server ends."""

    code: int = 200
    body: bytes = b"{}"
    headers: Mapping[str, str] = field(default_factory=dict)
    hang: bool = False
    broken: bool = False  # the connection ends in the middle of the answer


Handler = Callable[[Asked], Reply]


class WebServer:
    """On 127.0.0.1, from `with` to its end; with a certificate and its key, over TLS."""

    def __init__(self, handler: Handler | None = None, *, pem: Path | None = None) -> None:
        self.reply = Reply()  # what is answered without a handler; may be changed at any time
        self.requests: list[Asked] = []
        self._handler = handler or (lambda _: self.reply)
        self._end = threading.Event()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._make())
        self._server.daemon_threads = True
        if pem:
            import ssl

            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(pem)
            self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self.port: int = self._server.server_address[1]
        self.url = f"{'https' if pem else 'http'}://127.0.0.1:{self.port}"

    def _make(self) -> type[BaseHTTPRequestHandler]:
        outer = self

        class One(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def answer(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                asked = Asked(self.command, self.path, dict(self.headers), body)
                outer.requests.append(asked)
                reply = outer._handler(asked)
                if reply.hang:
                    outer._end.wait()
                    self.close_connection = True
                    return
                self.send_response(reply.code)
                for name, value in reply.headers.items():
                    self.send_header(name, value)
                self.send_header(
                    "Content-Length", str(len(reply.body) + (9 if reply.broken else 0))
                )
                self.end_headers()
                self.wfile.write(reply.body)
                self.close_connection = self.close_connection or reply.broken

            do_GET = do_POST = do_PATCH = do_PUT = answer

            def log_message(self, *_: Any) -> None:
                pass

        return One

    def __enter__(self) -> WebServer:
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, _: BaseException | None, __: TracebackType | None
    ) -> None:
        self._end.set()
        self._server.shutdown()
        self._server.server_close()
