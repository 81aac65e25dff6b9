"""Seeds and migrations, by the daemon, on a real server: what is done, when, and after kill -9."""

from __future__ import annotations

import contextlib
import json
import signal
import time
from collections.abc import Callable
from typing import Any

import pytest
from pymongo import MongoClient
from pymongo.errors import OperationFailure

from support.gate import Daemon, wait_until
from support.web import Reply, WebServer

pytestmark = pytest.mark.engines
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


def text_of_status(daemon: Daemon) -> tuple[int, str]:
    return daemon.run("status", "--socket", str(daemon.socket))


def test_what_is_held_back_stays_visible_until_it_is_done(
    engine: Any, client: MongoClient, database: str, make_daemon: MakeDaemon
) -> None:
    orders(client, database)
    said = "1 step is held back, because it can break the version before"
    for _ in range(2):  # the second start only reads the ledger
        daemon = make_daemon(engine.uri, schema(contract="report")).start()
        assert daemon.wait_state("ready")["withheld_steps"] == 1
        daemon.wait_message(said)
        code, text = text_of_status(daemon)
        assert code == 0 and f"withheld   {said}" in text
        assert "readygate_withheld_steps 1\n" in daemon.probe("/metrics").body
        assert json.loads(daemon.probe("/status").body)["withheld_steps"] == 1
        daemon.close()
    job = make_daemon(engine.uri, schema(contract="report"))
    options = job.options()
    code, text = job.run("apply", *options, "--format", "json")
    assert code == 0 and json.loads(text.splitlines()[-1])["withheld_steps"] == 1, text
    code, text = job.run("apply", *options)
    assert code == 0 and f"Still to be done: {said}" in text
    code, text = job.run("history", *options)
    assert code == 0 and f"Still to be done: {said}" in text
    code, text = job.run("history", *options, "--format", "json")
    assert code == 0 and json.loads(text)["withheld_steps"] == 1

    paying = make_daemon(engine.uri, schema()).start()
    assert paying.wait_state("ready")["withheld_steps"] == 0
    assert "withheld" not in text_of_status(paying)[1]
    assert "readygate_withheld_steps 0\n" in paying.probe("/metrics").body
    code, text = job.run("history", *options)
    assert code == 0 and "held back" not in text


def test_a_background_migration_that_fails_says_so_everywhere(
    engine: Any, client: MongoClient, database: str, make_daemon: MakeDaemon
) -> None:
    orders(client, database)
    update = """'{ "$set": { "state": "open" }, "$inc": { "touched": 1 } }'"""
    wrong = """'{ "$inc": { "word": 1 } }'"""
    client[database]["orders"].update_one({"_id": 7}, {"$set": {"word": "a word"}})
    text = schema(phase="background").replace(update, wrong)
    with WebServer() as receiver:
        receiver.reply = Reply(code=204)
        environment = {"READYGATE_WEBHOOK_URL": receiver.url}
        daemon = make_daemon(engine.uri, text, environment=environment).start()
        daemon.wait_state("ready")
        failed = daemon.wait_message("A background migration failed: ", 20)
        assert "0001-state" in failed["msg"] and failed["level"] == "error"
        code, page = text_of_status(daemon)
        assert code == 69
        assert page.startswith(
            f'state      ready, but not served: {failed["code"]} (check "migrations": '
        )
        assert "0001-state" in page.splitlines()[0]
        snapshot = daemon.status()
        assert snapshot["open"] and not snapshot["ready"]
        check = next(c for c in snapshot["checks"] if c["name"] == "migrations")
        assert not check["passed"] and "0001-state" in check["reason"]
        assert "readygate_migrations_failed 1\n" in daemon.probe("/metrics").body
        assert daemon.probe("/readyz").body == f"{failed['code']}\n"

        def told() -> list[dict[str, Any]]:
            messages = [json.loads(asked.body) for asked in list(receiver.requests)]
            return [each for each in messages if each.get("check") == "migrations"]

        wait_until(told, 10, "the webhook is told")
        assert told()[0]["code"] == failed["code"] and "0001-state" in told()[0]["message"]
        assert not told()[0]["passed"]


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


def end_transactions(client: MongoClient) -> None:
    """As MongoDB does a minute after their client is gone (transactionLifetimeLimitSeconds), and
    SecantusDB in Python never.
    """
    with contextlib.suppress(OperationFailure):  # not every engine has sessions
        client.admin.command("killAllSessions", [])


def test_killed_in_the_middle_it_goes_on_at_its_checkpoint(
    engine: Any, client: MongoClient, database: str, make_daemon: MakeDaemon
) -> None:
    orders(client, database)
    victim = make_daemon(engine.uri, schema(size=5), settings=QUICK_LEASE).start(wait=False)
    wait_until(lambda: done(client, database) > 20, 20, "it has begun")
    victim.send_signal(signal.SIGKILL)
    victim.wait_exit()
    time.sleep(0.1)  # what was sent may still land
    end_transactions(client)
    assert 20 < done(client, database) < DOCUMENTS
    heir = make_daemon(engine.uri, schema(size=5), settings=QUICK_LEASE).start()
    heir.wait_state("ready", timeout=30)
    assert any(message.startswith("Resuming") for message in heir.messages())
    # Each document was changed once: none was left out, none was done again.
    assert done(client, database) == DOCUMENTS
