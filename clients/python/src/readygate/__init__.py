"""Waits until the gate of a service is open, and tells whether it still is.

    import readygate

    readygate.wait(timeout=60)      # blocks until the database is as the schema says
    if readygate.is_open(): ...     # about a microsecond: for every request

The gate is a sidecar, `readygate run`; its protocol stands in docs/protocol.md of the project. What
needs more than the standard library is in modules that are imported by name: `readygate.beanie`,
`readygate.repository`, `readygate.middleware`, `readygate.testing`.
"""

from .errors import (
    GateDraining,
    GateError,
    GateFailed,
    GateForbidden,
    GateProtocolError,
    GateTimeout,
)
from .page import facts, is_open, snapshot
from .protocol import Facts, Snapshot
from .status import status, status_async
from .waiting import wait
from .waiting_async import wait_async
from .watching import watch, watch_async

__all__ = [
    "Facts",
    "GateDraining",
    "GateError",
    "GateFailed",
    "GateForbidden",
    "GateProtocolError",
    "GateTimeout",
    "Snapshot",
    "facts",
    "is_open",
    "snapshot",
    "status",
    "status_async",
    "wait",
    "wait_async",
    "watch",
    "watch_async",
]
