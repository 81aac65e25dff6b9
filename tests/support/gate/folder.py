"""A temporary folder that does not outlive its owner for long, even one that was killed.

The owner holds a lock on a file in it as long as it lives. Whoever makes the next folder removes
those that nobody holds: they have a connection string in them.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from pathlib import Path
from typing import IO

PREFIX = "rg-"  # short: a socket's path has 107 bytes at most


class OwnedFolder:
    """Readable by its owner alone; gone with close()."""

    def __init__(self) -> None:
        _sweep()
        self.path = Path(tempfile.mkdtemp(prefix=PREFIX))
        new = self.path / "owner.new"
        self._lock: IO[bytes] = new.open("wb")
        fcntl.flock(self._lock, fcntl.LOCK_EX)
        new.rename(self.path / "owner")  # under this name it is locked from the first moment

    def close(self) -> None:
        """Remove it. May be called again."""
        shutil.rmtree(self.path, ignore_errors=True)
        self._lock.close()


def _sweep() -> None:
    for owner in Path(tempfile.gettempdir()).glob(f"{PREFIX}*/owner"):
        try:
            if owner.stat().st_uid != os.geteuid():
                continue
            with owner.open("rb") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(owner.parent, ignore_errors=True)
        except OSError:  # held, or removed by another one meanwhile
            continue
