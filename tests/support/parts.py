"""Parts that are made once and kept in the cache folder: root file systems, programs of others.

A part is named after a hash of its recipe. It is made aside and renamed when it is whole, under a
lock of its folder, so that an interrupted or a second concurrent installation leaves nothing half
made. What exists is not touched and needs no network.

    ensure(path, make)     make(aside) is called if `path` is not there
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path


class InstallError(Exception):
    """A part could not be made; the text says which, why, and what to do."""


def cache_dir() -> Path:
    """The user's cache folder of this project."""
    if explicit := os.environ.get("READYGATE_CACHE"):
        return Path(explicit).absolute()
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "readygate"


def key(*recipe: object) -> str:
    """What a part of this recipe is named after."""
    return hashlib.sha256(repr(recipe).encode()).hexdigest()[:12]


def as_root(command: list[str]) -> list[str]:
    return command if os.geteuid() == 0 else ["sudo", *command]


def ensure(part: Path, make: Callable[[Path], None]) -> Path:
    """The part. `make` raises InstallError, or leaves it whole where it is told."""
    if not part.exists():
        with _installing(part.parent):
            if not part.exists():
                new = part.with_name(f"new-{part.name}")
                make(new)
                new.rename(part)
    return part


@contextlib.contextmanager
def _installing(folder: Path) -> Iterator[None]:
    """One installation at a time; what an interrupted one left is removed."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "install.lock").open("wb") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say(folder, "another installation is running, waiting for it")
            fcntl.flock(lock, fcntl.LOCK_EX)
        for left in folder.glob("new-*"):
            remove(left)
        yield


def say(folder: Path, text: str) -> None:
    """`folder` is where the part is made: its name tells a reader what this is about."""
    print(f"{folder.name}: {text}", file=sys.stderr, flush=True)


def remove(path: Path) -> None:
    subprocess.run(as_root(["rm", "-rf", "--one-file-system", str(path)]), check=True)


@contextlib.contextmanager
def step(folder: Path, what: str, expected: str, advice: str) -> Iterator[Path]:
    """Announces a step, yields its log file; a failure becomes an InstallError with its end."""
    log = folder / f"{re.sub('[^a-z0-9]+', '-', what.lower())}.log"
    say(folder, f"{what} ({expected}) ...")
    started = time.monotonic()
    try:
        log.write_text("")
        yield log
    except (subprocess.CalledProcessError, OSError) as error:
        tail = "\n".join(
            "    " + line for line in log.read_text(errors="replace").splitlines()[-15:]
        )
        raise InstallError(
            f"{what} failed: {_reason(error)}\n{tail}\n  log:  {log}\n  what to do:  {advice}"
        ) from error
    say(folder, f"{what}: done in {time.monotonic() - started:.0f} s")


def _reason(error: Exception) -> str:
    if isinstance(error, FileNotFoundError):
        return f"{error.filename} is not there"
    if isinstance(error, subprocess.CalledProcessError):
        return f"`{' '.join(map(str, error.cmd))[:160]}` ended with {error.returncode}"
    return str(error)


def run(log: Path, command: list[str], **options: object) -> None:
    """Appends what the command says to the log. Raises CalledProcessError."""
    with log.open("ab") as output:
        subprocess.run(
            command, check=True, stdin=subprocess.DEVNULL, stdout=output, stderr=output, **options
        )  # type: ignore[call-overload]
