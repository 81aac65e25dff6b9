"""A base for repositories that knows "still initializing" from "broken".

    class Orders(Repository):
        document = Order

        async def by_id(self, key):
            return await self.first_of(
                Way("beanie", lambda: Order.get(key), needs_odm=True),
                Way("driver", lambda: self.read_raw(key)),
            )

While the gate works, a repository waits, for a bounded time, and logs nothing above debug. When the
ODM cannot be used but the database can, the next way is taken, and a warning says so once for each
cause, not for each request. When every way fails, one error names each and its cause.
"""

from __future__ import annotations

import asyncio
import enum
import logging
from collections.abc import Awaitable
from dataclasses import dataclass
from typing import Any, Callable, Generic, NamedTuple, Optional, TypeVar

from .beanie import initialization, is_initialized, is_initializing
from .environment import SocketPath
from .errors import GateError
from .page import snapshot
from .protocol import Snapshot
from .single_flight import SingleFlight
from .status import status_async
from .waiting_async import wait_async

T = TypeVar("T")
log = logging.getLogger("readygate")
WORKING = ("starting", "connecting", "waiting", "initializing", "verifying", "warming")
STATUS_LIMIT = 0.2  # s


class Condition(enum.Enum):
    """What can be said of the ODM and its database."""

    UNINITIALIZED = "the ODM is not initialised, and nobody is at it"
    INITIALIZING = "still initializing"
    INITIALIZED = "initialised"
    LOST = "initialised, and the connection to the database is lost"


def condition(odm_initialized: bool, odm_initializing: bool, gate: Optional[Snapshot]) -> Condition:
    """The one place that tells the four apart, from the ODM's own state and the gate's facts.

    `gate` None: no gate answers, so only the ODM's state counts.
    """
    working = gate is not None and gate.get("state") in WORKING
    if odm_initialized:
        # The gate's facts are about the database that the ODM uses. While it starts anew (its
        # container did, ours did not) it knows nothing yet.
        lost = gate is not None and not working and gate.get("reachable") is False
        return Condition.LOST if lost else Condition.INITIALIZED
    return Condition.INITIALIZING if odm_initializing or working else Condition.UNINITIALIZED


@dataclass(frozen=True)
class Way(Generic[T]):
    """One way to do what a repository is asked for."""

    name: str
    run: Callable[[], Awaitable[T]]
    needs_odm: bool = False


class Attempt(NamedTuple):
    """A way that did not lead anywhere."""

    way: str
    cause: BaseException


class OdmNotReady(Exception):
    """The cause of a way that was not gone, since it needs the ODM. Says what the ODM is."""

    def __init__(self, found: Condition) -> None:
        super().__init__(found.value)
        self.condition = found


class AllWaysFailed(Exception):
    """Every way failed: `attempts` has each with its cause, `condition` what the ODM was.

    An HTTP answer to it is 503, with `retry_after` (s) as Retry-After.
    """

    retry_after = 1

    def __init__(self, attempts: list[Attempt], found: Condition) -> None:
        causes = (f"{one.way}: {type(one.cause).__name__}: {one.cause}" for one in attempts)
        super().__init__(f"every way failed ({found.value}): " + "; ".join(causes))
        self.attempts = attempts
        self.condition = found


class Repository:
    """Set `document` to the Beanie class, and use first_of()."""

    document: Any = None
    wait_timeout: float = 5.0  # s, while the gate or the ODM is still initializing
    socket: Optional[SocketPath] = None

    def __init__(self) -> None:
        self._warned: set[tuple[str, object]] = set()
        self._opening = SingleFlight()  # one connection to the gate, however many requests wait

    async def condition(self) -> Condition:
        """Which of the four it is now.

        Cheap once the ODM is initialised: then the state page is enough, and nobody is asked.
        """
        initialized, gate = is_initialized(self.document), snapshot(self.socket)
        if gate is None and not initialized:
            gate = await self._ask()
        return condition(initialized, is_initializing(), gate)

    async def settled(self) -> Condition:
        """The same, after waiting while it is still initializing, at most `wait_timeout`."""
        found = await self.condition()
        if found is not Condition.INITIALIZING:
            return found
        log.debug("%s: %s", type(self).__name__, found.value)
        try:
            await asyncio.wait_for(self._initialized(), self.wait_timeout)
        except (asyncio.TimeoutError, GateError) as error:
            log.debug("%s: %s", type(self).__name__, error)
        return await self.condition()

    async def first_of(self, *ways: Way[T]) -> T:
        """The result of the first way that can be gone, in their order. Raises AllWaysFailed.

        An error that falls_back() does not know is the answer, and is raised: a duplicate key says
        so through every way.
        """
        found = await self.settled()
        attempts: list[Attempt] = []
        for way in ways:
            if way.needs_odm and found in (Condition.INITIALIZING, Condition.UNINITIALIZED):
                self._note(way.name, OdmNotReady(found), found, attempts)
                continue
            try:
                result = await way.run()
            except Exception as error:
                if not self.falls_back(error):
                    raise
                self._note(way.name, error, found, attempts)
                continue
            self._warned = {cause for cause in self._warned if cause[0] != way.name}
            return result
        raise AllWaysFailed(attempts, found) from (attempts[-1].cause if attempts else None)

    def falls_back(self, error: Exception) -> bool:
        """Whether another way may be tried after this error.

        Only after those that say that nothing was sent, so that a write is never done twice:
        Beanie was not initialised, the driver found no server. A repository that only reads may
        add pymongo.errors.ConnectionFailure.
        """
        from beanie.exceptions import CollectionWasNotInitialized
        from pymongo.errors import ServerSelectionTimeoutError

        return isinstance(
            error, (CollectionWasNotInitialized, ServerSelectionTimeoutError, GateError)
        )

    async def _ask(self) -> Optional[Snapshot]:
        try:
            return await status_async(self.socket, STATUS_LIMIT)
        except GateError:
            return None

    async def _initialized(self) -> None:
        if not is_initializing():  # else the ODM's own start waits for the gate
            if self._opening.done:
                self._opening = SingleFlight()
            await self._opening.run(lambda: wait_async("initialized", socket=self.socket))
        await initialization()

    def _note(self, way: str, error: Exception, found: Condition, attempts: list[Attempt]) -> None:
        """Keeps the attempt, and warns of its cause unless that was done, or we are starting."""
        attempts.append(Attempt(way, error))
        cause = way, error.condition if isinstance(error, OdmNotReady) else type(error)
        quiet = found is Condition.INITIALIZING or cause in self._warned
        if not quiet:
            self._warned.add(cause)
        level = logging.DEBUG if quiet else logging.WARNING
        name = type(error).__name__
        log.log(level, "%s: %s cannot be used: %s: %s", type(self).__name__, way, name, error)
