"""Fixtures of the end-to-end tests: the real binary, the real engine, a network that misbehaves."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from support.gate import Application, Daemon, repository
from support.proxy import NotProxyable, TcpProxy

SMALL_SCHEMA = """
schema   = "e2e"
database = "e2e"
version  = 1
min_open = 1

[[collection]]
name = "things"

  [[collection.index]]
  name = "by_owner"
  key  = [["owner", 1], ["made_at", -1]]
"""


@pytest.fixture
def proxy(engine: Any) -> Iterator[TcpProxy]:
    """A network path to the server that can be paused, cut and held."""
    try:
        forwarder = TcpProxy.in_front_of(engine.uri)
    except NotProxyable as why:
        pytest.skip(f"no forwarder can stand in front of the given server: {why}")
    with forwarder:
        yield forwarder


@pytest.fixture
def make_daemon(database: str) -> Iterator[Callable[..., Daemon]]:
    """Makes daemons (not started yet) on the test's own database; ends them, shows their logs."""
    made: list[Daemon] = []

    def make(uri: str, schema: Path | str = SMALL_SCHEMA, **options: Any) -> Daemon:
        made.append(Daemon(uri, schema, arguments=["--mongodb-database", database], **options))
        return made[-1]

    yield make
    for daemon in made:
        if daemon.process:
            daemon.process.print_log()
        daemon.close()


@pytest.fixture
def make_application(database: str) -> Iterator[Callable[..., Application]]:
    """Starts the example service behind a gate, on the test's own database."""
    made: list[Application] = []

    def make(uri: str, socket: Path | None, **options: Any) -> Application:
        made.append(Application(uri, database, socket, **options))
        return made[-1]

    yield make
    for application in made:
        application.process.print_log()
        application.close()


@pytest.fixture(scope="session")
def example_schema() -> Path:
    """The schema of the example service: every kind of index, and a validator."""
    return repository() / "examples" / "rebalancer" / "schema.toml"
