"""init_beanie(): once, after the gate, with one result for all."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated, Any

import beanie
import pytest
from beanie import Document, Indexed
from pymongo import AsyncMongoClient, MongoClient

import readygate
from readygate.beanie import init_beanie, is_initialized, is_initializing
from readygate.testing import FakeGate


def fresh_model() -> type[Document]:
    """A model that Beanie has not seen."""

    class Thing(Document):
        colour: Annotated[str, Indexed()] = ""

        class Settings:
            name = "things"

    return Thing


@asynccontextmanager
async def connected(uri: str, database: str) -> AsyncIterator[Any]:
    async with AsyncMongoClient(uri, serverSelectionTimeoutMS=10_000) as own:
        yield own[database]


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What Beanie's own init_beanie was called with; it is called."""
    made: list[dict[str, Any]] = []
    original = beanie.init_beanie

    async def counted(**options: Any) -> None:
        made.append(options)
        await original(**options)

    monkeypatch.setattr(beanie, "init_beanie", counted)
    return made


def test_200_callers_one_initialization(
    engine: Any, database: str, fake_gate: FakeGate, calls: list[dict[str, Any]], caplog: Any
) -> None:
    model = fresh_model()

    async def main() -> None:
        async with connected(engine.uri, database) as own:
            tasks = [
                asyncio.ensure_future(init_beanie(database=own, document_models=[model]))
                for _ in range(200)
            ]
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            assert is_initializing()
            assert not is_initialized(model)
            fake_gate.open()
            await asyncio.gather(*tasks)
            await init_beanie(database=own, document_models=[model])
            assert is_initialized(model)
            assert not is_initializing()

    with caplog.at_level(logging.INFO, "readygate"):
        asyncio.run(main())
    assert len(calls) == 1
    assert [record.message for record in caplog.records] == [
        "Starting database initialization...",
        "Database initialization completed. Connected: True",
    ]


def test_no_index_is_made_behind_a_gate(
    engine: Any, database: str, client: MongoClient[Any], fake_gate: FakeGate
) -> None:
    fake_gate.open()
    initialize(engine.uri, database, fresh_model())
    assert "things" not in client[database].list_collection_names()


def test_beanie_makes_them_when_there_is_no_gate(
    engine: Any, database: str, client: MongoClient[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("READYGATE_DISABLE", "1")
    initialize(engine.uri, database, fresh_model())
    assert "colour_1" in client[database]["things"].index_information()


def initialize(uri: str, database: str, model: type[Document]) -> None:
    async def main() -> None:
        async with connected(uri, database) as own:
            await init_beanie(database=own, document_models=[model])

    asyncio.run(main())


def test_all_share_the_error_and_the_next_call_tries_again(
    engine: Any, database: str, fake_gate: FakeGate, calls: list[dict[str, Any]], caplog: Any
) -> None:
    model = fresh_model()

    async def main() -> None:
        async with connected(engine.uri, database) as own:
            fake_gate.drain()
            waits = [init_beanie(database=own, document_models=[model]) for _ in range(5)]
            results = await asyncio.gather(*waits, return_exceptions=True)
            assert [type(one) for one in results] == [readygate.GateDraining] * 5
            assert not calls
            fake_gate.open()
            await init_beanie(database=own, document_models=[model])

    asyncio.run(main())
    assert len(calls) == 1
    assert [record.message for record in caplog.records if record.levelname == "ERROR"] == [
        "Database initialization failed: the gate is draining: it will not open again"
    ]


def test_a_caller_that_is_cancelled_leaves_the_others_theirs(
    engine: Any, database: str, fake_gate: FakeGate, calls: list[dict[str, Any]]
) -> None:
    model = fresh_model()

    async def main() -> None:
        async with connected(engine.uri, database) as own:
            first, second = (
                asyncio.ensure_future(init_beanie(database=own, document_models=[model]))
                for _ in range(2)
            )
            await asyncio.sleep(0)
            first.cancel()
            with pytest.raises(asyncio.CancelledError):
                await first
            fake_gate.open()
            await second
            assert is_initialized(model)

    asyncio.run(main())
    assert len(calls) == 1


def test_the_last_caller_ends_the_run(engine: Any, database: str, fake_gate: FakeGate) -> None:
    async def main() -> None:
        async with connected(engine.uri, database) as own:
            only = asyncio.ensure_future(init_beanie(database=own, document_models=[fresh_model()]))
            await asyncio.sleep(0)
            only.cancel()
            with pytest.raises(asyncio.CancelledError):
                await only
            await readygate.beanie.initialization()
            assert not is_initializing()

    asyncio.run(main())
