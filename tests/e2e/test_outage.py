"""After the start: the database is lost and found, and the gate goes on telling the truth."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from support.gate import Application, Daemon, wait_until
from support.proxy import TcpProxy

MakeDaemon = Callable[..., Daemon]

UNREADY_AFTER = 1.5  # seconds: gate.unready_after of the helpers' settings


def watch_health(daemon: Daemon, until: Callable[[int | None], bool], timeout: float) -> float:
    """Seconds until /health answers so; everything before must have been 200."""
    start = time.monotonic()

    def check() -> bool:
        code = daemon.probe("/health").code
        assert code == 200 or until(code), f"/health said {code}"
        return until(code)

    wait_until(check, timeout, "/health changes", seen=lambda: daemon.status())
    return time.monotonic() - start


@pytest.mark.parametrize("how", ["refuse", "pause"])
def test_degraded_only_past_unready_after_and_ready_again(
    proxy: TcpProxy, make_daemon: MakeDaemon, how: str
) -> None:
    daemon = make_daemon(proxy.uri).start()
    daemon.wait_state("ready")
    getattr(proxy, how)()
    took = watch_health(daemon, lambda code: code == 503, 20)
    assert took >= UNREADY_AFTER - 0.1
    degraded = daemon.wait_state("degraded")
    assert daemon.codes() == (503, 503)
    assert (degraded["initialized"], degraded["open"]) == (True, False)
    assert daemon.probe("/health/startup").code == 200  # latched: no startup probe fails later

    proxy.accept() if how == "refuse" else proxy.resume()
    daemon.wait_state("ready")
    assert daemon.codes() == (200, 200)
    # It was not initialized again: that happens once.
    assert [m for m in daemon.messages() if m.startswith("Starting database")] == [
        "Starting database initialization..."
    ]


def test_a_short_loss_changes_nothing(proxy: TcpProxy, make_daemon: MakeDaemon) -> None:
    daemon = make_daemon(proxy.uri).start()
    daemon.wait_state("ready")
    watch = daemon.watch()
    proxy.refuse()
    time.sleep(UNREADY_AFTER / 2)
    proxy.accept()
    end = time.monotonic() + UNREADY_AFTER + 1
    while time.monotonic() < end:
        assert daemon.codes() == (200, 200)
        time.sleep(0.02)
    assert "degraded" not in watch.states()


def test_latched_readiness_outlives_the_database(proxy: TcpProxy, make_daemon: MakeDaemon) -> None:
    settings = {"gate": {"ready_policy": "latched", "unready_after": "1500ms"}}
    daemon = make_daemon(proxy.uri, settings=settings).start()
    daemon.wait_state("ready")
    proxy.refuse()
    daemon.wait_state("degraded")
    assert daemon.codes() == (503, 200)


def test_nobody_restarts_the_application(
    engine_factory: Callable[..., Any],
    make_daemon: MakeDaemon,
    make_application: Callable[..., Application],
    example_schema: Path,
) -> None:
    """The real engine stops and starts again; the same process serves before and after."""
    engine = engine_factory()
    daemon = make_daemon(engine.uri, example_schema).start()
    application = make_application(engine.uri, daemon.socket)
    application.wait_serving()
    engine.stop_database()
    daemon.wait_state("degraded")
    assert application.get("/health").code == 503
    engine.start_database()
    daemon.wait_state("ready")
    application.wait_serving()
    assert application.process.running
    assert application.process.output().count("Started server process") == 1
