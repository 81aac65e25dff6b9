"""The Pythons that clients/python is for, each as far as a registry of packages carries one.

    PYTHONS["3.9"].made()   -> a Running; Missing: it cannot be had here, and why

Debian has most of them, each in one of its releases: a root file system, in which the interpreter
runs by chroot and sees this checkout and the folder for temporary files. 3.10 comes as a Go module
that has CPython in it. 3.12 is put together from two packages, as none has all of it (PutTogether).
Whatever is made is made once, in the cache folder.
"""

from __future__ import annotations

import atexit
import functools
import os
import shutil
import sys
import tempfile
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from .builds import REPOSITORY
from .debian import Root
from .parts import InstallError, cache_dir, ensure, key, run, step
from .privileges import why_not_root

SOURCE = REPOSITORY / "clients" / "python" / "src"
MATRIX = REPOSITORY / "tests" / "matrix"
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
        if why := why_not_root():
            raise Missing(f"it is entered by chroot: {why}")
        try:
            root = Root(self.suite, ("python3", "python3-pytest")).made()
        except InstallError as error:
            raise Missing(str(error)) from error
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
            f"python-{self.version}",
            [module, UNPACK, PYTEST],
            lambda log, new: self._make(log, new, module),
        )
        return Running(folder / "python/bin/python3", folder / "site")

    def _make(self, log: Path, new: Path, module: str) -> None:
        with tempfile.TemporaryDirectory() as temporary:
            Path(temporary, "main.go").write_text(UNPACK)
            settings = {"GOTOOLCHAIN": "local", "GOWORK": "off", "GOFLAGS": ""}
            for command in (
                ["go", "mod", "init", "unpack"],
                ["go", "get", module],
                ["go", "mod", "tidy"],
                ["go", "run", ".", str(new / "python")],
            ):
                run(log, command, cwd=temporary, env={**os.environ, **settings})
        _wheels(log, ".".join(self.version.split("-")[1].split(".")[:2]), new / "site", *PYTEST)


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
class PutTogether(Python):
    """CPython of the wheel freeze-core: a program with the whole interpreter in it, from which
    programs in Python are made, and the modules in C. What it lacks, the modules in Python, are
    those of the npm package pyodide, of the same minor version.
    """

    version: str
    freeze_core: str
    pyodide: str

    def made(self) -> Running:
        for program in ("npm", "cc"):
            if shutil.which(program) is None:
                raise Missing(f"it is put together with {program}, which is not here")
        recipe = [self.freeze_core, self.pyodide, MAIN.read_text(), STARTER, PYTEST]
        folder = _ensure(f"python-{self.version}", recipe, self._make)
        return Running(folder / "bin/python3", folder / "site")

    def _make(self, log: Path, new: Path) -> None:
        platform = f"--platform=manylinux_2_17_{os.uname().machine}"
        _wheels(log, self.version, new, platform, "--no-deps", f"freeze-core=={self.freeze_core}")
        _wheels(log, self.version, new / "site", *PYTEST)
        modules = new / "lib" / f"python{self.version}"
        with tempfile.TemporaryDirectory() as temporary:
            options = ["--no-audit", "--no-fund", "--ignore-scripts", "--loglevel=error"]
            wanted = f"pyodide@{self.pyodide}"
            run(log, ["npm", "install", "--prefix", temporary, *options, wanted])
            shutil.unpack_archive(
                Path(temporary, "node_modules/pyodide/python_stdlib.zip"), modules
            )
        (modules / "lib-dynload").symlink_to("../../freeze_core/lib")
        for program in (new / "freeze_core/bases").glob("console-cpython-*"):
            program.chmod(0o755)
            program.rename(new / "freeze_core/bases/console")
        (new / "bin").mkdir(exist_ok=True)
        compile_it = ["cc", "-shared", "-fPIC", "-D_GNU_SOURCE", "-o", str(new / "bin/main.so")]
        run(log, [*compile_it, str(MAIN)])
        starter = new / "bin/python3"
        starter.write_text(STARTER)
        starter.chmod(0o755)


MAIN = MATRIX / "python_main.c"
# The loader is named, so that only this program is told to load something before it, and not what
# it starts. argv[0] is where Python finds its modules by.
STARTER = """#!/bin/sh
here=${0%/*}
for loader in /lib64/ld-linux-*.so.* /lib/ld-linux-*.so.*; do
  [ -e "$loader" ] || continue
  exec "$loader" --argv0 "$0" --preload "$here/main.so" "$here/../freeze_core/bases/console" "$@"
done
"""


PYTHONS: dict[str, Python] = {
    "3.9": Debian("bullseye"),
    "3.10": GoModule("v0.0.0-3.10.16-20241219-1"),
    "3.11": ThisOne((3, 11)),
    "3.12": PutTogether("3.12", freeze_core="0.8.1", pyodide="0.27.7"),
    "3.13": Debian("trixie"),
    "newest": Debian("sid"),
}


def _ensure(name: str, recipe: object, make: Callable[[Path, Path], None]) -> Path:
    """The part of that name and recipe in the cache folder. `make` gets a log file and where to
    make it. Raises Missing.
    """
    part = cache_dir() / "pythons" / f"{name}-{key(recipe)}"

    def logged(new: Path) -> None:
        advice = "check that packages can be downloaded, then run the same command again"
        with step(part.parent, name, "some minutes, once", advice) as log:
            make(log, new)

    try:
        return ensure(part, logged)
    except InstallError as error:
        raise Missing(str(error)) from error


def _wheels(log: Path, version: str, target: Path, *wanted: str) -> None:
    """Installs wheels for a Python that is not the one that runs this."""
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "install", "--quiet"]
    wheels = ["--only-binary=:all:", f"--python-version={version}", f"--target={target}"]
    run(log, [*pip, *wheels, *wanted])


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
