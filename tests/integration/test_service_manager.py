"""What a service manager hears on NOTIFY_SOCKET: sd_notify(3), with a real socket."""

from __future__ import annotations

import socket
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from support.gate import Daemon, free_port, wait_until

MakeDaemon = Callable[..., Daemon]
NOBODY = "mongodb://127.0.0.1:{}/"


class Manager:
    def __init__(self, address: str) -> None:
        self.address = address
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(address.replace("@", "\0"))
        self.socket.setblocking(False)
        self._lines: list[str] = []

    def lines(self) -> list[str]:
        """All that was told so far."""
        while True:
            try:
                datagram = self.socket.recv(65536).decode()
            except BlockingIOError:
                return self._lines
            assert datagram.endswith("\n")
            self._lines += datagram.splitlines()


@pytest.fixture(params=["path", "abstract"])
def manager(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Manager]:
    abstract = f"@readygate-test-{uuid.uuid4().hex}"
    made = Manager(abstract if request.param == "abstract" else str(tmp_path / "notify"))
    with made.socket:
        yield made


def test_ready_comes_with_the_gate_and_stopping_with_its_end(
    engine: Any, database: str, make_daemon: MakeDaemon, manager: Manager
) -> None:
    daemon = make_daemon(engine.uri, environment={"NOTIFY_SOCKET": manager.address}).start()
    daemon.wait_state("ready")
    wait_until(lambda: "STATUS=ready" in manager.lines(), 10, "ready is told")
    told = manager.lines()
    assert told.count("READY=1") == 1
    assert not any(line.startswith("STOPPING") for line in told)
    assert any(line.startswith("EXTEND_TIMEOUT_USEC=") for line in told[: told.index("READY=1")])
    assert daemon.stop()[0] == 0
    told = manager.lines()
    assert told.count("STOPPING=1") == told.count("READY=1") == 1
    assert told[-1].startswith("STATUS=draining")


def test_a_gate_that_is_not_open_says_why_and_is_not_ready(
    make_daemon: MakeDaemon, manager: Manager
) -> None:
    uri = NOBODY.format(free_port())
    make_daemon(uri, environment={"NOTIFY_SOCKET": manager.address}).start()
    wait_until(
        lambda: any(line.startswith("STATUS=connecting: ") for line in manager.lines()),
        10,
        "why it is not open",
    )
    assert "READY=1" not in manager.lines()
    assert not any(line.startswith("EXTEND") for line in manager.lines())


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("{folder}/nobody", "The service manager is not told: {folder}/nobody: No such file"),
        ("vsock:2:3", "NOTIFY_SOCKET is neither a path nor an abstract name: vsock:2:3"),
    ],
)
def test_without_a_manager_it_says_so_once_and_goes_on(
    make_daemon: MakeDaemon, tmp_path: Path, address: str, said: str
) -> None:
    environment = {"NOTIFY_SOCKET": address.format(folder=tmp_path)}
    daemon = make_daemon(NOBODY.format(free_port()), environment=environment).start()
    said = said.format(folder=tmp_path)
    daemon.wait_message(said)
    daemon.wait_state("connecting")
    assert [line.startswith(said) for line in daemon.messages()].count(True) == 1


def test_a_full_queue_loses_nothing(
    engine: Any, database: str, make_daemon: MakeDaemon, manager: Manager
) -> None:
    """The manager does not read: the daemon goes on, and tells everything when it does."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as filler:
        filler.setblocking(False)
        filled = 0
        try:
            while True:
                filler.sendto(b"FILL=1\n", manager.address.replace("@", "\0"))
                filled += 1
        except BlockingIOError:
            pass
    daemon = make_daemon(engine.uri, environment={"NOTIFY_SOCKET": manager.address}).start()
    daemon.wait_state("ready")
    wait_until(lambda: "READY=1" in manager.lines(), 10, "ready is told")
    assert filled and manager.lines().count("FILL=1") == filled
