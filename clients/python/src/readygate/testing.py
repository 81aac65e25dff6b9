"""A gate that does what a test tells it, so that applications can test their own start-up.

    with FakeGate() as gate:        # READYGATE_GATE_SOCKET=gate.socket for the application
        gate.open()
        gate.lose()                 # the database is gone: degraded
        gate.fail("schema_conflict")
        gate.drain()

A real Unix socket that speaks the line dialect, and a real state page, both in threads of this
process. It begins as a gate that initializes. No HTTP, no limits, no database.
"""

from __future__ import annotations

import json
import os
import shutil
import socketserver
import tempfile
import threading
import time
import uuid
from pathlib import Path
from typing import Any, Optional

from .environment import SocketPath, socket_path
from .page_writer import PageWriter
from .protocol import FACTS

HEARTBEAT = 0.5  # s
REACTION = 0.05  # s, until a wait whose client has gone, or whose gate ends, is noticed

# state: (open, ready, initialized, healthy, reachable)
STATES = {
    "initializing": (False, False, False, True, True),
    "ready": (True, True, True, True, True),
    "degraded": (False, False, True, False, False),
    "failed": (False, False, False, True, True),
    "draining": (False, False, True, True, True),
}


class FakeGate:
    """Serves from its `with` block's start, or start(), to its end, or stop(). Thread safe."""

    def __init__(self, socket: Optional[SocketPath] = None) -> None:
        """At this path; without one, in a temporary folder of its own."""
        self._folder = tempfile.mkdtemp(prefix="rg-") if socket is None else None
        self.socket = (
            os.path.join(self._folder, "gate.sock") if self._folder else socket_path(socket)
        )
        self._changed = threading.Condition()
        self._seq = 0
        self._instance = ""
        self._state, self._code = "initializing", "initializing"
        self._server: Optional[_Server] = None
        self._page: Optional[PageWriter] = None
        self._heart: Optional[threading.Thread] = None
        self._running = threading.Event()

    def __enter__(self) -> FakeGate:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        if self._folder:
            shutil.rmtree(self._folder, ignore_errors=True)

    # What the gate says.

    def initialize(self) -> None:
        """Not open, and working on it."""
        self._set("initializing", "initializing")

    def open(self) -> None:
        """Open, and ready."""
        self._set("ready", "none")

    def lose(self) -> None:
        """The database that was there is gone: initialized, and not open."""
        self._set("degraded", "database_lost")

    def fail(self, code: str = "schema_conflict") -> None:
        """Failed, with this reason code. A wait goes on, unless it asked for fail_fast."""
        self._set("failed", code)

    def drain(self) -> None:
        """Closing for good."""
        self._set("draining", "draining")

    # Whether there is a gate at all.

    def start(self) -> None:
        """Serve (again), in the state of before, as another instance."""
        self._instance = uuid.uuid4().hex
        self._page = PageWriter(self.socket, self._instance)
        self._publish()
        self._server = _Server(self)
        self._running.set()
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        self._heart = threading.Thread(target=self._beat, daemon=True)
        self._heart.start()

    def stop(self) -> None:
        """End in order, as the daemon does at SIGTERM: page zeroed, nothing left behind."""
        self._end(orderly=True)

    def kill(self) -> None:
        """End as by SIGKILL: the socket and the page stay, and the page says what it said for up
        to three seconds."""
        self._end(orderly=False)

    def _end(self, orderly: bool) -> None:
        if self._server is None or self._page is None:
            return
        with self._changed:
            self._running.clear()
            self._changed.notify_all()
        if self._heart:
            self._heart.join()
        if orderly:
            self._page.zero()
            Path(self._page.path).unlink(missing_ok=True)
            Path(self.socket).unlink(missing_ok=True)
        self._page.close()
        self._server.shutdown()
        self._server.server_close()
        self._server = self._page = None

    # Inside.

    def _set(self, state: str, code: str) -> None:
        with self._changed:
            self._state, self._code = state, code
            self._publish()
            self._changed.notify_all()

    def _publish(self) -> None:
        self._seq += 1
        if self._page:
            self._page.publish(STATES[self._state], json.dumps(self._snapshot()).encode())

    def _beat(self) -> None:
        while self._running.is_set():
            with self._changed:
                if self._page:
                    self._page.beat()
                self._changed.wait(HEARTBEAT)

    def _facts(self) -> dict[str, bool]:
        return dict(zip((*FACTS, "reachable"), STATES[self._state]))

    def _snapshot(self) -> dict[str, Any]:
        now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        return {
            "v": 1,
            "seq": self._seq,
            "instance_id": self._instance,
            "state": self._state,
            **self._facts(),
            "live": True,
            "phase": {"name": self._state, "step": 0, "of": 0, "what": "", "percent": "unknown"},
            "reason": "" if self._code == "none" else f"a test says {self._code}",
            "code": self._code,
            "retryable": self._state != "draining",
            "attempt": 1,
            "next_attempt_at": None,
            "since": now,
            "started": now,
            "schema": {"name": "fake", "version": 1, "hash": ""},
            "lease": {"owner": "", "token": 0, "mine": False},
            "checks": [],
            "server": {"product": "fake", "version": "", "topology": ""},
        }

    def _outcome(self, fact: str, fail_fast: bool) -> Optional[dict[str, Any]]:
        """The answer to a wait, once there is one."""
        found = self._facts()
        if found[fact]:
            why = fact
        elif self._state == "draining":
            why = "draining"
        elif self._state == "failed" and fail_fast:
            why = "failed"
        else:
            return None
        answer = {"ok": found[fact], "why": why, "state": self._state, "code": self._code}
        return {**answer, "seq": self._seq, **found}


class _Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    """A thread for each client; the socket is made aside and renamed into place."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, gate: FakeGate) -> None:
        self.gate = gate
        aside = f"{gate.socket}.{uuid.uuid4().hex[:8]}"
        super().__init__(aside, _Client)
        os.replace(aside, gate.socket)


class _Client(socketserver.StreamRequestHandler):
    """One connection: one line, and its answers."""

    server: _Server

    def handle(self) -> None:
        words = self.rfile.readline(257).decode(errors="replace").split()
        gate = self.server.gate
        try:
            if words == ["STATUS"]:
                with gate._changed:
                    self._say(gate._snapshot())
            elif words == ["WATCH"]:
                self._watch(gate)
            elif len(words) > 1 and words[0] == "WAIT" and words[1] in FACTS:
                self._wait(gate, words[1], "fail-fast" in words)
            else:
                self._say({"ok": False, "why": "bad_request", "code": "bad_request"})
        except OSError:  # the client has gone
            pass

    def _say(self, answer: dict[str, Any]) -> None:
        self.wfile.write(json.dumps(answer, separators=(",", ":")).encode() + b"\n")

    def _wait(self, gate: FakeGate, fact: str, fail_fast: bool) -> None:
        with gate._changed:
            while gate._running.is_set():
                if answer := gate._outcome(fact, fail_fast):
                    self._say(answer)
                    return
                gate._changed.wait(REACTION)

    def _watch(self, gate: FakeGate) -> None:
        said = -1
        with gate._changed:
            while gate._running.is_set():
                if gate._seq != said:
                    said = gate._seq
                    self._say(gate._snapshot())
                gate._changed.wait(REACTION)
