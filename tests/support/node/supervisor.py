"""Holds one Kubernetes node in namespaces of its own. Needs root.

Nothing of a node may stay behind, however its run ends: a kubelet leaves mounts that are busy,
containerd leaves shims, pods leave processes, networks and cgroups. So a node lives in its own PID,
mount, network and IPC namespace. The end of the first process there is the end of every other one,
and the kernel then takes the mounts, bridges and interfaces away. That first process ends when its
standard input does, and this one when its own does: the other end is held by whoever wanted the
node, and is closed by the kernel even after SIGKILL. What the kernel does not remove, a folder and
cgroups, the next start or `sweep` removes; a lock says whether a node still lives.

    supervisor.py serve BASE     a node below BASE: a JSON request a line in, an answer out
    supervisor.py sweep BASE     removes what killed ones left
    supervisor.py inside FOLDER  in the namespaces; started by serve

This file imports no other of the package: it runs as root by its path.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

NAMESPACES = ["unshare", "--mount", "--net", "--pid", "--ipc", "--fork", "--kill-child"]
CGROUPS = Path("/sys/fs/cgroup")

# Addresses that RFC 2544 sets apart for tests inside one's own network. N is a free number:
# 198.18.N.1 is this machine, 198.18.N.2 the node, 198.19.N.0/24 its pods.
NUMBERS = range(1, 240)

# The kubelet sets these for the whole machine if they differ. In the node's mount namespace they
# are files that hold what it wants, so it leaves the machine's alone.
KERNEL_SETTINGS = {
    "vm/overcommit_memory": 1,
    "vm/panic_on_oom": 0,
    "kernel/panic": 10,
    "kernel/panic_on_oops": 1,
    "kernel/keys/root_maxkeys": 1_000_000,
    "kernel/keys/root_maxbytes": 25_000_000,
}


class Failed(Exception):
    """Something could not be done; the text says what."""


def run(
    *command: str | Path, path: str = "/usr/sbin:/usr/bin:/sbin:/bin", folder: Path = Path("/")
) -> str:
    """A command's output. Raises Failed with what it said."""
    program = shutil.which(command[0], path=path)
    if program is None:
        raise Failed(f"{command[0]} is not there")
    done = subprocess.run(
        [program, *map(str, command[1:])],
        cwd=folder,
        env={"PATH": path, "HOME": str(folder)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
    )
    if done.returncode:
        said = (done.stdout + done.stderr).strip()[-2000:]
        raise Failed(f"`{' '.join(map(str, command))}` ended with {done.returncode}: {said}")
    return done.stdout


def answer(to: IO[str], **fields: object) -> None:
    to.write(json.dumps(fields) + "\n")
    to.flush()


# --- outside the namespaces


class Folders:
    """The folders of the nodes on this machine, each with a lock that its supervisor holds."""

    def __init__(self, base: Path) -> None:
        self.base = base
        base.mkdir(parents=True, exist_ok=True)

    @contextlib.contextmanager
    def alone(self) -> Iterator[None]:
        with (self.base / ".lock").open("wb") as guard:
            fcntl.flock(guard, fcntl.LOCK_EX)
            yield

    def create(self) -> tuple[Path, IO[bytes]]:
        """Call it alone()."""
        new = Path(tempfile.mkdtemp(prefix="node-", dir=self.base))
        new.chmod(0o755)
        lock = (new / "lock").open("wb")
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return new, lock

    def sweep(self) -> None:
        """Removes what dead supervisors left. Call it alone()."""
        for old in self.base.glob("node-*"):
            try:
                with (old / "lock").open("wb") as lock:
                    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                continue  # its supervisor lives
            except FileNotFoundError:
                pass
            remove(old)


def remove(folder: Path) -> None:
    """What the kernel leaves of a dead node: its cgroups, then its folder."""
    groups = [*CGROUPS.glob(f"*/{folder.name}"), *CGROUPS.glob(folder.name)]
    for group in groups:
        for each in [*sorted(group.rglob("*/"), reverse=True), group]:
            with contextlib.suppress(OSError):  # its last process is about to go
                each.rmdir()
    if not any(group.exists() for group in groups):
        shutil.rmtree(folder, ignore_errors=True)


def free_number() -> int:
    used = run("ip", "-o", "-4", "address")
    for number in NUMBERS:
        if f" 198.18.{number}." not in used:
            return number
    raise Failed("every network for tests is taken")


class Namespaces:
    """The namespaces' first process, and the cable to them."""

    def __init__(self, folder: Path) -> None:
        self.process = subprocess.Popen(
            [*NAMESPACES, sys.executable, "-I", __file__, "inside", str(folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        if not self.read():
            raise Failed("no namespaces: a container must be privileged for that")

    def read(self) -> str:
        assert self.process.stdout
        return self.process.stdout.readline()

    def ask(self, line: str) -> str:
        assert self.process.stdin
        self.process.stdin.write(line)
        self.process.stdin.flush()
        return self.read()

    def connect(self, number: int) -> None:
        """A pair of interfaces, one end here and one there. They vanish with the namespace."""
        unshare = self.process.pid
        first = Path(f"/proc/{unshare}/task/{unshare}/children").read_text().split()[0]
        here, there = f"rgnode{number}", ["nsenter", f"--net=/proc/{first}/ns/net", "ip"]
        run("ip", "link", "add", here, "type", "veth", "peer", "name", "eth0", "netns", first)
        run("ip", "address", "add", f"198.18.{number}.1/24", "dev", here)
        run("ip", "link", "set", here, "up")
        run(*there, "address", "add", f"198.18.{number}.2/24", "dev", "eth0")
        run(*there, "link", "set", "lo", "up")
        run(*there, "link", "set", "eth0", "up")
        run(*there, "route", "add", "default", "via", f"198.18.{number}.1")
        run("ip", "route", "add", f"198.19.{number}.0/24", "via", f"198.18.{number}.2")

    def close(self) -> None:
        assert self.process.stdin
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.close()
        self.process.wait()


def serve(base: Path) -> int:
    # Ctrl-C reaches the whole terminal's group; only the end of the pipe ends a node.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    folders, namespaces = Folders(base), None
    with folders.alone():
        folders.sweep()
        folder, lock = folders.create()
    try:
        namespaces = Namespaces(folder)
        with folders.alone():
            number = free_number()
            namespaces.connect(number)
        answer(sys.stdout, ok=True, folder=str(folder), number=number)
        while line := sys.stdin.readline():
            reply = namespaces.ask(line)
            if not reply:
                raise Failed("the node has ended by itself")
            sys.stdout.write(reply)
            sys.stdout.flush()
    except (Failed, OSError) as error:
        with contextlib.suppress(BrokenPipeError):
            answer(sys.stdout, ok=False, error=str(error))
        return 1
    finally:
        if namespaces:
            namespaces.close()
        with folders.alone():
            remove(folder)
            lock.close()
    return 0


# --- inside the namespaces


def prepare(folder: Path) -> None:
    """What a node finds: folders of its own where its programs insist on a place of the machine."""
    run("mount", "--make-rshared", "/")  # the kubelet hands mounts on to pods
    run("mount", "-t", "proc", "proc", "/proc")
    for place in ("/run", "/var/lib"):
        run("mount", "-t", "tmpfs", "tmpfs", place)
    (folder / "log").mkdir()
    run("mount", "--bind", folder / "log", "/var/log")
    for name, value in KERNEL_SETTINGS.items():
        if (real := Path("/proc/sys") / name).exists():
            wanted = folder / name.replace("/", "-")
            wanted.write_text(f"{value}\n")
            run("mount", "--bind", wanted, real)
    Path("/proc/sys/net/ipv4/ip_forward").write_text("1\n")
    for controller in [CGROUPS, *CGROUPS.glob("*/")]:
        if controller.is_dir() and (controller / "cgroup.procs").exists():
            with contextlib.suppress(OSError):
                (controller / folder.name).mkdir()


class Programs:
    """The node's programs. A method for each request."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.started: dict[str, subprocess.Popen[bytes]] = {}

    def write(self, path: str, text: str, mode: int = 0o644) -> None:
        """A file in the node's folder, or at an absolute place inside."""
        file = self.folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        file.chmod(mode)

    def start(self, name: str, command: list[str], path: str) -> None:
        with (self.folder / f"{name}.log").open("ab") as log:
            self.started[name] = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self.folder,
                start_new_session=True,
                env={"PATH": path, "HOME": str(self.folder)},
            )

    def check(self) -> None:
        """Raises Failed when a program has ended."""
        for name, process in self.started.items():
            if (status := process.poll()) is not None:
                log = (self.folder / f"{name}.log").read_text(errors="replace")
                raise Failed(f"{name} ended with {status}:\n{log[-3000:]}")

    def run(self, command: list[str], path: str) -> str:
        return run(*command, path=path, folder=self.folder)


REQUESTS = ("write", "start", "check", "run")


def inside(folder: Path) -> int:
    """The first process here: takes the orphans that shims leave, ends with its child."""
    child = os.fork()
    if child == 0:
        os._exit(requests(folder))
    while os.wait()[0] != child:
        pass
    return 0


def requests(folder: Path) -> int:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        prepare(folder)
    except (Failed, OSError) as error:
        print(f"node: {error}", file=sys.stderr)
        return 1
    answer(sys.stdout, ok=True)
    programs = Programs(folder)
    while line := sys.stdin.readline():
        request: dict[str, Any] = json.loads(line)
        name = request.pop("do")
        try:
            if name not in REQUESTS:
                raise Failed(f"unknown request {name!r}")
            answer(sys.stdout, ok=True, result=getattr(programs, name)(**request))
        except (Failed, OSError) as error:
            answer(sys.stdout, ok=False, error=str(error))
    return 0


def main(arguments: list[str]) -> int:
    match arguments:
        case ["serve", base]:
            return serve(Path(base))
        case ["sweep", base]:
            folders = Folders(Path(base))
            with folders.alone():
                folders.sweep()
            return 0
        case ["inside", folder]:
            return inside(Path(folder))
    print(__doc__, file=sys.stderr)
    return 64


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
