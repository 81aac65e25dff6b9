"""Questions about what a server answers to a document that a unique index has no place for: to a
seed, in each of its modes and for each shape of key, and to an index that is built over such ones.

A MongoDB says 11000, and by `keyPattern` which index it is. Others say less, so readygate asks the
documents (src/mongo/seed_collision.cc).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pymongo import ReplaceOne, UpdateOne
from pymongo.database import Database

from .asking import must, question, refusal

Key = dict[str, int]
NAME: Key = {"name": 1}
DUPLICATE = 11000


def told(write: Callable[[], object], key: Key) -> None:
    """That the server refuses the write as a duplicate, and says of which index."""
    said = refusal(write)
    code = said.get("code")
    pattern = said.get("keyPattern")
    where = "" if pattern else ", without `keyPattern`"
    must(code == DUPLICATE and pattern == key, f"code {code}{where}")


def taken(database: Database[Any], key: Key, theirs: dict[str, Any], **how: Any) -> Any:
    """A collection with a unique index and a document."""
    database["c"].create_index(list(key.items()), name="i", unique=True, **how)
    database["c"].insert_one({"_id": 41, **theirs})
    return database["c"]


@question("insert_collides", "a seed, `insert_missing`: another document has the key")
def insert_collides(database: Database[Any]) -> None:
    users = taken(database, NAME, {"name": "x"})
    told(lambda: users.insert_many([{"_id": 1, "name": "y"}, {"_id": 2, "name": "x"}]), NAME)


@question("merge_collides", "a seed, `merge`: a document is changed into a taken key")
def merge_collides(database: Database[Any]) -> None:
    users = taken(database, NAME, {"name": "x"})
    users.insert_one({"_id": 2, "name": "y"})
    told(lambda: users.bulk_write([UpdateOne({"_id": 2}, {"$set": {"name": "x"}})]), NAME)


@question("upsert_collides", "a seed, `merge`: a document is added with a taken key")
def upsert_collides(database: Database[Any]) -> None:
    users = taken(database, NAME, {"name": "x"})
    update = UpdateOne({"_id": 2}, {"$set": {"name": "x"}}, upsert=True)
    told(lambda: users.bulk_write([update]), NAME)


@question("replace_collides", "a seed, `replace`: a document is replaced by one with a taken key")
def replace_collides(database: Database[Any]) -> None:
    users = taken(database, NAME, {"name": "x"})
    users.insert_one({"_id": 2, "name": "y"})
    told(lambda: users.bulk_write([ReplaceOne({"_id": 2}, {"name": "x"}, upsert=True)]), NAME)


@question("id_collides", "a seed: another writer has inserted its `_id`")
def id_collides(database: Database[Any]) -> None:
    users = taken(database, NAME, {"name": "x"})
    told(lambda: users.insert_one({"_id": 41, "name": "y"}), {"_id": 1})


@question("compound_collides", "a seed: a key of two fields, one of them in a document")
def compound_collides(database: Database[Any]) -> None:
    key = {"org": 1, "name.first": -1}
    users = taken(database, key, {"org": 7, "name": {"first": "x"}})
    told(lambda: users.insert_one({"_id": 2, "org": 7, "name": {"first": "x"}}), key)


@question("array_collides", "a seed: one value of an array")
def array_collides(database: Database[Any]) -> None:
    key = {"tags": 1}
    users = taken(database, key, {"tags": ["x"]})
    told(lambda: users.insert_one({"_id": 2, "tags": ["a", "x"]}), key)


@question("null_collides", "a seed: a missing field and null")
def null_collides(database: Database[Any]) -> None:
    users = taken(database, NAME, {"name": None})
    told(lambda: users.insert_one({"_id": 2}), NAME)


@question("number_collides", "a seed: the same number as an integer and as a double")
def number_collides(database: Database[Any]) -> None:
    users = taken(database, NAME, {"name": 7})
    told(lambda: users.insert_one({"_id": 2, "name": 7.0}), NAME)


@question("partial_collides", "a seed: a partial index")
def partial_collides(database: Database[Any]) -> None:
    users = taken(database, NAME, {"name": "x", "on": True}, partialFilterExpression={"on": True})
    users.insert_one({"_id": 2, "name": "x"})
    told(lambda: users.insert_one({"_id": 3, "name": "x", "on": True}), NAME)


@question("collation_collides", "a seed: an index that ignores case")
def collation_collides(database: Database[Any]) -> None:
    users = taken(database, NAME, {"name": "x"}, collation={"locale": "en", "strength": 2})
    told(lambda: users.insert_one({"_id": 2, "name": "X"}), NAME)


@question("transaction_collides", "a seed, in a transaction: nothing of it stays")
def transaction_collides(database: Database[Any]) -> None:
    users = taken(database, NAME, {"name": "x"})
    documents = [{"_id": 1, "name": "y"}, {"_id": 2, "name": "x"}]
    with database.client.start_session() as session:
        session.start_transaction()
        told(lambda: users.insert_many(documents, session=session), NAME)
        session.abort_transaction()
    must(users.count_documents({}) == 1, "what was written before stays")


@question("validator_refuses", "a seed: a document that violates a validator")
def validator_refuses(database: Database[Any]) -> None:
    database.create_collection("c")
    database.command("collMod", "c", validator={"n": {"$gt": 5}})
    code = refusal(lambda: database["c"].insert_one({"n": 1})).get("code")
    must(code == 121, f"code {code}")


@question("build_collides", "a unique index over documents that share a key")
def build_collides(database: Database[Any]) -> None:
    database["c"].insert_many([{"name": "x"}, {"name": "x"}])
    told(lambda: database["c"].create_index("name", name="i", unique=True), NAME)


@question("conversion_collides", "`collMod`: `unique` over documents that share a key (359)")
def conversion_collides(database: Database[Any]) -> None:
    database["c"].insert_many([{"name": "x"}, {"name": "x"}])
    database["c"].create_index("name", name="i")
    database.command("collMod", "c", index={"name": "i", "prepareUnique": True})
    unique = {"name": "i", "unique": True}
    said = refusal(lambda: database.command("collMod", "c", index=unique))
    must(said.get("code") == 359, f"code {said.get('code')}")
    must(said.get("violations"), "359, without `violations`")
