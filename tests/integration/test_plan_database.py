"""`readygate plan` against a server: what its user may not do, whose a collection is, and what is
found out by trying."""

from __future__ import annotations

import json
import os
import subprocess
import time
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from pymongo import MongoClient

from support.gate import readygate, repository
from support.scripted import ScriptedServer, scripted

__all__ = ["scripted"]  # a fixture, found by name

SCHEMA = """
schema   = "shop"
database = "shop"
version  = 1

[policy]
not_honoured = "report"

[[collection]]
name = "orders"
validator = '{ "number": { "$type": "string" } }'

  [[collection.index]]
  name = "number"
  key  = [["number", 1]]
  unique = true

  [[collection.index]]
  name = "slug"
  key  = [["slug", 1]]
  unique = true
  sparse = true
"""

SCRATCH = "_readygate_probe_"


class Plan:
    """`readygate plan` of SCHEMA against a server."""

    def __init__(self, folder: Path) -> None:
        self.schema = folder / "schema.toml"
        self.schema.write_text(SCHEMA)

    def __call__(self, uri: str, *more: str) -> subprocess.CompletedProcess[str]:
        command = [str(readygate()), "plan", "--schema", str(self.schema), *more]
        variables = {**os.environ, "READYGATE_MONGODB_URI": uri}  # it may hold a password
        return subprocess.run(command, capture_output=True, text=True, timeout=60, env=variables)

    def json(self, uri: str, *more: str) -> dict[str, Any]:
        """Checked against the schema of the documents."""
        found: dict[str, Any] = json.loads(self(uri, "--format", "json", *more).stdout)
        jsonschema.validate(found, json.loads((repository() / "docs/plan.schema.json").read_text()))
        return found


@pytest.fixture
def plan(tmp_path: Path) -> Plan:
    return Plan(tmp_path)


def may(*actions: str, collection: str = "") -> dict[str, Any]:
    return {"resource": {"db": "shop", "collection": collection}, "actions": list(actions)}


def as_user(server: ScriptedServer, *privileges: dict[str, Any]) -> None:
    """The server says that the user has these privileges."""
    info = {
        "authenticatedUsers": [{"user": "app", "db": "shop"}],
        "authenticatedUserRoles": [],
        "authenticatedUserPrivileges": list(privileges),
    }
    server.on("connectionStatus", match={"showPrivileges": True}, reply={"ok": 1, "authInfo": info})


READER = ("find", "listCollections", "listIndexes")


def test_missing_privileges_are_named(scripted: ScriptedServer, plan: Plan) -> None:
    as_user(scripted, may(*READER), may("insert", "update", collection="_readygate"))
    done = plan(scripted.uri())
    assert done.returncode == 2
    assert "! not allowed to apply: createCollection, collMod on shop.orders\n" in done.stdout
    assert "! not allowed to apply: createIndex on shop.orders\n" in done.stdout
    assert "? not allowed to progress: inprog on the cluster; without it" in done.stdout
    assert "_readygate" not in done.stdout
    orders = {"db": "shop", "collection": "orders"}
    found = plan.json(scripted.uri())["missing_privileges"]
    assert {"for": "apply", "actions": ["createIndex"], "resource": orders, "needed": True} in found


def test_a_reading_that_is_refused_is_explained(scripted: ScriptedServer, plan: Plan) -> None:
    as_user(scripted, may("find"))
    scripted.on("listCollections", error=13)
    # A login of one step, without which it would be said that the URI has no user.
    said = {
        "ok": 1,
        "conversationId": 1,
        "done": True,
        "payload": {"$binary": {"base64": "", "subType": "00"}},
    }
    scripted.on("saslStart", reply=said)
    done = plan(scripted.uri("authMechanism=PLAIN", credentials="app:word"))
    assert done.returncode == 77
    assert "readygate: not_authorized: " in done.stderr
    assert "! not allowed to verify: listCollections on the database shop\n" in done.stderr


def test_where_the_server_does_not_say_nothing_is_claimed(
    scripted: ScriptedServer, plan: Plan
) -> None:
    assert plan.json(scripted.uri())["missing_privileges"] is None  # it has no users
    scripted.on("connectionStatus", error=59)
    assert plan.json(scripted.uri())["missing_privileges"] is None
    assert "not allowed" not in plan(scripted.uri()).stdout


def test_a_collection_of_another_schema_is_shown(scripted: ScriptedServer, plan: Plan) -> None:
    owns = [{"collection": "orders", "indexes": [], "created": True}]
    other = {"_id": "billing", "token": 1, "rev": "x", "owns": owns}
    scripted.run("shop", {"insert": "_readygate", "documents": [other]})
    found = plan.json(scripted.uri())
    assert found["steps"] == []
    (finding,) = found["findings"]
    assert finding["kind"] == "owned_elsewhere" and '"billing"' in finding["message"]
    done = plan(scripted.uri())
    assert done.returncode == 2 and "! orders  owned elsewhere: " in done.stdout


# Trying.


def honoured(found: dict[str, Any]) -> set[tuple[str, str]]:
    """What is not honoured: (index or "", option)."""
    return {(f["object"], f["option"]) for f in found["findings"] if f["kind"] == "not_honoured"}


def scratch(server: ScriptedServer) -> list[str]:
    reply = server.run("shop", {"listCollections": 1, "nameOnly": True})
    names = [entry["name"] for entry in reply["cursor"]["firstBatch"]]
    return [name for name in names if name.startswith(SCRATCH)]


def test_without_the_flag_nothing_is_written(scripted: ScriptedServer, plan: Plan) -> None:
    assert honoured(plan.json(scripted.uri())) == set()
    assert scripted.count("create", "insert", "createIndexes", "collMod", "drop") == 0


def test_a_validator_that_is_only_stored_is_found(scripted: ScriptedServer, plan: Plan) -> None:
    """The scripted server enforces unique indexes, and no validator."""
    found = plan.json(scripted.uri(), "--probe")
    assert honoured(found) == {("", "validator")}
    assert "tried out: mongodb 7.0.14 accepts a document" in found["findings"][0]["message"]
    assert scratch(scripted) == []


def test_a_rule_that_is_not_enforced_ends_as_whatever_is_in_the_way(
    scripted: ScriptedServer, plan: Plan
) -> None:
    """Also where nothing is to be changed, and where a policy lets it be applied."""
    scripted.run("shop", {"create": "orders", "validator": {"number": {"$type": "string"}}})
    indexes = [
        {"name": "number", "key": {"number": 1}, "unique": True},
        {"name": "slug", "key": {"slug": 1}, "unique": True, "sparse": True},
    ]
    scripted.run("shop", {"createIndexes": "orders", "indexes": indexes})
    assert plan(scripted.uri()).returncode == 0
    done = plan(scripted.uri(), "--probe")
    assert "! orders  not honoured: tried out: " in done.stdout
    assert "No changes" not in done.stdout
    assert done.returncode == 2


def test_a_server_that_enforces_it_passes(scripted: ScriptedServer, plan: Plan) -> None:
    refusal = {"index": 0, "code": 121, "errmsg": "Document failed validation"}
    scripted.on("insert", times=1, skip=1, reply={"ok": 1, "n": 0, "writeErrors": [refusal]})
    assert honoured(plan.json(scripted.uri(), "--probe")) == set()


def test_the_scratch_collection_goes_whatever_happens(scripted: ScriptedServer, plan: Plan) -> None:
    scripted.on("insert", error={"code": 14031, "errmsg": "no space"})
    done = plan(scripted.uri(), "--probe")
    assert done.returncode == 69 and "no space" in done.stderr
    assert scripted.count("create") == 1 and scratch(scripted) == []


def test_what_a_killed_probe_left_behind_goes(scripted: ScriptedServer, plan: Plan) -> None:
    now = int(time.time())
    old, fresh = f"{SCRATCH}{now - 7200}_aaaa", f"{SCRATCH}{now}_bbbb"
    for name in (old, fresh, f"{SCRATCH}mine"):
        scripted.run("shop", {"create": name})
    plan(scripted.uri(), "--probe")
    assert sorted(scratch(scripted)) == [fresh, f"{SCRATCH}mine"]


def test_against_a_file_there_is_nothing_to_try(plan: Plan) -> None:
    done = plan("mongodb://127.0.0.1:1/", "--probe", "--against", str(plan.schema))
    assert done.returncode == 64 and "--against" in done.stderr


@pytest.mark.engines
def test_on_the_engine(engine: Any, client: MongoClient, database: str, plan: Plan) -> None:
    """The rules that the example relies on are enforced there, the validator by way of collMod."""
    client[database].create_collection("other")
    found = plan.json(engine.uri, "--probe", "--mongodb-database", database)
    assert honoured(found) == set()
    assert client[database].list_collection_names() == ["other"]
