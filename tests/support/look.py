"""What the kernel shows of a process in /proc."""

from __future__ import annotations

import os
from pathlib import Path

import pytest


def shown(pid: int, name: str) -> list[str]:
    """Lines of /proc/PID/NAME, or the names in that folder.

    The daemon lets nobody look into its memory and files (PR_SET_DUMPABLE) without CAP_SYS_PTRACE,
    which a plain user and a container's root lack: the test is then skipped.
    """
    path = Path("/proc", str(pid), name)
    try:
        return os.listdir(path) if path.is_dir() else path.read_text().splitlines()
    except PermissionError:
        pytest.skip(f"/proc/PID/{name} of the daemon is shown to CAP_SYS_PTRACE alone")
