"""A document that a migration cannot change is named by its _id, and by nothing else of it."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from pymongo import MongoClient

from support.engine import Engine
from support.gate import Daemon

SCHEMA = """
schema = "s"
database = "s"
version = 1
min_open = 1
[policy]
contract = "apply"
[[collection]]
name = "people"
[[migration]]
id = "0001-birth-to-date"
phase = "{phase}"
  [migration.batch]
  collection = "people"
  size = 100
  filter = '{{ "birth": {{ "$type": "string" }} }}'
  update = '[ {{ "$set": {{ "birth": {{ "$toDate": "$birth" }} }} }} ]'
"""


@pytest.mark.engines
@pytest.mark.parametrize("phase", ["pre", "background"])
def test_a_document_that_cannot_be_converted_is_named(
    phase: str,
    make_daemon: Callable[..., Daemon],
    engine: Engine,
    client: MongoClient,
    database: str,
) -> None:
    people = client[database]["people"]
    people.insert_many(
        [{"_id": i, "birth": "Secretia" if i == 137 else "2001-02-03"} for i in range(300)]
    )
    done = make_daemon(engine.uri, schema=SCHEMA.format(phase=phase)).apply("--background")
    assert done.exit_code == 69
    assert done.facts["code"] == "migration_refused"
    assert done.facts["origin"] == "documents"
    assert "document with _id 137" in done.facts["reason"]
    assert "Secretia" not in done.output
    # The batches before it are done, and nothing is lost.
    assert 100 <= people.count_documents({"birth": {"$type": "date"}}) < 200
    assert people.find_one(137) == {"_id": 137, "birth": "Secretia"}
    assert people.count_documents({}) == 300
