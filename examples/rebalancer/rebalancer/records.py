"""Raw documents of the database, of every version that was ever written, to domain and back.

No class of the ODM is needed: what the driver returns is enough. Three steps on the way in:
`current_…` turns an older version into today's form, plain() BSON's own types into Python's, and
the domain model checks the rest, ignoring fields that it does not know. documents.py goes the same
first two steps, so there is one place that knows what older documents look like:

    rebalances before version 2: `state` for `status`, `qty` for a trade's `quantity`, numbers as
    doubles, `as_of` as ISO 8601 text with an offset
    models before version 2: `targets` as an object (symbol: weight), `published` for `published_at`
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from enum import Enum
from typing import Any

from bson import Decimal128, Int64, ObjectId

from .domain import PortfolioModel, Rebalance

Raw = dict[str, Any]


def plain(value: Any) -> Any:
    """The same without BSON's own types, at any depth."""
    match value:
        case Decimal128():
            return value.to_decimal()
        case ObjectId():
            return str(value)
        case Int64():
            return int(value)
        case Mapping():
            return {name: plain(inner) for name, inner in value.items()}
        case list() | tuple():
            return [plain(inner) for inner in value]
    return value


def bson(value: Any) -> Any:
    """The way back: what the driver does not store by itself becomes what it does."""
    match value:
        case Decimal():
            return Decimal128(value)
        case Enum():
            return value.value
        case Mapping():
            return {name: bson(inner) for name, inner in value.items()}
        case list() | tuple():
            return [bson(inner) for inner in value]
    return value


def current_rebalance(raw: Mapping[str, Any]) -> Raw:
    """A stored rebalance of any version in today's form, with Python's types."""
    new: Raw = plain(raw)
    _rename(new, "state", "status")
    for trade in new["trades"] if isinstance(new.get("trades"), list) else []:
        if isinstance(trade, dict):
            _rename(trade, "qty", "quantity")
    return new


def current_model(raw: Mapping[str, Any]) -> Raw:
    """A stored model of any version in today's form, with Python's types."""
    new: Raw = plain(raw)
    _rename(new, "published", "published_at")
    if isinstance(targets := new.get("targets"), dict):
        new["targets"] = [{"symbol": s, "weight": weight} for s, weight in targets.items()]
    return new


def rebalance_of(raw: Mapping[str, Any]) -> Rebalance:
    """pydantic.ValidationError: it is none."""
    return Rebalance.model_validate({**current_rebalance(raw), "id": plain(raw["_id"])})


def model_of(raw: Mapping[str, Any]) -> PortfolioModel:
    """pydantic.ValidationError: it is none."""
    return PortfolioModel.model_validate({**current_model(raw), "id": plain(raw["_id"])})


def raw_rebalance(rebalance: Rebalance) -> Raw:
    """As it is stored. What is None is left out: for unique, sparse and TTL indexes absent and null
    are different.
    """
    return {
        "_id": ObjectId(rebalance.id),
        **bson(rebalance.model_dump(exclude={"id"}, exclude_none=True)),
    }


def raw_model(model: PortfolioModel) -> Raw:
    """As it is stored."""
    return {"_id": model.id, **bson(model.model_dump(exclude={"id"}))}


# The filter and the change of an approval, for both ways; an older document is renewed by it.
def proposal(rebalance_id: str) -> Raw:
    """The filter for this rebalance if it is still a proposal, of any version."""
    old = {"status": {"$exists": False}, "state": "proposed"}
    return {"_id": ObjectId(rebalance_id), "$or": [{"status": "proposed"}, old]}


def approval(by: str) -> Raw:
    """The update that makes it approved."""
    return {
        "$set": {"status": "approved", "approved_by": by},
        "$unset": {"expires_at": "", "state": ""},
    }


def _rename(raw: Raw, old: str, new: str) -> None:
    """Unless the new one is there: then the old name is nothing but an unknown field."""
    if old in raw:
        value = raw.pop(old)
        raw.setdefault(new, value)
