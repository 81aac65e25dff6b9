"""Both repositories on MongoDB: through Beanie, and where it cannot be used through the driver.

While the gate works, a request waits, for at most `wait_timeout`, in silence. Beanie that cannot be
used is warned of once for each cause, not for each request. When neither way can be gone, one error
names both with their causes. The driver is no way around the gate: before the schema is there it is
not used either.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar, cast

from beanie import SortDirection, UpdateResponse
from bson import ObjectId
from bson.errors import InvalidId
from pydantic import ValidationError
from pymongo import ReturnDocument
from pymongo.asynchronous.collection import AsyncCollection
from pymongo.errors import DuplicateKeyError
from readygate import GateError
from readygate.repository import Condition, Repository, Way

from .database import Database
from .documents import PortfolioModelDocument, RebalanceDocument
from .domain import PortfolioModel, Rebalance
from .records import Raw, approval, model_of, proposal, raw_model, raw_rebalance, rebalance_of
from .repositories import AlreadyThere, Unreadable

T = TypeVar("T")
BY_NAME = [("name", SortDirection.ASCENDING), ("version", SortDirection.ASCENDING)]
NEWEST_FIRST = [("as_of", SortDirection.DESCENDING)]


class StoredRepository(Repository):
    """What both have in common."""

    # s. A gate whose turn another replica's has taken looks again after a quarter of lease.period.
    wait_timeout = 10.0
    kind = ""
    collection = ""

    def __init__(self, database: Database) -> None:
        super().__init__()
        self._database = database
        self._raw: AsyncCollection[Raw] = database.raw[self.collection]

    async def condition(self) -> Condition:
        """The database's: one function for all that ask."""
        return self._database.condition()

    async def _either(
        self, by_beanie: Callable[[], Awaitable[T]], by_driver: Callable[[], Awaitable[T]]
    ) -> T:
        async def behind_the_gate() -> T:
            if not self._database.schema_is_there():
                raise GateError("the gate has not said that the schema is there")
            return await by_driver()

        try:
            return await self.first_of(
                Way("beanie", by_beanie, needs_odm=True), Way("driver", behind_the_gate)
            )
        except DuplicateKeyError as error:
            raise AlreadyThere(f"this {self.kind} is there already") from error
        except ValidationError as error:
            fields = frozenset(".".join(map(str, one["loc"])) for one in error.errors())
            raise Unreadable(self.kind, fields) from error


class StoredModels(StoredRepository):
    """The collection `models`."""

    kind = "model"
    collection = "models"

    async def get(self, model_id: str) -> PortfolioModel | None:
        async def by_beanie() -> PortfolioModel | None:
            found = await PortfolioModelDocument.find_one({"_id": model_id})
            return found.domain() if found else None

        async def by_driver() -> PortfolioModel | None:
            found = await self._raw.find_one({"_id": model_id})
            return model_of(found) if found else None

        return await self._either(by_beanie, by_driver)

    async def find(self, *, latest: bool, search: str | None = None) -> list[PortfolioModel]:
        query: Raw = {"latest": True} if latest else {}
        if search:
            query["$text"] = {"$search": search}

        async def by_beanie() -> list[PortfolioModel]:
            found = PortfolioModelDocument.find(query).sort(BY_NAME)
            return [one.domain() async for one in found]

        async def by_driver() -> list[PortfolioModel]:
            return [model_of(one) async for one in self._raw.find(query).sort(BY_NAME)]

        return await self._either(by_beanie, by_driver)

    async def publish(self, model: PortfolioModel) -> None:
        async def by_beanie() -> None:
            await PortfolioModelDocument.of(model).insert()

        async def by_driver() -> None:
            await self._raw.insert_one(raw_model(model))

        await self._either(by_beanie, by_driver)


class StoredRebalances(StoredRepository):
    """The collection `rebalances`."""

    kind = "rebalance"
    collection = "rebalances"

    async def get(self, rebalance_id: str) -> Rebalance | None:
        if (key := _object_id(rebalance_id)) is None:
            return None

        async def by_beanie() -> Rebalance | None:
            found = await RebalanceDocument.find_one({"_id": key})
            return found.domain() if found else None

        async def by_driver() -> Rebalance | None:
            found = await self._raw.find_one({"_id": key})
            return rebalance_of(found) if found else None

        return await self._either(by_beanie, by_driver)

    async def of_portfolio(self, portfolio_id: str, limit: int) -> list[Rebalance]:
        query = {"portfolio_id": portfolio_id}

        async def by_beanie() -> list[Rebalance]:
            found = RebalanceDocument.find(query).sort(NEWEST_FIRST).limit(limit)
            return [one.domain() async for one in found]

        async def by_driver() -> list[Rebalance]:
            found = self._raw.find(query).sort(NEWEST_FIRST).limit(limit)
            return [rebalance_of(one) async for one in found]

        return await self._either(by_beanie, by_driver)

    async def add(self, rebalance: Rebalance) -> None:
        async def by_beanie() -> None:
            await RebalanceDocument.of(rebalance).insert()

        async def by_driver() -> None:
            await self._raw.insert_one(raw_rebalance(rebalance))

        await self._either(by_beanie, by_driver)

    async def approve(self, rebalance_id: str, by: str) -> Rebalance | None:
        if _object_id(rebalance_id) is None:
            return None
        query, update = proposal(rebalance_id), approval(by)

        async def by_beanie() -> Rebalance | None:
            found = RebalanceDocument.find_one(query)
            changed = await found.update(update, response_type=UpdateResponse.NEW_DOCUMENT)
            return cast(RebalanceDocument, changed).domain() if changed else None

        async def by_driver() -> Rebalance | None:
            changed = await self._raw.find_one_and_update(
                query, update, return_document=ReturnDocument.AFTER
            )
            return rebalance_of(changed) if changed else None

        return await self._either(by_beanie, by_driver)


def _object_id(text: str) -> ObjectId | None:
    try:
        return ObjectId(text)
    except InvalidId:
        return None
