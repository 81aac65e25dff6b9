"""The routes, and what a request is answered when something failed: never a stack trace.

The lifespan connects and begins to initialize; it does not wait. Requests are accepted at once, and
wait in the repositories, for a bounded time, until the schema is there.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, TypeVar

from bson import ObjectId
from fastapi import Depends, FastAPI, HTTPException, Query, Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field
from pymongo.errors import ConnectionFailure, PyMongoError
from readygate.repository import AllWaysFailed

from . import health
from .database import Database
from .domain import Drift, Money, PortfolioId, PortfolioModel, Rebalance, Status, Trade
from .repositories import AlreadyThere, ModelRepository, RebalanceRepository, Unreadable
from .settings import Settings
from .stored import StoredModels, StoredRebalances

T = TypeVar("T")
log = logging.getLogger("rebalancer")
PROPOSAL_LIFETIME = timedelta(days=5)


def models_of(request: Request) -> ModelRepository:
    """The model repository of this application."""
    found: ModelRepository = request.app.state.models
    return found


def rebalances_of(request: Request) -> RebalanceRepository:
    """The rebalance repository of this application."""
    found: RebalanceRepository = request.app.state.rebalances
    return found


Models = Annotated[ModelRepository, Depends(models_of)]
Rebalances = Annotated[RebalanceRepository, Depends(rebalances_of)]


class RebalanceRequest(BaseModel):
    """Body of POST /rebalances."""

    portfolio_id: PortfolioId
    model_id: str
    drift: Drift
    value: Money
    trades: list[Trade] = Field(min_length=1, max_length=200)
    external_id: str | None = Field(default=None, max_length=64)


class Approval(BaseModel):
    """Body of POST /rebalances/{id}/approve."""

    by: str = Field(min_length=1, max_length=64)


def create_app(settings: Settings | None = None) -> FastAPI:
    """The application; without settings it reads the environment when it starts."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        used = settings or Settings.from_environment()
        database = Database(used)
        app.state.database = database
        app.state.models = StoredModels(database)
        app.state.rebalances = StoredRebalances(database)
        database.start()
        log.info("rebalancer serves", extra={"database": used.database})
        try:
            yield
        finally:
            await database.close()

    app = FastAPI(title="rebalancer", lifespan=lifespan)
    app.include_router(health.router)
    _add_models(app)
    _add_rebalances(app)
    _add_failures(app)
    return app


def _add_models(app: FastAPI) -> None:
    @app.get("/models")
    async def find_models(
        models: Models,
        latest: bool = True,
        search: Annotated[str | None, Query(max_length=100)] = None,
    ) -> list[PortfolioModel]:
        """The published models, by name; `search` asks the text index."""
        return await models.find(latest=latest, search=search)

    @app.get("/models/{model_id}")
    async def get_model(models: Models, model_id: str) -> PortfolioModel:
        """One model."""
        return _found(await models.get(model_id), "no such model")

    @app.post("/models", status_code=201)
    async def publish_model(models: Models, body: PortfolioModel) -> PortfolioModel:
        """Publish a version. 409: that one was published before."""
        await models.publish(body)
        return body


def _add_rebalances(app: FastAPI) -> None:
    @app.get("/rebalances")
    async def find_rebalances(
        rebalances: Rebalances,
        portfolio_id: str,
        limit: Annotated[int, Query(ge=1, le=200)] = 50,
    ) -> list[Rebalance]:
        """The rebalances of one portfolio, newest first."""
        return await rebalances.of_portfolio(portfolio_id, limit)

    @app.get("/rebalances/{rebalance_id}")
    async def get_rebalance(rebalances: Rebalances, rebalance_id: str) -> Rebalance:
        """One rebalance."""
        return _found(await rebalances.get(rebalance_id), "no such rebalance")

    @app.post("/rebalances", status_code=201)
    async def propose(models: Models, rebalances: Rebalances, body: RebalanceRequest) -> Rebalance:
        """Store a proposal. 404: no such model. 409: `external_id` was used before."""
        _found(await models.get(body.model_id), "no such model")
        now = datetime.now(UTC)
        proposal = Rebalance(
            **body.model_dump(),
            id=str(ObjectId()),
            as_of=now,
            status=Status.PROPOSED,
            expires_at=now + PROPOSAL_LIFETIME,
        )
        await rebalances.add(proposal)
        return proposal

    @app.post("/rebalances/{rebalance_id}/approve")
    async def approve(rebalances: Rebalances, rebalance_id: str, body: Approval) -> Rebalance:
        """Approve a proposal. 404: no such rebalance. 409: it is a proposal no longer."""
        approved = await rebalances.approve(rebalance_id, body.by)
        if approved is None:
            _found(await rebalances.get(rebalance_id), "no such rebalance")
            raise HTTPException(409, "it is a proposal no longer")
        return approved


def _found(value: T | None, otherwise: str) -> T:
    if value is None:
        raise HTTPException(404, otherwise)
    return value


def _add_failures(app: FastAPI) -> None:
    warned: set[str] = set()  # causes: each is worth one line, not one for every request

    def say(cause: str, error: Exception) -> None:
        log.log(logging.DEBUG if cause in warned else logging.WARNING, "%s: %s", cause, error)
        warned.add(cause)

    @app.exception_handler(AllWaysFailed)
    async def no_way(_: Request, error: AllWaysFailed) -> JSONResponse:
        """What was tried, by name; the driver's own words stay out, as they name hosts."""
        log.debug("%s", error)  # the repository has warned of each cause
        attempts = [{"way": one.way, "cause": type(one.cause).__name__} for one in error.attempts]
        return _unavailable(error.retry_after, attempts=attempts)

    @app.exception_handler(PyMongoError)
    async def driver_failed(_: Request, error: PyMongoError) -> JSONResponse:
        say(type(error).__name__, error)
        if isinstance(error, ConnectionFailure) or error.timeout:
            return _unavailable(1)
        return JSONResponse({"detail": "the database refused this"}, 500)

    @app.exception_handler(Unreadable)
    async def unreadable(_: Request, error: Unreadable) -> JSONResponse:
        say("unreadable document", error)
        return JSONResponse({"detail": str(error)}, 500)

    @app.exception_handler(AlreadyThere)
    async def already_there(_: Request, error: AlreadyThere) -> JSONResponse:
        return JSONResponse({"detail": str(error)}, 409)


def _unavailable(retry_after: float, **more: Any) -> JSONResponse:
    """503, and when to ask again, in seconds."""
    body = {"detail": "database unavailable", **more}
    return JSONResponse(body, 503, {"Retry-After": str(retry_after)})
