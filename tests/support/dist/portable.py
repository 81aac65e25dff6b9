"""The tarball: programs that run where there is glibc 2.36, with what is installed beside them.

Unpack it in /usr/local with --strip-components=1. What HTTP is asked of (checks, webhook, OTLP, the
pod's condition) loads the machine's own libcurl; packaging/portable says which static libraries
are linked in, and what is left out.
"""

from __future__ import annotations

import platform
import re
from pathlib import Path

from ..parts import InstallError
from ..versions import version
from .archives import below, tarball
from .programs import OLDEST, Installed, build_of, install

OPTIONS = ("--prefix=/usr/local", "--libdir=lib", "-Dportable=true", "-Dprefer_static=true")
GLIBC = (2, 36)
OF_GLIBC = {"libc.so.6", "libm.so.6", "libresolv.so.2", "ld-linux-x86-64.so.2"}
OF_GLIBC |= {"ld-linux-aarch64.so.1"}
# Whose static libraries, or headers alone, are part of the program.
LINKED = (
    *("libmongoc-dev", "libbson-dev", "libmongocrypt-dev", "libssl-dev", "libsasl2-dev"),
    *("libevent-dev", "libsnappy-dev", "libzstd-dev", "zlib1g-dev", "libicu-dev", "libfmt-dev"),
    *("libcli11-dev", "libtomlplusplus-dev", "libexpected-dev"),
)


def needed(installed: Installed, program: Path) -> tuple[set[str], tuple[int, ...]]:
    """The libraries that it loads, and the newest version of glibc's symbols among its own."""
    said = installed.output(["readelf", "--wide", "--dynamic", "--version-info", str(program)])
    versions = re.findall(r"Name: GLIBC_([0-9.]+)", said)
    newest = max((tuple(map(int, found.split("."))) for found in versions), default=())
    return set(re.findall(r"\(NEEDED\).*\[(.+)\]", said)), newest


def make(target: Path, again: str = "") -> tuple[Path, Installed]:
    """The tarball, and what it was made of. Raises InstallError."""
    installed = install(build_of("portable", OLDEST, OPTIONS, again))
    prefix = installed.root / "usr/local"
    libraries, newest = needed(installed, prefix / "bin/readygate")
    if others := libraries - OF_GLIBC:
        raise InstallError(f"the portable program needs {', '.join(sorted(others))}")
    if newest > GLIBC:
        raise InstallError(f"the portable program needs glibc {'.'.join(map(str, newest))}")
    name = f"readygate-{version()}-linux-{platform.machine()}"
    files = below(prefix, f"{name}/")
    return tarball(target / f"{name}.tar.gz", files), installed
