"""The documents with the indexes of schema.toml, which every process creates at its start."""

from __future__ import annotations

from pymongo import IndexModel

from rebalancer import documents


class PortfolioModelDocument(documents.PortfolioModelDocument):
    """A published model, as stored."""

    class Settings(documents.PortfolioModelDocument.Settings):
        indexes = [  # noqa: RUF012
            IndexModel([("name", 1), ("version", -1)], name="name_version", unique=True),
            IndexModel([("name", "text"), ("description", "text")], name="search"),
            IndexModel([("desk.location", "2dsphere")], name="desk_location"),
            IndexModel([("attributes.$**", 1)], name="attributes"),
        ]


class RebalanceDocument(documents.RebalanceDocument):
    """A rebalance, as stored."""

    class Settings(documents.RebalanceDocument.Settings):
        indexes = [  # noqa: RUF012
            IndexModel([("portfolio_id", 1), ("as_of", -1)], name="portfolio_asof"),
            IndexModel(
                [("external_id", 1)],
                name="external_id",
                unique=True,
                partialFilterExpression={"external_id": {"$type": "string"}},
            ),
            IndexModel(
                [("drift", -1)],
                name="proposed_by_drift",
                partialFilterExpression={"status": "proposed"},
            ),
            IndexModel([("approved_by", 1), ("as_of", -1)], name="approved_by", sparse=True),
            IndexModel([("trades.symbol", 1)], name="trades_symbol"),
            IndexModel([("model_id", "hashed")], name="model_hashed"),
            IndexModel([("expires_at", 1)], name="ttl", expireAfterSeconds=0),
        ]
