"""Beanie models with everything that can be said of an index."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Optional

import pymongo
from beanie import Document, Indexed, TimeSeriesConfig, UnionDoc, View
from beanie.odm.settings.timeseries import Granularity
from pydantic import Field
from pymongo import IndexModel
from pymongo.collation import Collation


class Order(Document):
    number: Annotated[str, Indexed(unique=True)]
    customer: Annotated[str, Indexed()] = "nobody"
    placed: datetime = datetime(2026, 1, 1)
    note: Annotated[Optional[str], Indexed(index_type=pymongo.TEXT)] = None
    aliased: Annotated[int, Indexed(), Field(alias="inDatabase")] = 0
    expires: Optional[datetime] = None

    class Settings:
        name = "orders"
        validator = {"number": {"$type": "string"}}  # noqa: RUF012
        indexes = [  # noqa: RUF012
            "placed",
            [("customer", pymongo.ASCENDING), ("placed", pymongo.DESCENDING)],
            IndexModel("expires", expireAfterSeconds=3600, name="gone"),
            IndexModel(
                [("placed", 1), ("number", 1)],
                name="it's partial",
                partialFilterExpression={"placed": {"$gte": datetime(2026, 1, 1)}},
            ),
        ]


class Place(Document):
    where: Annotated[list[float], Indexed(index_type=pymongo.GEO2D, min=-10, max=10, bits=20)]
    title: str = ""

    class Settings:
        indexes = [  # noqa: RUF012
            IndexModel(
                [("title", 1)], collation=Collation("en", strength=2, caseLevel=True), sparse=True
            ),
            IndexModel([("$**", 1)], wildcardProjection={"title": 1}, hidden=True),
        ]


class Animal(Document):
    name: Annotated[str, Indexed()] = ""

    class Settings:
        is_root = True


class Dog(Animal):
    weight: Annotated[int, Indexed()] = 0


class Parent(UnionDoc):
    class Settings:
        name = "parents"


class One(Document):
    number: Annotated[int, Indexed()] = 0

    class Settings:
        union_doc = Parent


class Measurement(Document):
    at: datetime
    sensor: str = ""

    class Settings:
        name = "measurements"
        timeseries = TimeSeriesConfig(
            time_field="at",
            meta_field="sensor",
            granularity=Granularity.minutes,
            expire_after_seconds=7200,
        )


class OrderNumber(View):
    number: str

    class Settings:
        source = Order
        pipeline = [{"$match": {"number": {"$gt": "it's"}}}]  # noqa: RUF012


PLAIN = [Order, Animal, Dog, Parent, One]
ALL = [*PLAIN, Place, Measurement, OrderNumber]
