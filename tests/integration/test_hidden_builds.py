"""Indexes whose builds somebody else has begun: on a server that shows them, and on one that lists
such an index as any other. Neither is open before the builds are over."""

from __future__ import annotations

from support.gate import Daemon
from support.scripted import ScriptedServer, scripted_set

__all__ = ["scripted_set"]  # a fixture, found by name

SCHEMA = """
schema   = "shop"
database = "shop"
version  = 1

[[collection]]
name = "orders"

  [[collection.index]]
  name = "customer"
  key  = [["customer_id", 1]]

  [[collection.index]]
  name = "number"
  key  = [["number", 1]]
  unique = true
"""
INDEXES = [
    {"name": "customer", "key": {"customer_id": 1}},
    {"name": "number", "key": {"number": 1}, "unique": True},
]


def begun(server: ScriptedServer, *unfinished: str) -> None:
    """Somebody has asked for both indexes; the builds of these are not over."""
    server.run("shop", {"insert": "orders", "documents": [{"_id": 1, "number": 1}]})
    server.run("shop", {"createIndexes": "orders", "indexes": INDEXES})
    server.building(*(f"shop.orders.{name}" for name in unfinished))


def waits_and_opens(server: ScriptedServer, times: int) -> None:
    """A daemon asks for indexes so often, under its lease, and opens only when they are built."""
    with Daemon(server.uri(), SCHEMA) as daemon:
        server.wait_held()
        assert not daemon.status()["open"]
        assert daemon.status()["lease"]["mine"]
        assert {entry["comment"] for entry in server.log("createIndexes")} == {"readygate:1"}
        ledger = {"find": "_readygate", "filter": {"_id": "shop"}}
        (record,) = server.run("shop", ledger)["cursor"]["firstBatch"]
        assert record.get("applied") is None
        server.building()
        daemon.wait_state("ready", timeout=20)
        assert server.count("createIndexes") == times


def test_a_build_that_is_shown_is_joined(scripted_set: ScriptedServer) -> None:
    begun(scripted_set, "number")
    waits_and_opens(scripted_set, times=1)
    assert scripted_set.count("listIndexes") == 2


def test_a_build_that_is_hidden_is_waited_for(scripted_set: ScriptedServer) -> None:
    scripted_set.configure(hides_builds=True)
    begun(scripted_set, "number")
    waits_and_opens(scripted_set, times=1)
    assert scripted_set.count("listIndexes") == 3  # each, and the first with the option too


def test_where_builds_are_shown_nothing_is_asked_for_again(scripted_set: ScriptedServer) -> None:
    begun(scripted_set)
    with Daemon(scripted_set.uri(), SCHEMA) as daemon:
        daemon.wait_state("ready", timeout=20)
    assert scripted_set.count("createIndexes") == 0


def test_where_builds_are_hidden_a_start_without_a_change_asks_for_nothing(
    scripted_set: ScriptedServer,
) -> None:
    scripted_set.configure(hides_builds=True)
    for _ in range(2):
        scripted_set.forget_log()
        with Daemon(scripted_set.uri(), SCHEMA + '[policy]\nverify = "ledger"\n') as daemon:
            daemon.wait_state("ready", timeout=20)
    assert scripted_set.count("find") == 1
    assert scripted_set.count("createIndexes", "listIndexes", "listCollections") == 0


def test_where_builds_are_hidden_a_plan_says_so_and_sends_nothing(
    scripted_set: ScriptedServer,
) -> None:
    scripted_set.configure(hides_builds=True)
    begun(scripted_set, "number")
    code, said = Daemon(scripted_set.uri(), SCHEMA).plan()
    assert code == 0
    assert '? orders  unproven: the server does not say which indexes of "orders"' in said
    assert scripted_set.count("createIndexes") == 0


def test_where_builds_are_hidden_who_may_not_write_opens_on_the_word_of_an_apply(
    scripted_set: ScriptedServer,
) -> None:
    scripted_set.configure(hides_builds=True)
    begun(scripted_set, "number")
    with Daemon(scripted_set.uri(), SCHEMA, settings={"init": {"mode": "verify"}}) as looking:
        looking.wait_state("waiting")
        with Daemon(scripted_set.uri(), SCHEMA):
            scripted_set.wait_held()
            assert not looking.status()["open"]
            scripted_set.building()
            looking.wait_state("ready", timeout=30)
        assert scripted_set.count("createIndexes") == 1
