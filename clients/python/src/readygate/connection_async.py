"""One connection to the gate, for asyncio: a request line out, answer lines in."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Optional

from .connection import connect


class AsyncLines:
    """The lines of a stream."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    async def ask(self, request: bytes) -> None:
        """Send the one request of this connection."""
        self._writer.write(request)
        await self._writer.drain()

    async def next(self) -> Optional[bytes]:
        """The next whole line; None: the stream ended before there was one, or it is too long."""
        try:
            line = await self._reader.readline()
        except ValueError:  # longer than the limit
            return None
        return line[:-1] if line.endswith(b"\n") else None


@asynccontextmanager
async def open_stream(path: str, longest: int) -> AsyncIterator[AsyncLines]:
    """A connection that is closed at the end of the block. OSError: not now.

    asyncio would take EAGAIN from a Unix socket (its backlog is full) for "under way", and the
    connection for made; so it is given one that is connected.
    """
    stream = connect(path)
    try:
        reader, writer = await asyncio.open_unix_connection(sock=stream, limit=longest)
    except BaseException:
        stream.close()
        raise
    try:
        yield AsyncLines(reader, writer)
    finally:
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()
