"""`readygate run` under test: configuration in a folder of its own, log, probes and socket."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple

from .binary import readygate, waiter
from .folder import OwnedFolder
from .http import Answer, get, unix_line, unix_request
from .process import Process, Timeout, free_port, wait_until
from .watch import Snapshot, Watch

Settings = Mapping[str, Mapping[str, Any]]

# What operators already search for; other people's alerts depend on every letter.
STARTING = "Starting database initialization..."
COMPLETED = "Database initialization completed. Connected: True"
FAILED = "Database initialization failed: "  # and the reason

# Quick enough to be watched: production defaults are tens of seconds.
TEST_SETTINGS: Settings = {
    "mongodb": {"connect_timeout": "1s", "ping_period": "500ms"},
    "gate": {"unready_after": "1500ms"},
    "init": {"backoff": {"initial": "50ms", "max": "500ms"}},
    "log": {"format": "json"},
}


class Exited(AssertionError):
    """The daemon ended although it should run; the text has its exit code and log."""


def toml_value(value: Any) -> str:
    """A TOML value: JSON is one for strings, numbers, booleans and arrays; tables go inline."""
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{k} = {toml_value(v)}" for k, v in value.items()) + " }"
    return json.dumps(value)


def toml_settings(settings: Settings) -> str:
    """A configuration file from sections of keys."""
    return "\n".join(
        f"[{section}]\n" + "".join(f"{k} = {toml_value(v)}\n" for k, v in keys.items())
        for section, keys in settings.items()
    )


class Applied(NamedTuple):
    """How a run of `apply --format json` ended."""

    exit_code: int
    facts: dict[str, Any]  # the object that it printed
    output: str  # all of it, log and object


def facts_in(output: str) -> dict[str, Any]:
    """The object that `apply --format json` printed, between the lines of its log."""
    printed = [line for line in output.splitlines() if line.startswith('{"v":1,')]
    facts: dict[str, Any] = json.loads(printed[-1])
    return facts


class Daemon:
    """One daemon, started by `with` or start(), ended with the block or with our process.

    `uri`      goes into a file of mode 0600, never onto the command line.
    `schema`   a path, or the text of a schema file.
    `settings` are laid over TEST_SETTINGS, key by key.
    `port`     of the probes on 127.0.0.1: a free one unless given; None turns TCP off.
    """

    def __init__(
        self,
        uri: str,
        schema: Path | str,
        *,
        settings: Settings | None = None,
        arguments: Sequence[str] = (),
        environment: Mapping[str, str] | None = None,
        port: int | None = -1,
        config: Path | None = None,
    ) -> None:
        self._folder = OwnedFolder()
        self.directory = self._folder.path
        self.socket = self.directory / "gate.sock"
        self.uri_file = self.directory / "uri"
        self.port = free_port() if port == -1 else port
        self.process: Process | None = None
        self._environment = dict(environment or {})
        self._arguments = list(arguments)
        self.write_uri(uri)
        if isinstance(schema, str):
            self.schema = self.directory / "schema.toml"
            self.schema.write_text(schema)
        else:
            self.schema = schema
        self.config = config or self._write_config(settings or {})

    def write_uri(self, uri: str) -> None:
        """What `uri_file` holds: at the start, or a secret that changes later."""
        new = self.uri_file.with_suffix(".new")
        with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT, 0o600), "w") as file:
            file.write(uri)
        new.rename(self.uri_file)  # whole or not at all, as the kubelet does it

    def _write_config(self, settings: Settings) -> Path:
        merged = {section: dict(keys) for section, keys in TEST_SETTINGS.items()}
        for section, keys in settings.items():
            merged.setdefault(section, {}).update(keys)
        path = self.directory / "readygate.toml"
        path.write_text(toml_settings(merged))
        return path

    def __enter__(self) -> Daemon:
        try:
            return self.start()
        except BaseException:
            self.close()
            raise

    def __exit__(
        self, kind: type[BaseException] | None, _: BaseException | None, __: TracebackType | None
    ) -> None:
        if self.process:
            self.process.print_log()  # pytest keeps it for a failure, and throws it away otherwise
        self.close()

    def options(self) -> list[str]:
        """What differs from run to run, as flags of `run`, `plan` and `check`."""
        listen = "" if self.port is None else f"127.0.0.1:{self.port}"
        return [
            *("--config", str(self.config)),
            *("--schema", str(self.schema)),
            *("--mongodb-uri-file", str(self.uri_file)),
            *("--gate-listen", listen),
            *("--gate-socket", str(self.socket)),
            *self._arguments,
        ]

    def start(self, *, wait: bool = True, prefix: Sequence[str] = ()) -> Daemon:
        """Start it (again); with `wait`, until its socket answers. `prefix`: a command that runs it
        as another user, or in a namespace.
        """
        self.process = Process(
            [*prefix, readygate(), "run", *self.options()],
            environment=self._environment,
            name="daemon",
        )
        if wait:
            wait_until(self._answers, 10, "the socket answers", seen=self.process.output)
        return self

    def _answers(self) -> bool:
        process = self._running()
        return process.running and unix_request(self.socket, "/v1/status").code == 200

    def _running(self) -> Process:
        if self.process is None:
            raise Exited("the daemon was not started")
        if not self.process.running:
            code = self.process.wait()
            raise Exited(f"the daemon ended with {code}:\n{self.process.output()}")
        return self.process

    # The outside: probes, socket, log.

    def probe(self, path: str, *, timeout: float = 2, method: str = "GET") -> Answer:
        """One probe over TCP."""
        assert self.port is not None
        return get(self.port, path, timeout=timeout, method=method)

    def codes(self) -> tuple[int | None, int | None]:
        """(/health, /health/ready) at this moment."""
        return self.probe("/health").code, self.probe("/health/ready").code

    def status(self) -> Snapshot:
        """The full snapshot, over the socket."""
        answer = unix_request(self.socket, "/v1/status")
        if answer.code != 200:
            raise Timeout(f"no status: {answer}")
        snapshot: Snapshot = answer.json()
        return snapshot

    def request(self, path: str, *, method: str = "GET", timeout: float = 5) -> Answer:
        """HTTP over the socket."""
        return unix_request(self.socket, path, method=method, timeout=timeout)

    def line(self, line: str, *, timeout: float = 60) -> dict[str, Any]:
        """A line of the line dialect that has one JSON line as its answer: STATUS, WAIT."""
        answer: dict[str, Any] = json.loads(unix_line(self.socket, line, timeout=timeout))
        return answer

    def watch(self) -> Watch:
        """Follow the snapshots from now on."""
        return Watch(self.socket)

    def wait_state(self, *states: str, timeout: float = 10) -> Snapshot:
        """Until the state is one of these; returns that snapshot.

        The log is written by a thread of its own, which may be a moment behind: what it says of
        the state has been read by then, where it says anything.
        """
        reached = self.wait_status(lambda s: s["state"] in states, f"state {states}", timeout)
        said = {f"State: {reached['state']}", *([COMPLETED] if reached["state"] == "ready" else [])}
        with contextlib.suppress(Timeout):
            wait_until(lambda: said <= set(self.messages()), 0.5, "the log says so")
        return reached

    def wait_status(self, condition: Any, what: str, timeout: float = 10) -> Snapshot:
        """Until the condition is true of the snapshot; returns that snapshot."""
        last: Snapshot = {}

        def check() -> Snapshot | None:
            nonlocal last
            self._running()
            last = self.status()
            return last if condition(last) else None

        return wait_until(check, timeout, what, seen=lambda: f"{last}\n{self.log_text()}")

    def log(self) -> list[dict[str, Any]]:
        """The log so far. A line that is not JSON (a sanitizer's) is {"raw": line}."""
        entries = []
        for _, line in list(self.process.lines) if self.process else []:
            try:
                entries.append(json.loads(line))
            except ValueError:
                entries.append({"raw": line})
        return entries

    def log_text(self) -> str:
        return self.process.output() if self.process else ""

    def said(self) -> list[tuple[float, dict[str, Any]]]:
        """The log with the time.monotonic() at which each line came; only lines that are JSON."""
        lines = list(self.process.lines) if self.process else []
        return [(at, json.loads(text)) for at, text in lines if text.startswith("{")]

    def states(self) -> list[str]:
        """Every state that it went through, in order, from its log.

        WATCH leaves out a state that lasted no time at all; the log names each.
        """
        said = (entry["msg"] for _, entry in self.said())
        return [message.removeprefix("State: ") for message in said if "State: " in message]

    def messages(self) -> list[str]:
        """The `msg` of every log line."""
        return [entry["msg"] for entry in self.log() if "msg" in entry]

    def wait_message(self, start: str, timeout: float = 10) -> dict[str, Any]:
        """The first log line whose message starts so."""

        def find() -> dict[str, Any] | None:
            return next((e for e in self.log() if e.get("msg", "").startswith(start)), None)

        return wait_until(find, timeout, f"the log says {start!r}", seen=self.log_text)

    # Other subcommands against the same gate and database.

    def run(self, *arguments: str, timeout: float = 20) -> tuple[int, str]:
        """`readygate ARGUMENTS`; its exit code, and its output and error together."""
        with Process([readygate(), *arguments], name=f"readygate {arguments[0]}") as process:
            code = process.wait(timeout)
            return code, process.output()

    def plan(self, *arguments: str) -> tuple[int, str]:
        """`readygate plan` with this daemon's configuration."""
        return self.run("plan", *self.options(), *arguments)

    def apply(self, *arguments: str, timeout: float = 60) -> Applied:
        """`readygate apply --format json` with this daemon's configuration, until it ends."""
        command = [readygate(), "apply", *self.options(), "--format", "json", *arguments]
        with Process(command, name="apply") as process:
            exit_code = process.wait(timeout)
            return Applied(exit_code, facts_in(process.output()), process.output())

    def waiter(
        self, *command: str, options: Sequence[str] = (), program: str = "readygate wait"
    ) -> Process:
        """`readygate wait [options] -- command`, started and not waited for."""
        wait = [*waiter(program), "--socket", str(self.socket), *options]
        return Process([*wait, *(["--", *command] if command else [])], name=program)

    # The end.

    def send_signal(self, number: int) -> None:
        self._running().send_signal(number)

    def wait_exit(self, timeout: float = 10) -> int:
        """Its exit code, once it has ended."""
        assert self.process
        return self.process.wait(timeout)

    def stop(self, timeout: float = 10) -> tuple[int, float]:
        """SIGTERM; the exit code, and the seconds that it took."""
        start = time.monotonic()
        self.send_signal(signal.SIGTERM)
        return self.wait_exit(timeout), time.monotonic() - start

    def close(self) -> None:
        """Kill what runs and remove the folder. May be called again."""
        if self.process:
            self.process.close()
        self._folder.close()
