"""What is asked of servers, and what becomes of a test that needs what its server lacks."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from pymongo import MongoClient
from pymongo.errors import OperationFailure

from support.engine import Engine, capabilities
from support.engine.capabilities import QUESTIONS, Capabilities, needs

Asked = Callable[[Engine], Capabilities]


@needs("text")
@pytest.mark.engines
def test_what_needs_text_indexes_runs_where_there_are(client: MongoClient, database: str) -> None:
    assert client[database]["c"].create_index([("t", "text")])


@needs("transactions", "stop")
@pytest.mark.engines
def test_what_needs_transactions_runs_where_there_are(client: MongoClient, database: str) -> None:
    client[database].create_collection("c")
    with client.start_session() as session, session.start_transaction():
        client[database]["c"].insert_one({}, session=session)


@pytest.mark.engines("ferretdb", "secantus")
def test_each_engine_lacks_something_else(
    engine: Engine, asked: Capabilities, engine_kind: str
) -> None:
    lacking = set(asked.lacking())
    if engine_kind == "ferretdb":
        assert {"views", "transactions", "replica_set"} <= lacking
        assert not {"text", "hashed", "stop"} & lacking
    else:
        assert {"text", "hashed", "encrypted_fields"} <= lacking
        assert not {"views", "transactions", "replica_set", "prepare_unique"} & lacking
    assert lacking < {"stop", *QUESTIONS}


def test_a_server_is_asked_once_and_what_it_says_is_told(
    engine: Engine, monkeypatch: pytest.MonkeyPatch, client: MongoClient
) -> None:
    times = 0

    def refuse(_: object) -> None:
        nonlocal times
        times += 1
        raise OperationFailure("full text", 67, {"errmsg": "no such index here"})

    monkeypatch.setitem(capabilities.QUESTIONS, "text", refuse)
    before = set(client.list_database_names())
    server = Capabilities(engine.uri, own=False)
    assert [server.why_lacking("text") for _ in range(3)] == ["no such index here"] * 3
    assert times == 1
    assert server.why_lacking("stop") == "the server is not ours"
    assert set(client.list_database_names()) == before


@pytest.fixture
def asked(engine: Engine, capabilities: Asked) -> Capabilities:
    return capabilities(engine)
