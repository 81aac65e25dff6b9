"""503 until the first open; afterwards everything, or with strict=True what the gate says."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from readygate.middleware import AsgiGate, WsgiGate
from readygate.testing import FakeGate


async def application(scope: Any, receive: Any, send: Any) -> None:
    if scope["type"] == "http":
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"hello"})
    else:
        await send({"type": f"{scope['type']}.passed"})


def asgi(app: AsgiGate, kind: str = "http", path: str = "/", **scope: Any) -> list[Any]:
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    async def receive() -> Any:
        return {"type": f"{kind}.connect"}

    asyncio.run(app({"type": kind, "path": path, **scope}, receive, send))
    return sent


def wsgi(app: WsgiGate, path: str = "/") -> tuple[str, dict[str, str], bytes]:
    said: list[Any] = []
    body = b"".join(app({"PATH_INFO": path}, lambda *start: said.append(start)))
    return said[0][0], dict(said[0][1]), body


def wsgi_application(environ: Any, start_response: Any) -> list[bytes]:
    start_response("200 OK", [])
    return [b"hello"]


def test_asgi_refuses_until_the_first_open(fake_gate: FakeGate) -> None:
    app = AsgiGate(application)
    start, body = asgi(app)
    assert start["status"] == 503
    assert (b"retry-after", b"1") in start["headers"]
    assert (b"content-length", b"%d" % len(body["body"])) in start["headers"]
    fake_gate.open()
    assert asgi(app)[0]["status"] == 200
    fake_gate.lose()
    assert asgi(app)[0]["status"] == 200


def test_asgi_strict_follows_the_gate(fake_gate: FakeGate) -> None:
    app = AsgiGate(application, strict=True)
    fake_gate.open()
    assert asgi(app)[0]["status"] == 200
    fake_gate.lose()
    assert asgi(app)[0]["status"] == 503


def test_asgi_lifespan_and_exempt_paths_pass(fake_gate: FakeGate) -> None:
    app = AsgiGate(application, exempt=["/livez"])
    assert asgi(app, "lifespan")[0]["type"] == "lifespan.passed"
    assert asgi(app, path="/livez")[0]["status"] == 200
    assert asgi(app, path="/livez/")[0]["status"] == 503


@pytest.mark.parametrize("extension", [True, False])
def test_asgi_refuses_websockets(fake_gate: FakeGate, extension: bool) -> None:
    extensions = {"websocket.http.response": {}} if extension else {}
    first = asgi(AsgiGate(application), "websocket", extensions=extensions)[0]
    assert (first.get("status"), first.get("code")) == ((503, None) if extension else (None, 1013))


def test_wsgi(fake_gate: FakeGate) -> None:
    latched, strict = WsgiGate(wsgi_application), WsgiGate(wsgi_application, strict=True)
    status, headers, body = wsgi(latched)
    assert status.startswith("503")
    assert headers["Retry-After"] == "1"
    assert int(headers["Content-Length"]) == len(body)
    fake_gate.open()
    assert wsgi(latched)[0] == wsgi(strict)[0] == "200 OK"
    fake_gate.drain()
    assert wsgi(latched)[0] == "200 OK"
    assert wsgi(strict)[0].startswith("503")


def test_the_kill_switch_opens_them(fake_gate: FakeGate, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("READYGATE_DISABLE", "1")
    assert asgi(AsgiGate(application, strict=True))[0]["status"] == 200
