"""The daemon's own account of what happened: every snapshot of its WATCH stream, and when."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from .http import unix_connect
from .process import wait_until

Snapshot = dict[str, Any]


class Watch:
    """Follows the gate at `path` from now on, in a thread; ends with the stream or close()."""

    def __init__(self, path: Path) -> None:
        self.events: list[tuple[float, Snapshot]] = []  # time.monotonic() at receipt, snapshot
        self.ended = threading.Event()
        self._socket = unix_connect(path, 5)
        self._socket.settimeout(None)
        self._socket.sendall(b"WATCH\n")
        threading.Thread(target=self._follow, daemon=True).start()

    def __enter__(self) -> Watch:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def states(self) -> list[str]:
        """The states in order, each run of equal ones once."""
        order: list[str] = []
        for _, snapshot in list(self.events):
            if not order or order[-1] != snapshot["state"]:
                order.append(snapshot["state"])
        return order

    def first(self, condition: Callable[[Snapshot], bool]) -> tuple[float, Snapshot] | None:
        """The first snapshot for which the condition is true, with its time."""
        return next((event for event in list(self.events) if condition(event[1])), None)

    def wait(
        self, condition: Callable[[Snapshot], bool], what: str, timeout: float = 10
    ) -> tuple[float, Snapshot]:
        """Like first(), and waits for it."""
        return wait_until(lambda: self.first(condition), timeout, what, seen=self.states)

    def close(self) -> None:
        """Stop following."""
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)

    def _follow(self) -> None:
        with (
            self._socket,
            self._socket.makefile("r", encoding="utf-8") as lines,
            contextlib.suppress(OSError, ValueError),
        ):
            for line in lines:
                event = json.loads(line) if line.strip() else {}
                if "state" in event:  # anything else is a heartbeat
                    self.events.append((time.monotonic(), event))
        self.ended.set()
