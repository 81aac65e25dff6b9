"""`watch()` and `watch_async()`: every change of the gate, across the ends of its daemons.

The daemon sends the newest snapshot and then each change; a reader that is slow gets the newest
and not each (`seq` shows the gap). A heartbeat comes every 15 s, so silence for longer than two of
them and a bit means that nobody is there any more.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Iterator
from typing import Optional

from .connection import Lines, connect
from .connection_async import open_stream
from .environment import SocketPath, socket_path
from .errors import GateProtocolError
from .protocol import LONGEST_SNAPSHOT, TRY_AGAIN, Snapshot, look, news, why_not_connected
from .waiting import pause
from .waiting_async import pause as pause_async

log = logging.getLogger("readygate")
REQUEST = b"WATCH\n"
SILENCE = 35.0  # s


def watch(socket: Optional[SocketPath] = None) -> Iterator[Snapshot]:
    """The snapshot of now, then each newer one, for ever. While no daemon answers, it waits.

    Closing the iterator closes the connection.
    """
    path, last = socket_path(socket), _Last()
    while True:
        tried, seen = time.monotonic(), look(path)
        try:
            with connect(path) as stream:
                stream.sendall(REQUEST)
                lines = Lines(stream, LONGEST_SNAPSHOT)
                while (line := lines.next(time.monotonic() + SILENCE)) is not None:
                    if snapshot := last.newer(line):
                        yield snapshot
        except (OSError, GateProtocolError) as error:
            _log(path, error)
        pause(path, seen, tried + TRY_AGAIN, None)


async def watch_async(socket: Optional[SocketPath] = None) -> AsyncIterator[Snapshot]:
    """The same for asyncio."""
    path, last = socket_path(socket), _Last()
    while True:
        tried, seen = time.monotonic(), look(path)
        try:
            async with open_stream(path, LONGEST_SNAPSHOT) as lines:
                await lines.ask(REQUEST)
                while line := await asyncio.wait_for(lines.next(), SILENCE):
                    if snapshot := last.newer(line):
                        yield snapshot
        except (OSError, asyncio.TimeoutError, GateProtocolError) as error:
            _log(path, error)
        await pause_async(path, seen, tried + TRY_AGAIN, None)


class _Last:
    """What was handed out last: a new connection begins with it once more."""

    def __init__(self) -> None:
        self._key: Optional[tuple[object, object]] = None

    def newer(self, line: bytes) -> Optional[Snapshot]:
        snapshot = news(line)
        if snapshot is None:
            return None
        key = snapshot.get("instance_id"), snapshot.get("seq")
        if key == self._key:
            return None
        self._key = key
        return snapshot


def _log(path: str, error: Exception) -> None:
    why = why_not_connected(error) if isinstance(error, OSError) else error
    log.debug("watching %s: %s", path, why)
