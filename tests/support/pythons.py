"""The Pythons that clients/python is for, each as far as a registry of packages carries one.

    PYTHONS["3.9"].made()   -> a Running; Missing: it cannot be had here, and why

Debian has most of them, each in one of its releases: a root file system, in which the interpreter
runs by chroot and sees this checkout and the folder for temporary files. 3.10 comes as a Go module
that has CPython in it, 3.12 as CPython compiled to WebAssembly, in which there are no sockets.
Whatever is made is made once, in the cache folder.
"""

from __future__ import annotations

import atexit
import contextlib
import fcntl
import functools
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from .builds import REPOSITORY
from .engine.recipe import cache_dir

SOURCE = REPOSITORY / "clients" / "python" / "src"
WITHOUT_SOCKETS = REPOSITORY / "tests" / "matrix" / "without_sockets.py"
# pip reads what depends on the version for the Python that it runs in: so all is named.
PYTEST = (
    "pytest==8.4.2",
    "exceptiongroup==1.3.0",
    "tomli==2.2.1",
    "typing_extensions==4.15.0",
)


class Missing(Exception):
    """This Python cannot be had here; the text says why."""


@dataclass(frozen=True)
class Running:
    """How to run it: an executable file that takes Python's arguments."""

    program: Path
    site: Path | None = None  # a folder with pytest, where the interpreter has none of its own
    sockets: bool = True  # without, it runs one program: WITHOUT_SOCKETS


class Python(ABC):
    """Where one comes from."""

    @abstractmethod
    def made(self) -> Running:
        """It, made if it is not there yet: that takes minutes and a network. Raises Missing."""


@dataclass(frozen=True)
class ThisOne(Python):
    """The one that runs this, which has the tests' packages."""

    version: tuple[int, int]

    def made(self) -> Running:
        if sys.version_info[:2] != self.version:
            raise Missing(
                "it would be Debian 12's, and the tests run with {}.{}".format(*sys.version_info)
            )
        return Running(Path(sys.executable))


@dataclass(frozen=True)
class Debian(Python):
    """The one of a release of Debian, with its pytest."""

    suite: str

    def made(self) -> Running:
        if os.geteuid() != 0:
            raise Missing("chroot needs root")
        options = ['--aptopt=Acquire::Check-Valid-Until "false"']  # an old release signs no more
        options += [
            f"--dpkgopt=path-exclude=/usr/share/{name}/*" for name in ("doc", "man", "locale")
        ]
        command = [
            "mmdebstrap",
            "--variant=essential",
            "--include=python3,python3-pytest",
            *options,
        ]
        root = _ensure(
            f"debian-{self.suite}", command, lambda new: _run([*command, self.suite, str(new)])
        )
        return Running(
            _script(f"python-{self.suite}", CHROOT.format(root=root, checkout=REPOSITORY))
        )


# In a mount namespace of its own, so that nothing stays mounted. Readable for root alone: no other
# user can run it, and tests that need that see it.
CHROOT = """#!/bin/sh
exec unshare --mount sh -c '
  for folder in "{checkout}" "${{TMPDIR:-/tmp}}" /proc /dev; do
    mkdir -p "{root}$folder" && mount --rbind "$folder" "{root}$folder" || exit 99
  done
  exec chroot "{root}" env --chdir="$PWD" /usr/bin/python3 "$@"' python3 "$@"
"""


@dataclass(frozen=True)
class GoModule(Python):
    """CPython as the Go module go-embed-python has it, laid out by a program that imports it."""

    version: str

    def made(self) -> Running:
        if shutil.which("go") is None:
            raise Missing("it comes as a Go module, and there is no Go")
        module = f"github.com/kluctl/go-embed-python@{self.version}"
        folder = _ensure(
            f"python-{self.version}", [module, UNPACK, PYTEST], lambda new: self._make(new, module)
        )
        return Running(folder / "python/bin/python3", folder / "site")

    def _make(self, new: Path, module: str) -> None:
        with tempfile.TemporaryDirectory() as temporary:
            Path(temporary, "main.go").write_text(UNPACK)
            settings = {"GOTOOLCHAIN": "local", "GOWORK": "off", "GOFLAGS": ""}
            for command in (
                ["go", "mod", "init", "unpack"],
                ["go", "get", module],
                ["go", "mod", "tidy"],
                ["go", "run", ".", str(new / "python")],
            ):
                _run(command, cwd=temporary, env={**os.environ, **settings})
        version = ".".join(self.version.split("-")[1].split(".")[:2])
        pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "install", "--quiet"]
        wheels = ["--only-binary=:all:", f"--python-version={version}"]
        _run([*pip, *wheels, f"--target={new / 'site'}", *PYTEST])


UNPACK = """package main

import (
	"os"

	"github.com/kluctl/go-embed-python/python"
)

func main() {
	if _, err := python.NewEmbeddedPythonWithTmpDir(os.Args[1], false); err != nil {
		panic(err)
	}
}
"""


@dataclass(frozen=True)
class WebAssembly(Python):
    """CPython of the npm package pyodide, in Node.js."""

    version: str

    def made(self) -> Running:
        for program in ("node", "npm"):
            if shutil.which(program) is None:
                raise Missing(f"it comes as an npm package, and there is no {program}")
        wanted = f"pyodide@{self.version}"
        options = ["--no-audit", "--no-fund", "--ignore-scripts", "--loglevel=error"]
        folder = _ensure(
            wanted.replace("@", "-"),
            wanted,
            lambda new: _run(["npm", "install", "--prefix", str(new), *options, wanted]),
        )
        runner = WITHOUT_SOCKETS.with_name("pyodide.mjs")
        words = ["exec", "node", str(runner), str(folder / "node_modules/pyodide"), str(SOURCE)]
        return Running(_script(wanted, f'#!/bin/sh\n{" ".join(words)} "$@"\n'), sockets=False)


PYTHONS: dict[str, Python] = {
    "3.9": Debian("bullseye"),
    "3.10": GoModule("v0.0.0-3.10.16-20241219-1"),
    "3.11": ThisOne((3, 11)),
    "3.12": WebAssembly("0.27.7"),
    "3.13": Debian("trixie"),
    "newest": Debian("sid"),
}


def _ensure(name: str, recipe: object, make: Callable[[Path], None]) -> Path:
    """The part of that name and recipe in the cache folder. Raises Missing."""
    folder = cache_dir() / "pythons"
    part = folder / f"{name}-{hashlib.sha256(repr(recipe).encode()).hexdigest()[:12]}"
    if part.exists():
        return part
    with _installing(folder):
        if not part.exists():
            new = part.with_name(f"new-{part.name}")
            print(f"pythons: making {name} (some minutes, once) ...", file=sys.stderr, flush=True)
            try:
                make(new)
            except subprocess.CalledProcessError as error:
                said = (error.stdout or "").strip().splitlines()[-3:]
                what = " ".join(map(str, error.cmd))[:80]
                raise Missing(
                    f"`{what}` ended with {error.returncode}: {' / '.join(said)}"
                ) from error
            new.rename(part)
    return part


@contextlib.contextmanager
def _installing(folder: Path) -> Iterator[None]:
    """One at a time; what an interrupted one left is removed."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "install.lock").open("wb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        for left in folder.glob("new-*"):
            subprocess.run(["rm", "-rf", "--one-file-system", str(left)], check=True)
        yield


def _run(command: list[str], **options: object) -> None:
    try:
        subprocess.run(
            command,
            check=True,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=900,
            **options,
        )  # type: ignore[call-overload]
    except (FileNotFoundError, subprocess.TimeoutExpired) as error:
        raise Missing(str(error)) from error


def _script(name: str, text: str) -> Path:
    """A program of this checkout, for root alone; gone with this process."""
    path = _scripts() / name
    path.write_text(text)
    path.chmod(0o700)
    return path


@functools.cache
def _scripts() -> Path:
    folder = tempfile.mkdtemp(prefix="readygate-pythons-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return Path(folder)
