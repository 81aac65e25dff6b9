"""Runs the C++ tests of the database side against the engine: without and with authentication."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

from conftest import URI_VARIABLE

from support.engine import Engine
from support.scripted import ScriptedServer


def run(build_dir: Path, uri: str, *arguments: str) -> str:
    """The program's output; fails the test when the program fails."""
    program = build_dir / "tests" / "integration" / "mongo" / "mongo_integration"
    done = subprocess.run(
        [program, *arguments],
        env={**os.environ, URI_VARIABLE: uri},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        timeout=240,
    )
    assert done.returncode == 0, done.stdout[-20_000:]
    return done.stdout


def test_database_side(engine: Engine, build_dir: Path) -> None:
    assert "Status: SUCCESS!" in run(build_dir, engine.uri)


def test_database_side_authenticated(
    engine_factory: Callable[..., Engine], build_dir: Path
) -> None:
    output = run(build_dir, engine_factory(auth=True).uri)
    assert "needs a URI with a password" not in output


def test_plans_on_the_scripted_server(build_dir: Path) -> None:
    with ScriptedServer("rs0", version="8.0.4", max_wire=25) as server:
        output = run(build_dir, server.uri(), "-tc=the table of plans*")
    assert "plans: 12" in output, "nearly every case is about this server"
