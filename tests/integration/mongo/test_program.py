"""Runs the C++ tests of the database side against the engine: without and with authentication."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from support.engine import Engine
from support.engine.capabilities import Capabilities
from support.engine.kinds import URI_VARIABLE
from support.scripted import ScriptedServer


def run(build_dir: Path, uri: str, *arguments: str, lacking: Iterable[str] = ()) -> str:
    """The program's output; fails the test when the program fails."""
    program = build_dir / "tests" / "integration" / "mongo" / "mongo_integration"
    done = subprocess.run(
        [program, *arguments],
        env={**os.environ, URI_VARIABLE: uri, "READYGATE_TEST_LACKING": ",".join(lacking)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        timeout=240,
    )
    assert done.returncode == 0, done.stdout[-20_000:]
    return done.stdout


SOURCES = sorted(source.stem for source in Path(__file__).parent.glob("*_test.cc"))
SOURCES.remove("transactions_test")  # a program of its own, which needs no server


@pytest.mark.engines
@pytest.mark.parametrize("source", SOURCES)
def test_database_side(
    source: str, engine: Engine, build_dir: Path, capabilities: Callable[[Engine], Capabilities]
) -> None:
    lacking = capabilities(engine).lacking()
    output = run(build_dir, engine.uri, f"-sf=*/{source}.cc", lacking=lacking)
    assert "Status: SUCCESS!" in output
    assert "test cases: 0 |" not in output


# Plans are the same to somebody who has logged in.
@pytest.mark.parametrize("source", [name for name in SOURCES if name != "plans_test"])
def test_database_side_authenticated(
    source: str,
    engine_factory: Callable[..., Engine],
    build_dir: Path,
    capabilities: Callable[[Engine], Capabilities],
) -> None:
    engine = engine_factory(auth=True)
    lacking = capabilities(engine).lacking()
    output = run(build_dir, engine.uri, f"-sf=*/{source}.cc", lacking=lacking)
    assert "needs a URI with a password" not in output


def test_plans_on_the_scripted_server(build_dir: Path) -> None:
    with ScriptedServer("rs0", version="8.0.4", max_wire=25) as server:
        output = run(build_dir, server.uri(), "-tc=the table of plans*")
    assert "plans: 13" in output, "nearly every case is about this server"


def test_plans_on_a_scripted_server_of_9(build_dir: Path) -> None:
    with ScriptedServer("rs0", version="9.0.1", max_wire=29) as server:
        output = run(build_dir, server.uri(), "-tc=the table of plans*")
    assert "plans: 17" in output, "with those that are about this version alone"


def test_deadlines_of_steps(build_dir: Path) -> None:
    with ScriptedServer() as server:
        run(build_dir, server.uri(), "-tc=what could undo*")
        limits = {entry["name"]: entry.get("maxTimeMS") for entry in server.log()}
        ddl = ("create", "createIndexes", "collMod", "dropIndexes")
        assert [limits[name] for name in ddl] == [None, None, 7000, 7000]


def as_mongos(server: ScriptedServer) -> None:
    for command in ("hello", "isMaster", "ismaster"):
        server.on(command, merge={"msg": "isdbgrid"})


def answer(*documents: dict[str, object]) -> dict[str, object]:
    return {"ok": 1, "cursor": {"id": 0, "ns": "d.c", "firstBatch": list(documents)}}


def test_sharded_collections(build_dir: Path) -> None:
    with ScriptedServer() as server:
        as_mongos(server)
        server.on(
            "find",
            match={"find": "collections"},
            reply=answer({"_id": "d.c", "key": {"customer": 1}}),
        )
        stats = [(name, shard) for name in ("_id_", "by_customer") for shard in ("one", "two")]
        rows = [{"name": name, "shard": shard} for name, shard in [*stats, ("late", "one")]]
        server.on("aggregate", match={"aggregate": "orders"}, reply=answer(*rows))
        output = run(build_dir, server.uri(), "-tc=a sharded collection*")
    assert "2 passed" in output and "skipped: not a mongos" not in output


def test_a_cluster_that_does_not_let_us_ask(build_dir: Path) -> None:
    with ScriptedServer() as server:
        as_mongos(server)
        server.on("find", match={"find": "collections"}, error=13)
        server.on("aggregate", error=13)
        output = run(build_dir, server.uri(), "-tc=a cluster that*")
    assert "1 passed" in output and "skipped: not a mongos" not in output
