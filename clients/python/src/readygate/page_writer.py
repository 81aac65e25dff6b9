"""Writes a state page, for the fake gate. The layout stands in docs/protocol.md of the project."""

from __future__ import annotations

import os
import struct
import time
import uuid

from .page import COARSE, LEFT_OUT, MAGIC, SIZE, SNAPSHOT, VERSION, boot_id, clock_offset

GOOD_FOR = 3000  # ms


class PageWriter:
    """The page beside one socket. One thread at a time."""

    def __init__(self, socket: str, instance: str) -> None:
        """Made whole aside and renamed into place: a reader never sees half of one."""
        self.path = f"{socket}.page"
        self._bits = 0
        self._sequence = 0
        head = struct.pack(
            "=8sII16s16sq",
            MAGIC,
            VERSION,
            SIZE,
            boot_id() or bytes(16),
            bytes.fromhex(instance),
            clock_offset(),
        )
        aside = f"{self.path}.{uuid.uuid4().hex[:8]}"
        self._fd = os.open(aside, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o640)
        os.write(self._fd, head.ljust(SIZE, b"\0"))
        os.replace(aside, self.path)

    def publish(self, facts: tuple[bool, ...], snapshot: bytes) -> None:
        """What is true, and the gate's account of it."""
        self._bits = sum(1 << bit for bit, fact in enumerate((*facts, True)) if fact)
        fits = len(snapshot) <= SIZE - SNAPSHOT
        self._sequence += 1
        os.pwrite(self._fd, struct.pack("=I", self._sequence), 128)
        body = struct.pack("=I", len(snapshot) if fits else LEFT_OUT) + (snapshot if fits else b"")
        os.pwrite(self._fd, body, 132)
        self._sequence += 1
        os.pwrite(self._fd, struct.pack("=I", self._sequence), 128)
        self.beat()

    def beat(self) -> None:
        """Good for three seconds from now."""
        expires = time.clock_gettime_ns(COARSE) // 1_000_000 + GOOD_FOR
        os.pwrite(self._fd, struct.pack("=Q", expires << 8 | self._bits), 64)

    def zero(self) -> None:
        """What the daemon does at its orderly end."""
        os.pwrite(self._fd, bytes(SIZE), 0)

    def close(self) -> None:
        os.close(self._fd)
