"""What cannot work is refused at the start, each with its sentence and exit code."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from support.gate import Daemon, Process, readygate

MakeDaemon = Callable[..., Daemon]
NOWHERE = "mongodb://127.0.0.1:1/?retryWrites=false"

HEAD = 'schema = "s"\ndatabase = "s"\nversion = 1\nmin_open = 1\n'

# Files that are refused before anything is connected to: (configuration, schema, what is said).
MALFORMED = {
    "no TOML": ("[gate\n", HEAD, "readygate.toml:1:"),
    "an unknown section": ("[gates]\nlisten = ''\n", HEAD, 'did you mean "gate"'),
    "an unknown key": ("[gate]\nlisen = ''\n", HEAD, "readygate.toml:2:1: "),
    "a wrong type": ("[mongodb]\nparallelism = 'four'\n", HEAD, "readygate.toml:2:15: "),
    "a number without unit": ("[gate]\nunready_after = 30\n", HEAD, "readygate.toml:2:17: "),
    "out of range": ("[mongodb]\nwarm_connections = 0\n", HEAD, "readygate.toml:2:20: "),
    "an unknown word": ("[log]\nlevel = 'loud'\n", HEAD, "readygate.toml:2:9: "),
    "no address": ("[gate]\nlisten = '8088'\n", HEAD, "is not an address and port"),
    "no quorum": ("[init]\ncommit_quorum = '51'\n", HEAD, "is not a commit quorum"),
    "a schema without a head": ("", "version = 1\n", "schema.toml"),
    "a schema key that is not known": ("", HEAD + "[polcy]\n", 'did you mean "policy"'),
    "an index without a key": (
        "",
        HEAD + '[[collection]]\nname = "c"\n[[collection.index]]\nname = "i"\n',
        "schema.toml:7:",
    ),
    "a view of nothing": ("", HEAD + '[[view]]\nname = "v"\n', '"view.on" is missing'),
}


@pytest.mark.parametrize("name", MALFORMED)
def test_malformed_files_are_named_with_their_place(name: str, tmp_path: Path) -> None:
    configuration, schema, said = MALFORMED[name]
    (tmp_path / "readygate.toml").write_text(configuration)
    (tmp_path / "schema.toml").write_text(schema)
    files = [
        "--config",
        str(tmp_path / "readygate.toml"),
        "--schema",
        str(tmp_path / "schema.toml"),
    ]
    for verb in ("check", "run"):
        command = [readygate(), verb, *files, "--mongodb-uri", NOWHERE, "--gate-listen", ""]
        if "listen" in configuration:
            command = command[:-2]  # the flag would beat what is wrong in the file
        command += ["--gate-socket", str(tmp_path / "gate.sock")]
        with Process(command, name=verb) as process:
            assert process.wait(10) == 78, process.output()
            assert said in process.output()


def test_check_reports_every_mistake_of_a_file_at_once(tmp_path: Path) -> None:
    (tmp_path / "c.toml").write_text("[gate]\nlisen = ''\nsocket_mode = 5\n[log]\nlevel = 'x'\n")
    with Process([readygate(), "check", "--config", str(tmp_path / "c.toml")]) as process:
        assert process.wait(10) == 78
        for place in (":2:1: ", ":3:15: ", ":5:9: ", "3 mistakes"):
            assert place in process.output()


def test_check_says_what_of_the_uri_is_not_used_and_where_the_schema_is_kept(
    make_daemon: MakeDaemon,
) -> None:
    daemon = make_daemon("mongodb://h.example/admin?readPreference=nearest")
    code, output = daemon.run("check", *daemon.options(), "--format", "json")
    assert code == 0, output
    checked = json.loads(output)
    kept = f'the schema is kept in "{checked["schema"]["database"]}"'
    assert [line for line in checked["overrides"] if kept in line and '"admin" of the URI' in line]
    assert any(
        line.startswith("readPreference=nearest of the URI") for line in checked["overrides"]
    )


def test_an_unreadable_secret_is_named_with_the_reason(make_daemon: MakeDaemon) -> None:
    daemon = make_daemon(NOWHERE)
    daemon.uri_file.unlink()
    daemon.start(wait=False)
    assert daemon.wait_exit() == 78
    assert f"{daemon.uri_file} cannot be read: No such file" in daemon.log_text()


def test_a_ca_file_that_is_missing_fails_and_says_which(make_daemon: MakeDaemon) -> None:
    daemon = make_daemon("mongodb://127.0.0.1:1/?tls=true&tlsCAFile=/nonexistent/ca.pem").start()
    snapshot = daemon.wait_state("failed")
    assert snapshot["code"] == "ca_file_invalid"
    assert "/nonexistent/ca.pem" in snapshot["reason"]


def test_a_ca_file_that_comes_late_is_picked_up_without_a_restart(
    make_daemon: MakeDaemon, tmp_path: Path
) -> None:
    ca = tmp_path / "ca.pem"
    uri = f"mongodb://127.0.0.1:1/?tls=true&tlsCAFile={ca}"
    daemon = make_daemon(uri, settings={"init": {"failed_retry": "0s"}}).start()
    assert daemon.wait_state("failed")["code"] == "ca_file_invalid"
    ca.write_text("-----BEGIN CERTIFICATE-----\nTUlJQg==\n-----END CERTIFICATE-----\n")
    said = daemon.wait_message("A TLS file of the connection string changed", 20)
    assert said["state"] == "failed"
    daemon.wait_status(lambda status: status["attempt"] > 1, "another attempt")


def test_a_port_that_is_taken_ends_with_a_sentence(make_daemon: MakeDaemon) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        daemon = make_daemon(NOWHERE, port=taken.getsockname()[1])
        daemon.start(wait=False)
        assert daemon.wait_exit() == 69
        assert '"code":"port_taken"' in daemon.log_text()
        assert str(taken.getsockname()[1]) in daemon.log_text()
    assert not daemon.socket.exists()


def test_a_socket_of_a_living_daemon_is_not_taken_over(make_daemon: MakeDaemon) -> None:
    first = make_daemon(NOWHERE, port=None).start()
    instance = first.status()["instance_id"]
    with Process([readygate(), "run", *first.options()]) as second:
        assert second.wait(10) == 69, second.output()
        assert '"code":"socket_taken"' in second.output()
        assert instance in second.output()  # who holds it, in its own words
    assert first.status()["instance_id"] == instance


def test_a_stale_socket_file_is_replaced(make_daemon: MakeDaemon) -> None:
    daemon = make_daemon(NOWHERE)
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(daemon.socket))
    before = os.stat(daemon.socket).st_ino
    daemon.start()
    assert os.stat(daemon.socket).st_ino != before
    assert daemon.line("STATUS")["state"] == "connecting"


def test_a_daemon_that_was_killed_leaves_nothing_in_the_way(make_daemon: MakeDaemon) -> None:
    daemon = make_daemon(NOWHERE).start()
    daemon.send_signal(9)
    daemon.wait_exit()
    assert daemon.socket.exists()
    daemon.start()
    assert daemon.line("STATUS")["state"] == "connecting"


def test_a_socket_path_that_cannot_be_is_refused(make_daemon: MakeDaemon, tmp_path: Path) -> None:
    daemon = make_daemon(NOWHERE)
    daemon.socket = tmp_path / "no" / "such" / "folder" / "gate.sock"
    daemon.start(wait=False)
    assert daemon.wait_exit() == 78
    assert '"code":"socket_path"' in daemon.log_text()


def test_a_password_on_the_command_line_is_refused_unseen(tmp_path: Path) -> None:
    command = [readygate(), "plan", "--mongodb-uri", "mongodb://user:hunter2@127.0.0.1:1/"]
    with Process(command) as process:
        assert process.wait(10) == 78
        assert "--mongodb-uri-file" in process.output()
        assert "hunter2" not in process.output()
