"""One connection to the gate, for blocking callers: a request line out, answer lines in."""

from __future__ import annotations

import socket
import time
from typing import Optional

CHUNK = 65536


def connect(path: str) -> socket.socket:
    """A connected, non-blocking stream; the caller closes it. OSError: not now.

    Without blocking, a full backlog is an error at once (EAGAIN) and not a wait without a limit.
    """
    stream = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        stream.setblocking(False)
        stream.connect(path)
    except BaseException:
        stream.close()
        raise
    return stream


class Lines:
    """The lines that come on a stream."""

    def __init__(self, stream: socket.socket, longest: int) -> None:
        self._stream = stream
        self._longest = longest
        self._held = bytearray()

    def next(self, deadline: Optional[float]) -> Optional[bytes]:
        """The next whole line; None: the stream ended before there was one, or it is too long.

        TimeoutError (socket.timeout): `deadline`, of time.monotonic(), passed first.
        """
        while True:
            end = self._held.find(b"\n")
            if end >= 0:
                line = bytes(self._held[:end])
                del self._held[: end + 1]
                return line
            if len(self._held) > self._longest:
                return None
            left = None if deadline is None else deadline - time.monotonic()
            if left is not None and left <= 0:
                raise socket.timeout("no answer in time")
            self._stream.settimeout(left)
            piece = self._stream.recv(CHUNK)
            if not piece:
                return None
            self._held += piece
