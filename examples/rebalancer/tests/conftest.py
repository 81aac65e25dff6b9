"""What the tests share: the embedded engine and its databases, a fake gate, the service behind it.

Nothing about the database is mocked. What a test breaks it breaks for real: it does not initialize
Beanie, or it ends the connections.
"""

from __future__ import annotations

import asyncio
import logging
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import beanie
import httpx
import pytest
from fastapi import FastAPI

REPOSITORY = Path(__file__).resolve().parents[3]
sys.path.insert(0, str(REPOSITORY / "clients" / "python" / "src"))

from conftest import (  # noqa: E402, F401
    capabilities,
    client,
    database,
    engine,
    engine_factory,
    engine_kind,
    engines,
    pytest_generate_tests,
    skip_what_the_engine_lacks,
)
from readygate.pytest_plugin import fake_gate  # noqa: E402, F401

from rebalancer.database import Database  # noqa: E402
from rebalancer.documents import DOCUMENTS  # noqa: E402
from rebalancer.service import create_app  # noqa: E402
from rebalancer.settings import Settings  # noqa: E402
from support.proxy import NotProxyable, TcpProxy  # noqa: E402

PATIENCE = 30.0  # s, for what should take much less


@pytest.fixture(autouse=True)
def fresh_odm() -> Iterator[None]:
    """As in a new process: Beanie's classes keep what they were initialized with."""
    yield
    for document in DOCUMENTS:
        document._document_settings = None


@pytest.fixture
def settings(engine: Any, database: str) -> Settings:  # noqa: F811
    """A database of the test's own."""
    return Settings(mongodb_uri=engine.uri, database=database)


@pytest.fixture
def proxy(engine: Any) -> Iterator[TcpProxy]:  # noqa: F811
    """A way to the server that can be closed."""
    try:
        forwarder = TcpProxy.in_front_of(engine.uri)
    except NotProxyable as why:
        pytest.skip(f"no forwarder can stand in front of the given server: {why}")
    with forwarder:
        yield forwarder


@pytest.fixture
def behind_proxy(proxy: TcpProxy, database: str) -> Settings:  # noqa: F811
    """The same database by that way."""
    return Settings(mongodb_uri=proxy.uri, database=database, server_selection_timeout_ms=500)


@pytest.fixture
def initializations(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """One entry for each call of Beanie's own init_beanie, which is called."""
    made: list[Any] = []
    original = beanie.init_beanie

    async def counted(**options: Any) -> None:
        made.append(options)
        await original(**options)

    monkeypatch.setattr(beanie, "init_beanie", counted)
    return made


@dataclass
class Running:
    """The application between its start and its end, and a client of it."""

    app: FastAPI
    http: httpx.AsyncClient
    database: Database


Serve = Callable[[Settings], AbstractAsyncContextManager[Running]]


@asynccontextmanager
async def serving(settings: Settings) -> AsyncIterator[Running]:
    """The service in this process, on this event loop."""
    app = create_app(settings)
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="http://rebalancer") as http,
    ):
        yield Running(app, http, app.state.database)


@asynccontextmanager
async def connected(settings: Settings) -> AsyncIterator[Database]:
    """The database without the service; nothing is initialized until the test says so."""
    own = Database(settings)
    try:
        yield own
    finally:
        await own.close()


async def until(condition: Callable[[], bool]) -> None:
    """Returns when it is so."""
    async with asyncio.timeout(PATIENCE):
        while not condition():
            await asyncio.sleep(0.01)


def said(caplog: pytest.LogCaptureFixture, level: int = logging.WARNING) -> list[str]:
    """What was logged at this level or above, by the service and its client library."""
    return [
        record.getMessage()
        for record in caplog.records
        if record.levelno >= level and record.name in ("rebalancer", "readygate")
    ]
