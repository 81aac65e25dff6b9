"""One run however many callers: those that come while it runs share its result or its error.

For asyncio. The run is a task of its own: a caller that is cancelled leaves the others their run,
and the last one that leaves ends it. What succeeded is not run again; what failed can be.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import Any, Callable, Optional


class SingleFlight:
    """One thing that is to be done once, on one event loop."""

    def __init__(self) -> None:
        self.done = False
        self._task: Optional[asyncio.Task[Any]] = None
        self._callers = 0

    @property
    def running(self) -> bool:
        return self._task is not None

    async def run(self, work: Callable[[], Awaitable[None]]) -> None:
        """Return when it is done, by us or by another caller. Raises what the run raised."""
        if self.done:
            return
        if self._task is None:
            self._task = asyncio.ensure_future(self._run(work))
        task = self._task
        self._callers += 1
        try:
            await asyncio.shield(task)
        finally:
            self._callers -= 1
            if self._callers == 0 and not task.done():
                task.cancel()

    async def ended(self) -> None:
        """Return when it does not run any more, however it ended. Not a caller of the run."""
        if self._task is not None:
            await asyncio.wait([self._task])

    async def _run(self, work: Callable[[], Awaitable[None]]) -> None:
        try:
            await work()
            self.done = True
        finally:
            self._task = None
