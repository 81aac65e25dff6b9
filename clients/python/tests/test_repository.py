"""Four conditions, one function; waiting in silence; one warning a cause; one error for all."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import pytest
from beanie.exceptions import CollectionWasNotInitialized
from pymongo.errors import DuplicateKeyError, ServerSelectionTimeoutError

import readygate
from readygate import repository
from readygate.beanie import init_beanie
from readygate.repository import AllWaysFailed, Condition, OdmNotReady, Repository, Way, condition
from readygate.testing import FakeGate

from .test_beanie import connected, fresh_model


@pytest.mark.parametrize(
    ("initialized", "running", "gate", "expected"),
    [
        (False, False, None, Condition.UNINITIALIZED),
        (False, True, None, Condition.INITIALIZING),
        (True, False, None, Condition.INITIALIZED),
        (False, False, ("initializing", True), Condition.INITIALIZING),
        (False, False, ("connecting", False), Condition.INITIALIZING),
        (False, False, ("ready", True), Condition.UNINITIALIZED),
        (False, False, ("failed", True), Condition.UNINITIALIZED),
        (False, True, ("failed", True), Condition.INITIALIZING),
        (True, False, ("ready", True), Condition.INITIALIZED),
        (True, False, ("degraded", False), Condition.LOST),
        (True, False, ("connecting", False), Condition.INITIALIZED),
    ],
)
def test_the_four_are_told_apart(
    initialized: bool, running: bool, gate: Any, expected: Condition
) -> None:
    said: Any = gate and {"state": gate[0], "reachable": gate[1]}
    assert condition(initialized, running, said) is expected


class Things(Repository):
    wait_timeout = 30.0

    def __init__(self, document: Any, driver: Any = None) -> None:
        super().__init__()
        self.document = document
        self._driver = driver

    async def colours(self) -> list[str]:
        return await self.first_of(
            Way("beanie", self._by_beanie, needs_odm=True), Way("driver", self._by_driver)
        )

    async def _by_beanie(self) -> list[str]:
        return [one.colour async for one in self.document.find_all()]

    async def _by_driver(self) -> list[str]:
        if isinstance(self._driver, Exception):
            raise self._driver
        return [one["colour"] async for one in self._driver["things"].find()]


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.message for record in caplog.records if record.levelno > logging.DEBUG]


def test_while_initializing_it_waits_and_says_nothing(
    engine: Any, database: str, client: Any, fake_gate: FakeGate, caplog: pytest.LogCaptureFixture
) -> None:
    client[database]["things"].insert_one({"colour": "red"})
    model = fresh_model()

    async def main() -> None:
        async with connected(engine.uri, database) as own:
            things = Things(model, own)
            assert await things.condition() is Condition.INITIALIZING
            started = asyncio.ensure_future(init_beanie(database=own, document_models=[model]))
            asked = [asyncio.ensure_future(things.colours()) for _ in range(20)]
            await asyncio.sleep(0.1)
            assert not any(one.done() for one in asked)
            fake_gate.open()
            assert await asyncio.gather(*asked) == [["red"]] * 20
            await started
            assert await things.condition() is Condition.INITIALIZED
            fake_gate.lose()
            assert await things.condition() is Condition.LOST

    with caplog.at_level(logging.DEBUG, "readygate"):
        asyncio.run(main())
    assert [said for said in warnings(caplog) if "Things" in said] == []


def test_the_wait_is_bounded(fake_gate: FakeGate, caplog: pytest.LogCaptureFixture) -> None:
    things = Things(fresh_model(), ServerSelectionTimeoutError("nobody"))
    things.wait_timeout = 0.1
    with pytest.raises(AllWaysFailed) as failed:
        asyncio.run(things.colours())
    assert failed.value.condition is Condition.INITIALIZING
    assert warnings(caplog) == []


def test_many_requests_wait_on_one_connection(
    fake_gate: FakeGate, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    async def counted(fact: str, **options: Any) -> None:
        asked.append(fact)
        await readygate.wait_async(fact, **options)

    monkeypatch.setattr(repository, "wait_async", counted)

    async def main() -> None:
        things = Things(fresh_model(), None)
        waits = [asyncio.ensure_future(things.settled()) for _ in range(200)]
        await asyncio.sleep(0.1)
        fake_gate.open()
        assert set(await asyncio.gather(*waits)) == {Condition.UNINITIALIZED}

    asyncio.run(main())
    assert asked == ["initialized"]


def test_once_initialized_nobody_is_asked(
    engine: Any, database: str, fake_gate: FakeGate, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No page, no socket: a request must not wait for a gate that has gone."""
    fake_gate.open()
    model = fresh_model()

    async def main() -> None:
        async with connected(engine.uri, database) as own:
            await init_beanie(database=own, document_models=[model])
            fake_gate.stop()
            monkeypatch.setattr(repository, "status_async", None)
            assert await Things(model).condition() is Condition.INITIALIZED

    asyncio.run(main())


def test_fallback_to_the_driver_is_warned_of_once(
    engine: Any, database: str, client: Any, fake_gate: FakeGate, caplog: pytest.LogCaptureFixture
) -> None:
    client[database]["things"].insert_one({"colour": "red"})
    fake_gate.open()

    async def main() -> None:
        async with connected(engine.uri, database) as own:
            things = Things(fresh_model(), own)
            for _ in range(3):
                assert await things.colours() == ["red"]

    asyncio.run(main())
    (said,) = warnings(caplog)
    assert "beanie cannot be used" in said


def test_when_every_way_fails_the_error_names_each(fake_gate: FakeGate) -> None:
    fake_gate.open()
    things = Things(fresh_model(), ServerSelectionTimeoutError("no server"))
    with pytest.raises(AllWaysFailed) as failed:
        asyncio.run(things.colours())
    error = failed.value
    assert [(one.way, type(one.cause)) for one in error.attempts] == [
        ("beanie", OdmNotReady),
        ("driver", ServerSelectionTimeoutError),
    ]
    assert "beanie: OdmNotReady" in str(error)
    assert "driver: ServerSelectionTimeoutError: no server" in str(error)


def test_what_is_an_answer_is_not_tried_again(fake_gate: FakeGate) -> None:
    fake_gate.open()
    things = Things(fresh_model())
    tried: list[str] = []

    async def way(name: str, error: Exception) -> None:
        tried.append(name)
        raise error

    ways = [
        Way("first", lambda: way("first", CollectionWasNotInitialized())),
        Way("second", lambda: way("second", DuplicateKeyError("twice"))),
        Way("third", lambda: way("third", readygate.GateError("no"))),
    ]
    with pytest.raises(DuplicateKeyError):
        asyncio.run(things.first_of(*ways))
    assert tried == ["first", "second"]


def test_a_way_that_worked_again_is_warned_of_again(
    fake_gate: FakeGate, caplog: pytest.LogCaptureFixture
) -> None:
    fake_gate.open()
    things = Things(fresh_model())

    async def ask(error: bool) -> None:
        async def way() -> str:
            if error:
                raise ServerSelectionTimeoutError("gone")
            return "here"

        async def other() -> str:
            return "there"

        await things.first_of(Way("driver", way), Way("other", other))

    for error in (True, True, False, True):
        asyncio.run(ask(error))
    assert len(warnings(caplog)) == 2
