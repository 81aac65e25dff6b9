"""The daemon against a real server: what it does there, and what it leaves behind."""

from __future__ import annotations

import json
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pymongo import MongoClient

from support.gate import COMPLETED, FAILED, Daemon, wait_until
from support.proxy import TcpProxy

pytestmark = pytest.mark.engines
MakeDaemon = Callable[..., Daemon]

SCHEMA = """
schema   = "shop"
database = "shop"
version  = {version}
min_open = 1

[[collection]]
name = "orders"

  [[collection.index]]
  name = "by_customer"
  key  = [["customer", 1], ["placed_at", -1]]

  [[collection.index]]
  name   = "number"
  key    = [["number", 1]]
  unique = true

  [[collection.index]]
  name = "ttl"
  key  = [["expires_at", 1]]
  expire_after = "1h"
{more}
"""


def schema(version: int = 1, more: str = "") -> str:
    return SCHEMA.format(version=version, more=more)


def ledger(client: MongoClient, database: str) -> dict[str, Any]:
    found = client[database]["_readygate"].find_one({"_id": "shop"})
    assert found is not None
    return found


def test_the_schema_is_there_before_the_gate_opens(
    engine: Any, client: MongoClient, database: str, make_daemon: MakeDaemon
) -> None:
    daemon = make_daemon(engine.uri, schema()).start()
    daemon.wait_state("ready")
    indexes = client[database]["orders"].index_information()
    assert indexes["by_customer"]["key"] == [("customer", 1), ("placed_at", -1)]
    assert indexes["number"]["unique"] is True
    assert indexes["ttl"]["expireAfterSeconds"] == 3600


def test_the_ledger_has_its_final_format(
    engine: Any, client: MongoClient, database: str, make_daemon: MakeDaemon
) -> None:
    daemon = make_daemon(engine.uri, schema()).start()
    snapshot = daemon.wait_state("ready")
    found = ledger(client, database)
    assert found["token"] == 1  # the first to hold the lease
    assert len(found["rev"]) == 32
    assert found["owner"] is None
    assert found["period_ms"] == 20_000
    assert found["applied"]["version"] == 1
    assert (
        f"{found['applied']['hash_format']}:{found['applied']['hash']}"
        == snapshot["schema"]["hash"]
    )
    assert found["applied"]["by"] == snapshot["instance_id"]
    assert found["owns"] == [
        {"collection": "orders", "indexes": ["by_customer", "number", "ttl"], "created": True}
    ]
    history = f"shop/v/1/{found['applied']['hash']}"
    assert client[database]["_readygate"].find_one({"_id": history}) is not None


def test_an_unchanged_schema_writes_nothing(
    engine: Any, client: MongoClient, database: str, make_daemon: MakeDaemon
) -> None:
    make_daemon(engine.uri, schema()).start().wait_state("ready")
    before = ledger(client, database)
    second = make_daemon(engine.uri, schema()).start()
    second.wait_state("ready")
    assert ledger(client, database) == before
    states = [e["msg"] for e in second.log() if e["msg"].startswith("State: ")]
    assert states == ["State: connecting", "State: warming", "State: ready"]


def test_eight_replicas_that_race_all_open_on_one_schema(
    engine: Any, client: MongoClient, database: str, make_daemon: MakeDaemon
) -> None:
    daemons = [make_daemon(engine.uri, schema()).start(wait=False) for _ in range(8)]
    for daemon in daemons:
        daemon.wait_message(COMPLETED, timeout=30)
        assert not any(m.startswith(FAILED) for m in daemon.messages())
    assert len(client[database]["orders"].index_information()) == 4
    assert ledger(client, database)["applied"]["version"] == 1


def test_a_raised_version_adds_what_is_new(
    engine: Any, client: MongoClient, database: str, make_daemon: MakeDaemon
) -> None:
    make_daemon(engine.uri, schema()).start().wait_state("ready")
    more = '  [[collection.index]]\n  name = "extra"\n  key = [["x", -1]]\n'
    changed = make_daemon(engine.uri, schema(1, more)).start()
    assert changed.wait_state("failed")["code"] == "version_not_raised"
    raised = make_daemon(engine.uri, schema(2, more)).start()
    raised.wait_state("ready")
    assert client[database]["orders"].index_information()["extra"]["key"] == [("x", -1)]
    assert ledger(client, database)["applied"]["version"] == 2


def test_duplicates_fail_the_unique_index_and_their_removal_mends_it(
    proxy: TcpProxy, client: MongoClient, database: str, make_daemon: MakeDaemon
) -> None:
    orders = client[database]["orders"]
    orders.insert_many([{"number": n % 3} for n in range(5)])
    contract = '[policy]\ncontract = "apply"\n'  # uniqueness over documents may need it
    daemon = make_daemon(proxy.uri, schema(more=contract)).start()
    snapshot = daemon.wait_state("failed")
    assert snapshot["code"] == "duplicate_keys"
    assert "number" in snapshot["reason"]
    assert daemon.codes() == (200, 503)  # the database answers; it is the schema that cannot be
    built = proxy.count(b"unique\0")  # of the others a server is asked that hides builds
    assert daemon.run("status", "--socket", str(daemon.socket), "--retry")[0] == 0
    daemon.wait_status(lambda s: s["attempt"] > 1 and s["state"] == "failed", "failed again")
    assert built.total == 0  # not asked for again: the duplicates are still there
    orders.delete_many({})
    assert daemon.run("status", "--socket", str(daemon.socket), "--retry")[0] == 0
    daemon.wait_state("ready")
    assert built.total == 1
    assert orders.index_information()["number"]["unique"] is True


def test_a_conflict_is_told_option_by_option(
    engine: Any, client: MongoClient, database: str, make_daemon: MakeDaemon
) -> None:
    # Not that it is not unique: where there is prepareUnique, it would become so.
    client[database]["orders"].create_index(
        [("number", 1)], name="number", unique=True, sparse=True
    )
    daemon = make_daemon(engine.uri, schema()).start()
    assert daemon.wait_state("failed")["code"] == "schema_conflict"
    code, text = daemon.plan("--format", "json")
    assert code == 2
    conflict = next(f for f in json.loads(text)["findings"] if f["kind"] == "conflict")
    assert (conflict["object"], conflict["option"]) == ("number", "sparse")


def test_hangup_reloads_what_it_can_and_names_the_rest(
    engine: Any, make_daemon: MakeDaemon
) -> None:
    daemon = make_daemon(engine.uri, schema()).start()
    daemon.wait_state("ready")
    text = daemon.config.read_text()
    daemon.config.write_text(
        text.replace("[log]", '[log]\nlevel = "debug"').replace('"1500ms"', '"2500ms"')
    )
    daemon.send_signal(signal.SIGHUP)
    daemon.wait_message("Reloaded: log.level")
    warned = daemon.wait_message("Changed, and in force only after a restart: ")
    assert "gate.unready_after" in warned["msg"]
    daemon.config.write_text("[gate\n")
    daemon.send_signal(signal.SIGHUP)
    daemon.wait_message("Reload refused, the old configuration stays in force: ")
    assert daemon.status()["open"]


def test_a_schema_file_that_changes_under_an_open_gate_is_a_failed_check(
    engine: Any, make_daemon: MakeDaemon
) -> None:
    daemon = make_daemon(engine.uri, schema()).start()
    daemon.wait_state("ready")
    daemon.schema.write_text(
        schema(2, '  [[collection.index]]\n  name = "n"\n  key = [["n", 1]]\n')
    )
    daemon.send_signal(signal.SIGHUP)
    snapshot = daemon.wait_status(lambda s: not s["ready"], "not ready")
    assert snapshot["open"]
    check = next(each for each in snapshot["checks"] if each["name"] == "schema_file")
    assert not check["passed"] and check["code"] == "schema_file_changed"


def test_a_wrong_password_is_retried_and_a_corrected_secret_is_picked_up(
    engine_factory: Callable[..., Any], make_daemon: MakeDaemon
) -> None:
    engine = engine_factory(auth=True)
    wrong = engine.uri_with("readygate", "not the password")
    settings = {"init": {"auth_grace": "1s", "failed_retry": "0s"}}
    daemon = make_daemon(wrong, schema(), settings=settings).start()
    assert daemon.wait_status(lambda s: s["code"] == "auth_failed", "auth_failed")
    daemon.wait_state("failed", timeout=30)
    assert "not the password" not in daemon.log_text()
    daemon.write_uri(engine.uri)  # as the kubelet changes a mounted secret; no signal, no restart
    daemon.wait_state("ready", timeout=30)


@pytest.mark.parametrize("level", ["ledger", "after", "open"])
def test_each_policy_of_verification_opens(
    engine: Any, client: MongoClient, database: str, make_daemon: MakeDaemon, level: str
) -> None:
    text = schema().replace("[[collection]]", f'[policy]\nverify = "{level}"\n\n[[collection]]', 1)
    make_daemon(engine.uri, text).start().wait_state("ready")
    client[database]["orders"].drop_index("ttl")
    daemon = make_daemon(engine.uri, text).start()
    daemon.wait_state("ready")

    def there() -> bool:
        return "ttl" in client[database]["orders"].index_information()

    if level == "open":
        assert there()
    elif level == "after":
        wait_until(there, 20, "the audit repairs what has drifted")
        assert daemon.status()["open"]
    else:
        assert not there()


def test_schema_folders_and_database_names_are_joined(
    engine: Any, client: MongoClient, database: str, make_daemon: MakeDaemon, tmp_path: Path
) -> None:
    (tmp_path / "head.toml").write_text(schema())
    (tmp_path / "more.toml").write_text('[[collection]]\nname = "customers"\n')
    daemon = make_daemon(engine.uri, tmp_path).start()
    daemon.wait_state("ready")
    assert {"orders", "customers"} <= set(client[database].list_collection_names())


def test_nothing_is_left_behind_in_shared_memory(engine: Any, make_daemon: MakeDaemon) -> None:
    daemon = make_daemon(engine.uri, schema()).start()
    daemon.wait_state("ready")
    assert daemon.process
    counters = Path(f"/dev/shm/mongoc-{daemon.process.pid}")
    assert not counters.exists()
    daemon.stop()
    assert not counters.exists()
