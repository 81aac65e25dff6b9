"""An overloaded server is one that is there: it closes no gate, and is asked ever more rarely."""

from __future__ import annotations

import re
import time

import pytest

from support.gate import Daemon
from support.scripted import ScriptedServer, overloaded, scripted, scripted_set

__all__ = ["scripted", "scripted_set"]  # fixtures, found by name

SCHEMA = """
schema   = "shop"
database = "shop"
version  = 1

[[collection]]
name = "orders"

  [[collection.index]]
  name = "number"
  key  = [["number", 1]]
"""

UNREADY_AFTER = 1.5  # seconds: gate.unready_after of the helpers' settings


def start(server: ScriptedServer) -> Daemon:
    return Daemon(server.uri(), SCHEMA)


def counted(daemon: Daemon) -> int:
    """What the metrics say."""
    text = daemon.probe("/metrics").body
    found = re.search(r"^readygate_overloads_total (\d+)$", text, re.MULTILINE)
    assert found, text
    return int(found[1])


@pytest.mark.parametrize(
    "error",
    [overloaded(1), overloaded(), {"code": 391, "errmsg": "reauthenticate"}, {"code": 10107}],
    ids=["overloaded, with a pause", "overloaded", "another error", "not primary"],
)
def test_a_refused_ping_is_no_loss(scripted: ScriptedServer, error: dict[str, object]) -> None:
    with start(scripted) as daemon:
        daemon.wait_state("ready")
        scripted.on("ping", error=error)
        before = scripted.count("ping")
        scripted.wait_count("ping", before + 1)
        until = time.monotonic() + 3 * UNREADY_AFTER
        while time.monotonic() < until or scripted.count("ping") < before + 3:
            assert daemon.probe("/readyz").code == 200
            time.sleep(0.05)
        status = daemon.status()
        assert status["reachable"] and status["ready"] and status["code"] != "none"
        assert "degraded" not in daemon.states()
        if error["code"] != 462:
            assert daemon.wait_message("The server answers a ping with an error: ")
            assert counted(daemon) == 0
            return
        assert status["code"] == "overloaded"
        assert status["phase"]["what"].startswith("overloaded: ")
        assert counted(daemon) >= 3
        said = daemon.wait_message("The server is overloaded and refuses work: ")
        assert said["code"] == "overloaded"
        named = [m for m in daemon.messages() if m.startswith("The overloaded server names")]
        assert len(named) == (1 if "baseBackoffMS" in error else 0)


def test_silence_is_a_loss_all_the_same(scripted: ScriptedServer) -> None:
    with start(scripted) as daemon:
        daemon.wait_state("ready")
        scripted.on("ping", error=overloaded(1))
        scripted.wait_count("ping", scripted.count("ping") + 2)
        scripted.clear()
        scripted.on("*", disconnect="before")
        scripted.on("hello", disconnect="before")
        daemon.wait_state("degraded", timeout=20)
        assert daemon.probe("/readyz").code == 503
        scripted.clear()
        daemon.wait_state("ready", timeout=20)


def test_ten_refused_builds_and_then_ready(scripted_set: ScriptedServer) -> None:
    scripted_set.on("createIndexes", times=10, error=overloaded(1))
    with start(scripted_set) as daemon:
        status = daemon.wait_status(lambda s: s["code"] == "overloaded", "overloaded")
        assert status["state"] != "failed" and status["healthy"] and not status["open"]
        daemon.wait_state("ready", timeout=60)
        status = daemon.status()
        assert status["attempt"] == 11
        # One build for each attempt, and nothing that is asked again on top of it.
        assert scripted_set.count("createIndexes") == 11
        assert "failed" not in daemon.states()
        assert counted(daemon) == 10
        named = [m for m in daemon.messages() if m.startswith("The overloaded server names")]
        assert len(named) == 1


@pytest.mark.parametrize(
    "command",
    ["find", "insert", "findAndModify", "buildInfo", "listCollections", "createIndexes", "ping"],
)
def test_whatever_is_refused_is_asked_again(scripted_set: ScriptedServer, command: str) -> None:
    """Also what the driver sends by itself, such as a cursor, brings its labels."""
    scripted_set.on(command, times=3, error=overloaded(1))
    with start(scripted_set) as daemon:
        daemon.wait_state("ready", timeout=30)
        scripted_set.wait_count(command, 3)
        assert "failed" not in daemon.states()
        if command != "ping":
            said = daemon.wait_message("The database is not ready yet: ")
            assert said["code"] == "overloaded", said


def test_listed_indexes_may_be_refused(scripted_set: ScriptedServer) -> None:
    scripted_set.run("shop", {"create": "orders"})
    scripted_set.on("listIndexes", times=2, error=overloaded(1))
    scripted_set.on("count", times=2, error=overloaded(1))  # whether there are documents
    with start(scripted_set) as daemon:
        daemon.wait_state("ready", timeout=30)
        assert counted(daemon) == 4
        assert daemon.wait_message("The database is not ready yet: ")["code"] == "overloaded"


def test_blocked_writes_wait(scripted_set: ScriptedServer) -> None:
    scripted_set.on("createIndexes", error={"code": 371, "errmsg": "User writes blocked"})
    with start(scripted_set) as daemon:
        status = daemon.wait_status(lambda s: s["code"] == "writes_blocked", "writes_blocked")
        assert status["state"] == "connecting" and "disk" in status["reason"]
        scripted_set.clear()
        assert daemon.run("status", "--socket", str(daemon.socket), "--retry")[0] == 0
        daemon.wait_state("ready", timeout=20)
