"""Fixtures of the end-to-end tests: the real binary, the real engine, a network that misbehaves."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from support.gate import Application, repository
from support.proxy import NotProxyable, TcpProxy


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
