"""Fixtures that every Python test may ask for: a server, a database or an engine of its own.

The server is the embedded engine, started once per run, or the one that READYGATE_TEST_MONGODB_URI
names: then no engine is started, and tests that must stop or pause theirs are skipped.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from pymongo import MongoClient

from support.engine import Engine
from support.gate import Daemon
from support.proxy import NotProxyable, TcpProxy

URI_VARIABLE = "READYGATE_TEST_MONGODB_URI"


@pytest.fixture(scope="session")
def build_dir() -> Path:
    """Where the programs under test are: READYGATE_BUILD_DIR, or build/ of this checkout."""
    repository = Path(__file__).resolve().parents[1]
    return Path(os.environ.get("READYGATE_BUILD_DIR") or repository / "build").absolute()


@dataclass(frozen=True)
class GivenServer:
    """The server that the environment names. Only its URI is ours to use."""

    uri: str


@pytest.fixture(scope="session")
def engine() -> Iterator[Engine | GivenServer]:
    """A server for the whole run, shared: use its `.uri` and the `database` of the test."""
    if given := os.environ.get(URI_VARIABLE):
        yield GivenServer(given)
        return
    with Engine.start() as started:
        yield started


@pytest.fixture
def client(engine: Engine | GivenServer) -> Iterator[MongoClient]:
    """A PyMongo client of that server."""
    with MongoClient(engine.uri, serverSelectionTimeoutMS=10_000) as opened:
        yield opened


@pytest.fixture
def database(client: MongoClient) -> Iterator[str]:
    """The name of a database that is this test's alone; dropped afterwards."""
    name = f"rg_test_{uuid.uuid4().hex[:12]}"
    yield name
    client.drop_database(name)


@pytest.fixture
def proxy(engine: Engine | GivenServer) -> Iterator[TcpProxy]:
    """A network path to the server that can be paused, cut and held."""
    try:
        forwarder = TcpProxy.in_front_of(engine.uri)
    except NotProxyable as why:
        pytest.skip(f"no forwarder can stand in front of the given server: {why}")
    with forwarder:
        yield forwarder


@pytest.fixture
def engine_factory() -> Iterator[Callable[..., Engine]]:
    """Starts engines of this test's own, as Engine.start() does; ended with the test."""
    if os.environ.get(URI_VARIABLE):
        pytest.skip(
            f"{URI_VARIABLE} is set: stopping or pausing a database needs the embedded engine"
        )
    started: list[Engine] = []

    def start(**options: object) -> Engine:
        started.append(Engine.start(**options))  # type: ignore[arg-type]
        return started[-1]

    yield start
    for own in started:
        own.close()


SMALL_SCHEMA = """
schema   = "small"
database = "small"
version  = 1
min_open = 1

[[collection]]
name = "things"

  [[collection.index]]
  name = "by_owner"
  key  = [["owner", 1], ["made_at", -1]]
"""


@pytest.fixture
def make_daemon(request: pytest.FixtureRequest) -> Iterator[Callable[..., Daemon]]:
    """Makes daemons (not started yet); ends them, shows their logs.

    They work on the test's own database, if it asks for one.
    """
    own = (
        ["--mongodb-database", request.getfixturevalue("database")]
        if needs_database(request)
        else []
    )
    made: list[Daemon] = []

    def make(uri: str, schema: Path | str = SMALL_SCHEMA, **options: object) -> Daemon:
        made.append(Daemon(uri, schema, arguments=own, **options))  # type: ignore[arg-type]
        return made[-1]

    yield make
    for daemon in made:
        if daemon.process:
            daemon.process.print_log()
        daemon.close()


def needs_database(request: pytest.FixtureRequest) -> bool:
    """Whether the test talks to the shared server, and so must keep to a database of its own."""
    return "database" in request.fixturenames or "engine" in request.fixturenames
