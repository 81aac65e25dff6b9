"""export_schema(): what Beanie would make is what the gate makes."""

from __future__ import annotations

import asyncio
import subprocess
from pathlib import Path
from typing import Any, Callable

import beanie
import pytest
import tomllib
from pymongo import AsyncMongoClient, IndexModel, MongoClient
from support.engine.capabilities import needs
from support.gate import Daemon, readygate

from readygate.beanie import export_schema

from . import models


def test_check_accepts_it(tmp_path: Path) -> None:
    path = tmp_path / "schema.toml"
    path.write_text(export_schema(models.ALL, schema="shop", database="shop", version=3))
    done = subprocess.run(
        [readygate(), "check", "--schema", path], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stdout + done.stderr + path.read_text()
    assert "shop version 3" in done.stdout


def test_what_it_says() -> None:
    found = tomllib.loads(export_schema(models.ALL))
    collections = {one["name"]: one for one in found["collection"]}
    assert set(collections) == {"orders", "Animal", "parents", "Place", "measurements"}
    keys = {name: [i["key"] for i in one.get("index", [])] for name, one in collections.items()}
    assert keys["Animal"] == [[["name", 1]], [["weight", 1]]]
    assert keys["parents"] == [[["number", 1]]]
    assert [["inDatabase", 1]] in keys["orders"]
    assert collections["measurements"]["timeseries"] == {
        "time_field": "at",
        "meta_field": "sensor",
        "granularity": "minutes",
    }
    assert collections["measurements"]["expire_after"] == 7200
    title = next(i for i in collections["Place"]["index"] if i["key"] == [["title", 1]])
    assert title["collation"]["case_level"] is True
    assert found["view"][0]["on"] == "orders"


def test_an_option_without_a_key_is_an_error() -> None:
    class Odd(beanie.Document):
        class Settings:
            indexes = [IndexModel("a", commitQuorum="majority")]  # noqa: RUF012

    with pytest.raises(ValueError, match="commitQuorum"):
        export_schema([Odd])


@needs("text")
def test_the_gate_makes_the_indexes_that_beanie_would(
    engine: Any, client: MongoClient[Any], database: str, make_daemon: Callable[..., Daemon]
) -> None:
    # The engine accepts a validator and does not enforce it.
    text = export_schema(models.PLAIN, database=database).replace(
        "[[collection]]", '[policy]\nnot_honoured = "report"\n\n[[collection]]', 1
    )
    make_daemon(engine.uri, text).start().wait_state("ready", timeout=60)
    other = f"{database}_beanie"

    async def by_beanie() -> None:
        async with AsyncMongoClient(engine.uri) as own:
            await beanie.init_beanie(database=own[other], document_models=models.PLAIN)

    try:
        asyncio.run(by_beanie())
        for name in ("orders", "Animal", "parents"):
            made, wanted = (
                {i["name"]: dict(i) for i in client[where][name].list_indexes()}
                for where in (database, other)
            )
            assert made == wanted
    finally:
        client.drop_database(other)
