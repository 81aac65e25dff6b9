"""[[check]]: what the application itself must answer before the pod is ready."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from support.gate import Daemon, wait_until
from support.gate.process import free_port
from support.look import shown
from support.web import Reply, WebServer

MakeDaemon = Callable[..., Daemon]

QUICK = {"period": "100ms", "failure_threshold": 1}


def checks(*tables: Mapping[str, Any]) -> dict[str, str]:
    """The environment with these checks."""
    inline = (
        "{ " + ", ".join(f"{k} = {json.dumps(v)}" for k, v in (QUICK | dict(table)).items()) + " }"
        for table in tables
    )
    return {"READYGATE_CHECK": f"[{', '.join(inline)}]"}


def ready(daemon: Daemon) -> bool:
    return daemon.probe("/readyz").code == 200


def line_of(daemon: Daemon, name: str) -> str:
    lines = daemon.probe("/readyz?verbose").body.splitlines()
    return next(line for line in lines if line[3:].split()[0] == name)


def test_an_http_check_joins_ready_and_never_open(
    engine: Any, database: str, make_daemon: MakeDaemon
) -> None:
    with WebServer() as application:
        application.reply = Reply(code=503)
        check = {"name": "app", "http": f"{application.url}/health?key=s3cret"}
        daemon = make_daemon(engine.uri, environment=checks(check)).start()
        daemon.wait_state("ready")
        daemon.wait_message('Check "app" does not pass yet')
        snapshot = daemon.status()
        assert snapshot["open"] and not snapshot["ready"]
        failing = {"name": "app", "passed": False, "code": "check_failed"}
        assert failing | {"reason": f"{application.url} answers 503"} in snapshot["checks"]
        assert (
            f"[-] app: check_failed: {application.url} answers 503"
            in daemon.run("status", "--socket", str(daemon.socket))[1]
        )
        assert failing in json.loads(daemon.probe("/status").body)["checks"]  # without it
        answer = daemon.probe("/readyz")
        assert (answer.code, answer.body) == (503, "check_failed\n")
        assert line_of(daemon, "app") == "[-]app failed: check_failed"
        assert daemon.probe("/readyz?exclude=app").code == 200
        assert 'readygate_check{name="app"} 0' in daemon.probe("/metrics").body
        code, text = daemon.run("status", "--socket", str(daemon.socket))
        assert code == 69, text
        head = text.splitlines()[0]
        assert head.startswith('state      ready, but not served: check_failed (check "app": ')
        assert "answers 503" in head and " · for " in head
        assert daemon.run("status", "--socket", str(daemon.socket), "--format", "json")[0] == 69

        application.reply = Reply()
        wait_until(lambda: ready(daemon), 10, "the check passes")
        assert line_of(daemon, "app") == "[+]app ok"
        assert 'readygate_check{name="app"} 1' in daemon.probe("/metrics").body
        assert {"name": "app", "passed": True, "code": "none"} in daemon.status()["checks"]
        code, text = daemon.run("status", "--socket", str(daemon.socket))
        assert code == 0 and text.startswith("state      ready for ")

        application.reply = Reply(code=500)
        wait_until(lambda: not ready(daemon), 10, "the check fails again")
        assert daemon.status()["open"]
        assert "answers 500" in daemon.wait_message('Check "app" does not pass:')["msg"]
        assert application.requests[0].method == "GET"
        assert application.requests[0].path == "/health?key=s3cret"
        assert "s3cret" not in daemon.log_text()


def test_tcp_and_file_checks(
    engine: Any, database: str, make_daemon: MakeDaemon, tmp_path: Path
) -> None:
    port = free_port()
    flag = tmp_path / "up"
    tables = ({"name": "port", "tcp": f"127.0.0.1:{port}"}, {"name": "flag", "file": str(flag)})
    daemon = make_daemon(engine.uri, environment=checks(*tables)).start()
    daemon.wait_state("ready")
    with socket.create_server(("127.0.0.1", port)):
        wait_until(lambda: line_of(daemon, "port") == "[+]port ok", 10, "the port answers")
        assert not ready(daemon)
        flag.touch()
        wait_until(lambda: ready(daemon), 10, "the file is there")
        flag.unlink()
        wait_until(lambda: not ready(daemon), 10, "the file is gone")
        assert line_of(daemon, "flag") == "[-]flag failed: check_failed"


def test_a_check_that_hangs_holds_up_neither_probes_nor_the_end(
    engine: Any, database: str, make_daemon: MakeDaemon, tmp_path: Path
) -> None:
    flag = tmp_path / "up"
    flag.touch()
    with WebServer() as application:
        application.reply = Reply(hang=True)
        slow = {"name": "slow", "http": application.url, "timeout": "60s"}
        daemon = make_daemon(
            engine.uri, environment=checks(slow, {"name": "flag", "file": str(flag)})
        ).start()
        daemon.wait_state("ready")
        wait_until(lambda: application.requests, 10, "the check is asked")
        wait_until(lambda: line_of(daemon, "flag") == "[+]flag ok", 10, "the other one passes")
        assert line_of(daemon, "slow") == "[-]slow failed: check_pending"
        code, _ = daemon.stop(timeout=30)  # not the check's minute
        assert code == 0


def test_libcurl_is_loaded_only_when_something_speaks_http(
    engine: Any, database: str, make_daemon: MakeDaemon
) -> None:
    def loaded(daemon: Daemon) -> bool:
        assert daemon.process
        return any("libcurl" in line for line in shown(daemon.process.pid, "maps"))

    for silent in ({}, checks({"name": "here", "file": "/"})):
        daemon = make_daemon(engine.uri, environment=silent).start()
        daemon.wait_state("ready")
        assert not loaded(daemon)
        daemon.stop()
    with WebServer() as application:
        check = {"name": "app", "http": f"{application.url}/health"}
        daemon = make_daemon(engine.uri, environment=checks(check)).start()
        daemon.wait_state("ready")
        assert loaded(daemon)


def test_a_libcurl_that_cannot_be_used_is_said_at_the_start(
    tmp_path: Path, make_daemon: MakeDaemon
) -> None:
    (tmp_path / "libcurl.so.4").write_text("no library")
    environment = {
        **checks({"name": "app", "http": "http://127.0.0.1:1/"}),
        "LD_LIBRARY_PATH": str(tmp_path),
    }
    daemon = make_daemon("mongodb://127.0.0.1:1/", environment=environment).start(wait=False)
    assert daemon.wait_exit() == 70
    assert "libcurl.so.4 cannot be used" in daemon.log_text()
    assert "install libcurl" in daemon.log_text()
