"""A seed whose document has a unique key that a document with another `_id` has: who is told what.
The server never says which of the seed's documents it is, nor whose the other one is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from pymongo import MongoClient

from support.gate import Daemon
from support.scripted import ScriptedServer, scripted, scripted_set

__all__ = ["scripted", "scripted_set"]  # fixtures, found by name

MakeDaemon = Callable[..., Daemon]

SCHEMA = """
schema   = "app"
database = "{database}"
version  = 1

[policy]
contract = "apply"

[[collection]]
name = "users"

  [[collection.index]]
  name   = "{name}"
  key    = {key}
  unique = true
  {more}

[[seed]]
collection = "users"
mode = "{mode}"
docs = '''{docs}'''
"""

DOCS = (
    '[ { "_id": "u1", "username": "guest" },'
    ' { "_id": "u2", "username": "s3cret-name", "role": "root" } ]'
)
MODES = ["insert_missing", "merge", "replace"]


def schema(
    mode: str,
    docs: str = DOCS,
    *,
    database: str = "app",
    name: str = "by_name",
    key: str = '[["username", 1]]',
    more: str = "",
) -> str:
    return SCHEMA.format(mode=mode, docs=docs, database=database, name=name, key=key, more=more)


def apply(uri: str, text: str) -> tuple[int, dict[str, Any]]:
    """`apply --format json`: how it ended. The daemon is for its folder and options alone."""
    done = Daemon(uri, text).apply("--init-timeout", "20s", timeout=30)
    assert "s3cret" not in done.output  # nobody's values
    return done.exit_code, done.facts


def is_told(facts: dict[str, Any], *parts: str) -> None:
    assert (facts["outcome"], facts["code"]) == ("failed", "migration_refused")
    for part in ("seed of users failed", "schema.toml:18", "another document", *parts):
        assert part in facts["reason"], (part, facts["reason"])
    assert "duplicates" not in facts["reason"]


@pytest.mark.engines
@pytest.mark.parametrize("mode", MODES)
def test_the_seed_the_key_and_the_other_document_are_named(
    engine: Any, client: MongoClient, database: str, mode: str
) -> None:
    """On every engine, in every mode; the other document is left as it is."""
    theirs = {"_id": 41, "username": "s3cret-name", "made_by": "the application"}
    client[database]["users"].insert_one(theirs)
    code, facts = apply(engine.uri, schema(mode, database=database))
    assert code == 69
    is_told(facts, '{ "_id" : "u2" }', '"by_name" { "username" : 1 }', '{ "_id" : 41 }')
    assert client[database]["users"].find_one({"_id": 41}) == theirs
    # What it advises mends it.
    mended = schema(mode, DOCS.replace('"u2"', "41"), database=database)
    assert apply(engine.uri, mended)[0] == 0


@pytest.mark.engines
@pytest.mark.parametrize(
    ("key", "docs", "theirs"),
    [
        (
            '[["org", 1], ["name.first", -1]]',
            '[ { "_id": "u2", "org": 7, "name": { "first": "s3cret" } } ]',
            {"_id": 41, "org": 7, "name": {"first": "s3cret"}},
        ),
        ('[["tags", 1]]', '[ { "_id": "u2", "tags": ["a", "s3cret"] } ]', {"tags": "s3cret"}),
        ('[["email", 1]]', '[ { "_id": "u2" } ]', {"_id": 41, "email": None}),
    ],
    ids=["compound", "array", "missing"],
)
def test_every_shape_of_key_is_found(
    engine: Any, client: MongoClient, database: str, key: str, docs: str, theirs: dict[str, Any]
) -> None:
    client[database]["users"].insert_one({"_id": 41, **theirs})
    code, facts = apply(engine.uri, schema("replace", docs, database=database, key=key))
    assert code == 69
    is_told(facts, '{ "_id" : "u2" }', '{ "_id" : 41 }')


@pytest.mark.engines
def test_merge_meets_a_key_half_of_which_is_in_the_database(
    engine: Any, client: MongoClient, database: str
) -> None:
    users = client[database]["users"]
    users.insert_many([{"_id": "u2", "org": 7, "n": 1}, {"_id": 41, "org": 7, "n": 2}])
    docs = '[ { "_id": "u2", "n": 2 } ]'
    text = schema("merge", docs, database=database, key='[["org", 1], ["n", 1]]')
    code, facts = apply(engine.uri, text)
    assert code == 69
    is_told(facts, '{ "_id" : "u2" }', '{ "_id" : 41 }')


@pytest.mark.parametrize("mode", MODES)
def test_two_documents_of_one_seed(scripted_set: ScriptedServer, mode: str) -> None:
    """Nobody else's, and said so; the transaction has taken back what was written."""
    docs = '[ { "_id": "u1", "username": "s3cret" }, { "_id": "u2", "username": "s3cret" } ]'
    code, facts = apply(scripted_set.uri(), schema(mode, docs))
    assert (code, facts["code"]) == (69, "migration_refused")
    assert 'the document { "_id" : "u2" }' in facts["reason"]
    assert 'of a document of this seed, { "_id" : "u1" }' in facts["reason"]


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("code", [11000, 1])
def test_a_server_that_says_little(scripted: ScriptedServer, mode: str, code: int) -> None:
    """No pattern, and not which index: the documents are asked."""
    scripted.run("app", {"insert": "users", "documents": [{"_id": 41, "username": "s3cret-name"}]})
    command = "insert" if mode == "insert_missing" else "update"
    said = {"index": 1, "code": code, "errmsg": "Duplicate key violation: s3cret"}
    reply = {"ok": 1, "n": 0, "nModified": 0, "writeErrors": [said]}
    scripted.on(command, match={command: "users"}, reply=reply)
    ended, facts = apply(scripted.uri(), schema(mode))
    assert ended == 69
    is_told(facts, '{ "_id" : "u2" }', '"by_name" { "username" : 1 }', '{ "_id" : 41 }')


@pytest.mark.parametrize("mode", MODES)
def test_another_writer_of_the_same_document_is_no_collision(
    scripted_set: ScriptedServer, mode: str
) -> None:
    """A duplicate _id is a race: it is done again, and passes."""
    command = "insert" if mode == "insert_missing" else "update"
    said = {
        "index": 0,
        "code": 11000,
        "errmsg": "E11000 duplicate key error collection: app.users index: _id_ "
        'dup key: { _id: "u1" }',
        "keyPattern": {"_id": 1},
        "keyValue": {"_id": "u1"},
    }
    reply = {"ok": 1, "n": 0, "nModified": 0, "writeErrors": [said]}
    for times in (1, 4):
        scripted_set.on(command, match={command: "users"}, times=times, reply=reply)
        code, facts = apply(scripted_set.uri(), schema(mode))
        assert (code, facts["outcome"]) == (0, "applied")
        found = scripted_set.run("app", {"find": "users"})["cursor"]["firstBatch"]
        assert [each["_id"] for each in found] == ["u1", "u2"]
        scripted_set.run("app", {"dropDatabase": 1})
        scripted_set.clear()


def test_a_failed_gate_says_it_too_and_mends_by_itself(
    engine: Any, client: MongoClient, database: str, make_daemon: MakeDaemon
) -> None:
    """Not asked again and again, and at once when the other document is gone."""
    users = client[database]["users"]
    users.insert_one({"_id": 41, "username": "s3cret-name"})
    text = schema("merge", database=database)
    daemon = make_daemon(engine.uri, text, settings={"init": {"failed_retry": "1s"}}).start()
    failed = daemon.wait_state("failed")
    assert failed["code"] == "migration_refused" and '{ "_id" : 41 }' in failed["reason"]
    users.delete_one({"_id": 41})
    daemon.wait_state("ready", timeout=20)
    assert users.find_one({"_id": "u2"})
