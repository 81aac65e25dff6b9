"""Starting and scripting a scripted server (tests/support/scripted_server).

    def test_not_primary(scripted_set: ScriptedServer) -> None:
        scripted_set.step_down()                                # hello says secondary from now on
        scripted_set.on("createIndexes", times=1, error=10107)  # this command fails once
        scripted_set.on("find", hang=True)                      # no answer until release()
        ...
        assert scripted_set.count("createIndexes") == 0

Ask for the fixtures `scripted` (a standalone server) or `scripted_set` (a replica set of one) by
importing them into the test module; or use `with ScriptedServer(...) as server`. The server ends
with its block, and with the process that started it. Nothing here sleeps longer than it waits for.
"""

from __future__ import annotations

import json
import os
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

Document = dict[str, Any]


def overloaded(base_backoff_ms: int | None = None) -> Document:
    """The error of a server that refuses a command because it has too much to do, as MongoDB 8.2
    and later answer it; with `base_backoff_ms` it names the pause to begin with (9.0).
    """
    named = {} if base_backoff_ms is None else {"baseBackoffMS": base_backoff_ms}
    return {
        "code": 462,
        "errmsg": "Rate limiter 'ingressRequestRateLimiter' rate exceeded",
        "codeName": "IngressRequestRateLimitExceeded",
        "errorLabels": ["SystemOverloadedError", "RetryableError"],
        **named,
    }


class ScriptError(AssertionError):
    """A line of the script was refused, or what it should bring about did not happen in time."""


def program() -> Path:
    """The server's binary in READYGATE_BUILD_DIR, or in build/ of this checkout."""
    repository = Path(__file__).resolve().parents[3]
    build = Path(os.environ.get("READYGATE_BUILD_DIR") or repository / "build")
    path = build / "tests" / "support" / "scripted_server" / "scripted-server"
    if not os.access(path, os.X_OK):
        raise FileNotFoundError(f"{path} is not there: run ./dev build")
    return path


class ScriptedServer:
    """One server on a free port of 127.0.0.1; with `set_name`, the one member of a replica set."""

    def __init__(self, set_name: str = "", *, version: str = "7.0.14", max_wire: int = 21) -> None:
        command = [str(program()), "--version", version, "--max-wire", str(max_wire)]
        if set_name:
            command += ["--set-name", set_name]
        self.set_name = set_name
        self._lock = threading.Lock()  # a line and its answer belong together
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
        )
        self.address: str = self._read()["listening"]

    def __enter__(self) -> ScriptedServer:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Ends the server; calling it again does nothing."""
        if self._process.stdin and not self._process.stdin.closed:
            self._process.stdin.close()
        try:
            self._process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        if self._process.stdout:
            self._process.stdout.close()
        if self._process.returncode != 0:  # a crash, or what a sanitizer found
            raise ScriptError(f"the scripted server ended with {self._process.returncode}")

    # Where it is.

    @property
    def port(self) -> int:
        """The TCP port on 127.0.0.1."""
        return int(self.address.rpartition(":")[2])

    def uri(self, options: str = "", *, credentials: str = "") -> str:
        """mongodb://…; `options` as in a query string; `credentials` as "user:password"."""
        parts = [f"replicaSet={self.set_name}" if self.set_name else "retryWrites=false", options]
        login = f"{credentials}@" if credentials else ""
        return f"mongodb://{login}{self.address}/?" + "&".join(part for part in parts if part)

    # What goes wrong.

    def on(
        self,
        command: str,
        *,
        times: int = -1,
        skip: int = 0,
        match: Mapping[str, Any] | None = None,
        error: int | Mapping[str, Any] | None = None,
        **action: Any,
    ) -> int:
        """From now on, when `command` comes, do this; the first rule that applies is taken.

        `command` is a name, "*" (every command but hello) or "accept" (a connection, before it is
        read). `times` is how often (-1: always), `skip` how many to let pass first, `match` what
        the command must contain.

        Actions: error=CODE or {"code": …, "errmsg": …, "errorLabels": […], "baseBackoffMS": …}, as
        overloaded() makes it; reply={…} instead of executing; merge={…} over the real reply;
        latency_ms=N; hang=True before executing; hang_after=True after it; hang_mid_answer=True
        with half of the answer sent; disconnect="before" or "after" executing; tls_alert=True.
        Returns the rule's number, for forget().
        """
        rule: Document = {"on": command, **action}
        if times != -1:
            rule["times"] = times
        if skip:
            rule["skip"] = skip
        if match:
            rule["match"] = dict(match)
        if error is not None:
            rule["error"] = {"code": error} if isinstance(error, int) else dict(error)
        return int(self._tell(rule)["rule"])

    def forget(self, rule: int) -> None:
        """Removes one rule. What hangs because of it still does, until release()."""
        self._tell({"forget": rule})

    def clear(self) -> None:
        """Removes every rule and lets go of all that hangs."""
        self._tell({"clear": True})
        self.release()

    def release(self) -> None:
        """Everything that hangs goes on as if it never had."""
        self._tell({"release": True})

    def step_down(self) -> None:
        """hello names no primary; writes that hang answer 11602, later ones 10107."""
        self._tell({"step_down": True})

    def step_up(self) -> None:
        """Primary again, with a new electionId."""
        self._tell({"step_up": True})

    def refuse_connections(self) -> None:
        """Nobody listens from here on; connections that are open stay."""
        self._tell({"listen": False})

    def accept_connections(self) -> None:
        """Listens again, on the same port."""
        self._tell({"listen": True})

    def drop_connections(self) -> None:
        """Closes every open connection."""
        self._tell({"drop_connections": True})

    def configure(self, **settings: Any) -> None:
        """version="7.0.14", min_wire=0, max_wire=21, extra_fields=True, address="host:port",
        hides_builds=True, feature_version=8.
        """
        self._tell({"set": settings})

    def current_operations(self, *operations: Mapping[str, Any]) -> None:
        """What $currentOp and currentOp show from now on."""
        self._tell({"current_op": [dict(one) for one in operations]})

    def building(self, *indexes: str) -> None:
        """Of these ("db.collection.index"), which are there, the builds are not over from now on:
        they are listed so, and createIndexes waits for them. None: what waits goes on.
        """
        self._tell({"building": list(indexes)})
        if not indexes:
            self.release()

    # What happened.

    def counts(self) -> dict[str, int]:
        """How often each command came, and "accept" for connections."""
        return dict(self._tell({"count": True})["counts"])

    def count(self, *commands: str) -> int:
        """How often these came, together."""
        counts = self.counts()
        return sum(counts.get(command, 0) for command in commands)

    @property
    def held(self) -> int:
        """How many connections hang at this moment."""
        return int(self._tell({"count": True})["held"])

    @property
    def connections(self) -> int:
        """How many connections are open."""
        return int(self._tell({"count": True})["connections"])

    def log(self, *commands: str) -> list[Document]:
        """What came, oldest first: name, db, target, connection, lsid, comment, writeConcern, …"""
        entries: list[Document] = self._tell({"log": True})["log"]
        return [entry for entry in entries if not commands or entry["name"] in commands]

    def forget_log(self) -> None:
        """Starts counting anew."""
        self._tell({"forget_log": True})

    def run(self, database: str, command: Mapping[str, Any]) -> Document:
        """Runs a command (of JSON values) without a connection: no rule applies, nothing counts."""
        return dict(self._tell({"run": {**command, "$db": database}})["reply"])

    def wait_held(self, count: int = 1, timeout: float = 10) -> None:
        """Until that many connections hang."""
        self._wait(lambda: self.held >= count, timeout, f"{count} hang")

    def wait_count(self, command: str, count: int = 1, timeout: float = 10) -> None:
        """Until the command has come that often."""
        self._wait(lambda: self.count(command) >= count, timeout, f"{count} of {command}")

    # The pipe.

    def _wait(self, condition: Any, timeout: float, what: str) -> None:
        deadline = time.monotonic() + timeout
        while not condition():
            if time.monotonic() > deadline:
                raise ScriptError(f"not within {timeout} s: {what}; came: {self.counts()}")
            time.sleep(0.01)

    def _read(self) -> Document:
        assert self._process.stdout
        line = self._process.stdout.readline()
        if not line:
            raise ScriptError(f"the scripted server ended with {self._process.wait(timeout=5)}")
        return dict(json.loads(line))

    def _tell(self, line: Document) -> Document:
        with self._lock:
            assert self._process.stdin
            self._process.stdin.write(json.dumps(line) + "\n")
            self._process.stdin.flush()
            answer = self._read()
        if "error" in answer:
            raise ScriptError(f"{answer['error']}: {json.dumps(line)}")
        return answer


@pytest.fixture
def scripted() -> Iterator[ScriptedServer]:
    """A standalone server of this test's own."""
    with ScriptedServer() as server:
        yield server


@pytest.fixture
def scripted_set() -> Iterator[ScriptedServer]:
    """The primary of a replica set of one."""
    with ScriptedServer("rs0") as server:
        yield server
