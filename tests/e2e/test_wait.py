"""`readygate wait -- command`: the command runs once the gate is open, not before; exit codes.

Each test runs with both programs, `readygate wait` and the static `readygate-wait`: to whoever
starts a service with them they are the same.
"""

from __future__ import annotations

import contextlib
import os
import shlex
import signal
import socket as sockets
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from pymongo import MongoClient

from support.gate import WAITERS, Daemon, Process, wait_until, waiter
from support.proxy import TcpProxy

MakeDaemon = Callable[..., Daemon]


@pytest.fixture(params=WAITERS)
def program(request: pytest.FixtureRequest) -> str:
    """Which of the programs that wait."""
    name: str = request.param
    return name


def wait_on(
    program: str, socket: Path, *arguments: str, **environment: str
) -> tuple[int, str, float]:
    """`readygate wait --socket …`; exit code, output, seconds."""
    start = time.monotonic()
    command = [*waiter(program), "--socket", str(socket), *arguments]
    with Process(command, environment=environment, name=program) as process:
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


def test_the_command_runs_only_after_open(
    program: str, closed: Daemon, proxy: TcpProxy, tmp_path: Path
) -> None:
    marker = tmp_path / "ran"
    with closed.waiter("touch", str(marker), program=program) as waiting:
        time.sleep(0.7)
        assert waiting.running
        assert not marker.exists()
        proxy.accept()
        assert waiting.wait(10) == 0
    assert marker.exists()
    assert closed.status()["open"]


def test_it_becomes_the_command(program: str, opened: Daemon) -> None:
    """Same process id, its arguments, its exit code, and nothing of ours left open in it."""
    with opened.waiter(
        "sh",
        "-c",
        'echo "$$"; ls /proc/self/fd | wc -l; echo "$1"; exit 7',
        "sh",
        "two words",
        program=program,
    ) as waiting:
        assert waiting.wait() == 7
        pid, descriptors, argument = waiting.output().splitlines()[-3:]
    assert int(pid) == waiting.pid
    assert int(descriptors) == 4  # 0, 1, 2, and the one with which ls reads the folder
    assert argument == "two words"


def test_the_command_gets_default_signals(program: str, opened: Daemon) -> None:
    with opened.waiter("sleep", "60", program=program) as waiting:
        name = Path(f"/proc/{waiting.pid}/comm")
        wait_until(lambda: name.read_text() == "sleep\n", 10, "it becomes the command")
        status = Path(f"/proc/{waiting.pid}/status").read_text()
        masks = dict(line.split(":\t") for line in status.splitlines() if line.startswith("Sig"))
        assert int(masks["SigBlk"], 16) == 0
        assert waiting.stop(signal.SIGTERM) == -signal.SIGTERM


def test_without_a_command_it_only_waits(program: str, opened: Daemon) -> None:
    code, _, _ = wait_on(program, opened.socket)
    assert code == 0


def test_before_the_daemon_exists(
    program: str, proxy: TcpProxy, make_daemon: MakeDaemon, tmp_path: Path
) -> None:
    """The usual order in a pod: no socket, not even its folder's content."""
    daemon = make_daemon(proxy.uri)
    with daemon.waiter("echo", "open", program=program) as waiting:
        time.sleep(0.5)
        assert waiting.running
        daemon.start()
        assert waiting.wait(10) == 0
        assert waiting.output().splitlines()[-1] == "open"


def test_it_watches_the_folder_of_the_socket(program: str, tmp_path: Path) -> None:
    """So that it tries at once when something happens there; once a second it does in any case."""
    folder = f"ino:{tmp_path.stat().st_ino:x} "
    command = [*waiter(program), "--socket", str(tmp_path / "no.sock")]

    def watched() -> bool:
        for file in Path(f"/proc/{waiting.pid}/fdinfo").iterdir():
            with contextlib.suppress(FileNotFoundError):  # closed since it was listed
                if folder in file.read_text():
                    return True
        return False

    with Process(command, name=program) as waiting:
        wait_until(watched, 10, "it watches the folder")


def answers_open(server: sockets.socket) -> None:
    """Serve the wait that comes, and any connection that asks nothing."""
    server.settimeout(20)
    while True:
        client, _ = server.accept()
        with client:
            client.settimeout(20)
            if client.recv(100).startswith(b"WAIT open"):
                client.sendall(b'{"ok":true,"why":"open","state":"ready","code":"none"}\n')
                return


def test_it_tries_once_a_second_where_the_folder_tells_nothing(
    program: str, tmp_path: Path
) -> None:
    """To begin to listen changes no file: there is no event to wait for."""
    path = tmp_path / "gate.sock"
    with sockets.socket(sockets.AF_UNIX) as server:
        server.bind(str(path))
        with Process([*waiter(program), "--socket", str(path)], name=program) as waiting:
            time.sleep(0.5)
            assert waiting.running
            server.listen(8)
            answers_open(server)
            assert waiting.wait(5) == 0


def test_a_full_backlog_is_waited_for(program: str, tmp_path: Path) -> None:
    path = tmp_path / "gate.sock"
    with sockets.socket(sockets.AF_UNIX) as server, ExitStack() as crowd:
        server.bind(str(path))
        server.listen(0)
        with contextlib.suppress(BlockingIOError):
            while True:
                one = crowd.enter_context(sockets.socket(sockets.AF_UNIX))
                one.setblocking(False)
                one.connect(str(path))
        code, _, _ = wait_on(program, path, "--timeout", "500ms")
        assert code == 124
        with Process([*waiter(program), "--socket", str(path)], name=program) as waiting:
            time.sleep(0.5)
            assert waiting.running
            crowd.close()
            answers_open(server)
            assert waiting.wait(5) == 0


@contextlib.contextmanager
def kept_out(daemon: Daemon, by: str) -> Iterator[Path]:
    """Only root may connect, for want of a permission on the socket or on the folder it is in."""
    daemon.socket.chmod(0o666)
    daemon.directory.chmod(0o711)
    what = {"socket": daemon.socket, "folder": daemon.directory}[by]
    what.chmod(0)
    try:
        yield what
    finally:
        daemon.directory.chmod(0o700)


def as_a_user() -> list[str]:
    """Before a command: run by somebody to whom permissions apply, as they do not to root."""
    user = "4711"
    setpriv = ["setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups"]
    return setpriv if os.geteuid() == 0 else []


NOT_ALLOWED = "this user may not connect (see gate.socket_mode and gate.socket_group)"


@pytest.mark.parametrize("by", ["socket", "folder"])
def test_a_socket_that_this_user_may_not_connect_to_is_retried_and_said(
    program: str, opened: Daemon, by: str
) -> None:
    wait = [*as_a_user(), *waiter(program), "--socket", str(opened.socket)]
    cause = f"no answer from the gate at {opened.socket}: {NOT_ALLOWED}"
    with kept_out(opened, by) as what:
        with Process([*wait, "--timeout", "300ms", "--", "echo", "ran"], name=program) as waiting:
            assert waiting.wait(20) == 124
            assert waiting.output() == f"readygate: not open after 300ms: {cause}"
        # On a terminal, where it says every second what the last try came to.
        command = shlex.join([*wait, "echo", "ran"])
        terminal = ["script", "--quiet", "--return", "--command", command]
        with Process([*terminal, "/dev/null"], name=program) as waiting:
            waiting.wait_line(f"readygate: waiting for open (1s): {cause}")
            what.chmod(0o755 if by == "folder" else 0o666)
            assert waiting.wait(20) == 0
            assert waiting.lines[-1][1].endswith("ran")


def test_across_a_restart_of_the_daemon(program: str, closed: Daemon, proxy: TcpProxy) -> None:
    """End of stream without an answer means not open: it goes on waiting."""
    with closed.waiter("echo", "open", program=program) as waiting:
        time.sleep(0.3)
        closed.send_signal(signal.SIGKILL)
        closed.wait_exit()
        time.sleep(0.3)
        assert waiting.running
        proxy.accept()
        closed.start()
        assert waiting.wait(10) == 0


@pytest.mark.parametrize("fact", ["open", "ready", "initialized", "healthy"])
def test_each_fact_can_be_waited_for(program: str, opened: Daemon, fact: str) -> None:
    assert wait_on(program, opened.socket, "--for", fact)[0] == 0


def test_initialized_is_not_open(program: str, opened_then_lost: Daemon) -> None:
    socket = opened_then_lost.socket
    assert wait_on(program, socket, "--for", "initialized", "--timeout", "2s")[0] == 0
    assert wait_on(program, socket, "--for", "open", "--timeout", "300ms")[0] == 124
    assert wait_on(program, socket, "--for", "healthy", "--timeout", "300ms")[0] == 124


@pytest.fixture
def opened_then_lost(proxy: TcpProxy, make_daemon: MakeDaemon) -> Daemon:
    daemon = make_daemon(proxy.uri).start()
    daemon.wait_state("ready")
    proxy.refuse()
    daemon.wait_state("degraded")
    return daemon


def test_124_at_the_timeout_with_the_cause(program: str, closed: Daemon, tmp_path: Path) -> None:
    code, said, took = wait_on(program, closed.socket, "--timeout", "500ms", "--", "true")
    assert code == 124
    assert took > 0.4
    assert "connection_refused" in said
    code, said, _ = wait_on(program, tmp_path / "no.sock", "--timeout", "300ms", "--", "true")
    assert code == 124
    assert str(tmp_path / "no.sock") in said


def test_127_not_found_and_126_not_executable(program: str, opened: Daemon, tmp_path: Path) -> None:
    assert wait_on(program, opened.socket, "--", "no-such-command-anywhere")[0] == 127
    assert wait_on(program, opened.socket, "--", str(tmp_path / "nothing"))[0] == 127
    plain = tmp_path / "plain"
    plain.write_text("#!/bin/sh\n")
    code, said, _ = wait_on(program, opened.socket, "--", str(plain))
    assert code == 126
    assert str(plain) in said
    assert wait_on(program, opened.socket, "--", str(tmp_path))[0] == 126


def test_75_draining(program: str, engine: Any, make_daemon: MakeDaemon) -> None:
    daemon = make_daemon(engine.uri, settings={"gate": {"drain_delay": "3s"}}).start()
    daemon.wait_state("ready")
    daemon.send_signal(signal.SIGTERM)
    daemon.wait_state("draining")
    code, said, _ = wait_on(program, daemon.socket, "--", "true")
    assert code == 75
    assert "draining" in said


def test_69_failed_only_with_fail_fast(
    program: str, engine: Any, client: MongoClient[Any], database: str, make_daemon: MakeDaemon
) -> None:
    client[database]["things"].create_index([("colour", 1)], name="by_owner")
    daemon = make_daemon(engine.uri, settings={"init": {"failed_retry": "0s"}}).start()
    daemon.wait_state("failed")
    code, said, _ = wait_on(program, daemon.socket, "--fail-fast", "--", "true")
    assert code == 69
    assert "schema_conflict" in said
    assert wait_on(program, daemon.socket, "--timeout", "300ms", "--", "true")[0] == 124


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_while_waiting_ends_it(
    program: str, closed: Daemon, number: signal.Signals
) -> None:
    with closed.waiter("true", program=program) as waiting:
        time.sleep(0.3)
        assert waiting.stop(number) == 128 + number


def test_64_usage(program: str, opened: Daemon) -> None:
    assert wait_on(program, opened.socket, "--for", "lunch", "--", "true")[0] == 64
    assert wait_on(program, opened.socket, "--timeout", "soon", "--", "true")[0] == 64


def test_the_kill_switch(program: str, tmp_path: Path) -> None:
    code, said, _ = wait_on(
        program, tmp_path / "no.sock", "--", "echo", "ran", READYGATE_DISABLE="1"
    )
    assert code == 0
    assert said.splitlines()[-1] == "ran"
    assert "READYGATE_DISABLE" in said


def test_it_does_not_spin(program: str, closed: Daemon) -> None:
    """Waiting costs nothing: well under a hundredth of a core."""
    with closed.waiter("true", program=program) as waiting:
        time.sleep(1.0)
        fields = Path(f"/proc/{waiting.pid}/stat").read_text().rsplit(") ", 1)[1].split()
        ticks = int(fields[11]) + int(fields[12])  # utime, stime
        assert ticks / os.sysconf("SC_CLK_TCK") < 0.3  # start-up included, sanitizers too
