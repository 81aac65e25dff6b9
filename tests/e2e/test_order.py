"""The order of events, from the outside: nothing is served before the database is ready."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pymongo import MongoClient

from support.engine.capabilities import needs
from support.gate import FAILED, STARTING, Application, Daemon, wait_until
from support.proxy import TcpProxy

MakeDaemon = Callable[..., Daemon]
MakeApplication = Callable[..., Application]


def test_the_application_answers_nothing_before_initialized(
    proxy: TcpProxy,
    make_daemon: MakeDaemon,
    make_application: MakeApplication,
    example_schema: Path,
) -> None:
    proxy.refuse()
    daemon = make_daemon(proxy.uri, example_schema).start()
    application = make_application(proxy.uri, daemon.socket)
    watch = daemon.watch()

    # No database at all, then one that is being changed: the application is not even started.
    answered = []
    for _ in range(10):
        assert daemon.codes() == (200, 503)
        answered.append(application.get("/health").code)
        time.sleep(0.1)
    with proxy.hold(b"createIndexes") as held:
        proxy.accept()
        assert held.wait(15), "no index build began"
        daemon.wait_state("initializing")
        for _ in range(10):
            assert daemon.codes() == (200, 503)
            answered.append(application.get("/health").code)
            time.sleep(0.05)
        held.release()
    assert set(answered) == {None}
    assert application.process.output() == ""

    application.wait_serving()
    assert daemon.codes() == (200, 200)
    initialized = watch.wait(lambda snapshot: snapshot["initialized"], "initialized")
    assert daemon.states() == ["connecting", "initializing", "verifying", "warming", "ready"]
    first_word = application.process.lines[0][0]
    assert first_word >= initialized[0], "uvicorn spoke before the gate was initialized"
    assert application.get("/models").code == 200


def test_without_a_gate_the_same_application_initializes_in_vain(
    proxy: TcpProxy, make_application: MakeApplication
) -> None:
    """The contrast that makes the test above mean something."""
    proxy.refuse()
    application = make_application(proxy.uri, None)
    wait_until(
        lambda: FAILED in application.process.output(),
        30,
        "it says so",
        seen=application.process.output,
    )
    assert application.get("/models", timeout=20).code == 503


@needs("text", "hashed")
def test_the_schema_is_there_when_the_application_starts(
    engine: Any,
    client: MongoClient[Any],
    database: str,
    make_daemon: MakeDaemon,
    make_application: MakeApplication,
    example_schema: Path,
) -> None:
    daemon = make_daemon(engine.uri, example_schema).start()
    application = make_application(engine.uri, daemon.socket)
    application.wait_serving()
    indexes = {
        name: set(client[database][name].index_information()) for name in ("rebalances", "models")
    }
    assert indexes["rebalances"] == {
        "_id_",
        "portfolio_asof",
        "external_id",
        "proposed_by_drift",
        "approved_by",
        "trades_symbol",
        "model_hashed",
        "ttl",
    }
    assert indexes["models"] == {"_id_", "name_version", "search", "desk_location", "attributes"}


def test_the_usual_start_changes_nothing_and_is_as_strict(
    engine: Any, make_daemon: MakeDaemon, make_application: MakeApplication, example_schema: Path
) -> None:
    first = make_daemon(engine.uri, example_schema).start()
    first.wait_state("ready")
    code, _ = first.stop()
    assert code == 0
    second = make_daemon(engine.uri, example_schema)
    application = make_application(engine.uri, second.socket)  # this time it is there first
    time.sleep(0.3)
    assert application.get("/health").code is None
    second.start()
    application.wait_serving()
    # The ledger says that this schema is applied: no step is run again.
    assert "initializing" not in [entry.get("state") for entry in second.log()]
    assert second.messages().count(STARTING) == 1


def test_a_late_database_is_waited_for(
    engine_factory: Callable[..., Any], make_daemon: MakeDaemon
) -> None:
    """The engine itself, not a forwarder: nobody listens, then it starts by itself."""
    engine = engine_factory(delay=2)
    daemon = make_daemon(engine.uri).start()
    started = time.monotonic()
    attempts = daemon.wait_status(lambda s: s["attempt"] >= 2, "a second attempt")
    assert attempts["retryable"]
    assert attempts["code"] == "connection_refused"
    assert daemon.codes() == (200, 503)
    daemon.wait_state("ready", timeout=20)
    assert time.monotonic() - started > 1
    wait_until(lambda: daemon.codes() == (200, 200), 5, "both probes say 200", seen=daemon.codes)
