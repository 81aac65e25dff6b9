"""Seeds and migrations, by the daemon, on a real server: what is done, when, and after kill -9."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable
from typing import Any

from pymongo import MongoClient

from support.gate import Daemon, wait_until

MakeDaemon = Callable[..., Daemon]

DOCUMENTS = 400
QUICK_LEASE = {"lease": {"period": "1s", "margin": "300ms"}}

SCHEMA = """
schema   = "shop"
database = "shop"
version  = {version}

[policy]
contract = "{contract}"

[[collection]]
name = "orders"

[[collection]]
name = "models"

[[seed]]
collection = "models"
docs = '[ {{ "_id": "a", "name": "A" }}, {{ "_id": "b", "name": "B" }} ]'

[[migration]]
id = "0001-state"
phase = "{phase}"
[migration.batch]
collection = "orders"
size = {size}
filter = '{{ "state": {{ "$exists": false }} }}'
update = '{{ "$set": {{ "state": "open" }}, "$inc": {{ "touched": 1 }} }}'
"""


def schema(phase: str = "pre", contract: str = "apply", size: int = 50, version: int = 1) -> str:
    return SCHEMA.format(phase=phase, contract=contract, size=size, version=version)


def orders(client: MongoClient, database: str) -> None:
    client[database]["orders"].insert_many([{"_id": number} for number in range(DOCUMENTS)])


def done(client: MongoClient, database: str) -> int:
    return client[database]["orders"].count_documents({"state": "open", "touched": 1})


def record(client: MongoClient, database: str) -> dict[str, Any]:
    return client[database]["_readygate"].find_one({"_id": "shop/m/0001-state"}) or {}


def test_seeds_and_pre_migrations_are_done_when_the_gate_opens(
    engine: Any, client: MongoClient, database: str, make_daemon: MakeDaemon
) -> None:
    orders(client, database)
    daemon = make_daemon(engine.uri, schema()).start()
    daemon.wait_state("ready")
    assert done(client, database) == DOCUMENTS
    assert {one["_id"] for one in client[database]["models"].find()} == {"a", "b"}
    assert record(client, database)["state"] == "done"


def test_a_pre_migration_is_held_back_unless_the_policy_lets_it(
    engine: Any, client: MongoClient, database: str, make_daemon: MakeDaemon
) -> None:
    orders(client, database)
    daemon = make_daemon(engine.uri, schema(contract="report")).start()
    daemon.wait_state("ready")
    assert done(client, database) == 0
    assert any(message.startswith("Held back") for message in daemon.messages())
    daemon.close()
    # Nothing but the policy changes: no version is raised for it.
    make_daemon(engine.uri, schema()).start().wait_state("ready")
    assert done(client, database) == DOCUMENTS


def test_a_background_migration_runs_behind_an_open_gate(
    engine: Any, client: MongoClient, database: str, make_daemon: MakeDaemon
) -> None:
    orders(client, database)
    daemon = make_daemon(engine.uri, schema(phase="background")).start()
    daemon.wait_state("ready")
    wait_until(lambda: record(client, database).get("state") == "done", 20, "it is done")
    assert done(client, database) == DOCUMENTS
    ledger = client[database]["_readygate"].find_one({"_id": "shop"})
    wait_until(
        lambda: client[database]["_readygate"].find_one({"_id": "shop"})["owner"] is None,
        5,
        "the lease is given back",
    )
    assert ledger is not None
    assert daemon.status()["state"] == "ready"


def test_an_applied_migration_must_not_be_edited(
    engine: Any, client: MongoClient, database: str, make_daemon: MakeDaemon
) -> None:
    orders(client, database)
    daemon = make_daemon(engine.uri, schema()).start()
    daemon.wait_state("ready")
    daemon.close()
    edited = schema(version=2).replace('"open"', '"closed"')
    daemon = make_daemon(engine.uri, edited).start()
    failed = daemon.wait_state("failed")
    assert failed["code"] == "migration_edited"
    assert record(client, database)["checksum"] in failed["reason"]
    assert done(client, database) == DOCUMENTS


def test_killed_in_the_middle_it_goes_on_at_its_checkpoint(
    engine: Any, client: MongoClient, database: str, make_daemon: MakeDaemon
) -> None:
    orders(client, database)
    victim = make_daemon(engine.uri, schema(size=5), settings=QUICK_LEASE).start(wait=False)
    wait_until(lambda: done(client, database) > 20, 20, "it has begun")
    victim.send_signal(signal.SIGKILL)
    victim.wait_exit()
    time.sleep(0.1)  # what was sent may still land
    assert 20 < done(client, database) < DOCUMENTS
    heir = make_daemon(engine.uri, schema(size=5), settings=QUICK_LEASE).start()
    heir.wait_state("ready", timeout=30)
    assert any(message.startswith("Resuming") for message in heir.messages())
    # Each document was changed once: none was left out, none was done again.
    assert done(client, database) == DOCUMENTS
