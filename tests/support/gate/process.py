"""A child process that never outlives the thread that started it, and waiting with a deadline."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

from ..children import die_with_parent, signals_later
from ..engine.supervisor import PORTS

T = TypeVar("T")

# Sanitizer builds on a machine that is shared are several times slower than a plain one.
SLOWNESS = float(os.environ.get("READYGATE_TEST_SLOWNESS", "1"))


class Timeout(AssertionError):
    """A wait ran out of time; the text says what for, and what was seen last."""


def wait_until(
    condition: Callable[[], T | None],
    timeout: float,
    what: str,
    *,
    seen: Callable[[], object] | None = None,
    pause: float = 0.01,
) -> T:
    """Call `condition` every `pause` seconds until it is true, at most `timeout` seconds."""
    deadline = time.monotonic() + timeout * SLOWNESS
    while True:
        if result := condition():
            return result
        if time.monotonic() > deadline:
            found = f"; seen: {seen()}" if seen else ""
            raise Timeout(f"not within {timeout * SLOWNESS:g} s: {what}{found}")
        time.sleep(pause)


# Each once, in an order of this process alone; of processes of one run each has ports of its own.
# Not from what the kernel gives to outgoing
# connections, where any client may take it before it is listened on; nor from the engine's range,
# where a port is free while its database is stopped.
_FIRST_PORT = 10_000
_worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
_workers = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
_own = range(_FIRST_PORT + _worker, PORTS.start, _workers)
_ports = iter(random.sample(_own, len(_own)))


def free_port() -> int:
    """A TCP port of 127.0.0.1 that nobody uses at the moment, each time another one."""
    for port in _ports:
        with contextlib.suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port
    raise RuntimeError(f"every port from {_own.start} to {_own.stop - 1} was used")


def bare_environment() -> dict[str, str]:
    """Our environment without READYGATE_*: a setting of the run is none of the program's."""
    return {k: v for k, v in os.environ.items() if not k.startswith("READYGATE_")}


class Process:
    """A running command whose output is collected, line by line, with the time of each line."""

    def __init__(
        self,
        command: Sequence[str | Path],
        *,
        environment: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        name: str = "",
    ) -> None:
        """Starts at once. `environment` is added to ours; our READYGATE_* are kept out."""
        self.command = [str(part) for part in command]
        self.name = name or Path(self.command[0]).name
        self.lines: list[tuple[float, str]] = []  # time.monotonic(), text without the newline
        self._new_line = threading.Condition()
        with signals_later():
            self.popen = subprocess.Popen(
                self.command,
                cwd=cwd,
                env={**bare_environment(), **(environment or {})},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                errors="replace",
                preexec_fn=die_with_parent(),
                start_new_session=True,  # Ctrl-C is for us: we end our children in order
            )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def __enter__(self) -> Process:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def pid(self) -> int:
        return self.popen.pid

    @property
    def running(self) -> bool:
        return self.popen.poll() is None

    def output(self) -> str:
        """Everything it has said so far, standard output and error together."""
        with self._new_line:
            return "\n".join(text for _, text in self.lines)

    def wait_line(self, part: str, timeout: float = 10) -> str:
        """The first line that contains `part`."""

        def find() -> str | None:
            return next((text for _, text in list(self.lines) if part in text), None)

        return wait_until(find, timeout, f"{self.name} says {part!r}", seen=self.output)

    def send_signal(self, number: int) -> None:
        """Send a signal, if it still runs."""
        self.popen.send_signal(number)

    def wait(self, timeout: float = 10) -> int:
        """Its exit code (negative: ended by that signal), once all its output is here too."""
        try:
            code = self.popen.wait(timeout * SLOWNESS)
        except subprocess.TimeoutExpired:
            raise Timeout(f"{self.name} did not end within {timeout} s:\n{self.output()}") from None
        self._reader.join(5)
        return code

    def stop(self, number: int = signal.SIGTERM, timeout: float = 10) -> int:
        """Signal, then wait for its end."""
        self.send_signal(number)
        return self.wait(timeout)

    def close(self) -> None:
        """Kill it if it still runs. May be called again."""
        with contextlib.suppress(ProcessLookupError):
            self.popen.kill()
        self.popen.wait()
        self._reader.join(5)

    def print_log(self) -> None:
        """Show what it said; pytest shows that of a test that failed."""
        print(f"--- {self.name} (pid {self.pid}, exit {self.popen.poll()})", file=sys.stderr)
        print(self.output(), file=sys.stderr)

    def _read(self) -> None:
        assert self.popen.stdout
        with self.popen.stdout as stream:
            for line in stream:
                with self._new_line:
                    self.lines.append((time.monotonic(), line.rstrip("\n")))
                    self._new_line.notify_all()
