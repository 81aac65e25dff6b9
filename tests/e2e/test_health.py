"""Health in each state, from the outside: what every probe answers, and that it is the whole truth.

/health is true from the start to the end of an initialization, however long, and false only when
truly unhealthy: not initializing, and not connected.
"""

from __future__ import annotations

import signal
import time
from collections.abc import Callable
from typing import Any

import pytest
from pymongo import MongoClient

from support.gate import Daemon, wait_until
from support.proxy import TcpProxy

MakeDaemon = Callable[..., Daemon]

PROBES = ("/health/live", "/health/startup", "/health/ready", "/health")
# What the four answer.
STARTING_UP = (200, 503, 503, 200)
OPEN = (200, 200, 200, 200)
CLOSING = (200, 200, 503, 200)
LOST = (200, 200, 503, 503)
FAILED_REACHABLE = (200, 503, 503, 200)
FAILED_UNREACHABLE = (200, 503, 503, 503)


def answers(daemon: Daemon) -> tuple[int | None, ...]:
    return tuple(daemon.probe(path).code for path in PROBES)


def assert_consistent(daemon: Daemon, expected: tuple[int, ...]) -> None:
    """The probes, their Kubernetes names, HEAD, and the facts of the status all agree."""
    assert answers(daemon) == expected
    assert tuple(daemon.probe(p).code for p in ("/livez", "/startupz", "/readyz", "/healthz")) == (
        expected
    )
    assert tuple(daemon.probe(path, method="HEAD").code for path in PROBES) == expected
    status = daemon.status()
    facts = tuple(status[fact] for fact in ("live", "initialized", "ready", "healthy"))
    assert tuple(200 if fact else 503 for fact in facts) == expected
    for path, code in zip(PROBES, expected, strict=True):
        answer = daemon.probe(path)
        if code == 503:  # says why, and when to come back
            assert answer.body.strip() == status["code"] != "none"
            assert answer.headers["retry-after"].isdigit()


def test_connecting(proxy: TcpProxy, make_daemon: MakeDaemon) -> None:
    proxy.refuse()
    daemon = make_daemon(proxy.uri).start()
    daemon.wait_status(lambda s: s["code"] == "connection_refused", "refused")
    assert daemon.status()["state"] == "connecting"
    assert_consistent(daemon, STARTING_UP)
    # A missing database never makes it unhealthy while it starts, whatever unready_after (1.5 s).
    time.sleep(2)
    assert answers(daemon) == STARTING_UP


@pytest.mark.parametrize(
    ("state", "command"),
    [
        # What is held is the command on which the gate then waits.
        ("initializing", b"createIndexes"),
        ("warming", b"ping\x00"),
    ],
)
def test_while_initializing(
    proxy: TcpProxy, make_daemon: MakeDaemon, state: str, command: bytes
) -> None:
    daemon = make_daemon(proxy.uri)
    with proxy.hold(command) as held:
        daemon.start()
        assert held.wait(10), f"the daemon never sent {command!r}"
        daemon.wait_state(state)
        assert_consistent(daemon, STARTING_UP)
        held.release()
    daemon.wait_state("ready")
    assert_consistent(daemon, OPEN)


def test_verifying(proxy: TcpProxy, make_daemon: MakeDaemon) -> None:
    daemon = make_daemon(proxy.uri)
    with proxy.hold(b"createIndexes") as building:
        daemon.start()
        assert building.wait(10)
        # The fresh read after the build is the next thing that lists collections.
        with proxy.hold(b"listCollections") as reading:
            building.release()
            assert reading.wait(10)
            daemon.wait_state("verifying")
            assert_consistent(daemon, STARTING_UP)
    daemon.wait_state("ready")


def test_ready_degraded_and_ready_again(proxy: TcpProxy, make_daemon: MakeDaemon) -> None:
    daemon = make_daemon(proxy.uri).start()
    daemon.wait_state("ready")
    assert_consistent(daemon, OPEN)
    proxy.refuse()
    daemon.wait_state("degraded")
    assert_consistent(daemon, LOST)
    proxy.accept()
    daemon.wait_state("ready")
    assert_consistent(daemon, OPEN)


def test_failed_is_healthy_as_long_as_the_database_answers(
    proxy: TcpProxy, client: MongoClient[Any], database: str, make_daemon: MakeDaemon
) -> None:
    client[database]["things"].create_index([("colour", 1)], name="by_owner")
    daemon = make_daemon(proxy.uri, settings={"init": {"failed_retry": "0s"}}).start()
    daemon.wait_state("failed")
    assert_consistent(daemon, FAILED_REACHABLE)
    proxy.refuse()
    wait_until(
        lambda: answers(daemon) == FAILED_UNREACHABLE,
        10,
        "failed and unreachable is unhealthy",
        seen=lambda: (answers(daemon), daemon.status()),
    )
    assert daemon.status()["state"] == "failed"


def test_draining(proxy: TcpProxy, make_daemon: MakeDaemon) -> None:
    daemon = make_daemon(proxy.uri, settings={"gate": {"drain_delay": "3s"}}).start()
    daemon.wait_state("ready")
    daemon.send_signal(signal.SIGTERM)
    daemon.wait_state("draining")
    assert_consistent(daemon, CLOSING)
