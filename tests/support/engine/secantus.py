"""Runs one SecantusDB, a server of one process that needs no root, and watches that it answers.

Like supervisor.py it takes a command a line, answers with a JSON line, and ends when its standard
input does, whatever ended the process that held the other end. The server ends with this process,
also when that is killed: it asks the kernel for it. Its data is in a folder of its own.

The server in Python was seen to hang for good, with its port open. A test that waits for it would
end at its own deadline and blame readygate, so what does not answer hello for HANG seconds is
killed and started again, with its data, as a MongoDB that crashed; its log says so.

    python3 -m support.engine.secantus INSTANCES [--auth USER PASSWORD] -- PROGRAM…
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import struct
import sys
import threading
import time
from pathlib import Path

from ..children import die_with_parent
from .supervisor import Failed, Instances, Program, answers_hello, free_port, serve

HANG = 20.0  # s; on a busy machine an answer takes one or two
LOOK = 1.0  # s between two looks


def bson(document: dict[str, object]) -> bytes:
    """Of texts, numbers, lists and documents: this runs where no driver is installed."""
    body = b""
    for key, value in document.items():
        name = key.encode() + b"\0"
        if isinstance(value, str):
            text = value.encode() + b"\0"
            body += b"\x02" + name + struct.pack("<i", len(text)) + text
        elif isinstance(value, int):
            body += b"\x10" + name + struct.pack("<i", value)
        elif isinstance(value, dict):
            body += b"\x03" + name + bson(value)
        elif isinstance(value, list):
            body += b"\x04" + name + bson({str(n): each for n, each in enumerate(value)})
        else:
            raise TypeError(f"no BSON for {value!r}")
    return struct.pack("<i", len(body) + 5) + body + b"\0"


def command(port: int, document: dict[str, object]) -> bytes:
    """Sends one command, as OP_MSG; what the server answers, undecoded."""
    body = bson(document)
    message = struct.pack("<iiiiIB", 21 + len(body), 1, 0, 2013, 0, 0) + body
    with socket.create_connection(("127.0.0.1", port), timeout=HANG) as connection:
        connection.sendall(message)
        answer = connection.makefile("rb")
        (length,) = struct.unpack("<i", answer.read(4))
        return answer.read(length - 4)


class Server:
    """One engine: its data, its port, its program. A method for each command."""

    COMMANDS = ("start", "stop", "pause", "resume", "log")

    def __init__(
        self, program: list[str], instances: Path, login: tuple[str, str] | None = None
    ) -> None:
        self.port = free_port()
        self.work, self.held = Instances(instances).create()
        self.command = [
            *program,
            f"--port={self.port}",
            f"--storage-path={self.work / 'data'}",
            "--cache-size=256M",
            # What was acknowledged survives the SIGKILL of stop(), as it survives in a MongoDB.
            "--sync-on-commit",
            "--log-level=WARNING",
        ]
        # It looks for settings in its folder and in HOME: nobody's shall count.
        self.environment = {**os.environ, "HOME": str(self.work), "LC_ALL": "C.UTF-8"}
        self.program = self._program(self.command)
        self._lock = threading.RLock()
        self._watched = False  # it is up, and nobody has paused it
        if login:
            self._add_user(*login)
        threading.Thread(target=self._watch, daemon=True).start()

    def start(self) -> None:
        with self._lock:
            self.program.start(lambda: answers_hello(self.port))
            self._watched = True

    def stop(self) -> None:
        with self._lock:
            self._watched = False
            self.program.stop(signal.SIGKILL)

    def pause(self) -> None:
        with self._lock:
            self._watched = False
            self.program.send(signal.SIGSTOP)
            self.program.wait_stopped()

    def resume(self) -> None:
        with self._lock:
            self.program.send(signal.SIGCONT)
            self._watched = True

    def log(self) -> str:
        return f"{self.program.name}:\n{self.program.tail()}"

    def close(self) -> None:
        self.stop()
        shutil.rmtree(self.work, ignore_errors=True)

    def _program(self, command: list[str]) -> Program:
        return Program("secantus", self.work, command, self.environment, die_with_parent())

    def _add_user(self, user: str, password: str) -> None:
        """Its users are made while it asks nobody for a password."""
        self.program.start(lambda: answers_hello(self.port))
        create = {"createUser": user, "pwd": password, "roles": ["root"], "$db": "admin"}
        answer = command(self.port, create)
        if b"errmsg" in answer:
            raise Failed(f"createUser was refused: {answer!r}")
        self.program.stop(signal.SIGTERM)
        self.program = self._program([*self.command, "--auth"])

    def _watch(self) -> None:
        answered = time.monotonic()
        while True:
            time.sleep(LOOK)
            if not self._watched or answers_hello(self.port):
                answered = time.monotonic()
            elif time.monotonic() - answered > HANG:
                self._restart()
                answered = time.monotonic()

    def _restart(self) -> None:
        with self._lock:
            if not self._watched:
                return
            with self.program.log.open("a") as log:
                log.write(f"readygate: no answer to hello for {HANG:.0f} s, so it is restarted\n")
            self.program.stop(signal.SIGKILL)
            try:
                self.program.start(lambda: answers_hello(self.port))
            except Failed as error:
                print(f"engine: {error}", file=sys.stderr)  # and it is tried again


def main(arguments: list[str]) -> int:
    match arguments:
        case [instances, "--", *program]:
            return serve(lambda: Server(program, Path(instances)))
        case [instances, "--auth", user, password, "--", *program]:
            return serve(lambda: Server(program, Path(instances), (user, password)))
    print(__doc__, file=sys.stderr)
    return 64


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
