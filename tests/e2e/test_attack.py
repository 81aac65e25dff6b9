"""One client does its worst: probes of another are answered, and memory stays within bounds."""

from __future__ import annotations

import contextlib
import re
import resource
import socket
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from support.attack import attack
from support.gate import Daemon, get, wait_until
from support.gate.http import unix_connect
from support.look import shown
from support.proxy import TcpProxy

MakeDaemon = Callable[..., Daemon]

# What docs/performance.md states: the memory that clients can make the daemon use, in KiB.
CAP_KIB = 80 * 1024


def memory_kib(daemon: Daemon, name: str) -> int:
    assert daemon.process
    status = Path(f"/proc/{daemon.process.pid}/status").read_text()
    found = re.search(rf"^{name}:\s+(\d+) kB", status, re.MULTILINE)
    assert found, status
    return int(found[1])


def metric(daemon: Daemon, name: str) -> int:
    found = re.search(rf"^{name} (\d+)$", daemon.request("/metrics").body, re.MULTILINE)
    assert found
    return int(found[1])


def test_probes_of_another_client_are_answered(engine: Any, make_daemon: MakeDaemon) -> None:
    daemon = make_daemon(engine.uri).start()
    daemon.wait_state("ready")
    before = memory_kib(daemon, "VmRSS")
    assert daemon.port is not None
    with attack(daemon.port, daemon.socket, connections=5000) as attacker:
        wait_until(lambda: metric(daemon, "readygate_connections_turned_away_total") > 0, 30, "cap")
        for _ in range(200):
            for path in ("/livez", "/readyz"):
                answer = get(daemon.port, path, timeout=10)
                assert answer.code == 200, answer
            assert daemon.line("WAIT open 10s")["ok"]
        attacker.wait()
        assert daemon.status()["state"] == "ready"
        assert memory_kib(daemon, "VmHWM") - before < CAP_KIB
    assert attacker.done["connections"] > 4000
    assert all(
        attacker.done[kind] > 0
        for kind in ("slow requests", "oversized requests", "garbage", "answers never read")
    )
    assert daemon.codes() == (200, 200)


def test_ten_thousand_waiters_stay_within_the_cap(proxy: TcpProxy, make_daemon: MakeDaemon) -> None:
    """Fewer where the machine allows fewer descriptors; and one over the limit is told so."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    count = min(10_000, hard - 2000)
    proxy.refuse()
    daemon = make_daemon(proxy.uri).start()
    before = memory_kib(daemon, "VmRSS")
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    try:
        with ExitStack() as waiters:
            for _ in range(count):
                waiter = waiters.enter_context(unix_connect(daemon.socket, 10))
                waiter.sendall(b"WAIT open\n")
            wait_until(lambda: metric(daemon, "readygate_waiters") == count, 20, "all wait")
            assert daemon.codes() == (200, 503)
            grown = memory_kib(daemon, "VmRSS") - before
            print(f"{count} waiters: {grown} KiB")
            assert grown < count  # under 1 KiB each
            if count == 10_000:
                assert daemon.line("WAIT open")["why"] == "busy"
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.fixture(params=["from the start", "lowered later"])
def few_descriptors(
    request: pytest.FixtureRequest, proxy: TcpProxy, make_daemon: MakeDaemon
) -> Daemon:
    """A daemon that waits for its database and has descriptors for some twenty connections. With
    the limit lowered later, it does not know that, and keeps none for itself.
    """
    proxy.refuse()
    if request.param == "from the start":
        return make_daemon(proxy.uri).start(prefix=["prlimit", "--nofile=64:64"])
    daemon = make_daemon(proxy.uri).start()
    assert daemon.process
    have = max(int(fd) for fd in shown(daemon.process.pid, "fd"))
    before = resource.prlimit(daemon.process.pid, resource.RLIMIT_NOFILE)
    resource.prlimit(daemon.process.pid, resource.RLIMIT_NOFILE, (have + 20, before[1]))
    return daemon


def test_running_out_of_descriptors_is_survived_and_said(
    few_descriptors: Daemon, proxy: TcpProxy
) -> None:
    daemon = few_descriptors
    with ExitStack() as crowd:
        for _ in range(60):  # waiters are never given up for another connection
            with contextlib.suppress(OSError):
                waiter = crowd.enter_context(unix_connect(daemon.socket, 5))
                waiter.sendall(b"WAIT open\n")
        # Closed, not left hanging: every one more sees the end of the stream.
        for _ in range(100):
            refused = unix_connect(daemon.socket, 5)
            with refused, contextlib.suppress(ConnectionError):
                refused.sendall(b"STATUS\n")
                assert refused.recv(1) == b""
        said = daemon.wait_message("connections were refused")
        assert said["level"] == "warn"
        assert "RLIMIT_NOFILE" in said["msg"]
        assert len([m for m in daemon.messages() if m.startswith("connections were refused")]) <= 2
    wait_until(lambda: daemon.request("/v1/status").code == 200, 10, "it answers again")
    assert metric(daemon, "readygate_connections_turned_away_total") >= 100
    assert daemon.codes() == (200, 503)
    proxy.accept()  # and it does its work
    daemon.wait_state("ready", timeout=20)


def test_waiters_leave_descriptors_for_what_they_wait_for(
    proxy: TcpProxy, make_daemon: MakeDaemon
) -> None:
    """A gate whose waiters held every descriptor could not reach its database, and never open."""
    proxy.refuse()
    daemon = make_daemon(proxy.uri).start(prefix=["prlimit", "--nofile=64:64"])
    with ExitStack() as crowd:
        waiters = [crowd.enter_context(unix_connect(daemon.socket, 20)) for _ in range(100)]
        for waiter in waiters:
            with contextlib.suppress(BrokenPipeError):
                waiter.sendall(b"WAIT open\n")
        daemon.wait_message("connections were refused")
        assert daemon.probe("/livez").code == 200
        proxy.accept()
        told = [first_line(waiter) for waiter in waiters]
    opened = [line for line in told if line.startswith(b'{"ok":true,"why":"open",')]
    assert len(opened) >= 10
    assert len(opened) + told.count(b"") == 100
    daemon.wait_state("ready")


def first_line(waiter: socket.socket) -> bytes:
    """The gate's answer; nothing where the connection was closed without one."""
    try:
        return waiter.makefile("rb").readline()
    except ConnectionResetError:
        return b""


def test_an_idle_connection_goes_for_a_new_one(few_descriptors: Daemon) -> None:
    """Without descriptors, a probe is still answered while somebody's connection is idle."""
    daemon = few_descriptors
    assert daemon.port is not None
    with ExitStack() as idle:
        for _ in range(60):
            end = idle.enter_context(socket.create_connection(("127.0.0.1", daemon.port), 5))
            end.sendall(b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n")
            assert end.recv(4096).startswith(b"HTTP/1.1 200 OK\r\n")
        assert daemon.probe("/livez").code == 200


def test_the_limit_of_descriptors_is_raised_at_the_start(
    proxy: TcpProxy, make_daemon: MakeDaemon
) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    proxy.refuse()
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(512, hard), hard))
    try:
        daemon = make_daemon(proxy.uri).start()
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert daemon.process
    assert resource.prlimit(daemon.process.pid, resource.RLIMIT_NOFILE) == (hard, hard)
