"""Fixtures that every Python test may ask for: a server, a database or an engine of its own.

The server is an embedded engine, started once per run, or the one that READYGATE_ENGINE or
READYGATE_TEST_MONGODB_URI names: then no engine is started, and tests that must stop or pause
theirs are skipped. support/engine/kinds.py says which engines there are.

A test of what servers do in different ways runs on each of the chosen engines:

    @pytest.mark.engines                       # or engines("secantus"): on that one only
    def test_a_view_is_made(client: MongoClient, database: str) -> None: ...

It then is test_a_view_is_made[ferretdb] and test_a_view_is_made[secantus]; so is what it asks of
`engine_factory`. Without the mark it runs on one, the first of them that has what the test needs:

    @needs("text", "transactions")             # support/engine/capabilities.py has the names

What none of them has is skipped with the words of the server, which is asked once; an engine that
this machine cannot have is skipped with the reason, and fails where READYGATE_ENGINE names it.
"""

from __future__ import annotations

import contextlib
import functools
import os
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from pymongo import MongoClient
from pymongo.errors import OperationFailure

from support.engine import Engine, kinds
from support.engine.capabilities import Capabilities
from support.gate import Daemon
from support.proxy import NotProxyable, TcpProxy


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "engines(*names): runs on each of the chosen engines")
    config.addinivalue_line("markers", "needs(*names): of the server; else the test is skipped")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Names each test that talks to an engine by the engine, and runs it on those it is for."""
    if "engine_kind" not in metafunc.fixturenames:
        return
    names = kinds.chosen()
    mark = metafunc.definition.get_closest_marker("engines")
    if mark is None:
        names = [kinds.for_needs(names, needed(metafunc.definition))]
    elif mark.args and names != [kinds.GIVEN]:
        families = {name.partition("-")[0] for name in mark.args}  # in Python and in Rust
        meant = [name for name in names if name.partition("-")[0] in families]
        skip = pytest.mark.skip(f"this is about {', '.join(mark.args)}")
        names = meant or [pytest.param(names[0], marks=skip)]  # type: ignore[list-item]
    metafunc.parametrize("engine_kind", names, indirect=True, scope="session")


def needed(item: pytest.Item | pytest.Function) -> list[str]:
    """What the test's marks say that its server must be able to do."""
    return [name for mark in item.iter_markers("needs") for name in mark.args]


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
def engine_kind(request: pytest.FixtureRequest) -> str:
    """The name of the engine that the test runs on; "given" for a server that was named."""
    if request.param != kinds.GIVEN and (why := kinds.why_not(request.param)):
        if kinds.is_named(request.param):
            pytest.fail(f"{kinds.VARIABLE} names an engine that is not to be had here: {why}")
        pytest.skip(why)
    return str(request.param)


@pytest.fixture(scope="session")
def engines() -> Iterator[Callable[[str], Engine]]:
    """The shared engines, each started when it is first asked for."""
    with contextlib.ExitStack() as stack:
        yield functools.cache(lambda name: stack.enter_context(Engine.start(name)))


@pytest.fixture
def engine(engine_kind: str, engines: Callable[[str], Engine]) -> Engine | GivenServer:
    """A server for the whole run, shared: use its `.uri` and the `database` of the test."""
    if uri := kinds.given_uri():
        return GivenServer(uri)
    return engines(engine_kind)


@pytest.fixture(scope="session")
def capabilities() -> Callable[[Engine | GivenServer], Capabilities]:
    """What each server can do: it is asked once, when somebody wants to know."""
    return functools.cache(lambda server: Capabilities(server.uri, isinstance(server, Engine)))


@pytest.fixture(autouse=True)
def skip_what_the_engine_lacks(request: pytest.FixtureRequest) -> None:
    """By what the test's marks `needs` say."""
    wanted = needed(request.node)
    if not wanted:
        return
    known = request.getfixturevalue("capabilities")(request.getfixturevalue("engine"))
    for name in wanted:
        if why := known.why_lacking(name):
            pytest.skip(f"{request.getfixturevalue('engine_kind')} lacks {name}: {why}")


@pytest.fixture
def client(engine: Engine | GivenServer) -> Iterator[MongoClient]:
    """A PyMongo client of that server."""
    with MongoClient(engine.uri, serverSelectionTimeoutMS=10_000) as opened:
        yield opened


@pytest.fixture
def database(engine: Engine | GivenServer, client: MongoClient) -> Iterator[str]:
    """The name of a database that is this test's alone; dropped afterwards."""
    name = f"rg_test_{uuid.uuid4().hex[:12]}"
    yield name
    if isinstance(engine, Engine):
        # A drop waits for the transaction of a daemon that was killed: for ever on some engines.
        with contextlib.suppress(OperationFailure):  # not every engine has sessions
            client.admin.command("killAllSessions", [])
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
def engine_factory(engine_kind: str) -> Iterator[Callable[..., Engine]]:
    """Starts engines of this test's own, as Engine.start() does; ended with the test."""
    if engine_kind == kinds.GIVEN:
        pytest.skip("a server was named: stopping or pausing one needs an embedded engine")
    started: list[Engine] = []

    def start(**options: object) -> Engine:
        started.append(Engine.start(engine_kind, **options))  # type: ignore[arg-type]
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
