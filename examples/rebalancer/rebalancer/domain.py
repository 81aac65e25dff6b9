"""What the service is about: models, and the rebalances that bring portfolios back to them.

Nothing here knows of a database. Money and weights are decimals, never floats; a moment has a zone,
which is UTC, and milliseconds, which is what every store that was ever used here keeps.
"""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field


def _in_utc(value: datetime) -> datetime:
    try:
        moment = value.astimezone(UTC) if value.tzinfo else value.replace(tzinfo=UTC)
    except OverflowError:
        raise ValueError("the date is before year 1 or after year 9999 in UTC") from None
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


# Without a zone it is UTC: that is how it was stored.
Moment = Annotated[datetime, AfterValidator(_in_utc)]
# 34 digits are what the database's decimals have.
Weight = Annotated[Decimal, Field(ge=0, le=1, max_digits=34)]
Drift = Annotated[Decimal, Field(ge=0, le=2, max_digits=34)]
Money = Annotated[Decimal, Field(gt=0, max_digits=34)]
RebalanceId = Annotated[str, Field(pattern=r"^[0-9a-f]{24}$")]
PortfolioId = Annotated[str, Field(pattern=r"^P-[0-9]{6}$")]


class Value(BaseModel):
    """A base for what does not change once it is made; fields that it does not know it ignores."""

    model_config = ConfigDict(frozen=True)


class Status(StrEnum):
    """Life of a rebalance, in order; `cancelled` can follow any but `settled`."""

    PROPOSED = "proposed"
    APPROVED = "approved"
    EXECUTING = "executing"
    SETTLED = "settled"
    CANCELLED = "cancelled"


class Target(Value):
    """One line of a model: which share of the portfolio this instrument should be."""

    symbol: str
    weight: Weight


class Point(Value):
    """A GeoJSON point: longitude, then latitude."""

    type: Literal["Point"] = "Point"
    coordinates: tuple[float, float]


class Desk(Value):
    """The desk that maintains a model."""

    city: str
    location: Point


class PortfolioModel(Value):
    """A target allocation that portfolios follow; each published version is one."""

    id: str = Field(min_length=1)  # e.g. "balanced-60-40.v3"
    name: str
    version: int = Field(ge=1)
    latest: bool = False
    description: str = ""
    currency: str = "USD"
    targets: list[Target]
    desk: Desk
    attributes: dict[str, Any] = Field(default_factory=dict)
    published_at: Moment


class Trade(Value):
    """One order of a rebalance."""

    symbol: str
    side: Literal["buy", "sell"]
    quantity: int = Field(gt=0, lt=2**63)
    price: Money


class Rebalance(Value):
    """The trades that bring one portfolio back to its model."""

    id: RebalanceId
    portfolio_id: PortfolioId
    model_id: str
    as_of: Moment
    status: Status
    drift: Drift  # largest weight difference between portfolio and model
    value: Money  # of the portfolio, in the model's currency
    trades: list[Trade]
    external_id: str | None = None  # the order system's number: unique where there is one
    approved_by: str | None = None
    expires_at: Moment | None = None  # only a proposal expires
