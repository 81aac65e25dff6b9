"""Fixtures of the end-to-end tests: the example service."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from support.gate import Application, repository


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
