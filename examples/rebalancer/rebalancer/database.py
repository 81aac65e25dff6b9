"""The one connection of a process, and the one initialization of Beanie behind the gate.

start() returns at once: requests are accepted while the gate still works, and repositories wait.
Initialization fails only when the database is lost in that moment; it is then tried again, and
until it succeeds the repositories use the driver.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any

import pymongo
import readygate
from pymongo import AsyncMongoClient
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import PyMongoError
from readygate.beanie import init_beanie, is_initialized, is_initializing
from readygate.environment import disabled
from readygate.repository import Condition, condition

from .documents import DOCUMENTS
from .records import Raw
from .settings import Settings

RETRY_FIRST, RETRY_MOST = 1.0, 30.0  # s, between tries to initialize
PING_LIMIT = 1.0  # s


class Database:
    """For one event loop. Opens connections when they are needed; close() ends them."""

    def __init__(self, settings: Settings) -> None:
        self._client: AsyncMongoClient[Raw] = AsyncMongoClient(
            settings.mongodb_uri,
            tz_aware=True,
            appname="rebalancer",
            serverSelectionTimeoutMS=settings.server_selection_timeout_ms,
        )
        self.raw: AsyncDatabase[Raw] = self._client[settings.database]
        self._keeper: asyncio.Task[None] | None = None
        self._schema_seen = False

    def start(self) -> None:
        """Begins to initialize, in the background."""
        self._keeper = asyncio.create_task(self._keep_trying())

    async def close(self) -> None:
        """Ends what start() began, and the connections."""
        if self._keeper:
            self._keeper.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._keeper
        await self._client.close()

    async def initialize(self) -> None:
        """After the gate has opened, once however many callers; raises what Beanie raises."""
        await init_beanie(database=self.raw, document_models=DOCUMENTS)

    def condition(self) -> Condition:
        """Tells the four apart, from state alone: nothing is sent, nothing is waited for.

        Beanie's classes know whether they are initialized, the gate and our own run whether
        somebody is at it, the driver's monitor whether there is a server.
        """
        if all(is_initialized(document) for document in DOCUMENTS):
            there = self._client.topology_description.has_writable_server()
            return Condition.INITIALIZED if there else Condition.LOST
        return condition(False, is_initializing(), readygate.snapshot())

    async def connected(self) -> bool:
        """Whether the database answers now, within PING_LIMIT."""
        try:
            with pymongo.timeout(PING_LIMIT):
                await self.raw.command("ping")
        except PyMongoError:
            return False
        return True

    def schema_is_there(self) -> bool:
        """Whether the gate said so once to this process; under its kill switch always."""
        facts: Any = None if self._schema_seen else readygate.facts()
        self._schema_seen = self._schema_seen or disabled() or bool(facts and facts.initialized)
        return self._schema_seen

    async def _keep_trying(self) -> None:
        pause = RETRY_FIRST
        while True:
            try:
                return await self.initialize()
            except Exception:  # init_beanie() has logged it
                await asyncio.sleep(pause)
                pause = min(2 * pause, RETRY_MOST)
