"""What is asked of servers, and what becomes of a test that needs what its server lacks."""

from __future__ import annotations

import pytest
from pymongo import MongoClient
from pymongo.errors import OperationFailure

from support.engine import Engine, capabilities, kinds
from support.engine.capabilities import Capabilities, needs


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


def test_the_first_engine_that_has_what_a_test_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kinds, "why_not", lambda _: None)
    chosen = ["secantus", "secantus-rust", "ferretdb"]
    assert kinds.for_needs(chosen, []) == "secantus"
    assert kinds.for_needs(chosen, ["text"]) == "ferretdb"
    assert kinds.for_needs(chosen, ["hidden_later", "transactions"]) == "secantus-rust"
    assert kinds.for_needs(chosen, ["text", "transactions"]) == "secantus", "which is skipped"
    assert kinds.for_needs([kinds.GIVEN], ["text"]) == kinds.GIVEN
    monkeypatch.setattr(kinds, "why_not", lambda name: name if name == "secantus" else None)
    assert kinds.for_needs(chosen, []) == "secantus-rust", "the first cannot be had"


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
