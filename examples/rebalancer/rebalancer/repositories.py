"""What the service asks of a store. `stored.py` has the ones on MongoDB.

Besides what is said here, any of them may raise that no way to the store could be gone
(readygate.repository.AllWaysFailed) or what the driver raises: both are a 503.
"""

from __future__ import annotations

from typing import Protocol

from .domain import PortfolioModel, Rebalance


class AlreadyThere(Exception):
    """What was to be added has an id, or an external_id, that is taken."""


class Unreadable(Exception):
    """What is stored is nothing that this version of the service understands."""

    def __init__(self, kind: str, fields: frozenset[str]) -> None:
        super().__init__(f"a stored {kind} cannot be read: {', '.join(sorted(fields))}")
        self.fields = fields


class ModelRepository(Protocol):
    """Published models."""

    async def get(self, model_id: str) -> PortfolioModel | None:
        """One, or None. Unreadable."""
        ...

    async def find(self, *, latest: bool, search: str | None = None) -> list[PortfolioModel]:
        """By name and version; of `latest` ones alone, of those with a word. Unreadable."""
        ...

    async def publish(self, model: PortfolioModel) -> None:
        """Adds it. AlreadyThere."""
        ...


class RebalanceRepository(Protocol):
    """Rebalances of every portfolio."""

    async def get(self, rebalance_id: str) -> Rebalance | None:
        """One, or None. Unreadable."""
        ...

    async def of_portfolio(self, portfolio_id: str, limit: int) -> list[Rebalance]:
        """The newest `limit` of one portfolio, newest first. Unreadable."""
        ...

    async def add(self, rebalance: Rebalance) -> None:
        """Adds it. AlreadyThere."""
        ...

    async def approve(self, rebalance_id: str, by: str) -> Rebalance | None:
        """A proposal becomes approved and does not expire any more; None: there is no such
        proposal, or it is one no longer. Unreadable.
        """
        ...
