"""Writes state pages, good ones and others, from the layout in docs/protocol.md alone."""

from __future__ import annotations

import struct
import time
import uuid
from pathlib import Path

BITS = ("open", "ready", "initialized", "healthy", "reachable", "live")
SIZE = 4096


def write_page(
    path: Path,
    facts: str = "",
    *,
    expires: str = "60000",
    boot: str = "",
    magic: str = "RDYGATE",
    version: str = "1",
    size: str = "4096",
    ahead: str = "0",
    state: str = "",
    sequence: str = "2",
    length: str = "",
) -> None:
    """A page in this one's place, renamed as the daemon does it.

    `facts`    those that are true, with commas, or `-`
    `expires`  ms from now
    `boot`     `other`: another boot's id
    `size`     of the file, in bytes
    `ahead`    ms: the writer's clock (another time namespace's) is that much ahead of ours
    `state`    of the snapshot; none: no snapshot
    `sequence` odd: being written
    `length`   of the snapshot, in place of the true one
    """
    running = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    boot_id = uuid.uuid4() if boot == "other" else uuid.UUID(running)
    until = time.clock_gettime_ns(6) // 1_000_000 + int(expires) + int(ahead)
    bits = sum(1 << bit for bit, name in enumerate(BITS) if name in facts.split(","))
    page = bytearray(SIZE)
    struct.pack_into("=8sII", page, 0, magic.encode(), int(version), SIZE)
    page[16:32] = boot_id.bytes
    page[32:48] = uuid.uuid4().bytes
    struct.pack_into("=q", page, 48, int(ahead))
    struct.pack_into("=Q", page, 64, until << 8 | bits)
    # Padded to the page's end, so that one whose length says otherwise could be read by mistake.
    text = f'{{"v":1,"seq":7,"state":"{state}"}}'.ljust(SIZE - 136).encode() if state else b""
    struct.pack_into("=II", page, 128, int(sequence), int(length, 0) if length else len(text))
    page[136 : 136 + len(text)] = text
    new = path.with_suffix(".aside")
    new.write_bytes(page[: int(size)])
    new.chmod(0o644)
    new.rename(path)


def zero_page(path: Path) -> None:
    """In place, as the daemon does at its orderly end."""
    with path.open("r+b") as file:
        file.write(bytes(SIZE))
