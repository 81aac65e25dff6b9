"""Health routes. A process that initializes is healthy: restarting it would only begin again.

/health         200 while initializing, and while the database answers; else 503
/health/ready   200 while it answers and the repositories can serve; else 503
/health/live    200 as long as this answers at all
"""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse
from readygate.repository import Condition

from .database import Database

router = APIRouter(prefix="/health")
WORDS = {
    Condition.UNINITIALIZED: "without its ODM",
    Condition.INITIALIZING: "initializing",
    Condition.INITIALIZED: "serving",
    Condition.LOST: "serving",  # as soon as the database answers again
}


async def look(database: Database) -> tuple[Condition, bool]:
    """What the ODM is, and whether the database answers; that is asked first, as the answer is what
    the driver's monitor learns from. While initializing it is not asked: it may not be there yet.
    """
    if database.condition() is Condition.INITIALIZING:
        return Condition.INITIALIZING, False
    connected = await database.connected()
    return database.condition(), connected


def answer(found: Condition, good: bool) -> JSONResponse:
    """200, or 503 that says so in `detail` and when to ask again."""
    if good:
        return JSONResponse({"status": WORDS[found]})
    waiting = found is Condition.INITIALIZING
    body: dict[str, Any] = {"detail": "initializing" if waiting else "database unavailable"}
    return JSONResponse({**body, "odm": found.name.lower()}, 503, {"Retry-After": "1"})


@router.get("")
async def health(request: Request) -> JSONResponse:
    """False only when neither initializing nor connected."""
    found, connected = await look(request.app.state.database)
    return answer(found, connected or found is Condition.INITIALIZING)


@router.get("/ready")
async def ready(request: Request) -> JSONResponse:
    """Whether requests should come here."""
    database: Database = request.app.state.database
    found, connected = await look(database)
    return answer(found, connected and database.schema_is_there())


@router.get("/live")
async def live() -> dict[str, str]:
    """The process runs."""
    return {"status": "alive"}
