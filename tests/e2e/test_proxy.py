"""The forwarder that the other tests trust to misbehave exactly as told."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator

import pytest

from support.proxy import NotProxyable, TcpProxy


@pytest.fixture
def echo() -> Iterator[TcpProxy]:
    """A proxy in front of a server that sends back what it gets."""
    server = socket.create_server(("127.0.0.1", 0))

    def answer(end: socket.socket) -> None:
        with end:
            try:
                while data := end.recv(100):
                    end.sendall(data)
            except OSError:
                pass

    def serve() -> None:
        while True:
            try:
                end, _ = server.accept()
            except OSError:
                return
            threading.Thread(target=answer, args=(end,), daemon=True).start()

    threading.Thread(target=serve, daemon=True).start()
    with TcpProxy("127.0.0.1", server.getsockname()[1]) as proxy:
        yield proxy
    server.shutdown(socket.SHUT_RDWR)
    server.close()


def connect(proxy: TcpProxy) -> socket.socket:
    return socket.create_connection(("127.0.0.1", proxy.port), timeout=5)


def says(end: socket.socket, data: bytes) -> bytes:
    end.sendall(data)
    return end.recv(100)


def is_silent(end: socket.socket) -> bool:
    end.settimeout(0.2)
    try:
        return end.recv(100) == b"never"
    except TimeoutError:
        return True
    finally:
        end.settimeout(5)


def test_pause_holds_and_resume_delivers(echo: TcpProxy) -> None:
    with connect(echo) as end:
        assert says(end, b"one") == b"one"
        echo.pause()
        end.sendall(b"two")
        assert is_silent(end)
        with connect(echo) as late:  # connecting works: that is what makes it a hang
            echo.resume()
            assert end.recv(100) == b"two"
            assert says(late, b"three") == b"three"


def test_reset_ends_connections_and_takes_new_ones(echo: TcpProxy) -> None:
    with connect(echo) as end:
        assert says(end, b"one") == b"one"
        echo.reset()
        with pytest.raises(ConnectionResetError):
            end.recv(100)
    with connect(echo) as end:
        assert says(end, b"two") == b"two"


def test_refuse_keeps_the_port(echo: TcpProxy) -> None:
    for _ in range(10):
        echo.refuse()
        with pytest.raises(ConnectionRefusedError):
            connect(echo)
        with socket.socket() as other, pytest.raises(OSError, match="in use"):
            other.bind(("127.0.0.1", echo.port))
        echo.accept()
        with connect(echo) as end:
            assert says(end, b"back") == b"back"


def test_hold_stops_only_what_has_the_marker(echo: TcpProxy) -> None:
    with connect(echo) as build, connect(echo) as other, echo.hold(b"createIndexes") as held:
        assert not held.wait(0)
        build.sendall(b"createIndexes things")
        assert held.wait(5)
        assert is_silent(build)
        assert says(other, b"ping") == b"ping"
        held.release()
        assert build.recv(100) == b"createIndexes things"
        assert says(build, b"createIndexes again") == b"createIndexes again"


def test_a_uri_keeps_its_login_and_options() -> None:
    with TcpProxy.in_front_of(
        "mongodb://me:s%40crt@db.example:2701/admin?replicaSet=rs0&retryWrites=false", refusing=True
    ) as proxy:
        assert proxy.uri == (
            f"mongodb://me:s%40crt@127.0.0.1:{proxy.port}/admin"
            "?retryWrites=false&directConnection=true"
        )
    with TcpProxy.in_front_of("mongodb://db", refusing=True) as proxy:
        assert proxy.uri == f"mongodb://127.0.0.1:{proxy.port}/?directConnection=true"


@pytest.mark.parametrize(
    "uri", ["mongodb+srv://db.example/", "mongodb://a,b/", "mongodb://a/?tls=true"]
)
def test_what_a_forwarder_would_break_is_refused(uri: str) -> None:
    with pytest.raises(NotProxyable):
        TcpProxy.in_front_of(uri)
