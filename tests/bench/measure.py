"""The measurements, one function each.

Each compares two things in alternating rounds, so that a machine that is busy with something else
disturbs both alike, and returns medians.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import re
import select
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from pymongo import MongoClient

from support.attack import attack
from support.gate.binary import build_dir, readygate, repository
from support.gate.daemon import Daemon
from support.gate.process import free_port

# The defaults of the product, where the tests' own settings are quicker.
DEFAULTS = {
    "mongodb": {"connect_timeout": "2s", "ping_period": "5s"},
    "gate": {"unready_after": "30s"},
    "init": {"backoff": {"initial": "100ms", "max": "5s"}},
    "log": {"format": "json"},
}
IN_MOVED_TO, IN_CREATE = 0x80, 0x100  # of sys/inotify.h
SCHEMA = """
schema = "bench"
database = "{database}"
version = 1
min_open = 1
[policy]
not_honoured = "report"
[[collection]]
name = "rebalances"
  [[collection.index]]
  name = "portfolio_asof"
  key = [["portfolio_id", 1], ["as_of", -1]]
[[collection]]
name = "models"
  [[collection.index]]
  name = "name"
  key = [["name", 1]]
  unique = true
"""


@dataclass(frozen=True)
class Pair:
    """readygate's value, and that of what it is compared with, in the same unit."""

    ours: float
    theirs: float

    @property
    def ratio(self) -> float:
        return self.ours / self.theirs


def program(name: str) -> str:
    """One of the programs of this folder."""
    path = build_dir() / "tests" / "bench" / name
    if not path.exists():
        raise FileNotFoundError(f"{path} is not there: run ./dev build")
    return str(path)


def pinned(processor: int, command: Sequence[str | Path]) -> list[str]:
    """The command on one processor, where the machine has two."""
    processors = sorted(os.sched_getaffinity(0))
    words = [str(word) for word in command]
    if len(processors) < 2:
        return words
    return ["taskset", "-c", str(processors[processor]), *words]


def resident_kib(pid: int, what: str = "VmRSS") -> int:
    """Or VmHWM: the most that there ever was."""
    status = Path(f"/proc/{pid}/status").read_text()
    found = re.search(rf"^{what}:\s+(\d+) kB", status, re.MULTILINE)
    assert found, status
    return int(found[1])


def gate(uri: str, database: str) -> Daemon:
    """A daemon (not started) with the product's defaults and a small schema."""
    return Daemon(uri, SCHEMA.format(database=database), settings=DEFAULTS)


def give_precedence(pid: int) -> None:
    """The loop thread before all others on its processor, where that is allowed.

    Else the slowest probe tells how long a busy machine kept the server waiting.
    """
    with contextlib.suppress(PermissionError):
        os.sched_setscheduler(pid, os.SCHED_FIFO, os.sched_param(1))


@contextmanager
def running(daemon: Daemon, processor: int | None = None) -> Iterator[subprocess.Popen[bytes]]:
    """The daemon until the block ends; yields once its gate is open."""
    command = [readygate(), "run", *daemon.options()]
    process = subprocess.Popen(
        command if processor is None else pinned(processor, command), stderr=subprocess.DEVNULL
    )
    try:
        with names_that_come(daemon.socket.parent) as names:
            wait_open(daemon.socket, process, names)
            yield process
    finally:
        process.terminate()
        process.wait(10)


def wait_open(path: Path, process: subprocess.Popen[bytes], names: int, limit: float = 60) -> None:
    """Until the gate is open: asleep until the socket is there, then until its answer comes.

    So the one who measures takes no processor time from what is measured.
    """
    deadline = time.monotonic() + limit
    while time.monotonic() < deadline and process.poll() is None:
        with socket.socket(socket.AF_UNIX) as client:
            try:
                client.connect(str(path))
                client.settimeout(limit)
                client.sendall(b"WAIT open\n")
                if client.makefile().readline().startswith('{"ok":true'):
                    return
            except OSError:
                if select.select([names], [], [], 0.1)[0]:
                    os.read(names, 65536)
    raise RuntimeError(f"the gate did not open (exit status {process.poll()})")


@contextmanager
def names_that_come(folder: Path) -> Iterator[int]:
    """An inotify(7) descriptor: readable when a name has come into the folder.

    Closing it takes milliseconds.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    watch = libc.inotify_init1(os.O_CLOEXEC)
    try:
        if watch < 0 or libc.inotify_add_watch(watch, bytes(folder), IN_MOVED_TO | IN_CREATE) < 0:
            raise OSError(ctypes.get_errno(), f"inotify on {folder}")
        yield watch
    finally:
        os.close(watch)


def opening(uri: str, database: str, rounds: int = 25) -> Pair:
    """Milliseconds from the start of the process.

    To an open gate on an unchanged schema, and to the answer of one find in a minimal program.
    """
    daemon = gate(uri, database)
    ours: list[float] = []
    theirs: list[float] = []
    try:
        with running(daemon):
            pass  # applies the schema
        for _ in range(rounds):
            begin = time.perf_counter()
            with running(daemon):
                ours.append((time.perf_counter() - begin) * 1000)
            begin = time.perf_counter()
            with subprocess.Popen(
                [program("bench_minimal_find"), uri, database, "bench"], stdout=subprocess.PIPE
            ) as minimal:
                assert minimal.stdout
                answer = minimal.stdout.readline()
                theirs.append((time.perf_counter() - begin) * 1000)
            if answer.strip() != b"found":
                raise RuntimeError(f"the minimal program found no ledger: {answer!r}")
    finally:
        daemon.close()
    return Pair(median(ours), median(theirs))


def memory(uri: str, database: str) -> Pair:
    """Resident KiB when idle.

    The open gate, and a program with libmongoc and libcurl that holds one connection.
    """
    daemon = gate(uri, database)
    try:
        idle = [program("bench_minimal_idle"), uri]
        with (
            running(daemon) as process,
            subprocess.Popen(idle, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as minimal,
        ):
            assert minimal.stdout
            minimal.stdout.readline()
            time.sleep(3)  # the rest of the connections warm up behind the first
            return Pair(resident_kib(process.pid), resident_kib(minimal.pid))
    finally:
        daemon.close()


NGINX = """
daemon off; master_process off; worker_processes 1; error_log stderr crit; pid {folder}/nginx.pid;
events {{ worker_connections 4096; }}
http {{
  access_log off; keepalive_requests 1000000000;
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi; uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
  server {{ listen 127.0.0.1:{port} backlog=4096; location / {{ return 200 "ok\\n"; }} }}
}}
"""


@contextmanager
def nginx() -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    """An nginx with one worker that answers everything with 200, and its port."""
    with tempfile.TemporaryDirectory(prefix="rg-bench-") as folder:
        port = free_port()
        configuration = Path(folder) / "nginx.conf"
        configuration.write_text(NGINX.format(folder=folder, port=port))
        process = subprocess.Popen(
            pinned(0, ["nginx", "-p", folder, "-c", configuration]), stderr=subprocess.DEVNULL
        )
        try:
            until = time.monotonic() + 10
            while time.monotonic() < until:
                with socket.socket() as client:
                    if client.connect_ex(("127.0.0.1", port)) == 0:
                        break
                time.sleep(0.05)
            else:
                raise RuntimeError("nginx did not start")
            yield process, port
        finally:
            process.terminate()
            process.wait(10)


@dataclass(frozen=True)
class Load:
    connections: int
    keep_alive: bool

    def __str__(self) -> str:
        kind = "kept alive" if self.keep_alive else "one request each"
        return f"{self.connections} connection{'s' if self.connections > 1 else ''}, {kind}"


def put_load(port: int, load: Load, seconds: int) -> tuple[float, int]:
    """Requests per second as wrk saw them, and how many there were."""
    command = ["wrk", "-t1", f"-c{load.connections}", f"-d{seconds}s"]
    if not load.keep_alive:
        command += ["-H", "Connection: close"]
    done = subprocess.run(
        pinned(0, [*command, f"http://127.0.0.1:{port}/livez"]), capture_output=True, text=True
    )
    rate = re.search(r"^Requests/sec:\s+([\d.]+)", done.stdout, re.MULTILINE)
    count = re.search(r"(\d+) requests in", done.stdout)
    if not rate or not count or "Non-2xx" in done.stdout:
        raise RuntimeError(f"wrk says:\n{done.stdout}{done.stderr}")
    return float(rate[1]), int(count[1])


LOADS = (Load(1, True), Load(100, True), Load(1, False), Load(100, False))


@dataclass(frozen=True)
class Probed:
    rate: Pair  # requests per second
    cost: Pair  # microseconds of processor time per request, of the thread that answers


def busy_ns(pid: int) -> int:
    """Nanoseconds that the first thread has run: the daemon's loop, nginx's only one."""
    return int(Path(f"/proc/{pid}/schedstat").read_text().split()[0])


def loaded(pid: int, port: int, load: Load, seconds: int) -> tuple[float, float]:
    """Requests per second, and microseconds of processor time of one."""
    before = busy_ns(pid)
    rate, count = put_load(port, load, seconds)
    return rate, (busy_ns(pid) - before) / 1000 / count


def in_the_middle(rounds: list[Pair]) -> Pair:
    """That with the median ratio: a machine's moods last longer than a round."""
    return sorted(rounds, key=lambda pair: pair.ratio)[len(rounds) // 2]


def probes(uri: str, database: str, rounds: int = 7, seconds: int = 1) -> dict[Load, Probed]:
    """The daemon and nginx under the same load, each on one processor, wrk's work included.

    On a processor of its own, wrk would be what is measured: for one request it needs about twice
    as long as either server, which would sleep meanwhile.
    """
    daemon = gate(uri, database)
    results: dict[Load, Probed] = {}
    try:
        with running(daemon, processor=0) as ours, nginx() as (theirs, port):
            assert daemon.port
            for load in LOADS:
                rates, costs = [], []
                for _ in range(rounds):
                    mine = loaded(ours.pid, daemon.port, load, seconds)
                    its = loaded(theirs.pid, port, load, seconds)
                    rates.append(Pair(mine[0], its[0]))
                    costs.append(Pair(mine[1], its[1]))
                results[load] = Probed(in_the_middle(rates), in_the_middle(costs))
    finally:
        daemon.close()
    return results


def run(name: str, *arguments: str | int) -> dict[str, Any]:
    """What one of the programs of this folder says, which is one JSON object."""
    done = subprocess.run(
        [program(name), *map(str, arguments)], capture_output=True, text=True, check=True
    )
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def wake(waiters: int, rounds: int) -> dict[str, dict[str, float]]:
    """Microseconds until told: {"gate": {"median", "p99"}, "sends": …}."""
    answer: dict[str, dict[str, float]] = run("bench_wake", waiters, rounds)
    return answer


def bytes_per_waiter(waiters: int = 10_000) -> tuple[int, int]:
    """Resident bytes of one of so many; and the kernel's, for both ends of its connection."""
    answer = run("bench_wake", "--memory", waiters)
    return int(answer["bytes_each"]), int(answer["kernel_bytes_each"])


@dataclass(frozen=True)
class Probing:
    """Probes one after the other, in microseconds."""

    probes: int
    median: float
    p999: float
    slowest: float
    lost: int = 0


def probes_while_waking(waiters: int = 5000, rounds: int = 40) -> Probing:
    """Of those that begin while so many waiters are being told."""
    answer = run("bench_wake", "--probes", waiters, rounds)
    return Probing(*(answer[name] for name in ("probes", "median", "p999", "slowest")))


def probing(port: int, seconds: int) -> Probing:
    """Each on a connection of its own, a thousand a second at most."""
    answer = run("bench_probe", port, seconds)
    return Probing(*(answer[name] for name in ("probes", "median", "p999", "slowest", "lost")))


def probes_while_building(
    client: MongoClient[dict[str, Any]], uri: str, database: str, documents: int = 100_000
) -> Probing:
    """From the start of an initialization that builds two indexes over so many documents."""
    collection = client[database]["rebalances"]
    batch = 10_000
    for first in range(0, documents, batch):
        numbers = range(first, first + batch)
        collection.insert_many([{"portfolio_id": n, "as_of": n % 97} for n in numbers])
    daemon = gate(uri, database)
    try:
        daemon.start()
        assert daemon.port
        if daemon.status()["open"]:
            raise RuntimeError("the indexes were there before a probe was")
        assert daemon.process
        give_precedence(daemon.process.pid)
        return probing(daemon.port, 3)
    finally:
        daemon.close()


@dataclass(frozen=True)
class Attacked:
    probing: Probing
    grown_kib: int  # resident memory, at its highest
    done: dict[str, int]


def under_attack(uri: str, database: str, connections: int = 100_000) -> Attacked:
    """Probes of one client while another does everything that tests/support/attack.py knows.

    The attacker and the prober have the other processor. Precedence for a server that is never
    idle would be taken from it for a twentieth of each second (sched(7)).
    """
    daemon = gate(uri, database)
    try:
        with running(daemon, processor=0) as process:
            assert daemon.port
            before = resident_kib(process.pid)
            with attack(daemon.port, daemon.socket, connections, pinned(1, [])) as attacker:
                time.sleep(1)  # until all its kinds go on
                seen = probing(daemon.port, 10)
                attacker.wait()
                grown = resident_kib(process.pid, "VmHWM") - before
            return Attacked(seen, grown, attacker.done)
    finally:
        daemon.close()


def page(rounds: int = 25) -> dict[str, float]:
    """Nanoseconds to ask the state page: by the C library, and by the least that a reader can do;
    and of the look at the clock alone that is in both."""
    answer: dict[str, float] = run("bench_page", rounds)
    return answer


PYTHON_PAGE = """
import sys, time
sys.path.insert(0, sys.argv[1])
import os, timeit, statistics
from readygate import is_open
from readygate.testing import FakeGate
with FakeGate() as gate:
    os.environ["READYGATE_GATE_SOCKET"] = gate.socket
    gate.open()
    while not is_open():
        time.sleep(0.01)
    clock = lambda: time.clock_gettime_ns(6)
    for ask in (is_open, clock):
        took = timeit.repeat(ask, number=200_000, repeat=int(sys.argv[2]))
        print(statistics.median(took) / 200_000 * 1e9)
"""


def page_in_python(rounds: int = 11) -> Pair:
    """The same of the Python library, and of a call of the clock; in a process without our load."""
    library = repository() / "clients" / "python" / "src"
    done = subprocess.run(
        [sys.executable, "-c", PYTHON_PAGE, str(library), str(rounds)],
        capture_output=True,
        text=True,
        check=True,
    )
    asked, clock = map(float, done.stdout.split())
    return Pair(asked, clock)
