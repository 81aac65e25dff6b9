"""Where the program under test is."""

from __future__ import annotations

import os
from pathlib import Path


def repository() -> Path:
    """The top folder of this checkout."""
    return Path(__file__).resolve().parents[3]


def build_dir() -> Path:
    """READYGATE_BUILD_DIR (a sanitizer build, say), else `build` in the checkout."""
    return Path(os.environ.get("READYGATE_BUILD_DIR") or repository() / "build").absolute()


def readygate() -> Path:
    """The binary; its absence is an error that says how to build it."""
    path = build_dir() / "readygate"
    if not os.access(path, os.X_OK):
        raise FileNotFoundError(f"{path} is not there: run ./dev build")
    return path


# The two programs that wait, as the beginning of a command: they do the same.
WAITERS = {"readygate wait": ("readygate", "wait"), "readygate-wait": ("readygate-wait",)}


def waiter(name: str = "readygate wait") -> list[str]:
    """The beginning of a command that waits: a key of WAITERS."""
    program, *verb = WAITERS[name]
    return [str(readygate().with_name(program)), *verb]
