"""Both ways give the same, over generated domain objects and over generated raw documents."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest
from bson import Decimal128, Int64, ObjectId
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy
from readygate.repository import Condition
from readygate.testing import FakeGate

from rebalancer.database import Database
from rebalancer.domain import (
    Desk,
    Point,
    PortfolioModel,
    Rebalance,
    Status,
    Target,
    Trade,
)
from rebalancer.records import current_model, current_rebalance
from rebalancer.repositories import Unreadable
from rebalancer.settings import Settings
from rebalancer.stored import StoredModels, StoredRebalances

from .samples import OLD_MODEL, OLD_REBALANCE

EXAMPLES = 60
CHECKED = settings(
    max_examples=EXAMPLES,
    deadline=None,
    database=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
DRIVER, BEANIE = 0, 1


class TwoWays:
    """Both repositories on one database, twice: one set cannot use Beanie, the other uses it."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.models = [_Direct.models(database), StoredModels(database)]
        self.rebalances = [_Direct.rebalances(database), StoredRebalances(database)]


class _Direct:
    """The very repositories, in a process whose ODM is not initialized."""

    @staticmethod
    def models(database: Database) -> StoredModels:
        class Models(StoredModels):
            condition = _uninitialized

        return Models(database)

    @staticmethod
    def rebalances(database: Database) -> StoredRebalances:
        class Rebalances(StoredRebalances):
            condition = _uninitialized

        return Rebalances(database)


async def _uninitialized(_: Any) -> Condition:
    return Condition.UNINITIALIZED


@pytest.fixture(name="ways")
def two_ways(
    engine: Any, database: str, fake_gate: FakeGate
) -> Iterator[Callable[[Callable[[TwoWays], Awaitable[None]]], None]]:
    """Runs a coroutine function on them; one event loop and connection for all examples."""
    fake_gate.open()
    with asyncio.Runner() as runner:
        own = Database(Settings(mongodb_uri=engine.uri, database=database))
        runner.run(own.initialize())
        both = TwoWays(own)
        yield lambda work: runner.run(work(both))
        runner.run(own.close())


Run = Callable[[Callable[[TwoWays], Awaitable[None]]], None]

# What the database can hold: text without U+0000 is not required of values, but of names.
text = st.text(max_size=12)
names = st.text(st.characters(codec="utf-8", exclude_characters="\0.$"), min_size=1, max_size=8)
zones = st.integers(-14 * 60, 14 * 60).map(lambda m: timezone(timedelta(minutes=m)))
moments = st.datetimes(datetime(1900, 1, 1), datetime(2200, 1, 1), timezones=zones)
money = st.decimals(Decimal("0.01"), Decimal("1e12"), places=4)
scalars = st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | text | money
anything = st.recursive(
    scalars | st.floats(allow_nan=False),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3),
    max_leaves=5,
)
trades = st.builds(
    Trade,
    symbol=text,
    side=st.sampled_from(["buy", "sell"]),
    quantity=st.integers(1, 2**63 - 1),
    price=money,
)
rebalances = st.builds(
    Rebalance,
    id=st.binary(min_size=12, max_size=12).map(bytes.hex),
    portfolio_id=st.integers(0, 999_999).map("P-{:06d}".format),
    model_id=text,
    as_of=moments,
    status=st.sampled_from(list(Status)),
    drift=st.decimals(0, 2, places=6),
    value=money,
    trades=st.lists(trades, max_size=3),
    external_id=st.none() | text,
    approved_by=st.none() | text,
    expires_at=st.none() | moments,
)
coordinates = st.tuples(st.floats(-180, 180), st.floats(-90, 90))
models = st.builds(
    PortfolioModel,
    id=st.text(min_size=1, max_size=12),
    name=text,
    version=st.integers(1, 2**31),
    latest=st.booleans(),
    description=text,
    currency=text,
    targets=st.lists(
        st.builds(Target, symbol=text, weight=st.decimals(0, 1, places=4)), max_size=3
    ),
    desk=st.builds(Desk, city=text, location=st.builds(Point, coordinates=coordinates)),
    attributes=st.dictionaries(names, anything, max_size=3),
    published_at=moments,
)


@CHECKED
@given(rebalance=rebalances)
def test_a_rebalance_written_one_way_is_read_by_both(ways: Run, rebalance: Rebalance) -> None:
    async def main(both: TwoWays) -> None:
        raw = []
        for writer in both.rebalances:
            await both.database.raw["rebalances"].delete_many({})
            await writer.add(rebalance)
            raw.append(await both.database.raw["rebalances"].find_one({}))
            assert [await one.get(rebalance.id) for one in both.rebalances] == [rebalance] * 2
        assert raw[DRIVER] == raw[BEANIE]

    ways(main)


@CHECKED
@given(model=models)
def test_a_model_written_one_way_is_read_by_both(ways: Run, model: PortfolioModel) -> None:
    async def main(both: TwoWays) -> None:
        raw = []
        for writer in both.models:
            await both.database.raw["models"].delete_many({})
            await writer.publish(model)
            raw.append(await both.database.raw["models"].find_one({}))
            assert [await one.get(model.id) for one in both.models] == [model] * 2
        assert raw[DRIVER] == raw[BEANIE]

    ways(main)


# Raw documents: what older versions, other services and people with a shell have left there.
raw_number = (
    money.map(Decimal128)
    | st.floats(0, 1e6)
    | st.integers(0, 10**6)
    | st.integers(0, 10**6).map(Int64)
    | st.just(Decimal128("NaN"))
    | text
)
raw_moment = (
    moments.map(lambda m: m.astimezone(UTC))
    | moments.map(lambda m: m.replace(tzinfo=None))
    | moments.map(datetime.isoformat)
    | text
)
raw_values = {
    **dict.fromkeys(("drift", "value", "version"), raw_number),
    **dict.fromkeys(("as_of", "expires_at", "published", "published_at"), raw_moment),
    **dict.fromkeys(("status", "state"), st.sampled_from([*map(str, Status), "dreamt"])),
    "trades": st.lists(
        st.fixed_dictionaries(
            {"symbol": text, "side": st.sampled_from(["buy", "sell", "hold"]), "price": raw_number},
            optional={"qty": raw_number, "quantity": raw_number, "note": text},
        )
        | st.none(),
        max_size=3,
    )
    | st.none(),
    "targets": st.dictionaries(names, raw_number, max_size=3)
    | st.lists(st.fixed_dictionaries({"symbol": text, "weight": raw_number}), max_size=3),
    "attributes": st.dictionaries(names, anything, max_size=3) | st.none(),
    **dict.fromkeys(("external_id", "description", "currency", "id", "note"), st.none() | text),
    "latest": st.booleans() | st.none(),
}


def variations(of: dict[str, Any]) -> SearchStrategy[dict[str, Any]]:
    """The document with fields missing, others there that it never had, and others changed."""
    missing = st.sets(st.sampled_from([name for name in of if name != "_id"]), max_size=2)
    changed = st.lists(st.sampled_from(sorted(raw_values)), max_size=3, unique=True).flatmap(
        lambda chosen: st.fixed_dictionaries({name: raw_values[name] for name in chosen})
    )

    def put_together(missing: set[str], changed: dict[str, Any]) -> dict[str, Any]:
        kept = {name: value for name, value in of.items() if name not in missing}
        return {**kept, **_stored(changed)}

    return st.builds(put_together, missing, changed)


def _stored(value: Any) -> Any:
    """Decimals inside as the database has them."""
    if isinstance(value, Decimal):
        return Decimal128(value)
    if isinstance(value, dict):
        return {name: _stored(inner) for name, inner in value.items()}
    return [_stored(inner) for inner in value] if isinstance(value, list) else value


async def outcome(asked: Awaitable[Any]) -> object:
    """The result, or which fields could not be understood."""
    try:
        return await asked
    except Unreadable as error:
        return error.fields


@CHECKED
@given(raw=variations(OLD_REBALANCE))
def test_raw_rebalances_are_read_alike(ways: Run, raw: dict[str, Any]) -> None:
    async def main(both: TwoWays) -> None:
        collection = both.database.raw["rebalances"]
        await collection.delete_many({})
        await collection.insert_one(raw)
        direct, beanie = [await outcome(one.get(str(raw["_id"]))) for one in both.rebalances]
        assert direct == beanie
        if "portfolio_id" in raw:
            query = raw["portfolio_id"], 5
            lists = [await outcome(one.of_portfolio(*query)) for one in both.rebalances]
            assert lists[DRIVER] == lists[BEANIE]
        approved = []
        for one in both.rebalances:
            await collection.replace_one({"_id": raw["_id"]}, raw)
            approved.append(await outcome(one.approve(str(raw["_id"]), "ann")))
            approved.append(await collection.find_one({"_id": raw["_id"]}))
        assert approved[:2] == approved[2:]

    ways(main)


@CHECKED
@given(raw=variations(OLD_MODEL))
def test_raw_models_are_read_alike(ways: Run, raw: dict[str, Any]) -> None:
    async def main(both: TwoWays) -> None:
        collection = both.database.raw["models"]
        await collection.delete_many({})
        await collection.insert_one(raw)
        direct, beanie = [await outcome(one.get(raw["_id"])) for one in both.models]
        assert direct == beanie
        lists = [await outcome(one.find(latest=False)) for one in both.models]
        assert lists[DRIVER] == lists[BEANIE]

    ways(main)


def test_an_old_name_beside_the_new_one_means_nothing() -> None:
    raw = {"state": "dreamt", "status": "settled", "trades": [{"qty": 1, "quantity": 2}, None]}
    assert current_rebalance(raw) == {"status": "settled", "trades": [{"quantity": 2}, None]}
    assert current_model({"published": 1, "published_at": 2}) == {"published_at": 2}


def test_what_older_versions_wrote_is_understood(ways: Run) -> None:
    """The comparison above would hold if both understood nothing."""

    async def main(both: TwoWays) -> None:
        await both.database.raw["rebalances"].insert_one(OLD_REBALANCE)
        await both.database.raw["models"].insert_one(OLD_MODEL)
        for rebalances, models in zip(both.rebalances, both.models, strict=True):
            rebalance = await rebalances.get(str(OLD_REBALANCE["_id"]))
            assert rebalance
            assert rebalance.status is Status.PROPOSED
            assert rebalance.as_of == datetime(2024, 3, 1, 9, 30, 0, 250_000, tzinfo=UTC)
            assert (rebalance.drift, rebalance.value) == (Decimal("0.04"), Decimal("1000.5"))
            assert rebalance.trades[0].quantity == 3
            model = await models.get("income.v0")
            assert model
            assert model.targets[1] == Target(symbol="CASH", weight=Decimal("0.4"))
            assert model.published_at == datetime(2023, 2, 1, tzinfo=UTC)

    assert isinstance(OLD_REBALANCE["_id"], ObjectId)
    ways(main)
