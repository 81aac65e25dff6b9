"""A validator that becomes a constraint (MongoDB 9.0), from the file to the server: what a refusal
says, what is left behind, and that nothing is given up unasked."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from support.gate import Daemon
from support.scripted import ScriptedServer

HEAD = """
schema   = "shop"
database = "shop"
version  = 3
"""
RULE = """
[[collection]]
name = "orders"
validator = '{ "total": { "$gte": 0 } }'
"""
CONSTRAINT = (
    HEAD + '[policy]\ncontract = "apply"\n' + RULE + 'validation = { level = "constraint" }\n'
)
PREPARE = "prepareConstraintValidationLevel"


@pytest.fixture
def nine() -> Iterator[ScriptedServer]:
    """The primary of a replica set of MongoDB 9.0."""
    with ScriptedServer("rs0", version="9.0.1", max_wire=29) as server:
        yield server


def apply(server: ScriptedServer, schema: str) -> tuple[int, dict[str, Any]]:
    """The exit code, and the facts."""
    of = Daemon(server.uri(), schema)
    code, text = of.run("apply", *of.options(), "--format", "json")
    facts = [line for line in text.splitlines() if line.startswith('{"v":1,')]
    return code, json.loads(facts[-1])


def options(server: ScriptedServer) -> dict[str, Any]:
    """Of the collection, as it is listed."""
    listed = server.run("shop", {"listCollections": 1})["cursor"]["firstBatch"]
    return next(dict(entry["options"]) for entry in listed if entry["name"] == "orders")


def fill(server: ScriptedServer, level: str = "strict") -> None:
    """Two documents that are not valid, under a validator that lets them be."""
    rule = {"validator": {"total": {"$gte": 0}}, "validationLevel": level}
    assert server.run("shop", {"create": "orders", **rule, "validationAction": "error"})["ok"] == 1
    documents = [
        {"_id": 1, "total": 1},
        {"_id": "late", "total": -5, "card": "4111-secret"},
        {"_id": 7, "total": -7},
    ]
    assert server.run("shop", {"insert": "orders", "documents": documents})["n"] == 3


def test_documents_that_are_not_valid_are_named_before_anything_changes(
    nine: ScriptedServer,
) -> None:
    fill(nine)
    code, facts = apply(nine, CONSTRAINT)
    assert code == 69 and facts["outcome"] == "failed"
    assert '2 documents of it are not valid, with _id "late", 7' in facts["reason"]
    assert "secret" not in json.dumps(facts) and "-5" not in json.dumps(facts)
    assert nine.count("collMod") == 0


def test_what_the_server_refuses_leaves_no_preparation_behind(nine: ScriptedServer) -> None:
    """As if the documents had come after the look."""
    fill(nine)
    nothing = {"ok": 1, "cursor": {"id": 0, "ns": "shop.orders", "firstBatch": []}}
    nine.on("find", match={"find": "orders"}, times=1, reply=nothing)
    code, facts = apply(nine, CONSTRAINT)
    assert code == 69
    assert '2 documents of it are not valid, with _id "late", 7' in facts["reason"]
    assert "Correct or delete what is not valid" in facts["reason"]
    assert "secret" not in json.dumps(facts)
    assert options(nine)["validationLevel"] == "strict" and PREPARE not in options(nine)
    assert nine.count("collMod") == 3  # prepared, refused, taken back


def test_clean_documents_become_a_constraint_which_stays(nine: ScriptedServer) -> None:
    """Also for a schema that names no level; import writes it down."""
    fill(nine)
    removed = {"delete": "orders", "deletes": [{"q": {"total": {"$lt": 0}}, "limit": 0}]}
    assert nine.run("shop", removed)["n"] == 2
    assert apply(nine, CONSTRAINT)[0] == 0
    assert options(nine)["validationLevel"] == "constraint" and PREPARE not in options(nine)
    code, text = Daemon(nine.uri(), HEAD + RULE).plan()
    assert code == 0 and "No changes" in text
    code, text = Daemon(nine.uri(), HEAD + RULE + 'validation = { level = "strict" }\n').plan()
    assert code == 2 and "= orders  set the validator (level strict" in text
    assert "gives up the level constraint" in text and "can break the version before" in text
    later = HEAD.replace("= 3", "= 4") + RULE
    assert apply(nine, later)[0] == 0
    assert options(nine)["validationLevel"] == "constraint"
    of = Daemon(nine.uri(), HEAD)
    uri = ("--config", str(of.config), "--mongodb-uri-file", str(of.uri_file))
    code, text = of.run("import", "--db", "shop", *uri)
    assert code == 0 and 'validation = { level = "constraint" }' in text


@pytest.mark.parametrize("there", [False, True])
def test_an_old_feature_version_is_told_to_be_raised(nine: ScriptedServer, there: bool) -> None:
    nine.configure(feature_version=8)
    if there:
        assert nine.run("shop", {"create": "orders"})["ok"] == 1
    code, facts = apply(nine, CONSTRAINT)
    assert code == 69
    assert "is not supported with current FCV" in facts["reason"]
    assert 'setFeatureCompatibilityVersion: "9.0"' in facts["reason"]
    assert "correct the schema file" not in facts["reason"]


def test_unlock_takes_a_preparation_back(nine: ScriptedServer) -> None:
    fill(nine)
    assert nine.run("shop", {"collMod": "orders", PREPARE: True})["ok"] == 1
    of = Daemon(nine.uri(), HEAD + RULE)
    assert apply(nine, HEAD + RULE)[0] == 0
    assert options(nine)[PREPARE] is True  # it may be somebody's who goes on by hand
    target = {"$set": {"owner": "a" * 32, "target": {"version": 4, "hash": "00"}}}
    command = {"findAndModify": "_readygate", "query": {"_id": "shop"}, "update": target}
    assert nine.run("shop", command)["ok"] == 1
    flags = ("--yes", "--abandon-target", "--format", "json")
    code, text = of.run("unlock", *of.options(), *flags)
    assert code == 0 and json.loads(text)["reset"] == ["orders"]
    assert PREPARE not in options(nine)


def test_a_server_that_does_not_log_errors_is_told_by_plan(nine: ScriptedServer) -> None:
    nine.configure(version="8.0.4", max_wire=25)
    of = Daemon(nine.uri(), HEAD + RULE + 'validation = { action = "errorAndLog" }\n')
    code, text = of.plan()
    assert code == 2 and "! orders  conflict: " in text
    assert f'"errorAndLog" ({of.schema}:9:25): that needs MongoDB 8.1 or later' in text
