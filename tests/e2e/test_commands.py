"""`check`, `plan`, `status` around a running daemon, and what must never be seen in any of them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from support.gate import FAILED, Daemon

MakeDaemon = Callable[..., Daemon]


def test_plan_says_what_it_would_do_and_then_nothing(
    engine: Any, make_daemon: MakeDaemon, example_schema: Path
) -> None:
    daemon = make_daemon(engine.uri, example_schema)
    files = ("--config", str(daemon.config), "--schema", str(daemon.schema))
    assert daemon.run("check", *files)[0] == 0
    code, text = daemon.plan()
    assert code == 2
    for name in ("rebalances", "models", "external_id", "desk_location"):
        assert name in text
    code, text = daemon.plan()  # it has only looked
    assert code == 2

    daemon.start().wait_state("ready")
    code, text = daemon.plan()
    assert code == 0, text


def test_status_for_people_and_for_programs(engine: Any, make_daemon: MakeDaemon) -> None:
    daemon = make_daemon(engine.uri).start()
    daemon.wait_state("ready")
    code, text = daemon.run("status", "--socket", str(daemon.socket))
    assert code == 0
    assert "ready" in text
    code, text = daemon.run("status", "--socket", str(daemon.socket), "--format", "json")
    assert code == 0
    assert json.loads(text) == daemon.status()
    code, text = daemon.run("status", "--socket", str(daemon.directory / "other.sock"))
    assert code == 69
    assert "other.sock" in text


def visible(daemon: Daemon) -> str:
    """Everything that anyone can see of a running daemon."""
    assert daemon.process
    process = Path(f"/proc/{daemon.process.pid}")
    return "\n".join(
        [
            daemon.log_text(),
            json.dumps(daemon.status()),
            daemon.probe("/status").body,
            daemon.probe("/metrics").body,
            daemon.probe("/health/ready?verbose").body,
            daemon.plan()[1],
            (process / "cmdline").read_text(),
            (process / "comm").read_text(),
        ]
    )


def test_a_right_password_is_never_seen(
    engine_factory: Callable[..., Any], make_daemon: MakeDaemon
) -> None:
    engine = engine_factory(auth=True)
    daemon = make_daemon(engine.uri).start()
    daemon.wait_state("ready")
    password = engine.uri.split(":")[2].split("@")[0]
    assert password not in visible(daemon)


def test_a_wrong_password_is_named_and_not_shown(
    engine_factory: Callable[..., Any], make_daemon: MakeDaemon
) -> None:
    engine = engine_factory(auth=True)
    uri = engine.uri_with("readygate", "wr0ng-s3cret")
    daemon = make_daemon(uri, settings={"init": {"auth_grace": "1s", "failed_retry": "0s"}}).start()
    refused = daemon.wait_status(lambda s: s["code"] == "auth_failed", "auth_failed")
    assert refused["state"] == "connecting"  # a secret may arrive late: for auth_grace it tries on
    assert refused["retryable"]
    failed = daemon.wait_state("failed")
    assert failed["code"] == "auth_failed"
    assert daemon.wait_message(FAILED)["code"] == "auth_failed"
    assert daemon.probe("/health/ready").body.strip() == "auth_failed"
    assert "wr0ng-s3cret" not in visible(daemon)


def test_a_corrected_secret_is_picked_up(
    engine_factory: Callable[..., Any], make_daemon: MakeDaemon
) -> None:
    engine = engine_factory(auth=True)
    uri = engine.uri_with("readygate", "wr0ng-s3cret")
    daemon = make_daemon(uri, settings={"init": {"auth_grace": "0s", "failed_retry": "0s"}}).start()
    daemon.wait_state("failed")
    daemon.write_uri(engine.uri)
    daemon.wait_state("ready", timeout=20)
