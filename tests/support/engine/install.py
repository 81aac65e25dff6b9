"""Makes the engine's parts, a root file system and FerretDB, once, in the cache folder.

Toxiproxy too, which is made as FerretDB is.

A part is built in a folder aside and renamed when it is whole, under a lock, so that an
interrupted or a second concurrent installation leaves nothing half made. What exists is not
touched and needs no network.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from . import recipe

SUPERVISOR = Path(__file__).with_name("supervisor.py")
# -I: neither the working folder nor the user's settings may change what runs as root.
PYTHON = ["/usr/bin/python3" if Path("/usr/bin/python3").exists() else sys.executable, "-I"]
NAMESPACES = ["unshare", "--mount", "--ipc", "--pid", "--fork", "--kill-child"]


class InstallError(Exception):
    """A part could not be made; the text says which, why, and what to do."""


def as_root(command: list[str]) -> list[str]:
    return command if os.geteuid() == 0 else ["sudo", *command]


def ensure() -> tuple[Path, Path]:
    """Makes what is missing; returns the root file system and the folder of the FerretDB binary."""
    root = recipe.root_path()
    if not root.exists():
        with _installing():
            if not root.exists():
                _make_root(root)
    return root, ensure_program(recipe.FERRETDB)


def ensure_program(program: recipe.GoProgram) -> Path:
    """Makes the program if it is missing; returns its folder."""
    folder = program.path()
    if not folder.exists():
        with _installing():
            if not folder.exists():
                _make_program(program, folder)
    return folder


def ensure_node_packages() -> Path:
    """Makes what is missing; returns the folder with etcd, containerd, runc and the CNI plugins."""
    folder = recipe.node_path()
    if not folder.exists():
        with _installing():
            if not folder.exists():
                _unpack(recipe.NODE_PACKAGES, folder)
    return folder


@contextlib.contextmanager
def _installing() -> Iterator[None]:
    """One installation at a time; what an interrupted one left is removed."""
    recipe.engine_dir().mkdir(parents=True, exist_ok=True)
    with (recipe.engine_dir() / "install.lock").open("wb") as lock:
        _lock(lock.fileno())
        _sweep()
        yield


def _lock(descriptor: int) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        _say("another installation is running, waiting for it")
        fcntl.flock(descriptor, fcntl.LOCK_EX)


def _say(text: str) -> None:
    print(f"engine: {text}", file=sys.stderr, flush=True)


def _aside(part: Path) -> Path:
    return part.with_name(f"new-{part.name}")


def _remove(folder: Path) -> None:
    subprocess.run(as_root(["rm", "-rf", "--one-file-system", str(folder)]), check=True)


def _sweep() -> None:
    for left in recipe.engine_dir().glob("new-*"):
        _remove(left)


@contextlib.contextmanager
def _step(what: str, expected: str, advice: str) -> Iterator[Path]:
    """Announces a step, yields its log file; a failure becomes an InstallError with its end."""
    log = recipe.engine_dir() / f"{re.sub('[^a-z]+', '-', what.lower())}.log"
    _say(f"{what} ({expected}) ...")
    started = time.monotonic()
    try:
        log.write_text("")
        yield log
    except (subprocess.CalledProcessError, OSError) as error:
        tail = "\n".join(
            "    " + line for line in log.read_text(errors="replace").splitlines()[-15:]
        )
        raise InstallError(
            f"{what} failed: {_reason(error)}\n{tail}\n  log:  {log}\n  what to do:  {advice}"
        ) from error
    _say(f"{what}: done in {time.monotonic() - started:.0f} s")


def _reason(error: Exception) -> str:
    if isinstance(error, FileNotFoundError):
        return f"{error.filename} is not there"
    if isinstance(error, subprocess.CalledProcessError):
        return f"`{' '.join(map(str, error.cmd))[:160]}` ended with {error.returncode}"
    return str(error)


def _run(log: Path, command: list[str], **options: object) -> None:
    with log.open("ab") as output:
        subprocess.run(
            command, check=True, stdin=subprocess.DEVNULL, stdout=output, stderr=output, **options
        )  # type: ignore[call-overload]


def _debootstrap(log: Path, packages: tuple[str, ...], folder: Path) -> None:
    options = [f"--aptopt={option}" for option in recipe.APT_OPTIONS]
    excluded = [
        f"--dpkgopt=path-exclude=/usr/share/{name}/*" for name in ("man", "doc", "locale", "info")
    ]
    _run(
        log,
        as_root(
            [
                "mmdebstrap",
                "--variant=essential",
                f"--include={','.join(packages)}",
                *options,
                *excluded,
                recipe.SUITE,
                str(folder),
            ]
        ),
    )


NETWORK_ADVICE = (
    "check that packages of Debian unstable can be downloaded, then run the same command again"
)


def _make_root(root: Path) -> None:
    new = _aside(root)
    with _step("PostgreSQL with DocumentDB", "about 30 s, 600 MB on disk", NETWORK_ADVICE) as log:
        _debootstrap(log, recipe.PACKAGES, new)
    advice = (
        "starting it needs root, chroot and namespaces: a container must be privileged for that"
    )
    with _step("template cluster", "about 5 s", advice) as log:
        command = ["make-cluster", str(new), recipe.POSTGRES_CONF, *recipe.CLUSTER_SQL]
        _run(log, as_root([*NAMESPACES, *PYTHON, str(SUPERVISOR), *command]))
    new.rename(root)


def _unpack(packages: tuple[str, ...], folder: Path) -> None:
    new = _aside(folder)
    advice = "check that apt-get can download packages; try: apt-get update"
    with _step("programs of a node", "about 10 s, 200 MB on disk", advice) as log:
        (new / "packages").mkdir(parents=True)
        _run(log, ["apt-get", "-q", "download", *packages], cwd=new / "packages")
        for package in sorted((new / "packages").iterdir()):
            _run(log, ["dpkg", "--extract", str(package), str(new)])
        shutil.rmtree(new / "packages")
    new.rename(folder)


def _make_program(program: recipe.GoProgram, folder: Path) -> None:
    new = _aside(folder)
    advice = "check that Go modules can be downloaded, then run the same command again"
    if go := _usable_go(program.needs_go):
        with _step(program.name, program.expected, advice) as log:
            temporary = new / "tmp"
            (temporary / "module").mkdir(parents=True)
            settings = _go_settings(temporary)
            settings["PATH"] = f"{Path(go).parent}:{os.environ['PATH']}"
            _run(
                log,
                ["sh", "-c", program.script()],
                cwd=temporary / "module",
                env={**os.environ, **settings},
            )
            for built, name in program.programs().items():
                (temporary / "gopath/bin" / built).rename(new / name)
            shutil.rmtree(temporary)
    else:
        needed = ".".join(map(str, program.needs_go))
        _say(f"no Go {needed} or newer here: Debian unstable's is used, apart from this system")
        expected = f"{program.expected}, and 2 min for Go"
        with _step(f"{program.name} with a Go of its own", expected, advice) as log:
            _build_in_stage(log, program, new)
    new.rename(folder)


def _go_settings(folder: Path) -> dict[str, str]:
    for name in ("gopath", "cache", "tmp"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    return {
        "GOPATH": str(folder / "gopath"),
        "GOBIN": "",
        "GOCACHE": str(folder / "cache"),
        "GOTMPDIR": str(folder / "tmp"),
        "GOFLAGS": "-modcacherw -trimpath",
        "GOTOOLCHAIN": "local",
        "GOWORK": "off",
        "CGO_ENABLED": "0",
    }


def _usable_go(needed: tuple[int, int]) -> str | None:
    """The machine's Go if it is new enough."""
    go = shutil.which("go")
    if go is None:
        return None
    environment = {**os.environ, "GOTOOLCHAIN": "local"}
    version = subprocess.run(
        [go, "env", "GOVERSION"], env=environment, capture_output=True, text=True, cwd="/"
    )
    found = re.match(r"go(\d+)\.(\d+)", version.stdout)
    return go if found and tuple(map(int, found.groups())) >= needed else None


# The stage is thrown away. The machine's name service and certificates are used, as a company may
# have its own.
_STAGE_SCRIPT = """set -eu
cp -L /etc/resolv.conf /etc/hosts "$1/etc/"
mkdir -p "$1/etc/ssl/certs"
cp -L /etc/ssl/certs/ca-certificates.crt "$1/etc/ssl/certs/"
mount -t proc proc "$1/proc"
mount --bind /dev "$1/dev"
exec chroot "$1" env HOME=/srv GOTOOLCHAIN=local GOFLAGS=-trimpath CGO_ENABLED=0 \
    sh -c "mkdir /srv/module && cd /srv/module && $2"
"""


def _build_in_stage(log: Path, program: recipe.GoProgram, new: Path) -> None:
    stage = new / "stage"
    new.mkdir()
    _debootstrap(log, ("golang-go",), stage)
    script = [_STAGE_SCRIPT, "sh", str(stage), program.script()]
    _run(log, as_root([*NAMESPACES, "sh", "-c", *script]))
    for built, name in program.programs().items():
        path = stage / "srv/go/bin" / built
        _run(log, as_root(["install", "-m", "755", str(path), str(new / name)]))
    _remove(stage)
