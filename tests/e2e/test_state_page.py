"""The state page of a real daemon: what it says while the daemon lives, ends, and is killed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from support.gate import Daemon, wait_until
from support.gate.page import Page, read_page

MakeDaemon = Callable[..., Daemon]

OTHER_TIME = ["unshare", "--time", "--monotonic", "100000", "--fork", "--kill-child"]  # s


def page_of(daemon: Daemon) -> Page:
    page = read_page(daemon.socket)
    assert page is not None
    return page


def coarse_ms() -> int:
    return time.clock_gettime_ns(6) // 1_000_000  # CLOCK_MONOTONIC_COARSE


def test_it_says_what_the_status_says(engine: Any, make_daemon: MakeDaemon) -> None:
    daemon = make_daemon(engine.uri).start()
    status = daemon.wait_state("ready")
    page = wait_until(
        lambda: page if (page := page_of(daemon)).says("open") else None, 5, "the page says open"
    )
    assert page.facts == {"open", "ready", "initialized", "healthy", "reachable", "live"}
    assert page.instance_id == status["instance_id"]
    assert page.boot_id == Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    assert page.snapshot and json.loads(page.snapshot)["state"] == "ready"


def test_the_heartbeat_goes_on(engine: Any, make_daemon: MakeDaemon) -> None:
    daemon = make_daemon(engine.uri).start()
    daemon.wait_state("ready")
    first = page_of(daemon).expires_ms
    wait_until(lambda: page_of(daemon).expires_ms > first + 3000, 20, "several heartbeats")
    assert page_of(daemon).says("open")


def test_after_sigkill_it_expires(engine: Any, make_daemon: MakeDaemon) -> None:
    """And the next daemon puts another file in its place."""
    daemon = make_daemon(engine.uri).start()
    daemon.wait_state("ready")
    wait_until(lambda: page_of(daemon).says("open"), 5, "the page says open")
    inode = Path(f"{daemon.socket}.page").stat().st_ino
    with Path(f"{daemon.socket}.page").open() as _:  # keeps the number from being used again
        daemon.send_signal(signal.SIGKILL)
        daemon.wait_exit()
        killed = page_of(daemon)
        assert "open" in killed.facts  # what it said last is still written there
        wait_until(lambda: not page_of(daemon).says("open"), 10, "the page expires")

        daemon.start()
        daemon.wait_state("ready")
        wait_until(lambda: page_of(daemon).says("open"), 5, "the new page says open")
        assert page_of(daemon).instance_id != killed.instance_id
        assert Path(f"{daemon.socket}.page").stat().st_ino != inode


def test_a_stopped_daemon_is_not_taken_for_alive(engine: Any, make_daemon: MakeDaemon) -> None:
    """A daemon that is stuck writes no heartbeat."""
    daemon = make_daemon(engine.uri).start()
    daemon.wait_state("ready")
    daemon.send_signal(signal.SIGSTOP)
    try:
        wait_until(lambda: not page_of(daemon).says("open"), 10, "the page expires")
    finally:
        daemon.send_signal(signal.SIGCONT)
    wait_until(lambda: page_of(daemon).says("open"), 10, "the page is alive again")


def has_time_namespaces() -> bool:
    if os.geteuid() != 0:
        return False
    return subprocess.run([*OTHER_TIME, "true"], capture_output=True).returncode == 0


@pytest.mark.skipif(not has_time_namespaces(), reason="needs root and time namespaces")
def test_in_a_time_namespace_of_its_own_it_writes_its_clocks_offset(
    engine: Any, make_daemon: MakeDaemon
) -> None:
    daemon = make_daemon(engine.uri).start(prefix=OTHER_TIME)
    daemon.wait_state("ready")
    wait_until(lambda: page_of(daemon).says("open"), 5, "the page says open")
    page = page_of(daemon)
    assert page.offset_ms == 100_000_000
    # Whoever leaves the offset out of account believes a dead daemon for a day.
    assert page.expires_ms - page.offset_ms < coarse_ms() + 3000 + 100


def test_sigterm_closes_and_removes_it(engine: Any, make_daemon: MakeDaemon) -> None:
    daemon = make_daemon(engine.uri, settings={"gate": {"drain_delay": "1s"}}).start()
    daemon.wait_state("ready")
    with Path(f"{daemon.socket}.page").open("rb") as mapped:  # as a client has it
        daemon.send_signal(signal.SIGTERM)
        daemon.wait_state("draining", timeout=0.8)
        assert not page_of(daemon).says("open")
        assert daemon.wait_exit() == 0
        assert mapped.read() == bytes(4096)
    assert read_page(daemon.socket) is None
    assert sorted(path.name for path in daemon.directory.glob("gate.*")) == ["gate.lock"]


def test_a_drain_closes_the_gate_for_a_while(engine: Any, make_daemon: MakeDaemon) -> None:
    daemon = make_daemon(engine.uri).start()
    daemon.wait_state("ready")
    answer = daemon.request("/v1/drain?for=10m", method="POST")
    assert (answer.code, answer.json()["why"], answer.json()["code"]) == (200, "drain", "draining")
    assert not page_of(daemon).says("open")
    assert daemon.probe("/readyz").code == 503
    with daemon.waiter("true") as waiter:  # not told that it is over: it is not
        wait_until(lambda: "readygate_waiters 1\n" in daemon.request("/metrics").body, 5, "waits")
        assert waiter.running
        assert daemon.request("/v1/undrain", method="POST").json()["code"] == "none"
        assert waiter.wait(5) == 0
    assert page_of(daemon).says("open")
    daemon.request("/v1/drain?for=200ms", method="POST")
    daemon.wait_status(lambda status: status["open"], "open again by itself")
