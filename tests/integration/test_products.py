"""How a server that is no MongoDB is named: in the log, the status and a plan."""

from __future__ import annotations

import json
from typing import Any

import pytest

from support.gate import Daemon
from support.scripted import ScriptedServer, scripted

__all__ = ["scripted"]  # a fixture, found by name

SCHEMA = """
schema   = "shop"
database = "shop"
version  = 1

[[collection]]
name = "orders"
"""


def page(daemon: Daemon) -> str:
    return daemon.run("status", "--socket", str(daemon.socket))[1]


def planned_server(daemon: Daemon) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(daemon.plan("--format", "json")[1])["server"]
    return found


def test_a_stranger_is_called_what_it_calls_itself(scripted: ScriptedServer) -> None:
    own = {"version": "8.2.11", "strange\x1b[31mVersion": "1.0\n" + "9" * 500}
    scripted.on("buildInfo", reply={"ok": 1, **own})
    with Daemon(scripted.uri(), SCHEMA) as daemon:
        daemon.wait_state("ready")
        server = daemon.status()["server"]
        assert server["mongodb_version"] == "8.2.11"
        assert server["product"].startswith("strange") and server["product"].isprintable()
        assert server["version"].startswith("1.0") and server["version"].isprintable()
        assert len(server["version"]) <= 65
        assert f"{server['product']} {server['version']} (as MongoDB 8.2.11)" in page(daemon)
        said = [m for m in daemon.messages() if "no product that is known here" in m]
        assert len(said) == 1 and server["product"] in said[0]
        assert planned_server(daemon) == server


def test_a_mongodb_is_one(scripted: ScriptedServer) -> None:
    with Daemon(scripted.uri(), SCHEMA) as daemon:
        daemon.wait_state("ready")
        assert daemon.status()["server"]["product"] == "mongodb"
        assert "mongodb_version" not in daemon.status()["server"]
        assert planned_server(daemon)["mongodb_version"] is None
        assert not [m for m in daemon.messages() if "no product that is known here" in m]


@pytest.mark.engines
def test_on_the_engine(engine: Any, database: str) -> None:
    with Daemon(engine.uri, SCHEMA.replace('"shop"', f'"{database}"')) as daemon:
        daemon.wait_state("ready", timeout=30)
        server = daemon.status()["server"]
        names = {"ferretdb": "ferretdb", "secantus": "secantus", "secantus-rust": "secantus"}
        if engine.kind.name in names:
            assert server["product"] == names[engine.kind.name]
