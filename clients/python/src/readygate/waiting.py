"""`wait()`: blocks until the gate says that something is true.

It fails closed. No socket, a refused connection, a full backlog, no permission (yet), an end of
stream before an answer: each of them means *not open*, and is tried again, once a second and when
the socket's file changes.
"""

from __future__ import annotations

import logging
import socket as sockets
import time
from typing import Optional

from .connection import Lines, connect
from .environment import SocketPath, disabled, socket_path
from .errors import GateError, GateFailed, GateTimeout
from .protocol import (
    LONGEST_ANSWER,
    LOOK,
    TRY_AGAIN,
    Snapshot,
    describe,
    judge,
    look,
    wait_request,
    why_not_connected,
)
from .status import status

log = logging.getLogger("readygate")
STATUS_LIMIT = 0.2  # s, to learn why, once the wait has ended


def wait(
    fact: str = "open",
    timeout: Optional[float] = None,
    socket: Optional[SocketPath] = None,
    fail_fast: bool = False,
) -> None:
    """Return once the gate says that `fact` (open, ready, initialized, healthy) is true.

    `timeout` is in seconds, None for ever. Raises GateTimeout; GateDraining; GateFailed, with
    `fail_fast` only, since a gate that failed tries again by itself; GateForbidden;
    GateProtocolError; ValueError for an unknown fact or a path that no socket can have. With
    READYGATE_DISABLE=1 it returns at once. From a thread it cannot be interrupted.
    """
    path = socket_path(socket)
    request = wait_request(fact, fail_fast)
    if disabled():
        return
    deadline = None if timeout is None else time.monotonic() + timeout
    while True:
        tried = time.monotonic()
        seen = look(path)
        try:
            cause = _try(path, request, deadline)
        except sockets.timeout:
            raise timed_out(fact, timeout, _why(path)) from None
        except GateFailed as failed:
            raise explained(failed, _why(path)) from None
        if cause is None:
            return
        log.debug("waiting for %s: %s", fact, cause)
        if not pause(path, seen, tried + TRY_AGAIN, deadline):
            unreachable = GateError(cause, code="gate_unreachable")
            raise timed_out(fact, timeout, unreachable)


def _try(path: str, request: bytes, deadline: Optional[float]) -> Optional[str]:
    """One connection. None: the fact is true. Text: why to try again."""
    try:
        stream = connect(path)
    except OSError as error:
        return f"{path}: {why_not_connected(error)}"
    with stream:
        try:
            stream.sendall(request)
            line = Lines(stream, LONGEST_ANSWER).next(deadline)
        except sockets.timeout:
            raise
        except OSError as error:
            return why_not_connected(error)
    return "the daemon ended before it answered" if line is None else judge(line)


def pause(path: str, seen: object, until: float, deadline: Optional[float]) -> bool:
    """Sleep until then, or until the socket's file is another one. False: time is up."""
    while True:
        now = time.monotonic()
        if deadline is not None and now >= deadline:
            return False
        if now >= until or look(path) != seen:
            return True
        time.sleep(min(LOOK, until - now, LOOK if deadline is None else deadline - now))


def _why(path: str) -> GateError:
    try:
        return as_error(status(path, STATUS_LIMIT))
    except GateError as error:
        return error


def as_error(said: Snapshot) -> GateError:
    """What the gate says of itself, as the cause of another error."""
    state, code = said.get("state", "unknown"), said.get("code", "unknown")
    return GateError(describe(said), state=state, code=code)


def timed_out(fact: str, timeout: Optional[float], why: GateError) -> GateTimeout:
    """The error of a wait that ended without its fact."""
    return GateTimeout(f"not {fact} after {timeout:g} s: {why}", state=why.state, code=why.code)


def explained(failed: GateFailed, why: GateError) -> GateFailed:
    """The same failure with the gate's own sentence, if it still says that it failed."""
    if why.state != failed.state:
        return failed
    return GateFailed(str(why), state=failed.state, code=failed.code)
