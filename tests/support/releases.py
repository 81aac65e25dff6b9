"""Debian's releases on which the sources must build and pass, each in a root file system.

Everything happens in namespaces of its own (mounts, processes): whatever ends it, the kernel takes
its mounts away and ends its processes. The checkout, with the build folder in it, /tmp and the
cache folder lie in the root at the paths that they have on this machine. So the Python tests run on
this machine, as always, and the programs that they start are wrappers that enter the root.
"""

from __future__ import annotations

import json
import platform
import shlex
from dataclasses import dataclass
from pathlib import Path

from .debian import Root, build_packages
from .parts import InstallError, cache_dir
from .privileges import why_not_root

REPOSITORY = Path(__file__).resolve().parents[2]
# Besides what builds the image: the tests' framework, a compiler's cache, what makes packages.
FOR_TESTS = ("ccache", "doctest-dev", "dpkg-dev")
STATIC = "readygate-wait"  # runs anywhere, and is copied

NAMESPACES = ("unshare", "--mount", "--pid", "--fork", "--kill-child")
# The shell stays, as process 1: it reaps what tests leave. /proc is the namespace's own, and so is
# /dev/shm, where libmongoc names a file after its process id, which is one of this namespace.
FURNISH = """set -eu
root=$1 checkout=$2 cache=$3
shift 3
mount -t proc proc /proc
mount -t tmpfs -o mode=1777 tmpfs /dev/shm
mount -t proc proc "$root/proc"
mount --rbind /dev "$root/dev"
for file in hosts resolv.conf; do
  touch "$root/etc/$file"
  mount --bind "/etc/$file" "$root/etc/$file"
done
for folder in "${TMPDIR:-/tmp}" "$checkout" "$cache"; do
  mkdir -p "$root$folder"
  mount --bind "$folder" "$root$folder"
done
"$@" || exit $?
"""
# The working folder is the caller's: chroot alone goes to /.
ENTER = 'exec chroot {root} env -C "$PWD" {program} "$@"'


@dataclass(frozen=True)
class Release:
    suite: str
    libmongoc: str  # the beginning of the version that makes it worth trying

    def root(self) -> Path:
        """Its root file system; made if it is missing. Raises InstallError."""
        if why := why_not_root():
            raise InstallError(f"Debian {self.suite} is entered by chroot: {why}")
        return Root(self.suite, (*build_packages(), *FOR_TESTS)).made()

    def beside(self, command: list[str]) -> list[str]:
        """The command, on this machine, with what the wrappers need around it."""
        words = [str(self.root()), str(REPOSITORY), str(cache_dir())]
        return [*NAMESPACES, "sh", "-c", FURNISH, "sh", *words, *command]

    def inside(self, command: list[str]) -> list[str]:
        """The command, in the root."""
        enter = ENTER.format(root=shlex.quote(str(self.root())), program="")
        return self.beside(["sh", "-c", enter, "sh", *command])

    def wrap(self, build: Path) -> Path:
        """For each program of the build folder a wrapper of the same name, in a folder of theirs.
        They work for who runs beside().
        """
        folder = build / "wrappers"
        root = shlex.quote(str(self.root()))
        for target in json.loads((build / "meson-info/intro-targets.json").read_text()):
            if target["type"] != "executable":
                continue
            program = Path(target["filename"][0])
            wrapper = folder / program.relative_to(build)
            wrapper.parent.mkdir(parents=True, exist_ok=True)
            wrapper.unlink(missing_ok=True)
            if program.name == STATIC:
                wrapper.symlink_to(program)
                continue
            enter = ENTER.format(root=root, program=shlex.quote(str(program)))
            wrapper.write_text(f"#!/bin/sh\n{enter}\n")
            wrapper.chmod(0o755)
        return folder


# Debian 12, 13 and unstable.
RELEASES = (Release("bookworm", "1.23"), Release("trixie", "1.30"), Release("sid", "2."))


def compiler_cache() -> Path:
    """Not the machine's: versions of ccache differ."""
    return cache_dir() / "ccache"


def others() -> list[Release]:
    """All but this machine's own, which the other suites are about."""
    own = platform.freedesktop_os_release().get("VERSION_CODENAME")
    return [release for release in RELEASES if release.suite != own]
