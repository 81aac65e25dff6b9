"""One request over TCP or over the Unix socket, one answer. No connection is reused."""

from __future__ import annotations

import http.client
import json
import socket
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Answer:
    """`code` is None when there was no answer: `error` then says why (refused, timeout, ...)."""

    code: int | None
    body: str = ""
    headers: dict[str, str] = field(default_factory=dict)  # names in lower case
    error: str = ""

    def json(self) -> Any:
        return json.loads(self.body)

    def __str__(self) -> str:
        return self.error if self.code is None else f"{self.code} {self.body.strip()}"


def _exchange(
    connection: http.client.HTTPConnection, method: str, path: str, body: Any = None
) -> Answer:
    headers = {"Connection": "close"}
    if body is not None:
        headers["Content-Type"] = "application/json"
    try:
        connection.request(
            method, path, body=None if body is None else json.dumps(body), headers=headers
        )
        response = connection.getresponse()
        text = response.read().decode("utf-8", "replace")
        received = {name.lower(): value for name, value in response.getheaders()}
        return Answer(response.status, text, received)
    except ConnectionRefusedError:
        return Answer(None, error="refused")
    except TimeoutError:
        return Answer(None, error="timeout")
    except FileNotFoundError:
        return Answer(None, error="no socket")
    except (OSError, http.client.HTTPException) as error:
        return Answer(None, error=f"{type(error).__name__}: {error}")
    finally:
        connection.close()


def get(port: int, path: str, *, timeout: float = 2, method: str = "GET") -> Answer:
    """A request to 127.0.0.1; never raises for want of an answer."""
    return _exchange(http.client.HTTPConnection("127.0.0.1", port, timeout=timeout), method, path)


def post(port: int, path: str, body: Any, *, timeout: float = 5) -> Answer:
    """The same with a JSON body."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout)
    return _exchange(connection, "POST", path, body)


class UnixConnection(http.client.HTTPConnection):
    """HTTP over a Unix socket."""

    def __init__(self, path: Path, timeout: float) -> None:
        super().__init__("readygate", timeout=timeout)
        self._path = path

    def connect(self) -> None:
        self.sock = unix_connect(self._path, self.timeout or 5)


def unix_connect(path: Path, timeout: float) -> socket.socket:
    """A connected stream; the caller closes it."""
    end = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        end.settimeout(timeout)
        end.connect(str(path))
    except BaseException:
        end.close()
        raise
    return end


def unix_request(path: Path, request: str, *, method: str = "GET", timeout: float = 5) -> Answer:
    """`GET /v1/status` and the like on the daemon's socket; never raises for want of an answer."""
    return _exchange(UnixConnection(path, timeout), method, request)


def unix_line(path: Path, line: str, *, timeout: float = 60) -> str:
    """One line of the line dialect, and everything until end of stream. Raises OSError."""
    with unix_connect(path, timeout) as end:
        end.sendall(line.encode() + b"\n")
        pieces = []
        while piece := end.recv(65536):
            pieces.append(piece)
    return b"".join(pieces).decode()
