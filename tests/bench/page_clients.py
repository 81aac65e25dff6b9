"""What it costs to ask the state page in Node.js and in Go, by the clients' own measures: each says
what it costs to ask, and what the look at the clock that is in it costs.
"""

from __future__ import annotations

import re
import statistics
import subprocess

from protocol.clients import toolchains

from .measure import Pair


def in_node(rounds: int = 11) -> Pair:
    """Nanoseconds, medians."""
    asked, clock = _said("node", toolchains.node(), "test/bench.js", str(rounds)).split()
    return Pair(float(asked), float(clock))


def in_go(rounds: int = 11) -> Pair:
    """Nanoseconds, medians."""
    options = ["-run", "-", "-bench", ".", "-count", str(rounds), "-benchtime", "50ms"]
    said = _said("go", toolchains.go(), "test", *options, ".")
    return Pair(*(_median(said, name) for name in ("IsOpen", "Clock")))


def _median(said: str, name: str) -> float:
    times = re.findall(rf"^Benchmark{name}\S*\s+\d+\s+(\S+) ns/op", said, re.MULTILINE)
    return statistics.median(map(float, times))


def _said(folder: str, *command: str) -> str:
    return subprocess.run(
        command,
        cwd=toolchains.CLIENTS / folder,
        env=toolchains.environment(),
        capture_output=True,
        text=True,
        check=True,
    ).stdout
