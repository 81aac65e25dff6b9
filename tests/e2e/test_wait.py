"""`readygate wait -- command`: the command runs once the gate is open, not before; exit codes."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pymongo import MongoClient

from support.gate import Daemon, Process, readygate, wait_until
from support.proxy import TcpProxy

MakeDaemon = Callable[..., Daemon]


def wait_on(socket: Path, *arguments: str, **environment: str) -> tuple[int, str, float]:
    """`readygate wait --socket …`; exit code, output, seconds."""
    start = time.monotonic()
    command = [str(readygate()), "wait", "--socket", str(socket), *arguments]
    with Process(command, environment=environment, name="readygate wait") as process:
        return process.wait(20), process.output(), time.monotonic() - start


@pytest.fixture
def opened(engine: Any, make_daemon: MakeDaemon) -> Daemon:
    daemon = make_daemon(engine.uri).start()
    daemon.wait_state("ready")
    return daemon


@pytest.fixture
def closed(proxy: TcpProxy, make_daemon: MakeDaemon) -> Daemon:
    """A daemon that cannot reach its database, until proxy.accept()."""
    proxy.refuse()
    daemon = make_daemon(proxy.uri).start()
    daemon.wait_status(lambda status: status["code"] == "connection_refused", "refused")
    return daemon


def test_the_command_runs_only_after_open(closed: Daemon, proxy: TcpProxy, tmp_path: Path) -> None:
    marker = tmp_path / "ran"
    with closed.waiter("touch", str(marker)) as waiter:
        time.sleep(0.7)
        assert waiter.running
        assert not marker.exists()
        proxy.accept()
        assert waiter.wait(10) == 0
    assert marker.exists()
    assert closed.status()["open"]


def test_it_becomes_the_command(opened: Daemon) -> None:
    """Same process id, its arguments, its exit code, and nothing of ours left open in it."""
    with opened.waiter(
        "sh", "-c", 'echo "$$"; ls /proc/self/fd | wc -l; echo "$1"; exit 7', "sh", "two words"
    ) as waiter:
        assert waiter.wait() == 7
        pid, descriptors, argument = waiter.output().splitlines()[-3:]
    assert int(pid) == waiter.pid
    assert int(descriptors) == 4  # 0, 1, 2, and the one with which ls reads the folder
    assert argument == "two words"


def test_the_command_gets_default_signals(opened: Daemon) -> None:
    with opened.waiter("sleep", "60") as waiter:
        name = Path(f"/proc/{waiter.pid}/comm")
        wait_until(lambda: name.read_text() == "sleep\n", 10, "it becomes the command")
        status = Path(f"/proc/{waiter.pid}/status").read_text()
        masks = dict(line.split(":\t") for line in status.splitlines() if line.startswith("Sig"))
        assert int(masks["SigBlk"], 16) == 0
        assert waiter.stop(signal.SIGTERM) == -signal.SIGTERM


def test_without_a_command_it_only_waits(opened: Daemon) -> None:
    code, _, took = wait_on(opened.socket)
    assert code == 0
    assert took < 5


def test_before_the_daemon_exists(proxy: TcpProxy, make_daemon: MakeDaemon, tmp_path: Path) -> None:
    """The usual order in a pod: no socket, not even its folder's content."""
    daemon = make_daemon(proxy.uri)
    with daemon.waiter("echo", "open") as waiter:
        time.sleep(0.5)
        assert waiter.running
        daemon.start()
        assert waiter.wait(10) == 0
        assert waiter.output().splitlines()[-1] == "open"


def test_across_a_restart_of_the_daemon(closed: Daemon, proxy: TcpProxy) -> None:
    """End of stream without an answer means not open: it goes on waiting."""
    with closed.waiter("echo", "open") as waiter:
        time.sleep(0.3)
        closed.send_signal(signal.SIGKILL)
        closed.wait_exit()
        time.sleep(0.3)
        assert waiter.running
        proxy.accept()
        closed.start()
        assert waiter.wait(10) == 0


@pytest.mark.parametrize("fact", ["open", "ready", "initialized", "healthy"])
def test_each_fact_can_be_waited_for(opened: Daemon, fact: str) -> None:
    assert wait_on(opened.socket, "--for", fact)[0] == 0


def test_initialized_is_not_open(opened_then_lost: Daemon) -> None:
    socket = opened_then_lost.socket
    assert wait_on(socket, "--for", "initialized", "--timeout", "2s")[0] == 0
    assert wait_on(socket, "--for", "open", "--timeout", "300ms")[0] == 124
    assert wait_on(socket, "--for", "healthy", "--timeout", "300ms")[0] == 124


@pytest.fixture
def opened_then_lost(proxy: TcpProxy, make_daemon: MakeDaemon) -> Daemon:
    daemon = make_daemon(proxy.uri).start()
    daemon.wait_state("ready")
    proxy.refuse()
    daemon.wait_state("degraded")
    return daemon


def test_124_at_the_timeout_with_the_cause(closed: Daemon, tmp_path: Path) -> None:
    code, said, took = wait_on(closed.socket, "--timeout", "500ms", "--", "true")
    assert code == 124
    assert 0.4 < took < 3
    assert "connection_refused" in said
    code, said, _ = wait_on(tmp_path / "no.sock", "--timeout", "300ms", "--", "true")
    assert code == 124
    assert str(tmp_path / "no.sock") in said


def test_127_not_found_and_126_not_executable(opened: Daemon, tmp_path: Path) -> None:
    assert wait_on(opened.socket, "--", "no-such-command-anywhere")[0] == 127
    assert wait_on(opened.socket, "--", str(tmp_path / "nothing"))[0] == 127
    plain = tmp_path / "plain"
    plain.write_text("#!/bin/sh\n")
    code, said, _ = wait_on(opened.socket, "--", str(plain))
    assert code == 126
    assert str(plain) in said
    assert wait_on(opened.socket, "--", str(tmp_path))[0] == 126


def test_75_draining(engine: Any, make_daemon: MakeDaemon) -> None:
    daemon = make_daemon(engine.uri, settings={"gate": {"drain_delay": "3s"}}).start()
    daemon.wait_state("ready")
    daemon.send_signal(signal.SIGTERM)
    daemon.wait_state("draining")
    code, said, _ = wait_on(daemon.socket, "--", "true")
    assert code == 75
    assert "draining" in said


def test_69_failed_only_with_fail_fast(
    engine: Any, client: MongoClient[Any], database: str, make_daemon: MakeDaemon
) -> None:
    client[database]["things"].create_index([("colour", 1)], name="by_owner")
    daemon = make_daemon(engine.uri, settings={"init": {"failed_retry": "0s"}}).start()
    daemon.wait_state("failed")
    code, said, _ = wait_on(daemon.socket, "--fail-fast", "--", "true")
    assert code == 69
    assert "schema_conflict" in said
    assert wait_on(daemon.socket, "--timeout", "300ms", "--", "true")[0] == 124


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_while_waiting_ends_it(closed: Daemon, number: signal.Signals) -> None:
    with closed.waiter("true") as waiter:
        time.sleep(0.3)
        assert waiter.stop(number) == 128 + number


def test_64_usage(opened: Daemon) -> None:
    assert wait_on(opened.socket, "--for", "lunch", "--", "true")[0] == 64
    assert wait_on(opened.socket, "--timeout", "soon", "--", "true")[0] == 64


def test_the_kill_switch(tmp_path: Path) -> None:
    code, said, _ = wait_on(tmp_path / "no.sock", "--", "echo", "ran", READYGATE_DISABLE="1")
    assert code == 0
    assert said.splitlines()[-1] == "ran"
    assert "READYGATE_DISABLE" in said


def test_it_does_not_spin(closed: Daemon) -> None:
    """Waiting costs nothing: well under a hundredth of a core."""
    with closed.waiter("true") as waiter:
        time.sleep(1.0)
        fields = Path(f"/proc/{waiter.pid}/stat").read_text().rsplit(") ", 1)[1].split()
        ticks = int(fields[11]) + int(fields[12])  # utime, stime
        assert ticks / os.sysconf("SC_CLK_TCK") < 0.3  # start-up included, sanitizers too
