"""503 until the gate has been open: middleware for ASGI and WSGI applications.

    app.add_middleware(AsgiGate)            # Starlette, FastAPI
    app = WsgiGate(app)                     # Flask (app.wsgi_app), Django, any

Until the first `open` in this process every request is answered with 503 and `Retry-After`; after
that everything passes, so that a request in flight during a shutdown is not refused. With
`strict=True` each request follows the gate. It asks the state page: about a microsecond.

`exempt` are paths that always pass, compared as they are: the route of a liveness probe, say,
which must not fail because a database is late.
"""

from __future__ import annotations

from collections.abc import Awaitable, Collection, Iterable, MutableMapping
from typing import TYPE_CHECKING, Any, Callable, Optional

from .environment import SocketPath
from .page import is_open

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
AsgiApplication = Callable[[Scope, Receive, Send], Awaitable[None]]

BODY = b"not ready\n"
RETRY_AFTER = "1"  # s
HEADERS = [
    ("Content-Type", "text/plain; charset=utf-8"),
    ("Content-Length", str(len(BODY))),
    ("Retry-After", RETRY_AFTER),
    ("Cache-Control", "no-store"),
]
TRY_AGAIN_LATER = 1013  # a close code of WebSockets (IANA)


class _Gate:
    """Whether a request may pass."""

    def __init__(self, socket: Optional[SocketPath], strict: bool, exempt: Collection[str]) -> None:
        self._socket = socket
        self._strict = strict
        self._exempt = frozenset(exempt)
        self._opened = False

    def lets_pass(self, path: str) -> bool:
        if self._opened:
            return True
        if is_open(self._socket):
            self._opened = not self._strict
            return True
        return path in self._exempt


class AsgiGate:
    """For ASGI. `lifespan` always passes: it is where an application starts, and may wait."""

    def __init__(
        self,
        app: AsgiApplication,
        *,
        strict: bool = False,
        exempt: Collection[str] = (),
        socket: Optional[SocketPath] = None,
    ) -> None:
        self.app = app
        self._gate = _Gate(socket, strict, exempt)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        kind = scope["type"]
        if kind not in ("http", "websocket") or self._gate.lets_pass(scope.get("path", "")):
            await self.app(scope, receive, send)
        elif kind == "http":
            await _refuse(send, "http.response")
        else:
            await receive()  # websocket.connect: nothing may be sent before it
            if "websocket.http.response" in scope.get("extensions", {}):
                await _refuse(send, "websocket.http.response")
            else:
                await send({"type": "websocket.close", "code": TRY_AGAIN_LATER})


async def _refuse(send: Send, kind: str) -> None:
    headers = [(name.lower().encode(), value.encode()) for name, value in HEADERS]
    await send({"type": f"{kind}.start", "status": 503, "headers": headers})
    await send({"type": f"{kind}.body", "body": BODY})


class WsgiGate:
    """For WSGI."""

    def __init__(
        self,
        app: WSGIApplication,
        *,
        strict: bool = False,
        exempt: Collection[str] = (),
        socket: Optional[SocketPath] = None,
    ) -> None:
        self.app = app
        self._gate = _Gate(socket, strict, exempt)

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if self._gate.lets_pass(environ.get("PATH_INFO", "")):
            return self.app(environ, start_response)
        start_response("503 Service Unavailable", list(HEADERS))
        return [BODY]
