"""The example itself: its generator, its service, and the demo that tells the whole story."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from itertools import groupby
from pathlib import Path
from typing import Any

import pytest
from pymongo import MongoClient

from support.engine import kinds
from support.engine.capabilities import needs
from support.gate import Application, repository, wait_until
from support.gate.folder import OwnedFolder
from support.scripted import ScriptedServer

EXAMPLE = repository() / "examples" / "rebalancer"
GENERATE = [sys.executable, str(EXAMPLE / "generate.py")]
DEMO = [sys.executable, str(EXAMPLE / "demo.py")]


def generate(*arguments: str, **environment: str) -> str:
    done = subprocess.run(
        [*GENERATE, *arguments],
        check=True,
        capture_output=True,
        text=True,
        timeout=120,
        env={**os.environ, **environment},
    )
    return done.stdout


def test_the_generator_is_deterministic() -> None:
    again = ("--out", "-", "--today", "2026-03-02", "--count", "200")
    assert generate(*again) == generate(*again)
    assert generate(*again) != generate(*again, "--seed", "7")


def test_the_generator_inserts_what_is_missing(
    engine: Any, client: MongoClient[Any], database: str
) -> None:
    for name in ("models", "rebalances"):
        client[database].create_collection(name)
    environment = {"MONGODB_URI": engine.uri, "MONGODB_DATABASE": database}
    assert "0 were there already" in generate("--count", "50", **environment)
    assert "0 inserted" in generate("--count", "50", **environment)
    assert client[database]["rebalances"].count_documents({}) == 50


@needs("text", "hashed")
def test_the_service(
    engine: Any,
    client: MongoClient[Any],
    database: str,
    make_daemon: Callable[..., Any],
    make_application: Callable[..., Application],
) -> None:
    daemon = make_daemon(engine.uri, EXAMPLE / "schema.toml").start()
    application = make_application(engine.uri, daemon.socket)
    application.wait_serving()
    generate("--count", "100", MONGODB_URI=engine.uri, MONGODB_DATABASE=database)

    models = application.get("/models").json()
    assert len(models) == len({model["name"] for model in models}) == 8
    found = application.get("/models?search=inflation").json()
    assert {model["name"] for model in found} >= {"All Weather", "Real Assets"}

    portfolio = client[database]["rebalances"].find_one({})["portfolio_id"]  # type: ignore[index]
    listed = application.get(f"/rebalances?portfolio_id={portfolio}").json()
    days = [rebalance["as_of"] for rebalance in listed]
    assert len(days) > 1
    assert days == sorted(days, reverse=True)
    assert application.get(f"/rebalances/{listed[0]['id']}").json() == listed[0]
    assert application.get("/rebalances/" + "0" * 24).code == 404

    body = {
        "portfolio_id": "P-000001",
        "model_id": models[0]["id"],
        "drift": "0.04",
        "value": "1000.50",
        "trades": [{"symbol": "GOLD", "side": "buy", "quantity": 1, "price": "221.30"}],
        "external_id": "OMS-1",
    }
    made = application.post("/rebalances", body)
    assert (made.code, made.json()["status"], made.json()["value"]) == (201, "proposed", "1000.50")
    assert application.post("/rebalances", body).code == 409
    assert application.post("/rebalances", {**body, "model_id": "none"}).code == 404
    assert application.post("/rebalances", {**body, "trades": []}).code == 422
    approve = f"/rebalances/{made.json()['id']}/approve"
    assert application.post(approve, {"by": "ann"}).json()["status"] == "approved"
    assert application.post(approve, {"by": "ann"}).code == 409
    assert application.get("/health/ready").code == 200
    said = [line for line in application.process.output().splitlines() if line.startswith("{")]
    warned = [line for line in said if json.loads(line)["level"] not in ("info", "debug")]
    assert said
    assert warned == []


def demo_on(engine_kind: str) -> dict[str, str]:
    """The environment of a demo on that engine, or on the server that was named."""
    environment = {k: v for k, v in os.environ.items() if k != "NO_COLOR"}
    if engine_kind == kinds.GIVEN:
        return {**environment, kinds.VARIABLE: kinds.given_uri() or ""}
    return {**environment, kinds.VARIABLE: engine_kind}


@pytest.mark.engines
def test_the_demo_tells_its_story(engine_kind: str) -> None:
    environment = demo_on(engine_kind)
    done = subprocess.run(
        DEMO, capture_output=True, text=True, timeout=180, env=environment, check=False
    )
    print(done.stdout, done.stderr)
    assert done.returncode == 0
    told = [state for state, _ in groupby(re.findall(r"> gate: (\w+)", done.stdout))]
    assert [state for state in told if state != "starting"] == [
        "connecting",
        "initializing",
        "verifying",
        "warming",
        "ready",
        "degraded",
        "ready",
        "draining",
    ]
    if engine_kind != kinds.GIVEN:
        assert (" has no text " in done.stdout) == engine_kind.startswith("secantus")
    assert "\x1b" not in done.stdout  # no colour on a pipe
    assert "503" in done.stdout
    assert "Summary" in done.stdout


def test_the_demo_ends_at_once_when_the_gate_has_failed() -> None:
    """On a server that refuses what the schema asks for."""
    with ScriptedServer("rs0") as server:
        server.on("createIndexes", match={"createIndexes": "rebalances"}, error=67)
        done = subprocess.run(
            DEMO,
            capture_output=True,
            text=True,
            timeout=180,
            env={**os.environ, kinds.VARIABLE: server.uri()},
            check=False,
        )
    print(done.stdout, done.stderr)
    assert done.returncode == 1
    assert "the gate has failed: " in done.stderr


@pytest.mark.engines
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_nothing_outlives_the_demo(engine_kind: str, number: signal.Signals) -> None:
    if engine_kind == kinds.GIVEN:
        pytest.skip("looks for processes of the engine")
    demo = subprocess.Popen(
        DEMO,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=demo_on(engine_kind),
    )
    assert demo.stdout
    for line in demo.stdout:
        if "200 serving" in line:
            break
    family = descendants(demo.pid)
    names = {comm(pid) for pid in family}
    assert "readygate" in names
    assert len(family) >= 4  # daemon, application, and the engine's several
    demo.send_signal(number)
    print(demo.stdout.read())
    assert demo.wait(30) == {signal.SIGKILL: -9, signal.SIGTERM: 143, signal.SIGINT: 130}[number]
    wait_until(
        lambda: not any(alive(pid, start) for pid, start in family.items()),
        15,
        "all of them end",
        seen=lambda: [pid for pid, start in family.items() if alive(pid, start)],
    )


def test_a_killed_owner_leaves_no_folder_for_long() -> None:
    """What a killed demo leaves, the connection string too, goes with the next one."""
    code = "import time; from support.gate.folder import OwnedFolder as F; f = F(); print(f.path)"
    owner = subprocess.Popen(
        [sys.executable, "-c", f"{code}; import sys; sys.stdout.flush(); time.sleep(60)"],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(repository() / "tests")},
    )
    assert owner.stdout
    folder = Path(owner.stdout.readline().strip())
    OwnedFolder().close()
    assert folder.is_dir()  # its owner lives
    owner.kill()
    owner.wait()
    OwnedFolder().close()
    assert not folder.exists()


def comm(pid: int) -> str:
    """The name of a process; empty when it is gone, as a command of the engine soon is."""
    try:
        return Path(f"/proc/{pid}/comm").read_text().strip()
    except OSError:
        return ""


def stat(pid: int) -> list[str]:
    """The fields of /proc/PID/stat from the state on; empty when it is gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(") ", 1)[1].split()
    except (OSError, IndexError):
        return []


def alive(pid: int, start: str) -> bool:
    """The very process, not another one with its number; a zombie is dead."""
    fields = stat(pid)
    return bool(fields) and fields[19] == start and fields[0] != "Z"


def descendants(root: int) -> dict[int, str]:
    """Process ids below `root`, with the time at which each started."""
    parents = {}
    for folder in Path("/proc").glob("[0-9]*"):
        if fields := stat(int(folder.name)):
            parents[int(folder.name)] = (int(fields[1]), fields[19])
    found: dict[int, str] = {}
    while True:
        more = {
            pid: start
            for pid, (parent, start) in parents.items()
            if pid not in found and (parent == root or parent in found)
        }
        if not more:
            return found
        found.update(more)
