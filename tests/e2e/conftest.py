"""Fixtures of the end-to-end tests: the example service."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from support.engine.capabilities import Capabilities
from support.example import KINDS, schema_without
from support.gate import Application


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


@pytest.fixture
def example_schema(engine: Any, capabilities: Callable[[Any], Capabilities]) -> Iterator[Path]:
    """The schema of the example service, without the kinds of index that the server lacks."""
    known = capabilities(engine)
    with tempfile.TemporaryDirectory(prefix="readygate-") as folder:
        Path(folder).chmod(0o755)  # the daemon may be a container's, with a user of its own
        yield schema_without([kind for kind in KINDS if known.why_lacking(kind)], Path(folder))
