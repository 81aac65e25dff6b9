"""The programs of a release of Debian, and what `meson install` puts beside them."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from ..builds import REPOSITORY, Build, BuildError, make
from ..parts import InstallError
from ..releases import RELEASES, compiler_cache
from .archives import epoch

MAPPED = f"-ffile-prefix-map={REPOSITORY}=."  # no path of this machine ends in a program
COMMON = (
    "--buildtype=release",
    "-Doptimization=2",
    "-Db_lto=true",
    "-Dtests=false",
    f"-Dc_args={MAPPED}",
    f"-Dcpp_args={MAPPED}",
)
GCC = {"CC": "ccache gcc", "CXX": "ccache g++"}
OLDEST = "bookworm"  # what is built there runs on its glibc, 2.36, and on later ones


@dataclass(frozen=True)
class Installed:
    """A build, installed into a folder of its own."""

    build: Build
    root: Path  # DESTDIR

    def output(self, command: list[str], cwd: Path = REPOSITORY) -> str:
        """What a command says on that release. Raises InstallError."""
        environment = {**os.environ, "SOURCE_DATE_EPOCH": str(epoch()), "LC_ALL": "C.UTF-8"}
        done = subprocess.run(
            self.build.inside(command), cwd=cwd, env=environment, capture_output=True, text=True
        )
        if done.returncode != 0:
            raise InstallError(f"{' '.join(command)} failed: {done.stderr.strip()[-2000:]}")
        return done.stdout


def build_of(name: str, suite: str, options: tuple[str, ...], again: str = "") -> Build:
    own = platform.freedesktop_os_release().get("VERSION_CODENAME")
    (release,) = [each for each in RELEASES if each.suite == suite]
    return Build(
        f"build-dist-{name}{again}",
        (*COMMON, *options),
        GCC if suite == own else {**GCC, "CCACHE_DIR": str(compiler_cache())},
        release=None if suite == own else release,
    )


def install(build: Build) -> Installed:
    """Builds and installs. Raises InstallError."""
    try:
        make(build)
    except BuildError as error:
        raise InstallError(str(error)) from error
    root = build.path / "root"
    shutil.rmtree(root, ignore_errors=True)
    done = Installed(build, root)
    done.output(
        ["meson", "install", "--no-rebuild", "--quiet", "--strip", "-C", build.folder]
        + ["--destdir", str(root)]
    )
    return done
