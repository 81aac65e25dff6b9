"""The two collections as Beanie documents.

No indexes are declared here on purpose: `schema.toml` declares them and readygate builds them
before this code runs. Money and weights are decimals (Decimal128 in the database), never floats.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any, Literal

from beanie import DecimalAnnotation, Document
from pydantic import BaseModel, Field


class Status(StrEnum):
    """Life of a rebalance, in order; `cancelled` can follow any but `settled`."""

    PROPOSED = "proposed"
    APPROVED = "approved"
    EXECUTING = "executing"
    SETTLED = "settled"
    CANCELLED = "cancelled"


class Target(BaseModel):
    """One line of a model: which share of the portfolio this instrument should be."""

    symbol: str
    weight: DecimalAnnotation = Field(ge=0, le=1)


class Point(BaseModel):
    """A GeoJSON point: longitude, then latitude."""

    type: Literal["Point"] = "Point"
    coordinates: tuple[float, float]


class Desk(BaseModel):
    """The desk that maintains a model."""

    city: str
    location: Point


class PortfolioModel(Document):
    """A target allocation that portfolios follow, one document per published version."""

    id: str  # type: ignore[assignment]  # e.g. "balanced-60-40.v3"
    name: str
    version: int = Field(ge=1)
    latest: bool
    description: str
    currency: str
    targets: list[Target]
    desk: Desk
    attributes: dict[str, Any] = Field(default_factory=dict)
    published_at: datetime

    class Settings:
        name = "models"
        keep_nulls = False


class Trade(BaseModel):
    """One order of a rebalance."""

    symbol: str
    side: Literal["buy", "sell"]
    quantity: int = Field(gt=0)
    price: DecimalAnnotation = Field(gt=0)


class Rebalance(Document):
    """The trades that bring one portfolio back to its model."""

    portfolio_id: str
    model_id: str
    as_of: datetime
    status: Status = Status.PROPOSED
    drift: DecimalAnnotation = Field(ge=0, description="largest weight difference, 0 to 2")
    value: DecimalAnnotation = Field(gt=0, description="portfolio value in the model's currency")
    trades: list[Trade]
    external_id: str | None = None  # the order system's number: unique where there is one
    approved_by: str | None = None
    expires_at: datetime | None = None  # only a proposal expires

    class Settings:
        name = "rebalances"
        # Absent and null are different for the unique, sparse and TTL indexes.
        keep_nulls = False
