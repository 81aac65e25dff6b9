"""A service that initializes its database itself, while it serves. Nothing in it is contrived:

Start-up does not wait for the database, so that probes answer. A request that finds Beanie not
initialized begins an initialization, since nobody keeps track of one that runs, and goes to the
driver with a warning. Each initialization creates the indexes. What the driver raises is a 500.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from beanie import init_beanie
from beanie.exceptions import CollectionWasNotInitialized
from fastapi import FastAPI
from pymongo import AsyncMongoClient

from rebalancer import logs
from rebalancer.domain import PortfolioModel, Rebalance
from rebalancer.records import Raw, model_of, rebalance_of
from rebalancer.settings import Settings

from .documents import PortfolioModelDocument, RebalanceDocument

log = logging.getLogger("rebalancer")
running: set[asyncio.Task[None]] = set()


async def initialize() -> None:
    """Beanie, and with it every index."""
    log.info("Starting database initialization...")
    try:
        await init_beanie(
            database=app.state.database,
            document_models=[PortfolioModelDocument, RebalanceDocument],
        )
    except Exception as error:
        log.error("Database initialization failed: %s", error)
    else:
        log.info("Database initialization completed. Connected: True")


def begin() -> None:
    """In the background."""
    task = asyncio.create_task(initialize())
    running.add(task)
    task.add_done_callback(running.discard)


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    """Connect; the rest comes by itself."""
    settings = Settings.from_environment()
    client: AsyncMongoClient[Raw] = AsyncMongoClient(
        settings.mongodb_uri,
        tz_aware=True,
        serverSelectionTimeoutMS=settings.server_selection_timeout_ms,
    )
    app.state.database = client[settings.database]
    begin()
    yield
    await client.close()


def not_initialized(method: str) -> None:
    """What operators of such services know by heart."""
    log.warning("%s: Beanie ODM not properly initialized, falling back to standard method", method)
    begin()


logs.configure()
app = FastAPI(title="rebalancer, before", lifespan=lifespan)


@app.get("/models")
async def find_models(latest: bool = True, search: str | None = None) -> list[PortfolioModel]:
    """The published models, by name; `search` asks the text index."""
    query: Raw = {"latest": True} if latest else {}
    if search:
        query["$text"] = {"$search": search}
    try:
        return [one.domain() async for one in PortfolioModelDocument.find(query).sort("name")]
    except CollectionWasNotInitialized:
        not_initialized("ModelRepository.find()")
        return [model_of(one) async for one in app.state.database["models"].find(query)]


@app.get("/rebalances")
async def find_rebalances(portfolio_id: str, limit: int = 50) -> list[Rebalance]:
    """The rebalances of one portfolio, newest first."""
    query = {"portfolio_id": portfolio_id}
    try:
        found = RebalanceDocument.find(query).sort("-as_of").limit(limit)
        return [one.domain() async for one in found]
    except CollectionWasNotInitialized:
        not_initialized("RebalanceRepository.of_portfolio()")
        raw = app.state.database["rebalances"].find(query).sort("as_of", -1).limit(limit)
        return [rebalance_of(one) async for one in raw]
