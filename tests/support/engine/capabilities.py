"""What a server can do, asked of the server itself, once: what `needs` of a test is judged by.

    @needs("text", "transactions")
    def test_...

A test that needs what the server lacks is skipped, and the result says why. Each question makes,
and drops, a database of its own; it says what the server has answered instead of what was hoped
for. An accepted command proves nothing: servers forget what they have accepted, so each question
looks at what is left of it.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

import pytest
from bson.binary import Binary
from bson.int64 import Int64
from pymongo import MongoClient
from pymongo.database import Database
from pymongo.errors import OperationFailure, PyMongoError

Question = Callable[[Database[Any]], object]
QUESTIONS: dict[str, Question] = {}
needs = pytest.mark.needs
STOP = "stop"  # that it is ours: it may be stopped, paused and killed


class Lacking(Exception):
    """The server has answered, and not as a MongoDB does."""


def question(name: str) -> Callable[[Question], Question]:
    def keep(ask: Question) -> Question:
        QUESTIONS[name] = ask
        return ask

    return keep


class Capabilities:
    """Of one server. `own`: whether it is an embedded engine."""

    def __init__(self, uri: str, own: bool) -> None:
        self._uri, self._own = uri, own
        self._known: dict[str, str] = {}

    def why_lacking(self, name: str) -> str:
        """What the server says instead of doing that; "" if it can."""
        if name == STOP:
            return "" if self._own else "the server is not ours"
        if name not in self._known:
            self._known[name] = self._asked(QUESTIONS[name])
        return self._known[name]

    def lacking(self) -> list[str]:
        """All that it cannot do."""
        return [name for name in (STOP, *QUESTIONS) if self.why_lacking(name)]

    def _asked(self, ask: Question) -> str:
        with MongoClient[Any](self._uri, serverSelectionTimeoutMS=20_000) as client:
            database = client[f"rg_test_ask_{uuid.uuid4().hex[:12]}"]
            try:
                ask(database)
            except (OperationFailure, Lacking) as error:
                words = error.details.get("errmsg") if isinstance(error, OperationFailure) else None
                return str(words or error).splitlines()[0][:160]
            except PyMongoError as error:
                return str(error)[:160]
            finally:
                client.drop_database(database.name)
        return ""


def options(database: Database[Any], name: str = "c") -> dict[str, Any]:
    """What is listed of a collection."""
    found = list(database.list_collections(filter={"name": name}))
    return {"type": found[0]["type"], **found[0]["options"]} if found else {}


def index(database: Database[Any], name: str = "i") -> dict[str, Any]:
    """What is listed of an index."""
    return dict(database["c"].index_information().get(name, {}))


def must(holds: object, words: str) -> None:
    if not holds:
        raise Lacking(words)


def made(database: Database[Any], option: str, value: object) -> None:
    """That a collection made with this option has it."""
    database.create_collection("c", **{option: value})
    must(option in options(database), f"create forgets {option}")


@question("text")
def text(database: Database[Any]) -> None:
    database["c"].create_index([("t", "text")], name="i")


@question("hashed")
def hashed(database: Database[Any]) -> None:
    database["c"].create_index([("h", "hashed")], name="i")


@question("index_collation")
def index_collation(database: Database[Any]) -> None:
    database["c"].create_index("a", name="i", collation={"locale": "en", "strength": 2})
    must("collation" in index(database), "the index's collation is forgotten")


@question("hidden_at_creation")
def hidden_at_creation(database: Database[Any]) -> None:
    database["c"].create_index("a", name="i", hidden=True)
    must(index(database).get("hidden"), "hidden is forgotten")


@question("hidden_later")
def hidden_later(database: Database[Any]) -> None:
    """By collMod, and shown again."""
    database["c"].create_index("a", name="i")
    for hidden in (True, False):
        database.command("collMod", "c", index={"name": "i", "hidden": hidden})
        must(index(database).get("hidden", False) == hidden, "collMod forgets hidden")


@question("prepare_unique")
def prepare_unique(database: Database[Any]) -> None:
    database["c"].create_index("a", name="i")
    database.command("collMod", "c", index={"name": "i", "prepareUnique": True})
    must(index(database).get("prepareUnique"), "prepareUnique is forgotten")
    database.command("collMod", "c", index={"name": "i", "unique": True})
    must(index(database).get("unique"), "unique by collMod is forgotten")


@question("all_indexes_or_none")
def all_indexes_or_none(database: Database[Any]) -> None:
    """Of one command: when one of them cannot be built, none is there."""
    database["c"].insert_many([{"a": 1}, {"a": 1}])
    key = {"a": 1}
    indexes = [{"name": "j", "key": {"_id": 1, **key}}, {"name": "i", "key": key, "unique": True}]
    try:
        database.command("createIndexes", "c", indexes=indexes)
    except OperationFailure:
        must(not index(database, "j"), "one index is there and the other failed")


@question("compound_wildcard")
def compound_wildcard(database: Database[Any]) -> None:
    database["c"].create_index([("b", 1), ("a.$**", 1)], name="i")


@question("validator")
def validator(database: Database[Any]) -> None:
    """At creation, enforced with MongoDB's code."""
    database.create_collection("c", validator={"n": {"$gt": 5}})
    try:
        database["c"].insert_one({"n": 1})
    except OperationFailure as error:
        must(error.code == 121, f"a refused document has code {error.code}")
        return
    raise Lacking("a validator given to create is not enforced")


@question("views")
def views(database: Database[Any]) -> None:
    database["c"].insert_one({})
    database.command("create", "v", viewOn="c", pipeline=[])
    must(options(database, "v").get("type") == "view", "a view becomes a collection")


@question("changed_views")
def changed_views(database: Database[Any]) -> None:
    views(database)
    pipeline = [{"$match": {"a": 1}}]
    database.command("collMod", "v", viewOn="c", pipeline=pipeline)
    must(options(database, "v").get("pipeline") == pipeline, "collMod of a view is forgotten")


@question("capped")
def capped(database: Database[Any]) -> None:
    database.create_collection("c", capped=True, size=4096, max=3)
    must(options(database).get("capped"), "create forgets capped")


@question("changed_capped")
def changed_capped(database: Database[Any]) -> None:
    capped(database)
    database.command("collMod", "c", cappedSize=8192)
    must(options(database).get("size") == 8192, "collMod forgets cappedSize")


@question("timeseries")
def timeseries(database: Database[Any]) -> None:
    database.create_collection("c", timeseries={"timeField": "at"})
    must(options(database).get("type") == "timeseries", "a time series becomes a collection")


@question("clustered")
def clustered(database: Database[Any]) -> None:
    made(database, "clusteredIndex", {"key": {"_id": 1}, "unique": True})


@question("collation")
def collation(database: Database[Any]) -> None:
    """Of a collection."""
    made(database, "collation", {"locale": "en", "strength": 2})


@question("whole_collation")
def whole_collation(database: Database[Any]) -> None:
    """Listed with what nobody has said of it."""
    index_collation(database)
    must("caseFirst" in index(database)["collation"], "a collation is listed as it was given")


@question("preimages")
def preimages(database: Database[Any]) -> None:
    made(database, "changeStreamPreAndPostImages", {"enabled": True})


@question("storage_engine")
def storage_engine(database: Database[Any]) -> None:
    made(database, "storageEngine", {"wiredTiger": {"configString": "block_compressor=zstd"}})


@question("encrypted_fields")
def encrypted_fields(database: Database[Any]) -> None:
    field = {"path": "s", "bsonType": "string", "keyId": Binary.from_uuid(uuid.uuid4())}
    database.command("create", "c", encryptedFields={"fields": [field]})
    must("encryptedFields" in options(database), "create forgets encryptedFields")


@question("replica_set")
def replica_set(database: Database[Any]) -> None:
    must("setName" in database.client.admin.command("hello"), "hello names no set")


@question("retryable_writes")
def retryable_writes(database: Database[Any]) -> None:
    with database.client.start_session() as session:
        numbers = {"txnNumber": Int64(1), "lsid": session.session_id}
        insert = {"insert": "c", "documents": [{}], **numbers}
        for _ in range(2):
            database.command(insert)
    must(database["c"].count_documents({}) == 1, "a repeated write is done twice")


@question("transactions")
def transactions(database: Database[Any]) -> None:
    database.create_collection("c")
    with database.client.start_session() as session:
        with session.start_transaction():
            database["c"].insert_one({}, session=session)
            must(database["c"].count_documents({}) == 0, "a transaction is seen before its end")
        must(database["c"].count_documents({}) == 1, "a transaction is lost")


@question("change_streams")
def change_streams(database: Database[Any]) -> None:
    with database["c"].watch(max_await_time_ms=100) as stream:
        database["c"].insert_one({})
        must(any(stream.try_next() for _ in range(50)), "a change stream shows no insert")
