"""One client that does the gate harm, as a process of its own: slow, endless, too much, nonsense.

    with attack(port, socket, connections=5000) as attacker:
        ...  # what another client sees meanwhile
    print(attacker.done)

Used by the end-to-end test and the bench. Everything goes on until the block ends, but for the
connections in a loop, of which there are as many as asked for: `attacker.wait()` waits for them.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import resource
import select
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

# More than the server keeps at once: the cap is part of what is attacked.
SLOW = 1200
PIPELINED = b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n" * 400


@dataclass
class Attacker:
    """The running process, and afterwards what it has done: {"connections": 5000, …}."""

    process: subprocess.Popen[str]
    done: dict[str, int] = field(default_factory=dict)

    def wait(self) -> None:
        """Until all its connections in a loop were made; the rest of the attack goes on."""
        assert self.process.stdout
        line = self.process.stdout.readline()
        if line.strip() != "connected":
            raise RuntimeError(f"the attacker said {line!r}")


@contextmanager
def attack(
    port: int, path: Path, connections: int, runner: Sequence[str] = ()
) -> Iterator[Attacker]:
    """Attacks the probe port and the socket until the block ends. `runner`: what starts it."""
    process = subprocess.Popen(
        [*runner, sys.executable, "-m", "support.attack", str(port), str(path), str(connections)],
        cwd=Path(__file__).resolve().parents[1],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    attacker = Attacker(process)
    try:
        yield attacker
        assert process.stdin
        process.stdin.close()  # it ends with its standard input
        assert process.stdout
        attacker.done = json.loads(process.stdout.read().splitlines()[-1])
    finally:
        process.kill()
        process.wait()


class _Attack:
    def __init__(self, port: int, path: str, connections: int) -> None:
        self.port = port
        self.path = path
        self.connections = connections
        self.over = threading.Event()
        self.done: Counter[str] = Counter()

    def tcp(self) -> socket.socket:
        end = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        end.settimeout(2)
        try:
            end.connect(("127.0.0.1", self.port))
        except OSError:
            end.close()
            raise
        return end

    def unix(self) -> socket.socket:
        end = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        end.settimeout(2)
        try:
            end.connect(self.path)
        except OSError:
            end.close()
            raise
        return end

    def slow_headers(self) -> None:
        """As many requests as the server may keep, and more, each growing by a byte a second."""
        ends: list[socket.socket] = []
        while not self.over.is_set():
            while len(ends) < SLOW and not self.over.is_set():
                with contextlib.suppress(OSError):
                    ends.append(self.tcp())
                    ends[-1].sendall(b"GET /livez HTTP/1.1\r\nX: ")
                    self.done["slow requests"] += 1
            kept = []
            for end in ends:
                try:
                    end.sendall(b"a")
                    kept.append(end)
                except OSError:  # the server gave it up
                    end.close()
            ends = kept
            self.over.wait(1)

    def connect_in_a_loop(self) -> None:
        for _ in range(self.connections):
            if self.over.is_set():
                return
            with contextlib.suppress(OSError):
                self.tcp().close()
                self.done["connections"] += 1
        print("connected", flush=True)

    def oversized(self) -> None:
        for number in self._rounds():
            start = (b"GET /", b"GET /livez HTTP/1.1\r\nHost: x\r\nX: ", b"WAIT ", b"")[number % 4]
            self._throw(number, start + b"a" * 1_000_000)
            self.done["oversized requests"] += 1

    def garbage(self) -> None:
        noise = random.Random(1)
        for number in self._rounds():
            self._throw(number, noise.randbytes(noise.randrange(1, 5000)))
            self.done["garbage"] += 1

    def never_read(self) -> None:
        """Asks for much, many times, and reads none of it."""
        ends: list[socket.socket] = []
        for number in self._rounds():
            with contextlib.suppress(OSError):
                ends.append(self.tcp() if number % 2 else self.unix())
                ends[-1].setblocking(False)
                ends[-1].send(PIPELINED)
                self.done["answers never read"] += 1
            if len(ends) > 300:
                ends.pop(0).close()

    def _rounds(self) -> Iterator[int]:
        number = 0
        while not self.over.is_set():
            yield number
            number += 1
            time.sleep(0.002)  # the connections in a loop are what is to be quick

    def _throw(self, number: int, what: bytes) -> None:
        with contextlib.suppress(OSError), self.tcp() if number % 3 else self.unix() as end:
            end.settimeout(0.2)
            end.sendall(what)

    def run(self) -> None:
        kinds: list[Callable[[], None]] = [
            self.slow_headers,
            self.connect_in_a_loop,
            self.oversized,
            self.garbage,
            self.never_read,
        ]
        threads = [threading.Thread(target=kind, daemon=True) for kind in kinds]
        for thread in threads:
            thread.start()
        select.select([sys.stdin], [], [])
        self.over.set()
        for thread in threads:
            thread.join(5)
        print(json.dumps(self.done), flush=True)


def main() -> int:
    """The process that attack() starts."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    port, path, connections = sys.argv[1:]
    _Attack(int(port), path, int(connections)).run()
    os._exit(0)


if __name__ == "__main__":
    sys.exit(main())
