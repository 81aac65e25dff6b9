"""SIGTERM: the gate closes, answers for drain_delay, and ends in time whatever hangs."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable
from typing import Any

import pytest

from support.gate import Daemon
from support.proxy import TcpProxy

MakeDaemon = Callable[..., Daemon]


def test_sigterm_drains(engine: Any, make_daemon: MakeDaemon) -> None:
    daemon = make_daemon(engine.uri, settings={"gate": {"drain_delay": "2s"}}).start()
    daemon.wait_state("ready")
    sent = time.monotonic()
    daemon.send_signal(signal.SIGTERM)
    draining = daemon.wait_state("draining", timeout=0.8)
    assert (draining["open"], draining["ready"], draining["healthy"]) == (False, False, True)
    assert daemon.codes() == (200, 503)  # it serves on
    late = daemon.waiter("true")  # and tells those who come now
    assert late.wait(5) == 75
    late.close()
    assert daemon.wait_exit() == 0
    assert 2.0 <= time.monotonic() - sent < 3.0
    assert not daemon.socket.exists()


def test_without_a_delay_it_ends_at_once(engine: Any, make_daemon: MakeDaemon) -> None:
    daemon = make_daemon(engine.uri).start()
    daemon.wait_state("ready")
    code, took = daemon.stop()
    assert code == 0
    assert took < 1.0


def test_those_who_wait_are_told(proxy: TcpProxy, make_daemon: MakeDaemon) -> None:
    proxy.refuse()
    daemon = make_daemon(proxy.uri).start()
    with daemon.waiter("true") as waiter:
        time.sleep(0.3)
        assert waiter.running
        daemon.send_signal(signal.SIGTERM)
        assert waiter.wait(5) == 75
        assert "draining" in waiter.output()
    assert daemon.wait_exit() == 0


@pytest.mark.parametrize("state", ["connecting", "initializing", "ready", "degraded"])
def test_a_hanging_database_delays_nothing(
    proxy: TcpProxy, make_daemon: MakeDaemon, state: str
) -> None:
    """Calls into the driver cannot be cancelled; the end does not wait for them."""
    daemon = make_daemon(proxy.uri, settings={"gate": {"drain_delay": "500ms"}})
    if state == "connecting":
        proxy.pause()
        daemon.start()
        time.sleep(0.3)  # somewhere inside the first connection
    elif state == "initializing":
        with proxy.hold(b"createIndexes") as held:
            daemon.start()
            assert held.wait(10)
            proxy.pause()
    else:
        daemon.start().wait_state("ready")
        proxy.pause()
        if state == "degraded":
            daemon.wait_state("degraded", timeout=20)
    assert daemon.status()["state"] == state
    code, took = daemon.stop()
    assert code == 0
    assert took < 1.5


def test_a_second_sigterm_changes_nothing(engine: Any, make_daemon: MakeDaemon) -> None:
    daemon = make_daemon(engine.uri, settings={"gate": {"drain_delay": "1s"}}).start()
    daemon.wait_state("ready")
    daemon.send_signal(signal.SIGTERM)
    daemon.wait_state("draining", timeout=0.8)
    code, took = daemon.stop()
    assert code == 0
    assert took < 2.0
