"""The scripted server itself, through real drivers: it satisfies them, and each fault happens."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from bson.int64 import Int64
from pymongo import ASCENDING, DESCENDING, TEXT, MongoClient, ReturnDocument, errors
from pymongo.read_preferences import ReadPreference

from support.scripted import ScriptedServer, ScriptError, scripted, scripted_set
from support.scripted.server import program

__all__ = ["scripted", "scripted_set"]  # fixtures, found by name


@contextmanager
def connect(server: ScriptedServer, options: str = "", **settings: Any) -> Iterator[MongoClient]:
    """A client that gives up soon."""
    settings = {"serverSelectionTimeoutMS": 2000, "heartbeatFrequencyMS": 500, **settings}
    with MongoClient(server.uri(options), **settings) as client:
        yield client


# The catalog: what a MongoDB 7 or 8 answers.


def test_both_topologies_are_seen_for_what_they_are(
    scripted: ScriptedServer, scripted_set: ScriptedServer
) -> None:
    with connect(scripted) as client:
        assert client.server_info()["versionArray"] == [7, 0, 14, 0]
        assert client.topology_description.topology_type_name == "Single"
    with connect(scripted_set) as client:
        assert client.admin.command("ping")["ok"] == 1
        assert client.topology_description.topology_type_name == "ReplicaSetWithPrimary"
        assert client.primary == ("127.0.0.1", scripted_set.port)


def test_create_again_is_fine_with_the_same_options_only(scripted: ScriptedServer) -> None:
    with connect(scripted) as client:
        database = client.shop
        for _ in range(2):
            database.command("create", "log", capped=True, size=1000, collation={"locale": "de"})
        (entry,) = database.list_collections(filter={"name": "log"})
        assert entry["type"] == "collection"
        assert entry["options"]["size"] == 1024  # a multiple of 256
        assert entry["options"]["collation"]["strength"] == 3  # listed with every default
        assert entry["idIndex"]["collation"]["locale"] == "de"
        with pytest.raises(errors.OperationFailure) as caught:
            database.command("create", "log")
        assert caught.value.code == 48


def test_a_validator_is_listed_as_it_was_given(scripted: ScriptedServer) -> None:
    validator = {"$jsonSchema": {"required": ["name"]}}
    with connect(scripted) as client:
        client.shop.command("create", "items", validator=validator)
        (entry,) = client.shop.list_collections(filter={"name": "items"})
        assert entry["options"] == {"validator": validator}
        client.shop.command("collMod", "items", validator={}, validationLevel="moderate")
        (entry,) = client.shop.list_collections(filter={"name": "items"})
        assert entry["options"] == {"validationLevel": "moderate"}


def test_views_and_time_series_are_not_collections(scripted: ScriptedServer) -> None:
    with connect(scripted) as client:
        database = client.shop
        database.items.insert_many([{"n": 1, "sold": True}, {"n": 2, "sold": False}])
        database.command("create", "sold", viewOn="items", pipeline=[{"$match": {"sold": True}}])
        database.command("create", "ticks", timeseries={"timeField": "at"})
        types = {entry["name"]: entry["type"] for entry in database.list_collections()}
        assert types == {
            "items": "collection",
            "sold": "view",
            "system.views": "collection",
            "ticks": "timeseries",
            "system.buckets.ticks": "collection",
        }
        assert [found["n"] for found in database.sold.find()] == [1]
        for command in ("listIndexes", "createIndexes"):
            with pytest.raises(errors.OperationFailure) as caught:
                database.command(command, "sold", indexes=[{"key": {"n": 1}, "name": "n"}])
            assert caught.value.code == 166


def listed(client: MongoClient, name: str) -> dict[str, Any]:
    """The one index of that name of shop.items, as listIndexes shows it."""
    (found,) = [one for one in client.shop.items.list_indexes() if one["name"] == name]
    return {key: dict(value) if hasattr(value, "items") else value for key, value in found.items()}


def test_indexes_are_listed_as_the_server_stores_them(scripted: ScriptedServer) -> None:
    with connect(scripted) as client:
        items = client.shop.items
        items.create_index(
            [("a", ASCENDING), ("b", DESCENDING)], name="plain", unique=True, hidden=True
        )
        items.create_index([("s", TEXT), ("r", TEXT), ("q", 1)], name="text", weights={"r": 5})
        items.create_index([("at", 1)], name="ttl", expireAfterSeconds=60, hidden=False)
        items.create_index([("place", "2dsphere")], name="place")
        items.create_index([("$**", 1)], name="wild", wildcardProjection={"a": 1})
        items.create_index([("c", 1)], name="col", collation={"locale": "fr", "strength": 2})
        assert listed(client, "plain") == {
            "v": 2, "key": {"a": 1, "b": -1}, "name": "plain", "unique": True, "hidden": True,
        }  # fmt: skip
        assert listed(client, "text") == {
            "v": 2, "key": {"_fts": "text", "_ftsx": 1, "q": 1}, "name": "text",
            "weights": {"r": 5, "s": 1}, "default_language": "english",
            "language_override": "language", "textIndexVersion": 3,
        }  # fmt: skip
        assert list(listed(client, "text")["weights"]) == ["r", "s"]  # by name
        assert listed(client, "ttl") == {
            "v": 2,
            "key": {"at": 1},
            "name": "ttl",
            "expireAfterSeconds": 60,
        }
        assert listed(client, "place")["2dsphereIndexVersion"] == 3
        assert listed(client, "wild")["wildcardProjection"] == {"a": 1}
        assert listed(client, "col")["collation"]["caseFirst"] == "off"


def test_the_same_indexes_again_are_noted(scripted: ScriptedServer) -> None:
    index = {"key": {"a": 1}, "name": "a", "unique": False}
    with connect(scripted) as client:
        first = client.shop.command("createIndexes", "items", indexes=[index])
        assert (first["numIndexesBefore"], first["numIndexesAfter"]) == (1, 2)
        assert first["createdCollectionAutomatically"] and "note" not in first
        again = [{"key": {"a": Int64(1)}, "name": "a"}, {"key": {"_id": 1}, "name": "mine"}]
        second = client.shop.command("createIndexes", "items", indexes=again)
        assert (second["numIndexesBefore"], second["numIndexesAfter"]) == (2, 2)
        assert second["note"] == "all indexes already exist"


@pytest.mark.parametrize(
    ("index", "code"),
    [
        ({"key": {"a": 1}, "name": "other"}, 85),  # the same index under another name
        (
            {"key": {"at": 1}, "name": "at", "expireAfterSeconds": 9},
            85,
        ),  # the same index, another option
        ({"key": {"b": 1}, "name": "a"}, 86),  # another index under the same name
        ({"key": {"a": 1}, "name": "a", "unique": True}, 86),  # unique is part of what an index is
        ({"key": {}, "name": "e"}, 67),
        ({"key": {"a": 0}, "name": "e"}, 67),
        ({"key": {"a": "magic"}, "name": "e"}, 67),
        ({"key": {"a": 1, "b": 1}, "name": "e", "expireAfterSeconds": 1}, 67),
        ({"key": {"z": 1}, "name": "e", "sparse": True, "partialFilterExpression": {"z": 1}}, 67),
        ({"key": {"t": "text", "u": 1}, "name": "e"}, 67),  # a second text index
        ({"key": {"a": 1}, "name": "e", "colour": "red"}, 197),
        ({"key": {"a": 1}}, 9),
        ({"key": {"n": 1}, "name": "n", "unique": True}, 11000),  # two documents have n: 1
    ],
)
def test_a_conflicting_or_wrong_index_is_refused(
    scripted: ScriptedServer, index: dict, code: int
) -> None:
    with connect(scripted) as client:
        items = client.shop.items
        items.insert_many([{"n": 1}, {"n": 1}, {"n": 2}])
        items.create_index([("a", 1)], name="a")
        items.create_index([("at", 1)], name="at", expireAfterSeconds=60)
        items.create_index([("s", "text")], name="text")
        good = {"key": {"good": 1}, "name": "good"}
        with pytest.raises(errors.OperationFailure) as caught:
            client.shop.command("createIndexes", "items", indexes=[good, index])
        assert caught.value.code == code
        assert "good" not in {one["name"] for one in items.list_indexes()}  # all or none


def test_one_key_may_have_a_unique_and_a_plain_index(scripted: ScriptedServer) -> None:
    with connect(scripted) as client:
        for name, options in (("a", {}), ("b", {"unique": True}), ("c", {"sparse": True})):
            client.shop.items.create_index([("k", 1)], name=name, **options)
        assert len(list(client.shop.items.list_indexes())) == 4


def test_modifying_an_index_names_what_changed(scripted: ScriptedServer) -> None:
    with connect(scripted) as client:
        database = client.shop
        database.items.create_index([("at", 1)], name="at", expireAfterSeconds=60)
        change = {"name": "at", "expireAfterSeconds": 90, "hidden": True}
        reply = database.command("collMod", "items", index=change)
        assert (reply["expireAfterSeconds_old"], reply["expireAfterSeconds_new"]) == (60, 90)
        assert (reply["hidden_old"], reply["hidden_new"]) == (False, True)
        reply = database.command(
            "collMod", "items", index={"keyPattern": {"at": 1}, "hidden": True}
        )
        assert "hidden_new" not in reply
        for index, code in (
            ({"name": "no", "hidden": True}, 27),
            ({"name": "_id_", "hidden": True}, 2),
        ):
            with pytest.raises(errors.OperationFailure) as caught:
                database.command("collMod", "items", index=index)
            assert caught.value.code == code
        with pytest.raises(errors.OperationFailure) as caught:
            database.command("collMod", "nothing", validationLevel="off")
        assert caught.value.code == 26


def test_to_unique_needs_preparation_and_no_duplicates(scripted: ScriptedServer) -> None:
    with connect(scripted) as client:
        database = client.shop
        database.items.insert_many([{"_id": 1, "n": 1}, {"_id": 2, "n": 1}])
        database.items.create_index([("n", 1)], name="n")
        to_unique = {"name": "n", "unique": True}
        for code in (72, 359):
            with pytest.raises(errors.OperationFailure) as caught:
                database.command("collMod", "items", index=to_unique)
            assert caught.value.code == code
            database.command("collMod", "items", index={"name": "n", "prepareUnique": True})
        with pytest.raises(errors.DuplicateKeyError):
            database.items.insert_one({"n": 1})
        database.items.delete_one({"_id": 2})
        database.command("collMod", "items", index=to_unique)
        assert listed(client, "n")["unique"] is True


def test_dropping_indexes(scripted: ScriptedServer) -> None:
    with connect(scripted) as client:
        items = client.shop.items
        items.create_index([("a", 1)], name="a")
        items.create_index([("b", 1)], name="b")
        for index, code in (("_id_", 72), ("no", 27), (["a", "no"], 27)):
            with pytest.raises(errors.OperationFailure) as caught:
                client.shop.command("dropIndexes", "items", index=index)
            assert caught.value.code == code
        assert client.shop.command("dropIndexes", "items", index="a")["nIndexesWas"] == 3
        client.shop.command("dropIndexes", "items", index="*")
        assert [one["name"] for one in items.list_indexes()] == ["_id_"]


# Documents: enough for control documents and for finding duplicates.


def test_compare_and_set_has_one_winner(scripted_set: ScriptedServer) -> None:
    with connect(scripted_set, "w=majority") as client:
        control = client.shop["_readygate"]
        control.insert_one({"_id": "s", "token": Int64(0), "owner": None})
        with pytest.raises(errors.DuplicateKeyError):
            control.insert_one({"_id": "s"})
        winners: list[str] = []

        def race(name: str) -> None:
            won = control.find_one_and_update(
                {"_id": "s", "token": 0, "owner": None},
                {"$set": {"owner": name, "applied.version": 3}, "$inc": {"token": 1}},
                return_document=ReturnDocument.AFTER,
            )
            if won:
                winners.append(won["owner"])

        racers = [threading.Thread(target=race, args=(f"r{n}",)) for n in range(8)]
        for racer in racers:
            racer.start()
        for racer in racers:
            racer.join()
        assert len(winners) == 1
        found = control.find_one({"applied.version": {"$gte": 3}})
        assert found == {"_id": "s", "token": 1, "owner": winners[0], "applied": {"version": 3}}
        replaced = control.find_one_and_replace(
            {"_id": "s"}, {"token": 7}, return_document=ReturnDocument.AFTER
        )
        assert replaced == {"_id": "s", "token": 7}
        assert control.find_one_and_update({"_id": "x"}, {"$set": {"a": 1}}) is None
        assert control.update_one({"_id": "x"}, {"$set": {"a": 1}}, upsert=True).upserted_id == "x"


def test_duplicates_are_found_by_grouping(scripted: ScriptedServer) -> None:
    pipeline = [
        {"$match": {"n": {"$exists": True}}},
        {"$group": {"_id": {"n": "$n"}, "count": {"$sum": 1}}},
        {"$match": {"count": {"$gt": 1}}},
        {"$limit": 1},
    ]
    with connect(scripted) as client:
        client.shop.items.insert_many([{"n": 1}, {"n": 2}, {"n": 1}, {}, {}])
        assert list(client.shop.items.aggregate(pipeline)) == [{"_id": {"n": 1}, "count": 2}]
        assert client.shop.items.count_documents({}) == 5
        with pytest.raises(errors.OperationFailure, match="unknown operator"):
            client.shop.items.find_one({"n": {"$regex": "x"}})  # refused, never ignored


def test_a_retried_write_is_done_once(scripted_set: ScriptedServer) -> None:
    scripted_set.on("insert", times=1, disconnect="after")
    with connect(scripted_set) as client:
        client.shop.items.insert_one(
            {"_id": 1}
        )  # the driver sends it again, with the same txnNumber
        assert scripted_set.count("insert") == 2
        assert client.shop.items.count_documents({}) == 1


# The deployment: elections, write concern, versions.


def test_step_down_and_up(scripted_set: ScriptedServer) -> None:
    with connect(scripted_set, "retryWrites=false") as client:
        client.shop.items.insert_one({"_id": 1})
        scripted_set.step_down()
        with pytest.raises((errors.NotPrimaryError, errors.ServerSelectionTimeoutError)):
            client.shop.items.insert_one({})
        secondary = client.shop.items.with_options(read_preference=ReadPreference.SECONDARY)
        assert secondary.count_documents({}) == 1
        scripted_set.step_up()
        client.shop.items.insert_one({"_id": 2})


def test_a_command_in_progress_is_interrupted_by_a_step_down(scripted_set: ScriptedServer) -> None:
    scripted_set.on("create", hang=True)
    caught: list[int] = []

    def create() -> None:
        with connect(scripted_set) as client:
            try:
                client.shop.command("create", "items")
            except errors.NotPrimaryError as error:
                caught.append(error.details["code"])

    creating = threading.Thread(target=create)
    creating.start()
    scripted_set.wait_held()
    scripted_set.step_down()
    creating.join(timeout=5)
    assert caught == [11602]
    assert scripted_set.run("shop", {"listCollections": 1})["code"] == 13435
    scripted_set.step_up()
    assert scripted_set.run("shop", {"listCollections": 1})["cursor"]["firstBatch"] == []


def test_a_standalone_knows_no_replication(scripted: ScriptedServer) -> None:
    index = {"key": {"a": 1}, "name": "a"}
    with connect(scripted) as client:
        with pytest.raises(errors.OperationFailure, match="Standalones can't specify commitQuorum"):
            client.shop.command("createIndexes", "items", indexes=[index], commitQuorum="majority")
        with pytest.raises(errors.OperationFailure, match="not replicated"):
            client.shop.command("create", "items", writeConcern={"w": 2})
        with pytest.raises(errors.OperationFailure, match="Transaction numbers"):
            client.shop.command("insert", "items", documents=[{}], txnNumber=Int64(1))


def test_a_write_concern_that_cannot_be_met(scripted_set: ScriptedServer) -> None:
    with connect(scripted_set, "w=3") as client, pytest.raises(errors.WriteConcernError) as caught:
        client.shop.items.insert_one({"_id": 1})
    assert caught.value.code == 100
    found = scripted_set.run("shop", {"find": "items"})["cursor"]["firstBatch"]
    assert found == [{"_id": 1}]  # written nevertheless


def test_a_server_too_old_is_refused_by_the_driver(scripted: ScriptedServer) -> None:
    scripted.configure(max_wire=5, version="3.4.24")
    with (
        connect(scripted) as client,
        pytest.raises(errors.ConfigurationError, match="wire version"),
    ):
        client.admin.command("ping")


def test_every_credential_is_wrong(scripted: ScriptedServer) -> None:
    with MongoClient(scripted.uri(credentials="u:p"), serverSelectionTimeoutMS=2000) as client:
        with pytest.raises(errors.OperationFailure) as caught:
            client.admin.command("ping")
        assert caught.value.code == 18


# Faults.


def test_an_error_comes_as_often_as_asked(scripted: ScriptedServer) -> None:
    scripted.on(
        "ping", skip=1, times=1, error={"code": 112, "errmsg": "busy", "errorLabels": ["X"]}
    )
    with connect(scripted) as client:
        client.admin.command("ping")
        with pytest.raises(errors.OperationFailure) as caught:
            client.admin.command("ping")
        assert (caught.value.code, caught.value.has_error_label("X")) == (112, True)
        client.admin.command("ping")
    assert scripted.count("ping") == 3


def test_a_rule_can_look_at_the_command(scripted: ScriptedServer) -> None:
    scripted.on("create", match={"create": "bad"}, error=13)
    with connect(scripted) as client:
        client.shop.command("create", "good")
        with pytest.raises(errors.OperationFailure):
            client.shop.command("create", "bad")


@pytest.mark.parametrize("fault", [{"hang": True}, {"hang_after": True}, {"hang_mid_answer": True}])
def test_what_hangs_goes_on_when_released(scripted: ScriptedServer, fault: dict[str, bool]) -> None:
    scripted.on("create", times=1, **fault)
    with connect(scripted) as client:
        creating = threading.Thread(target=client.shop.command, args=("create", "items"))
        creating.start()
        scripted.wait_held()
        executed = scripted.run("shop", {"listCollections": 1})["cursor"]["firstBatch"]
        assert bool(executed) is ("hang" not in fault)
        scripted.release()
        creating.join(timeout=5)
        assert not creating.is_alive()
        assert client.shop.list_collection_names() == ["items"]


@pytest.mark.parametrize("fault", ["hang", "hang_after", "hang_mid_answer"])
def test_a_client_that_gives_up_stops_the_hanging(scripted: ScriptedServer, fault: str) -> None:
    scripted.on("ping", **{fault: True})
    with connect(scripted, socketTimeoutMS=200) as client, pytest.raises(errors.NetworkTimeout):
        client.admin.command("ping")
    scripted._wait(lambda: scripted.held == 0, 5, "nobody hangs")


@pytest.mark.parametrize(("when", "executed"), [("before", 0), ("after", 1)])
def test_disconnecting_before_and_after_executing(
    scripted: ScriptedServer, when: str, executed: int
) -> None:
    scripted.on("insert", disconnect=when)
    with connect(scripted) as client, pytest.raises(errors.AutoReconnect):
        client.shop.items.insert_one({})
    assert scripted.run("shop", {"count": "items"})["n"] == executed


def test_a_connection_that_is_accepted_and_never_read(scripted: ScriptedServer) -> None:
    scripted.on("accept", hang=True)
    timeouts = {"connectTimeoutMS": 300, "serverSelectionTimeoutMS": 1000}
    never = pytest.raises(errors.ServerSelectionTimeoutError, match="timed out")
    with connect(scripted, **timeouts) as client, never:
        client.admin.command("ping")
    assert scripted.count("hello", "ismaster", "isMaster") == 0


def test_tls_where_none_is_expected_and_the_reverse(scripted: ScriptedServer) -> None:
    closed = pytest.raises(errors.ServerSelectionTimeoutError, match=r"SSL|closed|reset")
    with connect(scripted, "tls=true", serverSelectionTimeoutMS=1000) as client, closed:
        client.admin.command("ping")  # a TLS hello is no message: the connection is closed
    scripted.on("accept", tls_alert=True)
    nonsense = pytest.raises(errors.ServerSelectionTimeoutError)
    with connect(scripted, serverSelectionTimeoutMS=1000) as client, nonsense:
        client.admin.command("ping")


def test_unknown_fields_everywhere(scripted_set: ScriptedServer) -> None:
    scripted_set.configure(extra_fields=True)
    with connect(scripted_set) as client:
        reply = client.shop.command("create", "items")
        assert reply["quantumState"] == "both"
        (entry,) = client.shop.list_collections()
        assert entry["quantumState"] == "both" and entry["info"]["quantumState"] == "both"
        assert [one["name"] for one in client.shop.items.list_indexes()] == ["_id_"]


def test_refusing_connections_and_dropping_them(scripted: ScriptedServer) -> None:
    with connect(scripted) as client:
        client.admin.command("ping")
        scripted.refuse_connections()
        scripted.drop_connections()
        with pytest.raises(errors.PyMongoError):
            client.admin.command("ping")
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", scripted.port), timeout=1)
        scripted.accept_connections()
        client.admin.command("ping")


def test_bytes_that_are_no_message_close_the_connection(scripted: ScriptedServer) -> None:
    for bytes_ in (
        b"GET / HTTP/1.1\r\n\r\n",
        b"\x05\0\0\0" + b"\0" * 8 + b"\xdd\x07\0\0",
        b"\xff" * 64,
    ):
        with socket.create_connection(("127.0.0.1", scripted.port), timeout=3) as opened:
            opened.sendall(bytes_)
            assert opened.recv(1) == b""


# The script.


def test_the_log_tells_who_asked_what(scripted: ScriptedServer) -> None:
    with connect(scripted, "appName=me") as client:
        client.shop.command("create", "items", comment="c1", writeConcern={"w": "majority"})
        (entry,) = scripted.log("create")
        assert (entry["db"], entry["target"], entry["comment"]) == ("shop", "items", "c1")
        assert entry["writeConcern"] == {"w": "majority"} and "lsid" in entry
        assert "me" in {hello["app"] for hello in scripted.log("ismaster", "hello")}
        scripted.forget_log()
        assert scripted.count("create") == 0


def test_current_operations_are_what_the_test_says(scripted: ScriptedServer) -> None:
    scripted.current_operations({"opid": 1, "ns": "shop.items"}, {"opid": 2, "ns": "shop.other"})
    with connect(scripted) as client:
        pipeline = [{"$currentOp": {}}, {"$match": {"ns": "shop.items"}}]
        assert [one["opid"] for one in client.admin.aggregate(pipeline)] == [1]


@pytest.mark.parametrize(
    "line", [{"on": "find"}, {"on": "find", "hagn": True}, {"hang": True}, {"set": {"x": 1}}]
)
def test_a_misspelt_line_is_refused(scripted: ScriptedServer, line: dict[str, Any]) -> None:
    with pytest.raises(ScriptError):
        scripted._tell(line)


def test_it_ends_with_its_test() -> None:
    process = subprocess.Popen([program()], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdin and process.stdout
    process.stdout.readline()
    process.stdin.close()
    assert process.wait(timeout=5) == 0
    process.stdout.close()


# The driver that readygate uses.


def probe(uri: str) -> subprocess.CompletedProcess[str]:
    """libmongoc-probe: once through everything that libmongoc must be satisfied by."""
    # Its counters in shared memory are named by process id; a leftover of that name is a warning.
    environment = {**os.environ, "MONGOC_DISABLE_SHM": "1"}
    command = [program().with_name("libmongoc-probe"), uri]
    return subprocess.run(command, capture_output=True, text=True, timeout=20, env=environment)


@pytest.mark.parametrize(("set_name", "kind"), [("", "Standalone"), ("rs0", "RSPrimary")])
@pytest.mark.parametrize("extra", [False, True])
def test_libmongoc_is_satisfied(set_name: str, kind: str, extra: bool) -> None:
    with ScriptedServer(set_name) as server:
        server.configure(extra_fields=extra)
        done = probe(server.uri())
        assert (done.returncode, done.stderr) == (0, "")
        assert json.loads(done.stdout) == {"type": kind, "value": {"_id": 1, "n": 1}}


def test_libmongoc_says_why_it_is_not(scripted: ScriptedServer) -> None:
    assert "Authentication failed" in probe(scripted.uri(credentials="u:p")).stderr
    scripted.configure(max_wire=5)
    assert "wire version" in probe(scripted.uri("serverSelectionTimeoutMS=1000")).stderr
