"""Encrypted fields, over the wire: what is sent in which order, what a crash in between leaves,
whose it is, and what a server is told that cannot encrypt."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from support.gate import Daemon, readygate
from support.scripted import ScriptedServer, scripted, scripted_set

__all__ = ["scripted", "scripted_set"]  # fixtures, found by name

SCHEMA = """
schema   = "clinic"
database = "clinic"
version  = 1

[[collection]]
name = "patients"
encrypted_fields = '''
{ "fields": [ { "path": "ssn", "keyId": { "$uuid": "7a4d1c9e-3b52-4f0e-9c1d-5e8b6f2a0d13" },
    "bsonType": "string", "queries": { "queryType": "equality" } } ] }
'''

  [[collection.index]]
  name = "ward"
  key  = [["ward", 1]]

[[collection]]
name = "wards"
"""

ESC, ECOC = "enxcol_.patients.esc", "enxcol_.patients.ecoc"
ORDER = [("create", ESC), ("create", ECOC), ("create", "patients"), ("createIndexes", "patients")]
QUICK_LEASE = {"lease": {"period": "3s", "margin": "1s"}}
CLUSTERED = {"key": {"_id": 1}, "unique": True, "name": "_id_"}


def sent(server: ScriptedServer) -> list[tuple[str, str]]:
    """What was sent for the sake of the encrypted collection, in its order."""
    found = []
    for entry in server.log("create", "createIndexes"):
        if entry["target"] not in ("wards", "_readygate"):
            found.append((entry["name"], entry["target"]))
    return found


def listed(server: ScriptedServer) -> dict[str, dict[str, Any]]:
    found = server.run("clinic", {"listCollections": 1})["cursor"]["firstBatch"]
    return {entry["name"]: entry["options"] for entry in found}


def plan(server: ScriptedServer, folder: Path) -> subprocess.CompletedProcess[str]:
    schema = folder / "schema.toml"
    schema.write_text(SCHEMA)
    command = [str(readygate()), "plan", "--schema", str(schema), "--format", "json"]
    environment = {**os.environ, "READYGATE_MONGODB_URI": server.uri()}
    return subprocess.run(command, capture_output=True, text=True, timeout=60, env=environment)


def test_state_collections_come_first_then_the_collection_then_its_index(
    scripted_set: ScriptedServer, tmp_path: Path
) -> None:
    with Daemon(scripted_set.uri(), SCHEMA) as daemon:
        daemon.wait_state("ready", timeout=20)
    assert sent(scripted_set) == ORDER
    made = listed(scripted_set)
    for state in (ESC, ECOC):
        assert made[state] == {"clusteredIndex": {"v": 2, **CLUSTERED}}
    assert [field["path"] for field in made["patients"]["encryptedFields"]["fields"]] == ["ssn"]
    indexes = scripted_set.run("clinic", {"listIndexes": "patients"})["cursor"]["firstBatch"]
    assert [index["name"] for index in indexes] == ["_id_", "__safeContent___1", "ward"]
    assert indexes[1]["key"] == {"__safeContent__": 1}
    done = plan(scripted_set, tmp_path)
    found = json.loads(done.stdout)
    assert (done.returncode, found["steps"], found["findings"]) == (0, [], [])


def test_the_ledger_says_that_this_schema_made_the_state_collections(
    scripted_set: ScriptedServer,
) -> None:
    with Daemon(scripted_set.uri(), SCHEMA) as daemon:
        daemon.wait_state("ready", timeout=20)
    found = scripted_set.run("clinic", {"find": "_readygate", "filter": {"_id": "clinic"}})
    (control,) = found["cursor"]["firstBatch"]
    owns = {entry["collection"]: entry for entry in control["owns"]}
    assert set(owns) == {"patients", ESC, ECOC, "wards"}
    assert all(entry["created"] for entry in owns.values())
    assert set(owns["patients"]["indexes"]) == {"__safeContent___1", "ward"}


@pytest.mark.parametrize("done", range(len(ORDER)))
def test_a_crash_after_any_step_leaves_what_the_next_replica_completes(
    scripted_set: ScriptedServer, done: int
) -> None:
    """The step after those `done` never arrives, and then the first replica is killed."""
    name, collection = ORDER[done]
    scripted_set.on(name, match={name: collection}, disconnect="before")
    with Daemon(scripted_set.uri(), SCHEMA, settings=QUICK_LEASE) as first:
        first.wait_status(lambda _: ORDER[done] in sent(scripted_set), f"{ORDER[done]} is sent", 20)
        first.close()  # kill -9
    scripted_set.clear()
    assert [pair[1] in listed(scripted_set) for pair in ORDER[:3]] == [i < done for i in range(3)]
    scripted_set.forget_log()
    with Daemon(scripted_set.uri(), SCHEMA) as second:
        second.wait_state("ready", timeout=40)
    assert sent(scripted_set) == ORDER[done:]


@pytest.mark.parametrize(
    ("version", "lacks"),
    [("6.0.14", "needs MongoDB 7.0 or later, and this is 6.0.14"), ("7.0.14", "")],
)
def test_a_server_before_7_is_told_what_it_lacks(
    scripted_set: ScriptedServer, tmp_path: Path, version: str, lacks: str
) -> None:
    scripted_set.configure(version=version)
    done = plan(scripted_set, tmp_path)
    conflicts = [f for f in json.loads(done.stdout)["findings"] if f["kind"] == "conflict"]
    assert [lacks in conflict["message"] for conflict in conflicts] == ([True] if lacks else [])


def test_a_standalone_server_is_told_what_it_lacks_and_gets_nothing(
    scripted: ScriptedServer,
) -> None:
    with Daemon(scripted.uri(), SCHEMA) as daemon:
        status = daemon.wait_state("failed", timeout=20)
    assert status["code"] == "schema_conflict"
    assert "needs a replica set or a sharded cluster" in status["reason"]
    assert sent(scripted) == []
