"""Every client library gives the same answers: cases.toml, through each driver. README.md says how
a new client gets one.
"""

from __future__ import annotations

import tempfile
import time
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from support.gate import Daemon
from support.privileges import can
from support.scripted import ScriptedServer

from .client import DRIVERS, MOUNT_READ_ONLY, NOBODY, Client, nobody_can_run
from .scripted_gate import ScriptedGate
from .state_page import write_page, zero_page

CASES = tomllib.loads((Path(__file__).parent / "cases.toml").read_text())["case"]
EVENTUALLY = 20  # s


class Stage:
    """What a case's steps act on: a socket with a scripted gate or a daemon, and one client."""

    def __init__(self, case: dict[str, Any], driver: str, folder: Path, make_daemon: Any) -> None:
        self.folder = folder
        self.socket = folder / "gate.sock"
        self.gate = ScriptedGate(self.socket)
        self.daemon: Daemon | None = None
        self.server: ScriptedServer | None = None
        self._make_daemon = make_daemon
        self._driver = driver
        self._case = case
        self._client: Client | None = None

    def run(self) -> None:
        for step in self._case["steps"].strip().splitlines():
            mark, _, rest = step.strip().partition(" ")
            getattr(self, {"!": "act", ">": "ask", "<": "answer", "?": "poll", "~": "quiet"}[mark])(
                rest
            )

    def close(self) -> None:
        if self._client:
            self._client.close()
        self.gate.kill()
        if self.server:
            self.server.close()

    @property
    def client(self) -> Client:
        """Started by the first question, so that a case can lay out its stage before."""
        if self._client is None:
            environment = {"READYGATE_GATE_SOCKET": str(self.socket), **self._case.get("env", {})}
            user = NOBODY if self._case.get("other_user") else None
            read_only = self.folder if self._case.get("read_only") else None
            self._client = Client(self._driver, environment, user, read_only)
        return self._client

    def ask(self, line: str) -> None:
        self.client.ask(line)

    def answer(self, expected: str) -> None:
        assert self.client.answer() == expected

    def quiet(self, _: str) -> None:
        """Not answered yet: and not a matter of time, since what it waits for did not happen."""
        assert self.client.quiet()

    def poll(self, rest: str) -> None:
        """`question = answer`: it may take a moment (a page is opened anew every 100 ms)."""
        question, _, expected = rest.partition(" = ")
        deadline = time.monotonic() + EVENTUALLY
        while True:
            self.client.ask(question)
            if (answer := self.client.answer()) == expected:
                return
            assert time.monotonic() < deadline, f"{question}: still {answer}"
            time.sleep(0.02)

    def act(self, rest: str) -> None:
        verb, *words = rest.split()
        getattr(self, f"do_{verb}")(*words)

    # The scripted gate.

    def do_serve(self) -> None:
        self.gate.serve()

    def do_bind_only(self) -> None:
        self.gate.bind_only()

    def do_kill(self) -> None:
        self.gate.kill()

    def do_stop(self) -> None:
        self.gate.stop()

    def do_drop(self) -> None:
        self.gate.drop()

    def do_heartbeat(self) -> None:
        self.gate.heartbeat()

    def do_asked(self, count: str) -> None:
        self.gate.wait_asked(int(count))

    def do_state(self, state: str, code: str = "none") -> None:
        self.gate.state(state, code)

    def do_answer(self, name: str) -> None:
        raw = {"as-usual": None, "nothing": b""}.get(name, self._case.get(name, "").encode())
        self.gate.answer(raw)

    def do_chmod(self, mode: str, name: str = "gate.sock") -> None:
        (self.folder / name).chmod(int(mode, 8))

    def do_no_folder(self) -> None:
        self.folder.rmdir()

    def do_folder(self) -> None:
        self.folder.mkdir()

    # The page.

    def do_page(self, facts: str, *options: str) -> None:
        write_page(self.page, facts, **dict(option.split("=") for option in options))

    def do_zero_page(self) -> None:
        zero_page(self.page)

    def do_remove_page(self) -> None:
        self.page.unlink()

    @property
    def page(self) -> Path:
        return self.socket.with_name(self.socket.name + ".page")

    # The daemon.

    def do_daemon(self, what: str) -> None:
        if self.daemon is None:
            self.server = ScriptedServer()
            self.daemon = self._make_daemon(
                self.server.uri(), settings={"gate": {"drain_delay": "20s"}}
            )
            self.socket = self.daemon.socket
        if what == "start":
            self.daemon.start()
        elif what == "kill":
            self.daemon.send_signal(9)
            self.daemon.wait_exit()
        elif what == "drain":
            self.daemon.send_signal(15)
            self.daemon.wait_state("draining")
        elif what != "made":
            self.daemon.wait_state(what)

    def do_daemon_code(self, code: str) -> None:
        assert self.daemon
        self.daemon.wait_status(lambda status: status["code"] == code, code)

    def do_database(self, what: str) -> None:
        assert self.server
        if what == "gone":
            self.server.refuse_connections()
            self.server.drop_connections()
        else:
            self.server.accept_connections()

    def do_needs_page(self) -> None:
        if not self.page.exists():
            pytest.skip("this daemon writes no state page")


@pytest.fixture
def folder() -> Iterator[Path]:
    """A short path: a socket's has 107 bytes at most."""
    with tempfile.TemporaryDirectory(prefix="rg-", ignore_cleanup_errors=True) as made:
        Path(made).chmod(0o755)
        yield Path(made)


@pytest.mark.parametrize("driver", DRIVERS)
@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"].replace(" ", "-"))
def test_client(
    case: dict[str, Any], driver: str, folder: Path, make_daemon: Callable[..., Daemon]
) -> None:
    if case.get("other_user") and not nobody_can_run(driver):
        pytest.skip("needs root, and a checkout that other users can read")
    if case.get("read_only") and not can(*MOUNT_READ_ONLY, str(folder), "true"):
        pytest.skip("needs root, to mount; in a container, a privileged one")
    stage = Stage(case, driver, folder, make_daemon)
    try:
        stage.run()
    finally:
        stage.close()


def test_names_are_unique() -> None:
    names = [case["name"] for case in CASES]
    assert len(names) == len(set(names))
