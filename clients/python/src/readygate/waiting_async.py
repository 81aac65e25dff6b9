"""`wait_async()`: as `waiting.wait()`, for asyncio. It blocks nothing, and may be cancelled."""

from __future__ import annotations

import asyncio
import logging
import time
from typing import Optional

from .connection_async import open_stream
from .environment import SocketPath, disabled, socket_path
from .errors import GateError, GateFailed
from .protocol import (
    LONGEST_ANSWER,
    LOOK,
    TRY_AGAIN,
    judge,
    look,
    wait_request,
    why_not_connected,
)
from .status import status_async
from .waiting import STATUS_LIMIT, as_error, explained, timed_out

log = logging.getLogger("readygate")


async def wait_async(
    fact: str = "open",
    timeout: Optional[float] = None,
    socket: Optional[SocketPath] = None,
    fail_fast: bool = False,
) -> None:
    """Return once the gate says that `fact` is true; arguments and errors as wait()."""
    path = socket_path(socket)
    request = wait_request(fact, fail_fast)
    if disabled():
        return
    deadline = None if timeout is None else time.monotonic() + timeout
    while True:
        tried = time.monotonic()
        seen = look(path)
        try:
            left = None if deadline is None else max(0.0, deadline - time.monotonic())
            cause = await asyncio.wait_for(_try(path, request), left)
        except asyncio.TimeoutError:
            raise timed_out(fact, timeout, await _why(path)) from None
        except GateFailed as failed:
            raise explained(failed, await _why(path)) from None
        if cause is None:
            return
        log.debug("waiting for %s: %s", fact, cause)
        if not await pause(path, seen, tried + TRY_AGAIN, deadline):
            raise timed_out(fact, timeout, GateError(cause, code="gate_unreachable"))


async def _try(path: str, request: bytes) -> Optional[str]:
    try:
        async with open_stream(path, LONGEST_ANSWER) as lines:
            await lines.ask(request)
            line = await lines.next()
    except OSError as error:
        return f"{path}: {why_not_connected(error)}"
    return "the daemon ended before it answered" if line is None else judge(line)


async def pause(path: str, seen: object, until: float, deadline: Optional[float]) -> bool:
    """Sleep until then, or until the socket's file is another one. False: time is up."""
    while True:
        now = time.monotonic()
        if deadline is not None and now >= deadline:
            return False
        if now >= until or look(path) != seen:
            return True
        await asyncio.sleep(min(LOOK, until - now, LOOK if deadline is None else deadline - now))


async def _why(path: str) -> GateError:
    try:
        return as_error(await status_async(path, STATUS_LIMIT))
    except GateError as error:
        return error
