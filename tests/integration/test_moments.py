"""What the daemon says of this moment: not of an earlier one, wherever it is read."""

from __future__ import annotations

import json
from typing import Any

from support.gate import Daemon, wait_until
from support.scripted import ScriptedServer, scripted, scripted_set
from support.web import WebServer

__all__ = ["scripted", "scripted_set"]  # fixtures, found by name

SCHEMA = """
schema   = "shop"
database = "shop"
version  = 1

[[collection]]
name = "orders"

  [[collection.index]]
  name = "by_customer"
  key  = [["customer", 1], ["placed_at", -1]]
"""


def start(server: ScriptedServer, **settings: Any) -> Daemon:
    return Daemon(server.uri(), SCHEMA, settings=settings)


def page(daemon: Daemon) -> str:
    """`readygate status` as people read it."""
    return daemon.run("status", "--socket", str(daemon.socket))[1]


def test_a_late_database_is_forgotten_while_its_index_is_built(scripted: ScriptedServer) -> None:
    scripted.refuse_connections()
    scripted.on("createIndexes", times=1, hang=True)
    with WebServer() as hook, start(scripted, webhook={"url": f"{hook.url}/gate"}) as daemon:
        late = daemon.wait_status(lambda s: s["code"] == "connection_refused", "no database yet")
        assert late["state"] == "connecting"
        assert "start the database" in page(daemon)

        scripted.accept_connections()
        scripted.wait_held()
        building = daemon.wait_status(lambda s: "by_customer" in s["reason"], "the index is built")
        assert (building["state"], building["code"]) == ("initializing", "initializing")
        assert building["phase"]["what"] in building["reason"]
        assert daemon.probe("/readyz").body == "initializing\n"
        assert "[-]schema failed: initializing\n" in daemon.probe("/readyz?verbose").body
        assert daemon.line("WAIT open 100ms")["code"] == "initializing"
        for told in (page(daemon), json.dumps(building), daemon.probe("/status").body):
            assert "refused" not in told
            assert "start the database" not in told

        scripted.clear()
        assert daemon.wait_state("ready")["reason"] == ""
        sent = wait_until(
            lambda: (
                told
                if (told := [json.loads(r.body) for r in hook.requests])[-1:]
                and told[-1]["to"] == "ready"
                else None
            ),
            10,
            "the webhook is told",
        )
        codes = {message["to"]: message["code"] for message in sent}
        assert codes["initializing"] == codes["verifying"] == "initializing"
        assert codes["ready"] == "none"


def test_a_loss_is_told_before_it_counts(scripted_set: ScriptedServer) -> None:
    with start(scripted_set, gate={"unready_after": "10m"}) as daemon:
        daemon.wait_state("ready")
        scripted_set.step_down()
        lost = daemon.wait_status(lambda s: s["code"] == "no_primary", "the loss is told", 20)
        assert (lost["state"], lost["open"], lost["ready"]) == ("ready", True, True)
        assert "gate.unready_after" in lost["reason"]
        assert "why        no_primary: " in page(daemon)
        assert daemon.probe("/readyz").code == 200

        scripted_set.step_up()
        back = daemon.wait_status(lambda s: s["code"] == "none", "and that it is over", 20)
        assert (back["state"], back["reason"]) == ("ready", "")
