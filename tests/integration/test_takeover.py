"""What a replica does before it goes on where another one died: with that one's operations on the
server, and with collections that are not its own."""

from __future__ import annotations

from typing import Any

from support.gate import Daemon
from support.scripted import ScriptedServer, scripted

__all__ = ["scripted"]  # a fixture, found by name

SCHEMA = """
schema   = "shop"
database = "shop"
version  = 1

[[collection]]
name = "orders"

  [[collection.index]]
  name = "customer"
  key  = [["customer_id", 1]]
"""


def died(server: ScriptedServer, token: int = 7) -> None:
    """A replica holds the lease, and is not there any more."""
    control = {
        "_id": "shop",
        "token": token,
        "rev": "r",
        "owner": "dead",
        "period_ms": 1000,
        "applied": None,
        "target": None,
        "step": "",
        "pending": [],
        "owns": [],
    }
    server.run("shop", {"insert": "_readygate", "documents": [control]})


def operation(opid: int, name: str, collection: str, comment: str) -> dict[str, Any]:
    command = {name: collection, "comment": comment, "$db": "shop"}
    return {"opid": opid, "op": "command", "ns": f"shop.{collection}", "command": command}


def test_what_could_undo_is_ended_and_nothing_else(scripted: ScriptedServer) -> None:
    died(scripted)
    scripted.current_operations(
        operation(1, "collMod", "orders", "readygate:7"),
        operation(2, "createIndexes", "orders", "readygate:7"),
        operation(3, "collMod", "orders", "nightly"),
        operation(4, "dropIndexes", "invoices", "readygate:3"),  # of a schema with other tokens
        {**operation(5, "collMod", "orders", "readygate:7"), "opid": "shard:5"},
        {"opid": 6, "op": "none"},
        {"opid": 7, "command": {"drop": "orders", "comment": "readygate:1", "$db": "other"}},
    )
    with Daemon(scripted.uri(), SCHEMA) as daemon:
        daemon.wait_state("ready", timeout=20)
        assert daemon.wait_message("Ended 2 operations of the holder of the lease before")
        names = [entry["name"] for entry in scripted.log()]
        assert names.count("killOp") == 2
        assert names.index("killOp") < names.index("listCollections") < names.index("createIndexes")
        left = scripted.run("admin", {"currentOp": 1})["inprog"]
        assert [entry["opid"] for entry in left] == [2, 3, 4, 6, 7]


def test_a_write_is_awaited(scripted: ScriptedServer) -> None:
    died(scripted)
    scripted.current_operations(operation(1, "update", "orders", "readygate:7"))
    with Daemon(scripted.uri(), SCHEMA) as daemon:
        daemon.wait_status(
            lambda s: s["phase"]["what"] == "waiting for an earlier operation", "waiting", 20
        )
        assert scripted.count("create", "createIndexes", "killOp") == 0
        scripted.current_operations()
        daemon.wait_state("ready", timeout=20)
        assert scripted.count("killOp") == 0


def test_without_the_privilege_its_own_operations_are_seen(scripted: ScriptedServer) -> None:
    died(scripted)
    scripted.current_operations(operation(1, "collMod", "orders", "readygate:7"))
    scripted.on("aggregate", times=1, match={"aggregate": 1}, error=13)
    with Daemon(scripted.uri(), SCHEMA) as daemon:
        daemon.wait_state("ready", timeout=20)
        assert scripted.count("killOp") == 1


def test_a_server_that_does_not_know_the_question_is_no_obstacle(scripted: ScriptedServer) -> None:
    died(scripted)
    scripted.current_operations(operation(1, "collMod", "orders", "readygate:7"))
    scripted.on("aggregate", match={"aggregate": 1}, error=40324)
    with Daemon(scripted.uri(), SCHEMA) as daemon:
        daemon.wait_state("ready", timeout=20)
        assert scripted.count("killOp") == 0


def test_a_collection_of_another_schema_is_left_alone(scripted: ScriptedServer) -> None:
    owns = [{"collection": "orders", "indexes": [], "created": True}]
    other = {"_id": "billing", "token": 1, "rev": "x", "owner": None, "owns": owns}
    scripted.run("shop", {"insert": "_readygate", "documents": [other]})
    with Daemon(scripted.uri(), SCHEMA) as daemon:
        status = daemon.wait_state("failed", timeout=20)
        assert status["code"] == "owned_elsewhere"
        assert '"orders" was made by the schema "billing"' in status["reason"]
        assert scripted.count("create", "createIndexes", "collMod") == 0


def test_a_collection_that_another_schema_only_indexed_is_shared(scripted: ScriptedServer) -> None:
    owns = [{"collection": "orders", "indexes": ["theirs"], "created": False}]
    other = {"_id": "billing", "token": 1, "rev": "x", "owner": None, "owns": owns}
    scripted.run("shop", {"insert": "_readygate", "documents": [other]})
    with Daemon(scripted.uri(), SCHEMA) as daemon:
        daemon.wait_state("ready", timeout=20)


def test_the_usual_start_asks_for_nothing_more(scripted: ScriptedServer) -> None:
    with Daemon(scripted.uri(), SCHEMA) as daemon:
        daemon.wait_state("ready", timeout=20)
    scripted.forget_log()
    trusting = SCHEMA.replace("[[coll", '[policy]\nverify = "ledger"\n[[coll', 1)
    with Daemon(scripted.uri(), trusting) as daemon:
        daemon.wait_state("ready", timeout=20)
        assert scripted.count("find") == 1
        assert scripted.count("aggregate", "listCollections", "connectionStatus") == 0
