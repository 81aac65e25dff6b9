"""What the daemon says of this moment: not of an earlier one, wherever it is read."""

from __future__ import annotations

import json
import signal
from typing import Any

import pytest

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


def test_retry_of_an_open_gate_says_that_there_is_nothing_to_retry(
    scripted: ScriptedServer,
) -> None:
    scripted.refuse_connections()
    with start(scripted) as daemon:
        socket = ("--socket", str(daemon.socket))
        daemon.wait_status(lambda s: s["code"] == "connection_refused", "no database yet")
        assert daemon.run("status", "--retry", *socket) == (0, "The gate tries again.")
        scripted.accept_connections()
        daemon.wait_state("ready", timeout=20)
        attempt = daemon.status()["attempt"]
        said = "There is nothing to retry: the gate has opened."
        assert daemon.run("status", "--retry", *socket) == (0, said)
        assert daemon.status()["attempt"] == attempt


@pytest.mark.parametrize("opens_first", [True, False])
def test_a_renamed_schema_is_named_as_needing_a_restart(
    scripted: ScriptedServer, opens_first: bool
) -> None:
    if not opens_first:
        scripted.refuse_connections()
    with start(scripted) as daemon:
        if opens_first:
            daemon.wait_state("ready")
        else:
            daemon.wait_status(lambda s: s["code"] == "connection_refused", "no database yet")
        renamed = SCHEMA.replace('"shop"', '"store"', 1).replace('"shop"', '"elsewhere"', 1)
        assert daemon.schema.read_text() == SCHEMA
        daemon.schema.write_text(renamed)
        daemon.send_signal(signal.SIGHUP)
        words = (
            'The schema file renames schema "shop" to "store", and database "shop" to "elsewhere"'
        )
        daemon.wait_message(words)
        status = daemon.wait_status(
            lambda s: any(words in check.get("reason", "") for check in s["checks"]), "it is told"
        )
        failing = next(check for check in status["checks"] if check["name"] == "schema_file")
        assert (failing["passed"], failing["code"]) == (False, "schema_file_changed")
        assert words in page(daemon)
        if not opens_first:
            scripted.accept_connections()
        status = daemon.wait_status(lambda s: s["open"], "it opens with what it read first", 20)
        assert not status["ready"]
        assert status["schema"]["name"] == "shop"
        assert not any(entry["db"] == "elsewhere" for entry in scripted.log())
