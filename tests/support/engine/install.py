"""Makes the engines' parts once, in the cache folder: FerretDB's root file system, and programs.

Toxiproxy too, which is made as FerretDB is. ../parts.py says how a part is made.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from contextlib import AbstractContextManager
from pathlib import Path

from ..debian import Root
from ..parts import InstallError as InstallError
from ..parts import as_root, remove, run, say, step
from ..parts import ensure as ensure_part
from ..privileges import MOUNT_AND_CHROOT, can_as_root
from . import recipe

SUPERVISOR = Path(__file__).with_name("supervisor.py")
# -I: neither the working folder nor the user's settings may change what runs as root.
PYTHON = ["/usr/bin/python3" if Path("/usr/bin/python3").exists() else sys.executable, "-I"]
NAMESPACES = ["unshare", "--mount", "--ipc", "--pid", "--fork", "--kill-child"]


def ensure() -> tuple[Path, Path]:
    """Makes what is missing; returns the root file system and the folder of the FerretDB binary."""
    return ensure_part(recipe.root_path(), _make_root), ensure_program(recipe.FERRETDB)


def ensure_program(program: recipe.GoProgram) -> Path:
    """Makes the program if it is missing; returns its folder."""
    return ensure_part(program.path(), lambda new: _make_program(program, new))


def ensure_secantus() -> list[str]:
    """Makes what is missing; returns the command of SecantusDB in Python."""
    wanted = recipe.SECANTUS
    folder = ensure_part(wanted.path(), _make_secantus)
    # By its Python: what pip writes into the program is the folder in which it was made.
    return [str(folder / "bin/python"), str(folder / wanted.program)]


def ensure_secantus_rust() -> list[str]:
    """Makes what is missing; returns the command of SecantusDB in Rust."""
    wanted = recipe.SECANTUS_RUST
    return [str(ensure_part(wanted.path(), _make_secantus_rust) / wanted.program)]


def ensure_node_packages() -> Path:
    """Makes what is missing; returns the folder with etcd, containerd, runc and the CNI plugins."""
    return ensure_part(recipe.node_path(), lambda new: _unpack(recipe.NODE_PACKAGES, new))


NETWORK_ADVICE = (
    "check that packages of Debian unstable can be downloaded, then run the same command again"
)
OR_YOURS = (
    "; or name a server of yours: READYGATE_MONGODB_URI for the demo, READYGATE_TEST_MONGODB_URI"
    " for the tests"
)


def _step(what: str, expected: str, advice: str) -> AbstractContextManager[Path]:
    return step(recipe.engine_dir(), what, expected, advice)


def _make_root(new: Path) -> None:
    advice = NETWORK_ADVICE + OR_YOURS
    with _step(
        "PostgreSQL with DocumentDB", "about 30 s, 600 MB on disk", NETWORK_ADVICE + OR_YOURS
    ) as log:
        Root(recipe.SUITE, recipe.PACKAGES).unpack(log, new)
    advice = (
        "starting it needs root, mounts, chroot and namespaces: a container must be privileged for"
        f" that; READYGATE_ENGINE=secantus needs none of it{OR_YOURS}"
    )
    with _step("template cluster", "about 5 s", advice) as log:
        command = ["make-cluster", str(new), recipe.POSTGRES_CONF, *recipe.CLUSTER_SQL]
        run(log, as_root([*NAMESPACES, *PYTHON, str(SUPERVISOR), *command]))


def can_make_secantus_rust() -> bool:
    """Whether it is there, or what makes it is."""
    made = recipe.SECANTUS_RUST.path().exists()
    return made or all(shutil.which(name) for name in ("cargo", "cmake", "cc"))


def namespaces_work() -> bool:
    """Whether this user may have what FerretDB's supervisor needs; asks for no password."""
    return can_as_root(*NAMESPACES, *MOUNT_AND_CHROOT)


def _make_secantus(new: Path) -> None:
    wanted = recipe.SECANTUS
    with _step("SecantusDB", wanted.expected, wanted.advice + OR_YOURS) as log:
        run(log, [PYTHON[0], "-m", "venv", str(new)])
        pip = [str(new / "bin/pip"), "install", "--disable-pip-version-check", "--no-input"]
        run(log, [*pip, f"secantusdb=={wanted.version}"])


def _make_secantus_rust(new: Path) -> None:
    wanted = recipe.SECANTUS_RUST
    if shutil.which("cargo") is None:
        raise InstallError("SecantusDB in Rust needs cargo, which is not here; install a Rust")
    with _step("SecantusDB in Rust", wanted.expected, wanted.advice + OR_YOURS) as log:
        cargo = ["cargo", "install", "secantus-mdb", f"--version={wanted.version}", "--locked"]
        folders = [f"--root={new}", f"--target-dir={new}/target"]
        # It says that it needs Rust 1.98 and builds with 1.95.
        run(log, [*cargo, "--ignore-rust-version", *folders])
        shutil.rmtree(new / "target")


def _unpack(packages: tuple[str, ...], new: Path) -> None:
    advice = "check that apt-get can download packages; try: apt-get update"
    with _step("programs of a node", "about 10 s, 200 MB on disk", advice) as log:
        (new / "packages").mkdir(parents=True)
        run(log, ["apt-get", "-q", "download", *packages], cwd=new / "packages")
        for package in sorted((new / "packages").iterdir()):
            run(log, ["dpkg", "--extract", str(package), str(new)])
        shutil.rmtree(new / "packages")


def _make_program(program: recipe.GoProgram, new: Path) -> None:
    advice = "check that Go modules can be downloaded, then run the same command again"
    if go := _usable_go(program.needs_go):
        with _step(program.name, program.expected, advice) as log:
            temporary = new / "tmp"
            (temporary / "module").mkdir(parents=True)
            settings = _go_settings(temporary)
            settings["PATH"] = f"{Path(go).parent}:{os.environ['PATH']}"
            run(
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
        if not namespaces_work():
            raise InstallError(
                f"{program.name} is built with Go {needed} or newer, which is not on the PATH; to"
                " use Debian unstable's instead takes root, chroot and namespaces"
            )
        say(
            recipe.engine_dir(),
            f"no Go {needed} or newer here: Debian unstable's is used, apart from this system",
        )
        expected = f"{program.expected}, and 2 min for Go"
        with _step(f"{program.name} with a Go of its own", expected, advice) as log:
            _build_in_stage(log, program, new)


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
    Root(recipe.SUITE, ("golang-go",)).unpack(log, stage)
    script = [_STAGE_SCRIPT, "sh", str(stage), program.script()]
    run(log, as_root([*NAMESPACES, "sh", "-c", *script]))
    for built, name in program.programs().items():
        path = stage / "srv/go/bin" / built
        run(log, as_root(["install", "-m", "755", str(path), str(new / name)]))
    remove(stage)
