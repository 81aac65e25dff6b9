"""A gate that a case scripts: the daemon's socket, without a daemon, and with its bad days.

It knows just enough of docs/protocol.md for the cases, and shares no code with any client, so that
a client is not held against its own mistakes.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import threading
from pathlib import Path

FACTS = ("open", "ready", "initialized", "healthy")
TRUE_IN = {  # the facts of each state that the cases use
    "initializing": {"healthy"},
    "ready": set(FACTS),
    "degraded": {"initialized"},
    "failed": {"healthy"},
    "draining": {"initialized", "healthy"},
}


class ScriptedGate:
    """One socket; serve() may be called again and again. A thread for each connection."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.asked = 0  # requests that were read, in all
        self._state, self._code, self._seq = "initializing", "initializing", 1
        self._raw: bytes | None = None
        self._listener: socket.socket | None = None
        self._clients: set[socket.socket] = set()
        self._changed = threading.Condition()

    def serve(self) -> None:
        """Made aside and renamed into place, over whatever is there."""
        aside = self.path.with_suffix(".new")
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(str(aside))
        aside.chmod(0o666)
        listener.listen(64)
        aside.rename(self.path)
        self._listener = listener
        threading.Thread(target=self._accept, args=(listener,), daemon=True).start()

    def bind_only(self) -> None:
        """A socket file that nobody listens on: what a daemon leaves that was killed."""
        with socket.socket(socket.AF_UNIX) as end:
            end.bind(str(self.path))

    def kill(self) -> None:
        """Everything closed, the file left behind."""
        if self._listener:
            with contextlib.suppress(OSError):
                self._listener.shutdown(socket.SHUT_RDWR)  # wakes accept
            self._listener.close()
            self._listener = None
        self.drop()

    def stop(self) -> None:
        """Nothing left behind."""
        self.kill()
        self.path.unlink(missing_ok=True)

    def drop(self) -> None:
        """End of stream for every client."""
        with self._changed:
            for client in self._clients:
                with contextlib.suppress(OSError):
                    client.shutdown(socket.SHUT_RDWR)
            self._clients.clear()

    def answer(self, raw: bytes | None) -> None:
        """Every request from now on gets these bytes and end of stream; None: as the state is."""
        with self._changed:
            self._raw = raw

    def state(self, state: str, code: str) -> None:
        with self._changed:
            self._state, self._code, self._seq = state, code, self._seq + 1
            self._changed.notify_all()

    def heartbeat(self) -> None:
        """To every client, whatever it asked for."""
        line = json.dumps({"v": 1, "seq": self._seq, "heartbeat": True}).encode() + b"\n"
        with self._changed:
            for client in self._clients:
                client.sendall(line)

    def wait_asked(self, count: int) -> None:
        """Until that many requests came, in all."""
        with self._changed:
            assert self._changed.wait_for(lambda: self.asked >= count, 20), f"{self.asked} asked"

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with client, contextlib.suppress(OSError):
            request = client.makefile("rb").readline().decode().split()
            with self._changed:
                self._clients.add(client)
                self.asked += 1
                self._changed.notify_all()
                try:
                    if self._raw is not None:
                        client.sendall(self._raw)
                    elif request == ["STATUS"]:
                        client.sendall(self._snapshot())
                    elif request == ["WATCH"]:
                        self._watch(client)
                    elif request[:1] == ["WAIT"]:
                        self._wait(client, request[1], "fail-fast" in request)
                finally:
                    self._clients.discard(client)
                    with contextlib.suppress(OSError):
                        client.shutdown(socket.SHUT_RDWR)

    def _wait(self, client: socket.socket, fact: str, fail_fast: bool) -> None:
        while client in self._clients:
            found = {name: name in TRUE_IN[self._state] for name in FACTS}
            why = fact if found[fact] else self._state
            if found[fact] or why == "draining" or (why == "failed" and fail_fast):
                said = {"ok": found[fact], "why": why, "state": self._state, "code": self._code}
                client.sendall(json.dumps({**said, "seq": self._seq, **found}).encode() + b"\n")
                return
            self._changed.wait(0.05)

    def _watch(self, client: socket.socket) -> None:
        said = 0
        while client in self._clients:
            if self._seq != said:
                said = self._seq
                client.sendall(self._snapshot())
            self._changed.wait(0.05)

    def _snapshot(self) -> bytes:
        found = {name: name in TRUE_IN[self._state] for name in FACTS}
        said = {"v": 1, "seq": self._seq, "instance_id": f"{os.getpid():032x}", "live": True}
        said |= {"state": self._state, "code": self._code, "reason": "as scripted", **found}
        return json.dumps(said).encode() + b"\n"
