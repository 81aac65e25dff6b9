"""`is_open()`: one load from a mapped file and one reading of a clock, for every request.

The daemon keeps a page of 4 KiB beside its socket, whose word at offset 64 holds what is true and
until when: it is rewritten every 500 ms and good for 3 s, so that a daemon that was killed is
believed for that long at most. A page that is missing, has expired, was zeroed (the daemon's
orderly end), or is of an earlier boot says not open, and is opened anew, every 100 ms at most.
"""

from __future__ import annotations

import json
import mmap
import os
import threading
import time
from typing import NamedTuple, Optional

from .environment import SocketPath, disabled, socket_path
from .protocol import Facts, Snapshot

MAGIC = b"RDYGATE\0"
VERSION = 1
SIZE = 4096  # bytes
OPEN, READY, INITIALIZED, HEALTHY, REACHABLE = (1 << bit for bit in range(5))
WORD = 64 // 8  # index of the word among the page's 64-bit integers
SEQUENCE, LENGTH = 128 // 4, 132 // 4  # indexes among its 32-bit integers
SNAPSHOT = 136  # offset in bytes
LEFT_OUT = 0xFFFFFFFF  # the length of a snapshot that did not fit
TRIES = 100
REOPEN = 100  # ms
COARSE = 6  # CLOCK_MONOTONIC_COARSE, which Python's time does not name


def is_open(socket: Optional[SocketPath] = None) -> bool:
    """Whether the gate is open now. Never blocks and never raises for want of a gate.

    From any thread, on every request: about a microsecond while the gate is open.
    """
    return (_default if socket is None else _page_of(socket)).is_open()


def facts(socket: Optional[SocketPath] = None) -> Optional[Facts]:
    """What the page says is true; None when there is no page, or an old one."""
    return (_default if socket is None else _page_of(socket)).facts()


def snapshot(socket: Optional[SocketPath] = None) -> Optional[Snapshot]:
    """The gate's account on the page, without asking anybody.

    None when there is no page, or an old one, or when it did not fit there: then ask status().
    """
    return (_default if socket is None else _page_of(socket)).snapshot()


class _Mapped(NamedTuple):
    """A page that was whole when it was opened. It lives as long as somebody holds it."""

    path: str
    words: memoryview  # of 64 bits: an aligned load each, which cannot be torn
    halves: memoryview  # of 32 bits
    data: mmap.mmap
    shift: int  # ms that our monotonic clock is ahead of the writer's (time namespaces)

    def word(self) -> Optional[int]:
        """The facts, unless they have expired."""
        word: int = self.words[WORD]
        now = time.clock_gettime_ns(COARSE) // 1_000_000 - self.shift
        return word & 0xFF if now < word >> 8 else None


class StatePage:
    """The page beside one socket: the given one, or the one that the environment names."""

    def __init__(self, socket: Optional[SocketPath] = None) -> None:
        self._socket = socket
        self._mapped: Optional[_Mapped] = None
        self._renew_locks()
        os.register_at_fork(after_in_child=self._renew_locks)

    def _renew_locks(self) -> None:
        self._lock = threading.Lock()  # while the page is opened
        self._fence = threading.Lock()
        self._tried: Optional[str] = None  # the socket whose page was opened last
        self._tried_at = 0  # ms

    def is_open(self) -> bool:
        mapped = self._mapped
        if mapped is not None:  # _Mapped.word(), written out: this is the line that costs
            word = mapped.words[WORD]
            if word & OPEN and (
                time.clock_gettime_ns(COARSE) // 1_000_000 - mapped.shift < word >> 8
            ):
                return True
        found = self.facts()
        return bool(found and found.open) or disabled()

    def facts(self) -> Optional[Facts]:
        mapped = self._current()
        word = mapped.word() if mapped else None
        if word is None:
            return None
        return Facts(*(bool(word & bit) for bit in (OPEN, READY, INITIALIZED, HEALTHY, REACHABLE)))

    def snapshot(self) -> Optional[Snapshot]:
        mapped = self._current()
        if mapped is None or mapped.word() is None:
            return None
        text = self._copy(mapped)
        if text is None:
            return None
        try:
            found = json.loads(text)
        except ValueError:
            return None
        return found if isinstance(found, dict) else None  # type: ignore[return-value]

    def _copy(self, mapped: _Mapped) -> Optional[bytes]:
        for _ in range(TRIES):
            before = mapped.halves[SEQUENCE]
            if before % 2:
                time.sleep(0)
                continue
            self._order_loads()
            length = mapped.halves[LENGTH]
            text = mapped.data[SNAPSHOT : SNAPSHOT + min(length, SIZE - SNAPSHOT)]
            self._order_loads()
            if mapped.halves[SEQUENCE] == before:
                return text if 0 < length <= SIZE - SNAPSHOT else None
        return None

    def _order_loads(self) -> None:
        """What is read after this is not read before it. Python has no fence, but a lock that is
        released and then taken is one, on machines that reorder loads (ARM)."""
        with self._fence:
            pass
        with self._fence:
            pass

    def _current(self) -> Optional[_Mapped]:
        """The page, opened anew if the one that is mapped has expired or is another socket's."""
        mapped = self._mapped
        if self._serves(mapped):
            return mapped
        with self._lock:
            path, now = socket_path(self._socket), time.clock_gettime_ns(COARSE) // 1_000_000
            if self._tried != path or now - self._tried_at >= REOPEN:
                self._tried, self._tried_at = path, now
                self._mapped = _open(path)
            return self._mapped

    def _serves(self, mapped: Optional[_Mapped]) -> bool:
        return (
            mapped is not None
            and mapped.word() is not None
            and mapped.path == socket_path(self._socket)
        )


def _open(socket: str) -> Optional[_Mapped]:
    """Map the page of this socket; None: there is none that can be believed."""
    try:
        # A FIFO or a device in its place must not hold us up.
        fd = os.open(socket + ".page", os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError:
        return None
    try:
        data = mmap.mmap(fd, SIZE, mmap.MAP_SHARED, mmap.PROT_READ)
    except (OSError, ValueError):  # ValueError: the file is shorter
        return None
    finally:
        os.close(fd)
    view = memoryview(data)
    words, halves = view.cast("Q"), view.cast("I")
    if data[:8] != MAGIC or halves[2] != VERSION or halves[3] != SIZE or data[16:32] != boot_id():
        return None
    return _Mapped(socket, words, halves, data, clock_offset() - view.cast("q")[48 // 8])


def boot_id() -> Optional[bytes]:
    """The kernel's id of this boot: on a volume that outlives it, a page of an earlier one may lie
    about, whose times mean nothing now."""
    try:
        with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:
            return bytes.fromhex(file.read().strip().replace("-", ""))
    except (OSError, ValueError):
        return None


def clock_offset() -> int:
    """ms that CLOCK_MONOTONIC is ahead of the kernel's in our time namespace (time_namespaces(7)).

    0 where the kernel knows none.
    """
    try:
        with open("/proc/self/timens_offsets", encoding="ascii") as file:
            for line in file:
                name, seconds, nanoseconds = line.split()
                if name == "monotonic":
                    return int(seconds) * 1000 + int(nanoseconds) // 1_000_000
    except (OSError, ValueError):
        pass
    return 0


_default = StatePage()
_pages: dict[str, StatePage] = {}


def _page_of(socket: SocketPath) -> StatePage:
    path = os.fspath(socket)
    return _pages.get(path) or _pages.setdefault(path, StatePage(path))
