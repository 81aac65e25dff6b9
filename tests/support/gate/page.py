"""The state page beside the socket, read as docs/protocol.md says, for the tests."""

from __future__ import annotations

import struct
import time
import uuid
from dataclasses import dataclass
from pathlib import Path

FACTS = ("open", "ready", "initialized", "healthy", "reachable", "live")


@dataclass(frozen=True)
class Page:
    """One look at it."""

    boot_id: str
    instance_id: str
    offset_ms: int  # of the daemon's clock, in its time namespace
    expires_ms: int  # on that clock
    facts: frozenset[str]
    snapshot: bytes | None

    def says(self, fact: str) -> bool:
        """Whether a client of this, the first time namespace may take it for true now."""
        now_ms = time.clock_gettime_ns(6) // 1_000_000  # CLOCK_MONOTONIC_COARSE
        return fact in self.facts and now_ms < self.expires_ms - self.offset_ms


def read_page(socket: Path) -> Page | None:
    """The page of the gate at this socket; None when there is none, or it was zeroed."""
    try:
        raw = Path(f"{socket}.page").read_bytes()
    except FileNotFoundError:
        return None
    if len(raw) != 4096 or raw[:16] != b"RDYGATE\0" + struct.pack("=II", 1, 4096):
        return None
    (offset_ms,) = struct.unpack_from("=q", raw, 48)
    (word,) = struct.unpack_from("=Q", raw, 64)
    (length,) = struct.unpack_from("=I", raw, 132)
    return Page(
        boot_id=str(uuid.UUID(bytes=raw[16:32])),
        instance_id=raw[32:48].hex(),
        offset_ms=offset_ms,
        expires_ms=word >> 8,
        facts=frozenset(fact for bit, fact in enumerate(FACTS) if word >> bit & 1),
        snapshot=raw[136 : 136 + length] if length <= 3960 else None,
    )
