"""Beanie behind a gate: initialised once, without index builds, after the gate has opened.

    await readygate.beanie.init_beanie(database=database, document_models=[Order, Customer])

However many callers there are, one initialisation runs; the others wait for it and share its result
or its error. The gate has made the indexes by then, once for all replicas, so none are made here;
under READYGATE_DISABLE=1 nobody has made them, and Beanie does.

`export_schema(models)` writes the schema file for the gate from the models (schema_export.py).
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Sequence
from typing import Any, Optional

from .environment import SocketPath, disabled
from .schema_export import export_schema
from .single_flight import SingleFlight
from .waiting_async import wait_async

__all__ = ["export_schema", "init_beanie", "is_initialized", "is_initializing"]

# What operators already search for, to the letter.
STARTING = "Starting database initialization..."
COMPLETED = "Database initialization completed. Connected: True"
FAILED = "Database initialization failed: %s"

log = logging.getLogger("readygate")
# The arguments, and their one run. Arguments are kept so that nothing new gets the id of an old
# one; a process has one set of them, tests a few.
_flights: list[tuple[tuple[object, ...], SingleFlight]] = []


async def init_beanie(
    *,
    document_models: Sequence[Any],
    database: Any = None,
    connection_string: Optional[str] = None,
    fact: str = "open",
    timeout: Optional[float] = None,
    socket: Optional[SocketPath] = None,
    skip_indexes: Optional[bool] = None,
    **options: Any,
) -> None:
    """Wait for the gate, then beanie.init_beanie(), once for the same database and models.

    `fact`, `timeout` (s), `socket` are those of wait(). `skip_indexes` is true behind a gate where
    it is not given; `options` are Beanie's others. Raises what the wait and Beanie raise; after an
    error the next call tries again.
    """
    running = asyncio.get_running_loop()
    flight = _flight((running, database, connection_string, tuple(document_models)))

    async def work() -> None:
        from beanie import init_beanie as initialize

        log.info(STARTING)
        started = time.monotonic()
        try:
            await wait_async(fact, timeout, socket)
            await initialize(
                database=database,
                connection_string=connection_string,
                document_models=list(document_models),
                skip_indexes=not disabled() if skip_indexes is None else skip_indexes,
                **options,
            )
        except Exception as error:
            log.error(FAILED, error)
            raise
        log.info(COMPLETED)
        log.debug("Beanie was initialised in %.3f s", time.monotonic() - started)

    await flight.run(work)


def is_initializing() -> bool:
    """Whether an init_beanie() of this module runs now."""
    return any(flight.running for _, flight in _flights)


async def initialization() -> None:
    """Return when none runs any more on this event loop, however it ended."""
    loop = asyncio.get_running_loop()
    for key, flight in list(_flights):
        if key[0] is loop:
            await flight.ended()


def is_initialized(model: Any) -> bool:
    """Whether Beanie can use this Document class: the class's own state, no message of an error."""
    from beanie.exceptions import CollectionWasNotInitialized

    collection = getattr(model, "get_pymongo_collection", None) or model.get_motor_collection
    try:
        return collection() is not None
    except CollectionWasNotInitialized:
        return False


def _flight(key: tuple[object, ...]) -> SingleFlight:
    for known, flight in _flights:
        if all(a is b for a, b in zip(known[:2], key[:2])) and known[2:] == key[2:]:
            return flight
    # A loop that is closed cannot come back.
    _flights[:] = [(k, f) for k, f in _flights if not k[0].is_closed()]  # type: ignore[attr-defined]
    _flights.append((key, SingleFlight()))
    return _flights[-1][1]
