"""The two collections as Beanie documents: domain models to Beanie's form, and back.

No indexes are declared here on purpose: `schema.toml` declares them and readygate builds them
before a request is served.
"""

from __future__ import annotations

from typing import Any, Self

from beanie import Document, PydanticObjectId
from pydantic import Field, model_validator

from .domain import (
    Desk,
    Drift,
    Moment,
    Money,
    PortfolioId,
    PortfolioModel,
    Rebalance,
    Status,
    Target,
    Trade,
)
from .records import current_model, current_rebalance


class PortfolioModelDocument(Document):
    """A published model, as stored."""

    id: str = Field(alias="_id", min_length=1)  # type: ignore[assignment]
    name: str
    version: int = Field(ge=1)
    latest: bool = False
    description: str = ""
    currency: str = "USD"
    targets: list[Target]
    desk: Desk
    attributes: dict[str, Any] = Field(default_factory=dict)
    published_at: Moment

    class Settings:
        name = "models"
        keep_nulls = False
        projection = None  # whole documents: Beanie's own asks for the fields of today alone

    @model_validator(mode="before")
    @classmethod
    def _of_any_version(cls, raw: Any) -> Any:
        return current_model(raw) if isinstance(raw, dict) else raw

    @classmethod
    def of(cls, model: PortfolioModel) -> Self:
        """The document of a domain model."""
        made: Self = cls.model_validate({**model.model_dump(exclude={"id"}), "_id": model.id})
        return made

    def domain(self) -> PortfolioModel:
        """The domain model of a document."""
        return PortfolioModel.model_validate(self.model_dump(exclude={"revision_id"}))


class RebalanceDocument(Document):
    """A rebalance, as stored."""

    id: PydanticObjectId = Field(alias="_id")
    portfolio_id: PortfolioId
    model_id: str
    as_of: Moment
    status: Status
    drift: Drift
    value: Money
    trades: list[Trade]
    external_id: str | None = None
    approved_by: str | None = None
    expires_at: Moment | None = None

    class Settings:
        name = "rebalances"
        # Absent and null are different for the unique, sparse and TTL indexes.
        keep_nulls = False
        projection = None  # whole documents: Beanie's own asks for the fields of today alone

    @model_validator(mode="before")
    @classmethod
    def _of_any_version(cls, raw: Any) -> Any:
        return current_rebalance(raw) if isinstance(raw, dict) else raw

    @classmethod
    def of(cls, rebalance: Rebalance) -> Self:
        """The document of a domain model."""
        fields = rebalance.model_dump(exclude={"id"})
        made: Self = cls.model_validate({**fields, "_id": rebalance.id})
        return made

    def domain(self) -> Rebalance:
        """The domain model of a document."""
        fields = self.model_dump(exclude={"id", "revision_id"})
        return Rebalance.model_validate({**fields, "id": str(self.id)})


DOCUMENTS = [PortfolioModelDocument, RebalanceDocument]
