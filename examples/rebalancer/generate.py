"""Made-up but plausible data for the rebalancer: models, and the rebalances of many portfolios.

The same seed, day and count give the same documents, `_id` included, so a second run inserts
nothing. Numbers hang together: a portfolio drifts from its model as prices move, and the trades of
a rebalance are the ones that would bring it back.

    python generate.py --uri mongodb://127.0.0.1:27017/ --database rebalancer
    python generate.py --out rebalances.jsonl      # canonical Extended JSON, no database
"""

from __future__ import annotations

import argparse
import os
import random
import sys
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from decimal import ROUND_HALF_EVEN, Decimal
from pathlib import Path
from typing import Any

from bson import Decimal128, ObjectId, json_util
from pymongo import MongoClient
from pymongo.errors import BulkWriteError, PyMongoError

Doc = dict[str, Any]

# symbol: (price around which it moves, yearly volatility)
INSTRUMENTS: dict[str, tuple[float, float]] = {
    "US-TOTAL": (268.40, 0.17),
    "US-SMALL": (214.75, 0.22),
    "INTL-DEV": (51.20, 0.16),
    "EMERGING": (44.65, 0.20),
    "US-AGG": (73.10, 0.06),
    "TREAS-LONG": (92.35, 0.14),
    "INFL-LINK": (108.90, 0.07),
    "HIGH-YIELD": (77.05, 0.09),
    "REIT": (86.50, 0.19),
    "GOLD": (221.30, 0.15),
    "CASH": (1.00, 0.0),
}

# name: (description, weights in percent, attributes)
STRATEGIES: dict[str, tuple[str, dict[str, int], Doc]] = {
    "Balanced 60/40": (
        "Sixty percent equity, forty percent bonds, for a horizon of ten years or more",
        {"US-TOTAL": 36, "INTL-DEV": 18, "EMERGING": 6, "US-AGG": 32, "INFL-LINK": 6, "CASH": 2},
        {"risk": {"band": "medium", "max_drawdown": 25}, "rebalance": "quarterly"},
    ),
    "Growth 80/20": (
        "Mostly equity with a small-company tilt; bonds dampen the worst years",
        {"US-TOTAL": 44, "US-SMALL": 10, "INTL-DEV": 18, "EMERGING": 8, "US-AGG": 18, "CASH": 2},
        {"risk": {"band": "high", "max_drawdown": 38}, "tilt": "small", "rebalance": "quarterly"},
    ),
    "Income": (
        "Pays a steady income from bonds, high yield and property",
        {"US-AGG": 38, "HIGH-YIELD": 22, "REIT": 14, "US-TOTAL": 18, "INFL-LINK": 5, "CASH": 3},
        {"risk": {"band": "medium"}, "yield_target": 4.5, "duration_years": 5.8},
    ),
    "All Weather": (
        "Spreads risk over growth and inflation regimes rather than money over assets",
        {"US-TOTAL": 30, "TREAS-LONG": 40, "US-AGG": 15, "GOLD": 8, "INFL-LINK": 7},
        {"risk": {"band": "medium"}, "duration_years": 11.2, "hedge": ["inflation", "deflation"]},
    ),
    "Capital Preservation": (
        "Keeps the value of money for a near goal; little equity, short and linked bonds",
        {"US-AGG": 45, "INFL-LINK": 30, "US-TOTAL": 10, "CASH": 15},
        {"risk": {"band": "low", "max_drawdown": 8}, "horizon_years": 3},
    ),
    "Global Equity": (
        "Equity of the whole world by market value, no bonds",
        {"US-TOTAL": 58, "INTL-DEV": 27, "EMERGING": 11, "US-SMALL": 4},
        {"risk": {"band": "high", "max_drawdown": 52}, "esg": {"screened": False}},
    ),
    "Responsible Balanced": (
        "A balanced allocation without thermal coal, tobacco and controversial weapons",
        {"US-TOTAL": 34, "INTL-DEV": 20, "EMERGING": 4, "US-AGG": 34, "REIT": 6, "CASH": 2},
        {"risk": {"band": "medium"}, "esg": {"screened": True, "excludes": ["coal", "tobacco"]}},
    ),
    "Real Assets": (
        "Property, gold and linked bonds as a shelter from inflation",
        {"REIT": 38, "GOLD": 24, "INFL-LINK": 30, "EMERGING": 5, "CASH": 3},
        {"risk": {"band": "high"}, "hedge": ["inflation"], "rebalance": "yearly"},
    ),
}

DESKS: list[tuple[str, float, float]] = [  # city, longitude, latitude
    ("London", -0.0877, 51.5142),
    ("New York", -74.0113, 40.7074),
    ("Zurich", 8.5391, 47.3703),
    ("Singapore", 103.8511, 1.2840),
]
APPROVERS = ["a.okafor", "j.lindqvist", "m.tanaka", "r.castellano", "s.nandakumar"]
# How a rebalance older than a few days ended up.
OUTCOMES = ["settled"] * 17 + ["cancelled"] * 3


def money(value: float, step: str = "0.01") -> Decimal:
    """Round to a step as an accountant does."""
    return Decimal(repr(value)).quantize(Decimal(step), ROUND_HALF_EVEN)


def slug(name: str) -> str:
    """`Balanced 60/40` becomes `balanced-60-40`."""
    return name.lower().replace("/", "-").replace(" ", "-")


def models(rng: random.Random, today: datetime) -> list[Doc]:
    """Every published version of every strategy; the newest one is `latest`."""
    documents: list[Doc] = []
    for name, (description, weights, attributes) in STRATEGIES.items():
        city, longitude, latitude = rng.choice(DESKS)
        versions = rng.randint(1, 4)
        for version in range(1, versions + 1):
            targets = dict(weights)
            if version < versions:  # an older version: a few percent were elsewhere
                giver, taker = rng.sample(sorted(targets), 2)
                moved = min(rng.randint(1, 4), targets[giver] - 1)
                targets[giver] -= moved
                targets[taker] += moved
            age = timedelta(days=400 * (versions - version) + rng.randint(5, 200))
            documents.append(
                {
                    "_id": f"{slug(name)}.v{version}",
                    "name": name,
                    "version": version,
                    "latest": version == versions,
                    "description": description,
                    "currency": "CHF" if city == "Zurich" else "USD",
                    "targets": [
                        {"symbol": s, "weight": Decimal128(Decimal(w) / 100)}
                        for s, w in targets.items()
                    ],
                    "desk": {
                        "city": city,
                        "location": {"type": "Point", "coordinates": [longitude, latitude]},
                    },
                    "attributes": attributes,
                    "published_at": today - age,
                }
            )
    return documents


def drifted(rng: random.Random, targets: dict[str, float], days: int) -> dict[str, float]:
    """Weights after so many days of prices moving at random, each by its own volatility."""
    grown = {
        symbol: weight * (1 + rng.gauss(0, INSTRUMENTS[symbol][1] * (days / 252) ** 0.5))
        for symbol, weight in targets.items()
    }
    total = sum(grown.values())
    return {symbol: weight / total for symbol, weight in grown.items()}


def trades(
    rng: random.Random, targets: dict[str, float], weights: dict[str, float], value: float
) -> list[Doc]:
    """Whole units that bring the weights back; what is smaller than one unit is left alone."""
    orders: list[Doc] = []
    for symbol, target in targets.items():
        if symbol == "CASH":
            continue  # cash is what the other orders leave
        price = money(INSTRUMENTS[symbol][0] * rng.uniform(0.93, 1.07))
        quantity = int((target - weights[symbol]) * value / float(price))
        if quantity:
            orders.append(
                {
                    "symbol": symbol,
                    "side": "buy" if quantity > 0 else "sell",
                    "quantity": abs(quantity),
                    "price": Decimal128(price),
                }
            )
    return sorted(orders, key=lambda order: order["side"], reverse=True)  # sell before buying


def rebalances(
    rng: random.Random, published: list[Doc], today: datetime, count: int
) -> Iterator[Doc]:
    """`count` rebalances, portfolio by portfolio, each portfolio going back from today."""
    latest = [model for model in published if model["latest"]]
    made = 0
    portfolio = 100_000
    while made < count:
        portfolio += rng.randint(1, 40)
        model = rng.choice(latest)
        targets = {t["symbol"]: float(t["weight"].to_decimal()) for t in model["targets"]}
        value = rng.lognormvariate(13.1, 0.9)  # median about 490,000
        age = rng.randint(0, 60)
        for _ in range(min(rng.randint(4, 14), count - made)):
            step = rng.choice([30, 60, 91, 91, 91])
            weights = drifted(rng, targets, step)
            yield rebalance(rng, portfolio, model, today, age, weights, value)
            made += 1
            age += step
            value /= 1 + rng.gauss(0.012, 0.04)  # what it was worth one step earlier


def rebalance(
    rng: random.Random,
    portfolio: int,
    model: Doc,
    today: datetime,
    age: int,
    weights: dict[str, float],
    value: float,
) -> Doc:
    """One rebalance of one portfolio, `age` days ago; only a recent one is still under way."""
    targets = {t["symbol"]: float(t["weight"].to_decimal()) for t in model["targets"]}
    day = today - timedelta(days=age)
    status = rng.choice(["proposed", "approved", "executing"] if age <= 10 else OUTCOMES)
    document: Doc = {
        "_id": ObjectId(rng.randbytes(12)),  # from the seed instead of the clock
        "portfolio_id": f"P-{portfolio:06d}",
        "model_id": model["_id"],
        "as_of": day.replace(hour=rng.randint(7, 16), minute=rng.randint(0, 59)),
        "status": status,
        "drift": Decimal128(money(max(abs(weights[s] - targets[s]) for s in targets), "0.000001")),
        "value": Decimal128(money(value)),
        "trades": trades(rng, targets, weights, value),
    }
    if status in ("approved", "executing", "settled"):
        document["approved_by"] = rng.choice(APPROVERS)
    if status in ("executing", "settled"):
        document["external_id"] = f"OMS-{rng.getrandbits(48):012X}"
    if status == "proposed":
        # Ahead of today, else the TTL index would delete what was just inserted.
        document["expires_at"] = today + timedelta(days=rng.randint(20, 40))
    return document


def generate(seed: int, today: date, count: int) -> tuple[list[Doc], list[Doc]]:
    """All models, and `count` rebalances, as of the day `today`."""
    rng = random.Random(seed)
    midnight = datetime.combine(today, time(), UTC)
    published = models(rng, midnight)
    return published, list(rebalances(rng, published, midnight, count))


def insert_missing(uri: str, database: str, published: list[Doc], made: list[Doc]) -> int:
    """Insert what is not there yet; returns how many documents were."""
    inserted = 0
    client: MongoClient[Doc] = MongoClient(uri, serverSelectionTimeoutMS=5_000)
    with client:
        for name, documents in (("models", published), ("rebalances", made)):
            for start in range(0, len(documents), 500):
                batch = documents[start : start + 500]
                try:
                    client[database][name].insert_many(batch, ordered=False)
                    inserted += len(batch)
                except BulkWriteError as error:
                    details = error.details or {}
                    others = [e for e in details["writeErrors"] if e["code"] != 11000]
                    if others:
                        raise
                    inserted += details["nInserted"]
    return inserted


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description="seeded data for the rebalancer")
    parser.add_argument("--seed", type=int, default=16)
    parser.add_argument("--count", type=int, default=3_000, help="rebalances (default 3000)")
    parser.add_argument("--today", type=date.fromisoformat, help="YYYY-MM-DD (default: today)")
    parser.add_argument("--uri", help="default: the variable MONGODB_URI, which ps does not show")
    parser.add_argument("--database", default=os.environ.get("MONGODB_DATABASE", "rebalancer"))
    parser.add_argument("--out", help="write JSON lines to this file instead, - for stdout")
    arguments = parser.parse_args()

    today = arguments.today or datetime.now(UTC).date()
    published, made = generate(arguments.seed, today, arguments.count)
    if arguments.out:
        lines = "".join(
            json_util.dumps(document, json_options=json_util.CANONICAL_JSON_OPTIONS) + "\n"
            for document in [*published, *made]
        )
        if arguments.out == "-":
            sys.stdout.write(lines)
        else:
            Path(arguments.out).write_text(lines, encoding="utf-8")
        return 0

    uri = arguments.uri or os.environ.get("MONGODB_URI", "")
    if not uri:
        parser.error("no database: give --uri or MONGODB_URI, or --out for a file")
    try:
        inserted = insert_missing(uri, arguments.database, published, made)
    except PyMongoError as error:
        print(f"generate: {error}", file=sys.stderr)
        return 1
    there = len(published) + len(made) - inserted
    print(
        f"{len(published)} models and {len(made)} rebalances (seed {arguments.seed}): "
        f"{inserted} inserted, {there} were there already"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
