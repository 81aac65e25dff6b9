"""SIGTERM: the gate closes, answers for drain_delay, and ends in time whatever hangs."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable
from typing import Any

import pytest

from support.gate import Daemon, wait_until
from support.proxy import TcpProxy

MakeDaemon = Callable[..., Daemon]

# s: the least that a call hangs here, a ping; kSocketTimeout of src/mongo/settings.h
CALL_LIMIT = 10


def test_sigterm_drains(engine: Any, make_daemon: MakeDaemon) -> None:
    daemon = make_daemon(engine.uri, settings={"gate": {"drain_delay": "2s"}}).start()
    daemon.wait_state("ready")
    sent = time.monotonic()
    daemon.send_signal(signal.SIGTERM)
    draining = daemon.wait_state("draining")
    assert (draining["open"], draining["ready"], draining["healthy"]) == (False, False, True)
    assert daemon.codes() == (200, 503)  # it serves on
    late = daemon.waiter("true")  # and tells those who come now
    assert late.wait(5) == 75
    late.close()
    assert daemon.wait_exit() == 0
    assert time.monotonic() - sent >= 2.0, "it was there for all of its delay"
    assert not daemon.socket.exists()


def test_without_a_delay_it_ends_at_once(engine: Any, make_daemon: MakeDaemon) -> None:
    daemon = make_daemon(engine.uri).start()
    daemon.wait_state("ready")
    assert daemon.stop()[0] == 0
    assert daemon.messages()[-2:] == ["SIGTERM: closing", "State: draining"]


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


def hang(proxy: TcpProxy, daemon: Daemon, state: str) -> None:
    """Starts it and brings it into the state, where a call of its driver then hangs."""
    if state == "connecting":
        proxy.pause()
        daemon.start()
        wait_until(lambda: proxy.connections, 10, "it connects")
        return
    if state == "initializing":
        with proxy.hold(b"createIndexes") as held:
            daemon.start()
            assert held.wait(10)
            proxy.pause()
        return
    daemon.start().wait_state("ready")
    if state == "ready":
        with proxy.hold(b"ping\x00") as held:
            assert held.wait(10)
            proxy.pause()
        return
    proxy.refuse()
    daemon.wait_state("degraded")
    before = proxy.connections
    proxy.pause()
    proxy.accept()
    wait_until(lambda: proxy.connections > before, 10, "it connects again")


@pytest.mark.parametrize("state", ["connecting", "initializing", "ready", "degraded"])
def test_a_hanging_database_delays_nothing(
    proxy: TcpProxy, make_daemon: MakeDaemon, state: str
) -> None:
    """Calls into the driver cannot be cancelled; the end does not wait for them.

    It comes while they hang: the proxy lets nothing pass, and their own time limits are longer.
    """
    settings = {"gate": {"drain_delay": "500ms"}, "mongodb": {"connect_timeout": "60s"}}
    daemon = make_daemon(proxy.uri, settings=settings)
    hang(proxy, daemon, state)
    assert daemon.status()["state"] == state
    daemon.send_signal(signal.SIGTERM)
    assert daemon.wait_exit(timeout=CALL_LIMIT / 2) == 0


def test_a_second_sigterm_changes_nothing(engine: Any, make_daemon: MakeDaemon) -> None:
    """It neither ends the delay nor begins it again."""
    daemon = make_daemon(engine.uri, settings={"gate": {"drain_delay": "1s"}}).start()
    daemon.wait_state("ready")
    sent = time.monotonic()
    daemon.send_signal(signal.SIGTERM)
    daemon.wait_state("draining")
    assert daemon.stop()[0] == 0
    assert time.monotonic() - sent >= 1.0
    assert [one for one in daemon.messages() if one.startswith("SIGTERM")] == [
        "SIGTERM: not open any more, serving for 1s"
    ]
