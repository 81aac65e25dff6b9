"""What the service reads from its environment, and nothing else.

`MONGODB_URI` (required) and `MONGODB_DATABASE` (default `rebalancer`). The URI may hold a password,
so the settings never print it.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Settings:
    """Settings of one process."""

    mongodb_uri: str = field(repr=False)
    database: str = "rebalancer"
    # A request should learn within seconds that the database is gone, not after the driver's 30.
    server_selection_timeout_ms: int = 2_000

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> Settings:
        """Read the settings; a missing URI is an error that names the variable."""
        uri = environment.get("MONGODB_URI", "")
        if not uri:
            raise RuntimeError("MONGODB_URI is not set: the service needs a MongoDB to read from")
        return cls(mongodb_uri=uri, database=environment.get("MONGODB_DATABASE", cls.database))
