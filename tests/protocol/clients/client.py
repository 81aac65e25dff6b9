"""Drives one client library through its driver: a line in, a line out."""

from __future__ import annotations

import os
import queue
import subprocess
import sys
import threading
from collections.abc import Mapping
from pathlib import Path

from support.gate import build_dir

from . import toolchains

REPOSITORY = Path(__file__).resolve().parents[3]
NOBODY = 65534

# Runs the command after the folder in a mount namespace of its own.
MOUNT_READ_ONLY = [
    *("unshare", "--mount", "sh", "-c"),
    'mount --bind "$0" "$0" && mount -o remount,bind,ro "$0" && exec "$@"',
]

# A driver is a command; the words in braces are filled in. One line for each client.
DRIVERS: dict[str, list[str]] = {
    "python": ["{python}", "{repository}/clients/python/tests/conformance_driver.py"],
    "python-asyncio": [
        *("{python}", "{repository}/clients/python/tests/conformance_driver.py"),
        "--asyncio",
    ],
    "c": ["{build}/clients/c/conformance_driver"],
    "node": ["{node}", "{repository}/clients/node/test/driver.js"],
    "go": ["{go_driver}"],
}


def command(name: str) -> list[str]:
    """READYGATE_TEST_PYTHON names another Python than the tests' own."""
    python = os.environ.get("READYGATE_TEST_PYTHON") or os.path.realpath(sys.executable)
    words = {"python": python, "repository": REPOSITORY, "build": build_dir()}
    made = {"{node}": toolchains.node, "{go_driver}": toolchains.go_driver}  # when asked for
    return [made[part]() if part in made else part.format(**words) for part in DRIVERS[name]]


class Client:
    """A running driver. Its answers are collected by a thread, so that none is missed."""

    def __init__(
        self,
        name: str,
        environment: Mapping[str, str],
        user: int | None,
        read_only: Path | None = None,
    ) -> None:
        """`read_only`: a folder that it sees as a read-only mount."""
        clean = {k: v for k, v in os.environ.items() if not k.startswith("READYGATE_")}
        self._answers: queue.Queue[str | None] = queue.Queue()
        self._process = subprocess.Popen(
            [*([*MOUNT_READ_ONLY, str(read_only)] if read_only else []), *command(name)],
            env={**clean, **environment, "PYTHONDONTWRITEBYTECODE": "1"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            bufsize=1,
            cwd="/",
            user=user,
            group=user,
            extra_groups=None if user is None else [],
        )
        threading.Thread(target=self._read, daemon=True).start()

    def ask(self, line: str) -> None:
        assert self._process.stdin
        self._process.stdin.write(line + "\n")

    def answer(self, timeout: float = 30) -> str:
        """The next line that it says."""
        try:
            line = self._answers.get(timeout=timeout)
        except queue.Empty:
            raise AssertionError(f"no answer within {timeout:g} s") from None
        assert line is not None, f"the driver ended with {self._process.wait(5)}"
        return line

    def quiet(self) -> bool:
        """Whether it has said nothing that was not taken yet."""
        return self._answers.empty()

    def close(self) -> None:
        self._process.kill()
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout):
            if stream:
                stream.close()

    def _read(self) -> None:
        assert self._process.stdout
        try:
            for line in self._process.stdout:
                self._answers.put(line.rstrip("\n"))
        except ValueError:  # closed meanwhile
            pass
        self._answers.put(None)


def nobody_can_run(name: str) -> bool:
    """Whether we may start the driver as another user, and that user may read it."""
    if os.geteuid() != 0:
        return False
    program, *rest = command(name)
    files = [word for word in rest if word.startswith("/")]
    test = ["test", "-x", program, *(word for file in files for word in ("-a", "-r", file))]
    return subprocess.run(test, user=NOBODY, extra_groups=[]).returncode == 0
