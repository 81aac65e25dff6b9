"""The HTTP side: `uvicorn rebalancer.app:app --port N` with this folder's parent on the path.

Start-up initialises Beanie once, before the first request is accepted, and creates no index
(`skip_indexes`): readygate has done that by now, once for all replicas.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

import pymongo
from beanie import DecimalAnnotation, PydanticObjectId, init_beanie
from fastapi import FastAPI, HTTPException, Query, Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field
from pymongo import AsyncMongoClient
from pymongo.errors import ConnectionFailure, DuplicateKeyError, PyMongoError

from .documents import PortfolioModel, Rebalance, Status, Trade
from .settings import Settings

log = logging.getLogger("uvicorn.error")  # uvicorn's own log: configured, and read by operators

PROPOSAL_LIFETIME = timedelta(days=5)


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    """Connect and initialise Beanie; close the client at the end."""
    settings = Settings.from_environment()
    client: AsyncMongoClient[dict[str, Any]] = AsyncMongoClient(
        settings.mongodb_uri,
        tz_aware=True,
        appname="rebalancer",
        serverSelectionTimeoutMS=settings.server_selection_timeout_ms,
    )
    try:
        database = client[settings.database]
        await init_beanie(
            database=database, document_models=[PortfolioModel, Rebalance], skip_indexes=True
        )
        app.state.database = database
        log.info("rebalancer serves database %s", settings.database)
        yield
    finally:
        await client.close()


app = FastAPI(title="rebalancer", lifespan=lifespan)


@app.exception_handler(ConnectionFailure)
async def database_gone(_: Request, __: ConnectionFailure) -> JSONResponse:
    """503 while the database cannot be reached; the driver's text stays out (it names hosts)."""
    return JSONResponse(
        {"detail": "database unavailable"}, status_code=503, headers={"Retry-After": "1"}
    )


class RebalanceRequest(BaseModel):
    """Body of POST /rebalances."""

    portfolio_id: str = Field(pattern=r"^P-\d{6}$")
    model_id: str
    drift: DecimalAnnotation = Field(ge=0, le=2)
    value: DecimalAnnotation = Field(gt=0)
    trades: list[Trade] = Field(min_length=1, max_length=200)
    external_id: str | None = Field(default=None, max_length=64)


@app.get("/health")
async def health(request: Request) -> dict[str, str]:
    """200 when this process can reach its database right now, else 503; within a second."""
    try:
        with pymongo.timeout(1):
            await request.app.state.database.command("ping")
    except PyMongoError as error:
        raise HTTPException(503, "database unavailable") from error
    return {"status": "serving"}


@app.get("/models")
async def list_models(
    latest: bool = True, search: Annotated[str | None, Query(max_length=100)] = None
) -> list[PortfolioModel]:
    """The published models, by name; `search` asks the text index."""
    query: dict[str, object] = {"latest": True} if latest else {}
    if search:
        query["$text"] = {"$search": search}
    return await PortfolioModel.find(query).sort("name", "version").to_list()


@app.get("/rebalances")
async def list_rebalances(
    portfolio_id: str, limit: Annotated[int, Query(ge=1, le=200)] = 50
) -> list[Rebalance]:
    """The rebalances of one portfolio, newest first (index `portfolio_asof`)."""
    query = Rebalance.find(Rebalance.portfolio_id == portfolio_id)
    return await query.sort("-as_of").limit(limit).to_list()


@app.get("/rebalances/{rebalance_id}")
async def get_rebalance(rebalance_id: PydanticObjectId) -> Rebalance:
    """One rebalance."""
    found = await Rebalance.get(rebalance_id)
    if found is None:
        raise HTTPException(404, "no such rebalance")
    return found


@app.post("/rebalances", status_code=201)
async def propose(body: RebalanceRequest) -> Rebalance:
    """Store a proposal. 404: no such model. 409: `external_id` was used before."""
    if await PortfolioModel.get(body.model_id) is None:
        raise HTTPException(404, "no such model")
    now = datetime.now(UTC)
    proposal = Rebalance(
        **body.model_dump(),
        as_of=now,
        status=Status.PROPOSED,
        expires_at=now + PROPOSAL_LIFETIME,
    )
    try:
        return await proposal.insert()
    except DuplicateKeyError as error:
        raise HTTPException(409, "external_id was used before") from error
