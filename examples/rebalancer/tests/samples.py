"""One of each, and the raw documents that older versions of the service wrote."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from bson import ObjectId

from rebalancer.domain import Desk, Point, PortfolioModel, Rebalance, Status, Target, Trade

MODEL = PortfolioModel(
    id="income.v1",
    name="Income",
    version=1,
    latest=True,
    description="Pays a steady income",
    targets=[
        Target(symbol="US-AGG", weight=Decimal("0.60")),
        Target(symbol="CASH", weight=Decimal("0.40")),
    ],
    desk=Desk(city="Zurich", location=Point(coordinates=(8.54, 47.37))),
    attributes={"risk": {"band": "medium"}, "yield_target": 4.5, "hedge": None},
    published_at=datetime(2026, 2, 1, 9, 30, tzinfo=UTC),
)
REBALANCE = Rebalance(
    id="65f0c0ffee65f0c0ffee65f0",
    portfolio_id="P-000007",
    model_id="income.v1",
    as_of=datetime(2026, 3, 1, 9, 30, 0, 123_000, tzinfo=UTC),
    status=Status.PROPOSED,
    drift=Decimal("0.040"),
    value=Decimal("1000.50"),
    trades=[Trade(symbol="US-AGG", side="buy", quantity=3, price=Decimal("73.10"))],
    external_id="OMS-1",
    expires_at=datetime(2026, 3, 6, 9, 30, tzinfo=UTC),
)

OLD_REBALANCE: dict[str, Any] = {
    "_id": ObjectId("65f0c0ffee65f0c0ffee65f1"),
    "portfolio_id": "P-000007",
    "model_id": "income.v1",
    "as_of": "2024-03-01T10:30:00.250+01:00",
    "state": "proposed",
    "drift": 0.04,
    "value": 1000.5,
    "trades": [{"symbol": "US-AGG", "side": "buy", "qty": 3, "price": 73.1, "desk": "ZH"}],
    "expires_at": datetime(2024, 3, 6, tzinfo=UTC),
    "batch": 17,
}
OLD_MODEL: dict[str, Any] = {
    "_id": "income.v0",
    "name": "Income",
    "version": 1,
    "targets": {"US-AGG": 0.6, "CASH": 0.4},
    "desk": {"city": "Zurich", "location": {"type": "Point", "coordinates": [8.54, 47.37]}},
    "published": datetime(2023, 2, 1, tzinfo=UTC),
}
