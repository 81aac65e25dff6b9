"""`readygate import`: the schema file of a live database, which a plan then finds nothing to change
in."""

from __future__ import annotations

import json
import os
import subprocess
import tomllib
from pathlib import Path
from typing import Any
from uuid import UUID

import jsonschema
import pytest
from bson import Binary, Int64
from pymongo import MongoClient

from support.engine.capabilities import needs
from support.gate import readygate, repository
from support.scripted import ScriptedServer, scripted_set

__all__ = ["scripted_set"]

WIRED_TIGER = {"wiredTiger": {"configString": "prefix_compression=true"}}

# What servers of the tests have, but for the kinds of index that one may lack.
PLAIN: list[dict[str, Any]] = [
    {
        "create": "orders",
        "validator": {"$jsonSchema": {"bsonType": "object", "required": ["customer"]}},
        "validationLevel": "moderate",
    },
    {
        "createIndexes": "orders",
        "indexes": [
            {"name": "by_customer", "key": {"customer": 1, "placed": -1}},
            {"name": "number", "key": {"number": 1}, "unique": True},
            {"name": "coupon", "key": {"coupon": 1}, "sparse": True},
            {"name": "seen", "key": {"seen": 1}, "expireAfterSeconds": 1800},
            {"name": "hashed", "key": {"customer": "hashed"}},
            {"name": "open", "key": {"s": 1}, "partialFilterExpression": {"s": {"$gt": "o"}}},
        ],
    },
    {"create": "articles"},
    {
        "createIndexes": "articles",
        "indexes": [
            {
                "name": "search",
                "key": {"title": "text", "body": "text"},
                "weights": {"title": 10},
                "default_language": "german",
            },
            {"name": "where", "key": {"place": "2dsphere"}},
            {"name": "any", "key": {"attributes.$**": 1}},
        ],
    },
]

# What only a MongoDB has.
MORE: list[dict[str, Any]] = [
    {"create": "log", "capped": True, "size": 1048576, "max": 1000},
    {
        "create": "readings",
        "timeseries": {"timeField": "at", "metaField": "sensor", "granularity": "minutes"},
        "expireAfterSeconds": 86400,
    },
    {
        "create": "clustered",
        "clusteredIndex": {"key": {"_id": 1}, "unique": True},
        "changeStreamPreAndPostImages": {"enabled": True},
    },
    {
        "create": "names",
        "collation": {"locale": "de", "strength": 2},
        "storageEngine": {"wiredTiger": {"configString": "block_compressor=zstd"}},
        "indexOptionDefaults": {"storageEngine": WIRED_TIGER},
    },
    {
        "createIndexes": "names",
        "indexes": [
            {"name": "inherited", "key": {"a": 1}},
            {"name": "bytes", "key": {"b": 1}, "collation": {"locale": "simple"}},
            {"name": "french", "key": {"c": 1}, "collation": {"locale": "fr"}, "hidden": True},
            {"name": "tuned", "key": {"d": 1}, "storageEngine": WIRED_TIGER},
            {"name": "some", "key": {"$**": 1}, "wildcardProjection": {"x": 1, "y.z": 1}},
        ],
    },
    {
        "createIndexes": "log",
        "indexes": [{"name": "flat", "key": {"g": "2d"}, "bits": 20, "min": -90.5, "max": 90}],
    },
    {"create": "enxcol_.patients.esc", "clusteredIndex": {"key": {"_id": 1}, "unique": True}},
    {"create": "enxcol_.patients.ecoc", "clusteredIndex": {"key": {"_id": 1}, "unique": True}},
    {
        "create": "patients",
        "encryptedFields": {
            "fields": [
                {
                    "path": "ssn",
                    "keyId": Binary.from_uuid(UUID("7a4d1c9e-3b52-4f0e-9c1d-5e8b6f2a0d13")),
                    "bsonType": "string",
                    "queries": [{"queryType": "equality"}],
                },
                {
                    "path": "bill.sum",
                    "keyId": Binary.from_uuid(UUID("0f3b8a52-6d1e-4c7a-8b90-2e4d6f8a1c35")),
                    "bsonType": "long",
                    "queries": {"queryType": "range", "min": Int64(0), "max": Int64(5)},
                },
            ]
        },
    },
    {
        "createIndexes": "patients",
        "indexes": [{"name": "__safeContent___1", "key": {"__safeContent__": 1}}],
    },
    {
        "create": "latest",
        "viewOn": "orders",
        "pipeline": [{"$match": {"latest": True}}, {"$sort": {"b": 1, "a": -1}}],
        "collation": {"locale": "en"},
    },
]


def run(*arguments: str, uri: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "READYGATE_MONGODB_URI": uri}
    command = [str(readygate()), *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, env=environment)


def round_trip(uri: str, database: str, path: Path) -> str:
    """The imported file, of which a plan is empty, and which the editors' schema takes."""
    done = run("import", "--db", database, "--output", str(path), uri=uri)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    text = path.read_text()
    plan = run("plan", "--schema", str(path), "--format", "json", uri=uri)
    found = json.loads(plan.stdout)
    assert (found["steps"], found["withheld"]) == ([], []), text
    kinds = {finding["kind"] for finding in found["findings"]}
    assert kinds <= {"not_honoured", "unproven"}, found["findings"]
    assert plan.returncode == 0
    schema = json.loads((repository() / "config/schema.schema.json").read_text())
    jsonschema.Draft7Validator(schema).validate(tomllib.loads(text))
    done = subprocess.run([str(readygate()), "fmt", "--check", str(path)], timeout=30)
    assert done.returncode == 0
    return text


def without(kinds: set[str], command: dict[str, Any]) -> dict[str, Any]:
    """The command without indexes of these kinds."""
    if "indexes" not in command:
        return command
    kept = [one for one in command["indexes"] if not kinds & set(one["key"].values())]
    return {**command, "indexes": kept}


@pytest.mark.engines
def test_engine(
    engine: Any, client: MongoClient, database: str, capabilities: Any, tmp_path: Path
) -> None:
    lacking = {kind for kind in ("text", "hashed") if capabilities(engine).why_lacking(kind)}
    for command in PLAIN:
        client[database].command(without(lacking, command))
    text = round_trip(engine.uri, database, tmp_path / "schema.toml")
    assert "unique = true" in text
    assert 'expire_after = "30m"' in text
    assert "enableOrderedIndex" not in text


@pytest.mark.engines
@needs("capped")
def test_a_capped_collection_without_a_limit_of_documents(
    engine: Any, client: MongoClient, database: str, tmp_path: Path
) -> None:
    for name, limit in (("none", {}), ("zero", {"max": 0}), ("three", {"max": 3})):
        client[database].create_collection(name, capped=True, size=4096, **limit)
    declared = tomllib.loads(round_trip(engine.uri, database, tmp_path / "schema.toml"))
    limits = {one["name"]: one["capped"].get("max") for one in declared["collection"]}
    assert limits == {"none": None, "zero": None, "three": 3}


def test_every_option_on_the_scripted_server(scripted_set: ScriptedServer, tmp_path: Path) -> None:
    with MongoClient(scripted_set.uri()) as client:
        for command in [*PLAIN, *MORE]:
            client["Shop"].command(command)
        client["Shop"].command({"create": "_readygate"})
    text = round_trip(scripted_set.uri(), "Shop", tmp_path / "schema.toml")
    assert text.startswith('schema = "shop"\ndatabase = "Shop"\nversion = 1\n')
    declared = tomllib.loads(text)
    names = [collection["name"] for collection in declared["collection"]]
    assert names == ["articles", "clustered", "log", "names", "orders", "patients", "readings"]
    assert "index" not in declared["collection"][5]
    by_name = {index["name"]: index for index in declared["collection"][3]["index"]}
    assert by_name["bytes"]["collation"] == {"locale": "simple"}
    assert by_name["french"]["hidden"] is True
    assert "text_version" not in text


SHOP = """
schema   = "webshop"
database = "Shop"
version  = 3
min_open = 2

[[collection]]
name = "orders"

  [[collection.index]]
  name = "number"
  key  = [["number", 1]]
"""


def applied(schema: str, path: Path, uri: str) -> None:
    path.write_text(schema)
    done = run("apply", "--schema", str(path), "--init-timeout", "30s", uri=uri)
    assert done.returncode == 0, done.stderr


def test_the_schema_that_is_applied_goes_on(scripted_set: ScriptedServer, tmp_path: Path) -> None:
    applied(SHOP, tmp_path / "shop.toml", scripted_set.uri())
    done = run("import", "--db", "Shop", uri=scripted_set.uri())
    assert done.returncode == 0
    assert done.stdout.startswith(
        'schema = "webshop"\ndatabase = "Shop"\nversion = 3\nmin_open = 2\n'
    )
    assert "Shop has the schema webshop, of which version 3 is applied" in done.stderr
    applied(done.stdout, tmp_path / "imported.toml", scripted_set.uri())

    # What no file declared is a change of the declarations, and that needs another version.
    new = {"name": "by_hand", "key": {"h": 1}}
    scripted_set.run("Shop", {"createIndexes": "orders", "indexes": [new]})
    done = run("import", "--db", "Shop", uri=scripted_set.uri())
    assert tomllib.loads(done.stdout)["version"] == 4
    applied(done.stdout, tmp_path / "imported.toml", scripted_set.uri())
    (ledger,) = ledgers(scripted_set)
    assert (ledger["_id"], ledger["applied"]["version"]) == ("webshop", 4)


def ledgers(server: ScriptedServer) -> list[dict[str, Any]]:
    reply = server.run("Shop", {"find": "_readygate", "filter": {"owns": {"$exists": True}}})
    return list(reply["cursor"]["firstBatch"])


def test_of_several_schemas_one_goes_on(scripted_set: ScriptedServer, tmp_path: Path) -> None:
    uri = scripted_set.uri()
    other = SHOP.replace("webshop", "billing").replace("orders", "invoices")
    applied(SHOP, tmp_path / "shop.toml", uri)
    applied(other, tmp_path / "other.toml", uri)
    done = run("import", "--db", "Shop", uri=uri)
    declared = tomllib.loads(done.stdout)
    assert declared["schema"] == "billing"
    assert [one["name"] for one in declared["collection"]] == ["invoices"]
    assert '# Left out: "orders": the schema "webshop" made it\n' in done.stdout
    assert 'readygate: left out: "orders": the schema "webshop" made it\n' in done.stderr

    applied(SHOP.replace("webshop", "shop").replace("orders", "carts"), tmp_path / "s.toml", uri)
    declared = tomllib.loads(run("import", "--db", "Shop", uri=uri).stdout)
    assert declared["schema"] == "shop"  # it has the database's name
    assert [one["name"] for one in declared["collection"]] == ["carts"]


def test_a_ledger_that_may_not_be_read_is_none(scripted_set: ScriptedServer) -> None:
    payload = {"$binary": {"base64": "", "subType": "00"}}
    said = {"ok": 1, "conversationId": 1, "done": True, "payload": payload}
    scripted_set.on("saslStart", reply=said)
    scripted_set.on("find", error=13)
    uri = scripted_set.uri("authMechanism=PLAIN", credentials="app:word")
    done = run("import", "--db", "s", uri=uri)
    assert done.returncode == 0, done.stderr
    assert "not allowed to read _readygate: whether a schema is applied" in done.stderr
    assert done.stdout.startswith('schema = "s"\n')


def test_what_cannot_be_declared_is_said(scripted_set: ScriptedServer) -> None:
    with MongoClient(scripted_set.uri()) as client:
        client["s"].command({"create": "c", "validator": {"a": {"$type": 2}}})
    done = run("import", "--db", "s", uri=scripted_set.uri())
    assert done.returncode == 0
    assert "readygate: left out: the options of the collection" in done.stderr
    assert "# Left out: the options of the collection" in done.stdout
    assert tomllib.loads(done.stdout)["collection"] == [{"name": "c"}]


def test_a_file_that_is_there_is_kept_unless_forced(
    scripted_set: ScriptedServer, tmp_path: Path
) -> None:
    path = tmp_path / "schema.toml"
    path.write_text("mine\n")
    arguments = ("import", "--db", "s", "--output", str(path))
    done = run(*arguments, uri=scripted_set.uri())
    assert done.returncode == 64
    assert f"{path} is there already; --force replaces it" in done.stderr
    assert path.read_text() == "mine\n"
    assert run(*arguments, "--force", uri=scripted_set.uri()).returncode == 0
    assert path.read_text().startswith('schema = "s"\n')
    assert os.listdir(tmp_path) == ["schema.toml"]


def test_it_needs_a_database(scripted_set: ScriptedServer) -> None:
    done = run("import", uri=scripted_set.uri())
    assert done.returncode == 64
    assert "give it with --db" in done.stderr
    done = run("import", "--db", "a/b", uri=scripted_set.uri())
    assert done.returncode == 64
