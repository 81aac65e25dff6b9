"""Questions about what a server has from the beginning: kinds of index, of collection, of write."""

from __future__ import annotations

import uuid
from typing import Any

from bson.binary import Binary
from bson.int64 import Int64
from pymongo.database import Database
from pymongo.errors import OperationFailure

from .asking import Lacking, index, made, must, options, question, refusal


@question("text", "a text index")
def text(database: Database[Any]) -> None:
    database["c"].create_index([("t", "text")], name="i")


@question("hashed", "a hashed index")
def hashed(database: Database[Any]) -> None:
    database["c"].create_index([("h", "hashed")], name="i")


@question("index_collation", "an index with a collation")
def index_collation(database: Database[Any]) -> None:
    database["c"].create_index("a", name="i", collation={"locale": "en", "strength": 2})
    must("collation" in index(database), "the index's collation is forgotten")


@question("hidden_at_creation", "an index that is hidden when it is made")
def hidden_at_creation(database: Database[Any]) -> None:
    database["c"].create_index("a", name="i", hidden=True)
    must(index(database).get("hidden"), "hidden is forgotten")


@question("hidden_later", "`collMod`: an index hidden, and shown again")
def hidden_later(database: Database[Any]) -> None:
    """By collMod, and shown again."""
    database["c"].create_index("a", name="i")
    for hidden in (True, False):
        database.command("collMod", "c", index={"name": "i", "hidden": hidden})
        must(index(database).get("hidden", False) == hidden, "forgotten")


@question("prepare_unique", "`collMod`: `prepareUnique`, then `unique`")
def prepare_unique(database: Database[Any]) -> None:
    database["c"].create_index("a", name="i")
    database.command("collMod", "c", index={"name": "i", "prepareUnique": True})
    must(index(database).get("prepareUnique"), "prepareUnique is forgotten")
    database.command("collMod", "c", index={"name": "i", "unique": True})
    must(index(database).get("unique"), "unique by collMod is forgotten")


@question("all_indexes_or_none", "of several indexes in one command all, or none")
def all_indexes_or_none(database: Database[Any]) -> None:
    """Of one command: when one of them cannot be built, none is there."""
    database["c"].insert_many([{"a": 1}, {"a": 1}])
    key = {"a": 1}
    indexes = [{"name": "j", "key": {"_id": 1, **key}}, {"name": "i", "key": key, "unique": True}]
    try:
        database.command("createIndexes", "c", indexes=indexes)
    except OperationFailure:
        must(not index(database, "j"), "those before the one that fails stay")


@question("compound_wildcard", "a compound wildcard index")
def compound_wildcard(database: Database[Any]) -> None:
    database["c"].create_index([("b", 1), ("a.$**", 1)], name="i")


@question("validator", "a validator given to `create`, enforced (121)")
def validator(database: Database[Any]) -> None:
    """At creation, enforced with MongoDB's code."""
    database.create_collection("c", validator={"n": {"$gt": 5}})
    try:
        database["c"].insert_one({"n": 1})
    except OperationFailure as error:
        must(error.code == 121, f"a refused document has code {error.code}")
        return
    raise Lacking("forgotten")


@question("views", "a view")
def views(database: Database[Any]) -> None:
    database["c"].insert_one({})
    database.command("create", "v", viewOn="c", pipeline=[])
    must(options(database, "v").get("type") == "view", "forgotten: a plain collection")


@question("changed_views", "`collMod`: a view's pipeline")
def changed_views(database: Database[Any]) -> None:
    views(database)
    pipeline = [{"$match": {"a": 1}}]
    database.command("collMod", "v", viewOn="c", pipeline=pipeline)
    must(options(database, "v").get("pipeline") == pipeline, "forgotten")


@question("capped", "a capped collection")
def capped(database: Database[Any]) -> None:
    database.create_collection("c", capped=True, size=4096, max=3)
    must(options(database).get("capped"), "forgotten")


@question("changed_capped", "`collMod`: `cappedSize`")
def changed_capped(database: Database[Any]) -> None:
    capped(database)
    database.command("collMod", "c", cappedSize=8192)
    must(options(database).get("size") == 8192, "forgotten")


@question("timeseries", "a time series, listed as one")
def timeseries(database: Database[Any]) -> None:
    database.create_collection("c", timeseries={"timeField": "at"})
    must(options(database).get("type") == "timeseries", "not listed as one")


@question("clustered", "a clustered collection")
def clustered(database: Database[Any]) -> None:
    made(database, "clusteredIndex", {"key": {"_id": 1}, "unique": True})


@question("collation", "a collection's collation")
def collation(database: Database[Any]) -> None:
    """Of a collection."""
    made(database, "collation", {"locale": "en", "strength": 2})


@question("whole_collation", "a collation listed with its defaults")
def whole_collation(database: Database[Any]) -> None:
    """Listed with what nobody has said of it."""
    index_collation(database)
    must("caseFirst" in index(database)["collation"], "listed as it was given")


@question("preimages", "pre- and post-images")
def preimages(database: Database[Any]) -> None:
    made(database, "changeStreamPreAndPostImages", {"enabled": True})


@question("storage_engine", "options of the storage engine")
def storage_engine(database: Database[Any]) -> None:
    made(database, "storageEngine", {"wiredTiger": {"configString": "block_compressor=zstd"}})


@question("encrypted_fields", "`encryptedFields`")
def encrypted_fields(database: Database[Any]) -> None:
    field = {"path": "s", "bsonType": "string", "keyId": Binary.from_uuid(uuid.uuid4())}
    database.command("create", "c", encryptedFields={"fields": [field]})
    must("encryptedFields" in options(database), "forgotten")


@question("replica_set", "a replica set's name in `hello`")
def replica_set(database: Database[Any]) -> None:
    must("setName" in database.client.admin.command("hello"), "no")


@question("retryable_writes", "retryable writes")
def retryable_writes(database: Database[Any]) -> None:
    with database.client.start_session() as session:
        numbers = {"txnNumber": Int64(1), "lsid": session.session_id}
        insert = {"insert": "c", "documents": [{}], **numbers}
        for _ in range(2):
            database.command(insert)
    must(database["c"].count_documents({}) == 1, "done twice")


@question("transactions", "transactions")
def transactions(database: Database[Any]) -> None:
    database.create_collection("c")
    with database.client.start_session() as session:
        with session.start_transaction():
            database["c"].insert_one({}, session=session)
            must(database["c"].count_documents({}) == 0, "seen before its end")
        must(database["c"].count_documents({}) == 1, "a transaction is lost")


@question("change_streams", "change streams")
def change_streams(database: Database[Any]) -> None:
    with database["c"].watch(max_await_time_ms=100) as stream:
        database["c"].insert_one({})
        must(any(stream.try_next() for _ in range(50)), "a change stream shows no insert")


@question("collation_used", "a collection's collation, in what finds match")
def collation_used(database: Database[Any]) -> None:
    collation(database)
    database["c"].insert_one({"s": "x"})
    must(database["c"].find_one({"s": "X"}), "kept, and not used")


@question("text_version", "`textIndexVersion` 3")
def text_version(database: Database[Any]) -> None:
    database["c"].create_index([("t", "text")], name="i", textIndexVersion=3)


@question("sphere_version", "`2dsphereIndexVersion` 2")
def sphere_version(database: Database[Any]) -> None:
    database["c"].create_index([("g", "2dsphere")], name="i", **{"2dsphereIndexVersion": 2})


@question("nothing_added", "an index listed with what was declared, and no more")
def nothing_added(database: Database[Any]) -> None:
    database["c"].create_index("a", name="i")
    added = set(index(database)) - {"v", "key", "ns"}
    must(not added, f"with {', '.join(sorted(added))} too")


@question("build_uuids", "`listIndexes` with `includeBuildUUIDs`")
def build_uuids(database: Database[Any]) -> None:
    """Whether it then says of a build that it runs, only a long one would show."""
    database.create_collection("c")
    database.command("listIndexes", "c", includeBuildUUIDs=True)


@question("parallel_arrays", "an index over two arrays of one document refused (171)")
def parallel_arrays(database: Database[Any]) -> None:
    database["c"].insert_one({"a": [1], "b": [2]})
    code = refusal(lambda: database["c"].create_index([("a", 1), ("b", 1)], name="i")).get("code")
    must(code == 171, f"refused with code {code}")


@question("wrong_schema", "a `$jsonSchema` with an unknown word refused (9)")
def wrong_schema(database: Database[Any]) -> None:
    rule = {"$jsonSchema": {"nonsense": 1}}
    code = refusal(lambda: database.create_collection("c", validator=rule)).get("code")
    must(code == 9, f"refused with code {code}")


@question("pipeline_now", "an update by a pipeline with `$$NOW`")
def pipeline_now(database: Database[Any]) -> None:
    database["c"].insert_one({"_id": 1})
    database["c"].find_one_and_update({"_id": 1}, [{"$set": {"at": "$$NOW"}}])
    must("at" in (database["c"].find_one() or {}), "forgotten")
