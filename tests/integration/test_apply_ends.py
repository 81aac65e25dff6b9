"""How `readygate apply` ends: by a signal, by its limit of time, by a failure, after a retry.

Whatever ends it, the exit code and the word say so, and the lease is free for whoever comes next.
"""

from __future__ import annotations

import signal
from typing import Any

import pytest

from support.gate import Daemon, Process, facts_in, readygate, wait_until
from support.scripted import ScriptedServer, scripted_set

__all__ = ["scripted_set"]  # a fixture, found by name

SCHEMA = """
schema   = "shop"
database = "shop"
version  = 3

[[collection]]
name = "orders"

  [[collection.index]]
  name = "customer"
  key  = [["customer_id", 1]]
"""

BACKGROUND = """
[[migration]]
id    = "0001-old"
phase = "background"
pause = "500ms"
  [migration.batch]
  collection = "orders"
  size   = 1
  filter = '{ "old": { "$exists": true } }'
  update = '{ "$unset": { "old": 1 } }'
"""

MANY = 60  # documents: 30 s of work
MEMBERS = {
    "v": int,
    "outcome": str,
    "code": str,
    "origin": str,
    "reason": str,
    "schema": dict,
    "database": str,
    "steps": int,
    "duration_ms": int,
    "withheld_steps": int,
    "background": list,
}


class Apply(Process):
    """One run of `apply`."""

    def __init__(
        self, server: ScriptedServer, schema: str, *arguments: str, **settings: Any
    ) -> None:
        self.of = Daemon(server.uri(), schema, settings=settings)  # nothing of it is started
        super().__init__([readygate(), "apply", *self.of.options(), *arguments], name="apply")

    def ends(self) -> tuple[int, dict[str, Any]]:
        """The exit code, and the object that it printed, whose members are always the same."""
        code = self.wait(20)
        facts = facts_in(self.output())
        assert {name: type(value) for name, value in facts.items()} == MEMBERS
        return code, facts


def apply(
    server: ScriptedServer, schema: str, *arguments: str, **settings: Any
) -> tuple[int, dict[str, Any]]:
    with Apply(server, schema, "--format", "json", *arguments, **settings) as process:
        return process.ends()


def ledger(server: ScriptedServer) -> dict[str, Any] | None:
    command = {"find": "_readygate", "filter": {"_id": "shop"}}
    found: list[dict[str, Any]] = server.run("shop", command)["cursor"]["firstBatch"]
    return found[0] if found else None


def owner(server: ScriptedServer) -> str | None:
    document = ledger(server)
    return document["owner"] if document else None


def documents(server: ScriptedServer, count: int) -> None:
    many = [{"_id": number, "old": 1} for number in range(count)]
    server.run("shop", {"insert": "orders", "documents": many})


def old(server: ScriptedServer) -> int:
    """How many documents the migration has not reached."""
    found = server.run("shop", {"find": "orders", "filter": {"old": {"$exists": True}}})
    return len(found["cursor"]["firstBatch"])


def connecting(server: ScriptedServer) -> Apply:
    server.step_down()
    process = Apply(server, SCHEMA, "--format", "json")
    process.wait_line("Starting database initialization")
    return process


def waiting(server: ScriptedServer) -> Apply:
    assert apply(server, SCHEMA)[0] == 0
    server.run(
        "shop",
        {
            "findAndModify": "_readygate",
            "query": {"_id": "shop"},
            "update": {"$set": {"owner": "a" * 32, "step": "", "applied": None}},
        },
    )
    process = Apply(server, SCHEMA, "--format", "json")
    process.wait_line("State: waiting")
    return process


def asking(server: ScriptedServer) -> Apply:
    server.on("findAndModify", times=1, hang=True)
    process = Apply(server, SCHEMA, "--format", "json")
    wait_until(lambda: server.held or None, 10, "the lease to be asked for")
    return process


def initializing(server: ScriptedServer) -> Apply:
    server.on("listCollections", hang=True)
    process = Apply(server, SCHEMA, "--format", "json")
    wait_until(lambda: server.held or None, 10, "the catalog to be read")
    return process


def building(server: ScriptedServer) -> Apply:
    server.on("createIndexes", hang=True)
    process = Apply(server, SCHEMA, "--format", "json")
    wait_until(lambda: server.held or None, 10, "the index to be built")
    return process


def migrating(server: ScriptedServer) -> Apply:
    documents(server, MANY)
    process = Apply(server, SCHEMA + BACKGROUND, "--background", "--format", "json")
    wait_until(lambda: old(server) < MANY or None, 10, "the migration to begin")
    return process


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("phase", [connecting, waiting, asking, initializing, building, migrating])
def test_a_signal_ends_it_in_every_phase(
    scripted_set: ScriptedServer, phase: Any, number: int
) -> None:
    """128 and the signal's number, `interrupted`; of the lease nothing is left."""
    with phase(scripted_set) as process:
        process.send_signal(number)
        if phase in (asking, building):
            scripted_set.release()  # half a second is time enough for the answer
        code, facts = process.ends()
    assert (code, facts["outcome"]) == (128 + number, "interrupted")
    assert facts["reason"] == f"ended by {signal.Signals(number).name}"
    if phase is connecting:
        scripted_set.step_up()
    assert owner(scripted_set) == ("a" * 32 if phase is waiting else None)
    if phase is building:
        assert facts["steps"] == 2  # it was answered in time
    if phase is migrating:
        assert facts["background"] == ["0001-old"] and 0 < old(scripted_set) < MANY


def test_interrupted_is_said_in_words_too(scripted_set: ScriptedServer) -> None:
    """And never that there is nothing to do."""
    documents(scripted_set, MANY)
    with Apply(scripted_set, SCHEMA + BACKGROUND, "--background") as process:
        wait_until(lambda: old(scripted_set) < MANY or None, 10, "the migration to begin")
        assert process.stop() == 128 + signal.SIGTERM
        text = process.output()
    assert "readygate: interrupted: ended by SIGTERM" in text
    assert "Carried out before that: 1 step" in text  # the collection was there
    assert "`readygate apply --background`: 0001-old." in text
    assert "Nothing to do" not in text


def test_init_timeout_covers_background_migrations(scripted_set: ScriptedServer) -> None:
    """Where the job waits for them: 124; the next run goes on where this one ended."""
    documents(scripted_set, MANY)
    code, facts = apply(scripted_set, SCHEMA + BACKGROUND, "--background", "--init-timeout", "3s")
    assert (code, facts["outcome"], facts["code"]) == (124, "failed", "init_timeout")
    assert "background migrations" in facts["reason"] and "0001-old" in facts["reason"]
    assert facts["background"] == ["0001-old"]
    assert owner(scripted_set) is None
    left = old(scripted_set)
    assert 0 < left < MANY
    quick = BACKGROUND.replace("500ms", "0s").replace("size   = 1", "size   = 500")
    code, facts = apply(scripted_set, SCHEMA + quick, "--background", "--init-timeout", "1h")
    assert (code, facts["outcome"], facts["background"]) == (0, "unchanged", [])
    assert old(scripted_set) == 0


def test_init_timeout_gives_the_lease_back(scripted_set: ScriptedServer) -> None:
    """The next one starts at once, and does not wait for a period of 20 s."""
    rule = scripted_set.on("listCollections", hang=True)
    code, facts = apply(scripted_set, SCHEMA, "--init-timeout", "1s")
    assert (code, facts["outcome"], facts["code"]) == (124, "failed", "init_timeout")
    document = ledger(scripted_set)
    assert document and document["owner"] is None and document["token"] == 1
    scripted_set.forget(rule)
    assert apply(scripted_set, SCHEMA)[1]["outcome"] == "applied"


TWO = (
    SCHEMA
    + '\n[[collection]]\nname = "customers"\n'
    + ('  [[collection.index]]\n  name = "email"\n  key = [["email", 1]]\n')
)


def test_a_failure_gives_the_lease_back(scripted_set: ScriptedServer) -> None:
    """Behind a step that is still under way, if that is answered within half a second."""
    scripted_set.on("createIndexes", match={"createIndexes": "customers"}, latency_ms=200)
    scripted_set.on("createIndexes", match={"createIndexes": "orders"}, error=67)
    code, facts = apply(scripted_set, TWO)
    assert (code, facts["outcome"], facts["code"]) == (69, "failed", "refused_by_server")
    document = ledger(scripted_set)
    assert document and document["owner"] is None and document["token"] == 1
    assert facts["steps"] == 2  # customers and its index


def test_a_failed_daemon_gives_the_lease_back(scripted_set: ScriptedServer) -> None:
    """Other replicas, and a job, need not wait for it."""
    scripted_set.on("createIndexes", error=67)
    with Daemon(scripted_set.uri(), SCHEMA) as daemon:
        daemon.wait_state("failed")
        wait_until(lambda: owner(scripted_set) is None, 5, "the lease is given back")
        assert daemon.status()["state"] == "failed"


def test_a_background_migration_that_fails_gives_the_lease_back(
    scripted_set: ScriptedServer,
) -> None:
    documents(scripted_set, 3)
    scripted_set.on("update", match={"update": "orders"}, error=2)
    code, facts = apply(scripted_set, SCHEMA + BACKGROUND, "--background")
    assert (code, facts["outcome"], facts["code"]) == (69, "failed", "migration_refused")
    assert owner(scripted_set) is None


@pytest.mark.parametrize(
    "fault",
    [{"error": 91}, {"disconnect": "after"}, {"disconnect": "before"}],
    ids=["refused", "answer lost", "command lost"],
)
def test_what_a_retried_attempt_has_built_is_counted(
    scripted_set: ScriptedServer, fault: dict[str, Any]
) -> None:
    """Once, whichever attempt did it, in JSON and in words."""
    scripted_set.on("createIndexes", match={"createIndexes": "orders"}, times=1, **fault)
    code, facts = apply(scripted_set, TWO)
    assert (code, facts["outcome"], facts["steps"]) == (0, "applied", 4)
    scripted_set.run("shop", {"dropDatabase": 1})
    scripted_set.on("createIndexes", match={"createIndexes": "orders"}, times=1, **fault)
    with Apply(scripted_set, TWO) as process:
        assert process.wait(20) == 0
        assert "Applied schema shop version 3 to database shop: 4 steps in " in process.output()
