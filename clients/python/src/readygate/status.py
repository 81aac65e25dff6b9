"""`status()`: the gate's own account of itself, asked over the socket."""

from __future__ import annotations

import asyncio
import time
from typing import Optional

from .connection import Lines, connect
from .connection_async import open_stream
from .environment import SocketPath, socket_path
from .errors import GateError
from .protocol import LONGEST_SNAPSHOT, Snapshot, json_object, why_not_connected

REQUEST = b"STATUS\n"


def status(socket: Optional[SocketPath] = None, timeout: float = 1.0) -> Snapshot:
    """The full snapshot of this moment. GateError: no answer within `timeout` seconds."""
    path = socket_path(socket)
    deadline = time.monotonic() + timeout
    try:
        with connect(path) as stream:
            stream.sendall(REQUEST)
            line = Lines(stream, LONGEST_SNAPSHOT).next(deadline)
    except OSError as error:
        raise _unreachable(path, why_not_connected(error)) from error
    return _snapshot(path, line)


async def status_async(socket: Optional[SocketPath] = None, timeout: float = 1.0) -> Snapshot:
    """The same for asyncio."""
    path = socket_path(socket)

    async def ask() -> Optional[bytes]:
        async with open_stream(path, LONGEST_SNAPSHOT) as lines:
            await lines.ask(REQUEST)
            return await lines.next()

    try:
        line = await asyncio.wait_for(ask(), timeout)
    except asyncio.TimeoutError as error:
        raise _unreachable(path, "no answer in time") from error
    except OSError as error:
        raise _unreachable(path, why_not_connected(error)) from error
    return _snapshot(path, line)


def _unreachable(path: str, why: str) -> GateError:
    return GateError(f"no answer from the gate at {path}: {why}", code="gate_unreachable")


def _snapshot(path: str, line: Optional[bytes]) -> Snapshot:
    if line is None:
        raise _unreachable(path, "the daemon ended before it answered")
    return json_object(line)  # type: ignore[return-value]
