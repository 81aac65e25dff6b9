"""Runs one engine (PostgreSQL and FerretDB) inside namespaces of its own. Needs root.

It is started as process 1 of a PID namespace (`unshare --pid --mount --ipc --kill-child`), so that
its end, whatever ends it, is the end of every process below it. It ends when its standard input
does: the other end of that pipe is held by whoever wanted the engine, and the kernel closes it
even after a SIGKILL. PostgreSQL and FerretDB live in a chroot as user postgres; mounts exist in
this mount namespace only.

    supervisor.py serve ROOT FERRETDB INSTANCES [--auth]   a command a line in, a JSON line out
    supervisor.py make-cluster ROOT CONF SQL…              makes the template cluster in ROOT

This file imports no other of the package: it runs as root by its path.
"""

from __future__ import annotations

import fcntl
import json
import os
import random
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

TEMPLATE = "var/lib/readygate-cluster"  # inside ROOT
PORTS = range(20000, 32000)  # below the range from which the kernel takes outgoing ports
START_TIMEOUT = 60.0  # s; a start takes 0.5 s, a loaded machine is given far more


class Failed(Exception):
    """Something could not be started or stopped; the text says what and shows the log's end."""


def mount(*arguments: str | Path) -> None:
    subprocess.run(["mount", *map(str, arguments)], check=True)


def enter(root: Path, work: Path, programs: Path | None = None) -> None:
    """Fills ROOT, in this mount namespace: /proc, /dev, `work` as /srv, `programs` as /opt."""
    mount("-t", "proc", "proc", root / "proc")
    mount("--bind", "/dev", root / "dev")
    mount("-t", "tmpfs", "-o", "mode=1777", "tmpfs", root / "dev/shm")
    mount("--bind", work, root / "srv")
    if programs:
        mount("--bind", programs, root / "opt")


def postgres_ids(root: Path) -> tuple[int, int]:
    """User and group id of postgres inside ROOT."""
    for line in (root / "etc/passwd").read_text().splitlines():
        fields = line.split(":")
        if fields[0] == "postgres":
            return int(fields[2]), int(fields[3])
    raise Failed(f"no user postgres in {root}")


class Program:
    """One program, its log file, and waiting for it to be up."""

    def __init__(
        self,
        name: str,
        work: Path,
        command: list[str],
        environment: dict[str, str],
        prepare: Callable[[], None] | None = None,  # what the child does before the program begins
    ) -> None:
        self.name, self.log, self.prepare = name, work / f"{name}.log", prepare
        self.command, self.environment = command, environment
        self.process: subprocess.Popen[bytes] | None = None

    def start(self, is_up: Any) -> None:
        if self.process:
            return
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                self.command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                cwd="/",
                env=self.environment,
                preexec_fn=self.prepare,
            )
        deadline = time.monotonic() + START_TIMEOUT
        while not is_up():
            if (status := self.process.poll()) is not None:
                self.process = None
                raise Failed(f"{self.name} ended with {status} at its start:\n{self.tail()}")
            if time.monotonic() > deadline:
                raise Failed(
                    f"{self.name} did not start within {START_TIMEOUT:.0f} s:\n{self.tail()}"
                )
            time.sleep(0.02)

    def stop(self, how: signal.Signals) -> None:
        if self.process:
            self.process.send_signal(how)
            self.process.send_signal(signal.SIGCONT)
            self.process.wait()
            self.process = None

    def send(self, what: signal.Signals) -> None:
        if self.process is None:
            raise Failed(f"{self.name} is not running")
        self.process.send_signal(what)

    def wait_stopped(self) -> None:
        """Until SIGSTOP has reached its last thread; or it has ended, as stop() will see."""
        assert self.process
        os.waitid(os.P_PID, self.process.pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT)

    def tail(self) -> str:
        text = self.log.read_text(errors="replace") if self.log.exists() else ""
        return "\n".join(text.splitlines()[-20:])


def inside(root: Path, work: Path, name: str, command: list[str]) -> Program:
    """A program inside the chroot, as the user postgres."""
    environment = {
        "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
        "HOME": "/srv",
        "LC_ALL": "C.UTF-8",
        "DO_NOT_TRACK": "1",
    }
    return Program(name, work, ["chroot", "--userspec=postgres", str(root), *command], environment)


def postgres_program(root: Path, name: str) -> str:
    """The path inside ROOT of one of PostgreSQL's programs; there is one version of it."""
    return f"/{next((root / 'usr/lib/postgresql').glob('*/bin')).relative_to(root)}/{name}"


def postgres(root: Path, work: Path) -> Program:
    server = postgres_program(root, "postgres")
    return inside(
        root, work, "postgres", [server, "-D", "/srv/data", "-c", "unix_socket_directories=/srv"]
    )


def postgres_is_up(root: Path) -> bool:
    command = [
        "chroot",
        str(root),
        postgres_program(root, "pg_isready"),
        "-q",
        "-h",
        "/srv",
        "-U",
        "postgres",
    ]
    return subprocess.run(command, stderr=subprocess.DEVNULL).returncode == 0


# OP_MSG with {hello: 1, $db: "admin"}: message length, request id, response to, opcode 2013, flags,
# section kind 0, document.
_BODY = b"\x10hello\0\x01\0\0\0" + b"\x02$db\0\x06\0\0\0admin\0" + b"\0"
_HELLO = (
    struct.pack("<iiiiIB", 25 + len(_BODY), 1, 0, 2013, 0, 0)
    + struct.pack("<i", 4 + len(_BODY))
    + _BODY
)


def answers_hello(port: int) -> bool:
    """Whether a MongoDB-compatible server answers on this port."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=2) as connection:
            connection.sendall(_HELLO)
            return len(connection.recv(16)) == 16
    except OSError:
        return False


def free_port() -> int:
    """A port that nobody listens on; it stays the engine's while its database is stopped."""
    for port in random.sample(PORTS, 200):
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
                return port
            except OSError:
                continue
    raise Failed("no free port found")


class Instances:
    """The folders of running engines, each with a lock file that its supervisor holds."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def create(self) -> tuple[Path, IO[bytes]]:
        """Removes what dead supervisors left, then makes a folder, and holds its lock."""
        with (self.folder / ".lock").open("wb") as guard:
            fcntl.flock(guard, fcntl.LOCK_EX)
            for old in self.folder.iterdir():
                if old.is_dir():
                    self._sweep(old)
            new = Path(tempfile.mkdtemp(dir=self.folder))
            lock = (new / "lock").open("wb")
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            new.chmod(0o755)
            return new, lock

    @staticmethod
    def _sweep(old: Path) -> None:
        try:
            with (old / "lock").open("wb") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(old, ignore_errors=True)
        except BlockingIOError:
            pass  # its supervisor lives
        except FileNotFoundError:
            shutil.rmtree(old, ignore_errors=True)


class Server:
    """One engine: its data, its port, its two programs. A method for each command."""

    COMMANDS = ("start", "stop", "start_postgres", "stop_postgres", "pause", "resume", "log")

    def __init__(self, root: Path, ferretdb: Path, instances: Path, auth: bool) -> None:
        self.root, self.port = root, free_port()
        self.work, self.lock = Instances(instances).create()
        subprocess.run(
            ["cp", "-a", "--reflink=auto", root / TEMPLATE, self.work / "data"], check=True
        )
        os.chown(self.work, *postgres_ids(root))
        enter(root, self.work, ferretdb)
        self.postgres = postgres(root, self.work)
        self.ferretdb = inside(
            root,
            self.work,
            "ferretdb",
            [
                "/opt/ferretdb",
                "--postgresql-url=postgres://postgres@/postgres?host=/srv",
                f"--listen-addr=127.0.0.1:{self.port}",
                "--state-dir=/srv",
                "--debug-addr=-",
                "--telemetry=disable",
                "--log-level=WARN",
                "--auth" if auth else "--no-auth",
            ],
        )

    def start(self) -> None:
        self.start_postgres()
        self.ferretdb.start(lambda: answers_hello(self.port))

    def stop(self) -> None:
        """FerretDB keeps no state: SIGKILL is what clients see of any crash."""
        self.ferretdb.stop(signal.SIGKILL)

    def start_postgres(self) -> None:
        self.postgres.start(lambda: postgres_is_up(self.root))

    def stop_postgres(self) -> None:
        self.postgres.stop(signal.SIGQUIT)  # at once, recovers from its log at the next start

    def pause(self) -> None:
        self.ferretdb.send(signal.SIGSTOP)
        self.ferretdb.wait_stopped()

    def resume(self) -> None:
        self.ferretdb.send(signal.SIGCONT)

    def log(self) -> str:
        return f"ferretdb:\n{self.ferretdb.tail()}\npostgres:\n{self.postgres.tail()}"

    def close(self) -> None:
        self.ferretdb.stop(signal.SIGKILL)
        self.postgres.stop(signal.SIGKILL)
        shutil.rmtree(self.work, ignore_errors=True)


def answer(**fields: object) -> None:
    print(json.dumps(fields), flush=True)


def serve(make: Callable[[], Any]) -> int:
    """Makes the server, and does what standard input says until its end."""
    # Ctrl-C reaches the whole terminal's group; only the end of the pipe ends an engine.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    try:
        server = make()
    except (Failed, OSError, subprocess.CalledProcessError) as error:
        answer(ok=False, error=f"cannot set up the engine: {error}")
        return 1
    try:
        answer(ok=True, port=server.port, folder=str(server.work))
        while line := sys.stdin.readline():
            command = line.strip()
            try:
                if command not in server.COMMANDS:
                    raise Failed(f"this engine has no command {command!r}")
                answer(ok=True, result=getattr(server, command)())
            except (Failed, OSError) as error:
                answer(ok=False, error=str(error))
    except BrokenPipeError:
        pass  # nobody listens any more
    finally:
        server.close()
    return 0


def make_cluster(root: Path, conf: str, statements: list[str]) -> int:
    """initdb, the settings and the extension, in ROOT's template folder."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    with tempfile.TemporaryDirectory(dir=root) as folder:
        work = Path(folder)
        os.chown(work, *postgres_ids(root))
        enter(root, work)
        run = ["chroot", "--userspec=postgres", str(root)]
        initdb = [
            postgres_program(root, "initdb"),
            "-A",
            "trust",
            "-D",
            "/srv/data",
            "-U",
            "postgres",
        ]
        subprocess.run(
            [*run, *initdb, "--no-sync", "--wal-segsize=4", "--encoding=UTF8", "--locale=C.UTF-8"],
            check=True,
            cwd="/",
        )
        with (work / "data/postgresql.conf").open("a") as file:
            file.write(conf)
        program = postgres(root, work)
        try:
            program.start(lambda: postgres_is_up(root))
            for statement in statements:
                psql = [postgres_program(root, "psql"), "-h", "/srv", "-U", "postgres", "-q"]
                subprocess.run([*run, *psql, "-c", statement], check=True, cwd="/")
        finally:
            program.stop(signal.SIGINT)  # a fast shutdown, with a checkpoint
            print(program.tail())
        shutil.move(work / "data", root / TEMPLATE)
        subprocess.run(["umount", root / "srv"], check=True)
    return 0


def main(arguments: list[str]) -> int:
    match arguments:
        case ["serve", root, ferretdb, instances, *flags]:
            folders = Path(root), Path(ferretdb), Path(instances)
            return serve(lambda: Server(*folders, "--auth" in flags))
        case ["make-cluster", root, conf, *statements]:
            return make_cluster(Path(root), conf, statements)
    print(__doc__, file=sys.stderr)
    return 64


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
