"""The cases of the service that this example stands for, by their names."""

from __future__ import annotations

import asyncio
import logging
from decimal import Decimal
from typing import Any

import pytest
from bson import ObjectId
from pymongo import MongoClient
from readygate.beanie import is_initializing
from readygate.repository import AllWaysFailed, Condition, OdmNotReady
from readygate.testing import FakeGate

from rebalancer.database import Database
from rebalancer.domain import Status
from rebalancer.settings import Settings
from rebalancer.stored import StoredModels, StoredRebalances
from support.proxy import TcpProxy

from .conftest import PATIENCE, Running, connected, said, serving, until
from .samples import MODEL, OLD_MODEL, OLD_REBALANCE, REBALANCE

BODY = {
    "portfolio_id": "P-000001",
    "model_id": MODEL.id,
    "drift": "0.04",
    "value": "1000.50",
    "trades": [{"symbol": "GOLD", "side": "buy", "quantity": 1, "price": "221.30"}],
}


async def initialized(running: Running) -> None:
    await until(lambda: running.database.condition() is Condition.INITIALIZED)


def test_single_initialization(
    settings: Settings,
    fake_gate: FakeGate,
    initializations: list[Any],
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def main() -> None:
        fake_gate.open()
        async with serving(settings) as running:
            await initialized(running)
            for _ in range(20):
                assert (await running.http.get("/models")).status_code == 200
            await running.database.initialize()

    with caplog.at_level(logging.INFO, "readygate"):
        asyncio.run(main())
    assert len(initializations) == 1
    assert [text for text in said(caplog, logging.INFO) if text.startswith("Database ini")] == [
        "Database initialization completed. Connected: True"
    ]


def test_concurrent_initialization(
    settings: Settings, fake_gate: FakeGate, initializations: list[Any]
) -> None:
    async def main() -> None:
        async with connected(settings) as own:
            tasks = [asyncio.ensure_future(own.initialize()) for _ in range(200)]
            await until(is_initializing)
            fake_gate.open()
            await asyncio.gather(*tasks)
            assert await own.connected()
            assert own.condition() is Condition.INITIALIZED

    asyncio.run(main())
    assert len(initializations) == 1


def test_health_in_every_state(
    behind_proxy: Settings, proxy: TcpProxy, fake_gate: FakeGate
) -> None:
    async def main() -> None:
        async with serving(behind_proxy) as running:

            async def codes() -> tuple[int, int, int]:
                asked = [await running.http.get(f"/health{p}") for p in ("", "/ready", "/live")]
                return asked[0].status_code, asked[1].status_code, asked[2].status_code

            async def become(expected: tuple[int, int, int]) -> None:
                """A monitor of the driver looks again only every half a second."""
                async with asyncio.timeout(PATIENCE):
                    while await codes() != expected:
                        await asyncio.sleep(0.05)

            await until(is_initializing)
            assert running.database.condition() is Condition.INITIALIZING
            assert await codes() == (200, 503, 200)
            proxy.refuse()
            assert await codes() == (200, 503, 200)  # initializing: restarting would not help
            proxy.accept()
            fake_gate.open()
            await initialized(running)
            await become((200, 200, 200))
            proxy.refuse()
            await become((503, 503, 200))
            assert running.database.condition() is Condition.LOST
            proxy.accept()
            await become((200, 200, 200))
            assert running.database.condition() is Condition.INITIALIZED

    asyncio.run(main())


def test_health_without_the_odm(
    behind_proxy: Settings, proxy: TcpProxy, fake_gate: FakeGate
) -> None:
    fake_gate.open()

    async def main() -> None:
        async with serving(behind_proxy) as running:
            await without_beanie(running)
            assert running.database.condition() is Condition.UNINITIALIZED
            answer = await running.http.get("/health/ready")
            assert (answer.status_code, answer.json()) == (200, {"status": "without its ODM"})
            proxy.refuse()
            answer = await running.http.get("/health")
            assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
            assert answer.json() == {"detail": "database unavailable", "odm": "uninitialized"}

    asyncio.run(main())


def test_repository_during_initialization(
    settings: Settings,
    client: MongoClient[Any],
    database: str,
    fake_gate: FakeGate,
    caplog: pytest.LogCaptureFixture,
) -> None:
    client[database]["models"].insert_one(OLD_MODEL)

    async def main() -> None:
        async with serving(settings) as running:
            path = "/models?latest=false"
            asked = [asyncio.ensure_future(running.http.get(path)) for _ in range(20)]
            await until(lambda: running.app.state.models._opening.running or is_initializing())
            done, _ = await asyncio.wait(asked, timeout=0.2)
            assert not done
            fake_gate.open()
            answers = await asyncio.gather(*asked)
            assert [one.status_code for one in answers] == [200] * 20
            assert answers[0].json()[0]["id"] == "income.v0"

    with caplog.at_level(logging.DEBUG):
        asyncio.run(main())
    assert [text for text in said(caplog, logging.INFO) if "initialization" not in text] == [
        "rebalancer serves"
    ]


def test_repository_waits_only_so_long_and_nothing_goes_around_the_gate(
    settings: Settings, fake_gate: FakeGate, caplog: pytest.LogCaptureFixture
) -> None:
    """The database answers all the time; its schema is not there."""

    async def main() -> None:
        async with serving(settings) as running:
            running.app.state.models.wait_timeout = 0.1
            answer = await running.http.get("/models")
            assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
            assert answer.json()["attempts"] == [
                {"way": "beanie", "cause": "OdmNotReady"},
                {"way": "driver", "cause": "GateError"},
            ]

    with caplog.at_level(logging.DEBUG):
        asyncio.run(main())
    assert said(caplog) == []


async def without_beanie(running: Running) -> None:
    """The state after an initialization that failed: nobody is at it, for a while."""
    assert running.database._keeper
    running.database._keeper.cancel()
    await asyncio.gather(running.database._keeper, return_exceptions=True)
    await until(lambda: not is_initializing())


def test_model_fallback(
    settings: Settings, fake_gate: FakeGate, caplog: pytest.LogCaptureFixture
) -> None:
    fake_gate.open()

    async def main() -> None:
        async with connected(settings) as own:
            models = StoredModels(own)
            await models.publish(MODEL)
            for _ in range(3):
                assert await models.get(MODEL.id) == MODEL
                assert await models.find(latest=True) == [MODEL]
            assert await models.get("nothing") is None
            assert own.condition() is Condition.UNINITIALIZED

    asyncio.run(main())
    (warning,) = said(caplog)  # one cause, seven requests
    assert warning.startswith("StoredModels: beanie cannot be used: OdmNotReady")


def test_rebalance_fallback(
    settings: Settings, fake_gate: FakeGate, caplog: pytest.LogCaptureFixture
) -> None:
    fake_gate.open()

    async def main() -> None:
        async with connected(settings) as own:
            rebalances = StoredRebalances(own)
            await rebalances.add(REBALANCE)
            assert await rebalances.get(REBALANCE.id) == REBALANCE
            approved = await rebalances.approve(REBALANCE.id, "ann")
            assert approved
            assert (approved.status, approved.approved_by) == (Status.APPROVED, "ann")
            assert approved.expires_at is None
            assert await rebalances.approve(REBALANCE.id, "bob") is None
            assert await rebalances.of_portfolio("P-000007", 10) == [approved]
            assert await rebalances.get("no id at all") is None

    asyncio.run(main())
    (warning,) = said(caplog)
    assert warning.startswith("StoredRebalances: beanie cannot be used: OdmNotReady")


def test_direct_access_when_beanie_is_not_available(
    settings: Settings, client: MongoClient[Any], database: str, fake_gate: FakeGate
) -> None:
    """The whole service, over HTTP, on documents of every age."""
    client[database]["rebalances"].insert_one(OLD_REBALANCE)
    client[database]["models"].insert_one(OLD_MODEL)
    fake_gate.open()

    async def main() -> None:
        async with serving(settings) as running:
            await without_beanie(running)
            http = running.http
            published = await http.post("/models", json=MODEL.model_dump(mode="json"))
            assert published.status_code == 201
            old, new = (await http.get("/models?latest=false")).json()
            assert new == published.json()
            assert old["targets"][0] == {"symbol": "US-AGG", "weight": "0.6"}
            made = await http.post("/rebalances", json=BODY)
            assert made.status_code == 201
            assert (await http.get(f"/rebalances/{made.json()['id']}")).json() == made.json()
            (listed,) = (await http.get("/rebalances?portfolio_id=P-000007")).json()
            assert listed["as_of"] == "2024-03-01T09:30:00.250000Z"
            assert listed["trades"][0]["quantity"] == 3
            path = f"/rebalances/{OLD_REBALANCE['_id']}/approve"
            assert (await http.post(path, json={"by": "ann"})).json()["status"] == "approved"
            assert (await http.post(path, json={"by": "ann"})).status_code == 409
            assert running.database.condition() is Condition.UNINITIALIZED

    asyncio.run(main())
    stored = client[database]["rebalances"].find_one({"_id": OLD_REBALANCE["_id"]})
    assert stored
    assert "state" not in stored
    assert stored["batch"] == 17  # a field of somebody else's stays
    mine = client[database]["rebalances"].find_one({"portfolio_id": "P-000001"})
    assert mine
    assert isinstance(mine["_id"], ObjectId)
    assert mine["value"].to_decimal() == Decimal("1000.50")


def test_when_every_way_fails_one_error_names_each(
    behind_proxy: Settings, proxy: TcpProxy, fake_gate: FakeGate, caplog: pytest.LogCaptureFixture
) -> None:
    fake_gate.open()

    async def ask(own: Database) -> AllWaysFailed:
        with pytest.raises(AllWaysFailed) as failed:
            await StoredRebalances(own).get(REBALANCE.id)
        return failed.value

    async def main() -> None:
        async with connected(behind_proxy) as own:
            proxy.refuse()
            error = await ask(own)
            assert [one.way for one in error.attempts] == ["beanie", "driver"]
            assert isinstance(error.attempts[0].cause, OdmNotReady)
            assert "driver: ServerSelectionTimeoutError" in str(error)
        proxy.accept()
        async with serving(behind_proxy) as running:
            await initialized(running)
            proxy.refuse()
            caplog.clear()
            answers = [await running.http.get("/models") for _ in range(3)]
            last = answers[-1]
            assert (last.status_code, last.headers["retry-after"]) == (503, "1")
            assert last.json() == {
                "detail": "database unavailable",
                "attempts": [
                    {"way": way, "cause": "ServerSelectionTimeoutError"}
                    for way in ("beanie", "driver")
                ],
            }
            assert all("Traceback" not in one.text for one in answers)
            causes = said(caplog)
            assert len(causes) == len(set(causes)) <= 3, causes

    asyncio.run(main())


def test_what_the_database_holds_and_nobody_understands(
    settings: Settings, client: MongoClient[Any], database: str, fake_gate: FakeGate
) -> None:
    client[database]["rebalances"].insert_one({**OLD_REBALANCE, "value": "much"})
    fake_gate.open()

    async def main() -> None:
        async with serving(settings) as running:
            await initialized(running)
            answer = await running.http.get(f"/rebalances/{OLD_REBALANCE['_id']}")
            assert answer.status_code == 500
            assert answer.json() == {"detail": "a stored rebalance cannot be read: value"}

    asyncio.run(main())
