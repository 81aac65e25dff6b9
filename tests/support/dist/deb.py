"""Debian packages: readygate, and of the C library libreadygate0 and libreadygate-dev.

Made of what `meson install` leaves by dpkg-deb alone; dpkg-shlibdeps says which libraries' packages
the programs need. Built on the release that they are for.
"""

from __future__ import annotations

import gzip
import hashlib
import os
import re
import shutil
from pathlib import Path

from ..builds import REPOSITORY
from ..versions import version
from .archives import epoch
from .programs import Installed, build_of, install

SUITES = {"bookworm": "deb12", "trixie": "deb13"}
# libcurl is loaded by name when a setting asks for HTTP, so no tool finds that it is needed.
LOADED = "libcurl.so.4"
SCRIPTS = {
    "postinst": """#!/bin/sh
set -e
if [ "$1" = configure ]; then
  if command -v systemd-sysusers >/dev/null; then systemd-sysusers readygate.conf; fi
  if [ -d /run/systemd/system ]; then
    systemctl daemon-reload || true
    systemctl try-restart readygate.service || true
  fi
fi
""",
    "prerm": """#!/bin/sh
set -e
if [ "$1" = remove ] && [ -d /run/systemd/system ]; then systemctl stop readygate.service || true; fi
""",
    "postrm": """#!/bin/sh
set -e
if [ -d /run/systemd/system ]; then systemctl daemon-reload || true; fi
""",
}
ABOUT = {
    "readygate": """Gate that opens when a MongoDB database is ready
 Connects, applies a declared schema, verifies it, and tells services, probes
 and service managers when they may start.""",
    "libreadygate0": """Waits until a readygate is open: the C library""",
    "libreadygate-dev": """Waits until a readygate is open: headers of the C library""",
}


def owner(path: Path) -> str:
    """The package of an installed file."""
    if re.fullmatch(r"libreadygate\.so\.\d.*", path.name):
        return "libreadygate0"
    development = {"include", "pkgconfig", "man3"} & set(path.parts)
    return "libreadygate-dev" if development or "libreadygate" in path.name else "readygate"


def _package_of_library(installed: Installed, name: str) -> str:
    listed = installed.output(["dpkg", "-S", f"*/{name}"])
    return listed.split(":")[0]


def needs(installed: Installed, package: Path, scratch: Path) -> str:
    """The packages of the libraries that these programs need."""
    (scratch / "debian").mkdir(parents=True, exist_ok=True)
    (scratch / "debian/control").write_text("Source: readygate\n\nPackage: readygate\nArchitecture: any\n")
    programs = [
        path
        for path in sorted(package.rglob("*"))
        if path.is_file() and not path.is_symlink() and path.read_bytes()[:4] == b"\x7fELF"
        if path.suffix != ".a" and path.name != "readygate-wait"  # static
    ]
    if not programs:
        return ""
    command = ["dpkg-shlibdeps", "-O", *(f"-e{program}" for program in programs)]
    said = installed.output(command, scratch)
    return said.strip().removeprefix("shlibs:Depends=")


def _control(name: str, full: str, fields: dict[str, str], size: int) -> str:
    lines = {
        "Package": name,
        "Version": full,
        "Maintainer": "readygate developers <readygate@localhost>",
        "Installed-Size": str(size),
        "Section": {"readygate": "database", "libreadygate0": "libs"}.get(name, "libdevel"),
        "Priority": "optional",
        **{key: value for key, value in fields.items() if value},
        "Description": ABOUT[name],
    }
    return "".join(f"{key}: {value}\n" for key, value in lines.items())


def _lay_out(installed: Installed, name: str, target: Path) -> None:
    """The package's files, as Debian wants them: compressed manual pages, copyright."""
    for path in sorted(installed.root.rglob("*")):
        relative = path.relative_to(installed.root)
        if path.is_dir() and not path.is_symlink() or owner(relative) != name:
            continue
        place = target / relative
        place.parent.mkdir(parents=True, exist_ok=True)
        if "man" in relative.parts:
            data = gzip.compress(path.read_bytes(), mtime=0)
            place.with_name(f"{place.name}.gz").write_bytes(data)
        elif path.name != "LICENSE":
            shutil.copy(path, place, follow_symlinks=False)
    documents = target / "usr/share/doc" / name
    documents.mkdir(parents=True, exist_ok=True)
    shutil.copy(REPOSITORY / "LICENSE", documents / "copyright")
    for path in [target, *target.rglob("*")]:
        if not path.is_symlink():
            path.chmod(0o755 if path.is_dir() or path.stat().st_mode & 0o111 else 0o644)


def _package(installed: Installed, name: str, full: str, scratch: Path, target: Path) -> Path:
    folder = scratch / name
    _lay_out(installed, name, folder)
    files = sorted(path for path in folder.rglob("*") if path.is_file() and not path.is_symlink())
    fields = {
        "Architecture": installed.output(["dpkg", "--print-architecture"]).strip(),
        "Depends": needs(installed, folder, scratch),
    }
    if name == "readygate":
        loaded = _package_of_library(installed, LOADED)
        fields["Recommends"] = f"ca-certificates, {loaded}"
        fields["Suggests"] = "libsasl2-modules"
    elif name == "libreadygate-dev":
        fields["Depends"] = f"libreadygate0 (= {full})"
    size = sum(-(-path.stat().st_size // 1024) for path in files)
    control = folder / "DEBIAN"
    control.mkdir()
    (control / "control").write_text(_control(name, full, fields, size))
    sums = (
        f"{hashlib.md5(path.read_bytes()).hexdigest()}  {path.relative_to(folder)}\n"  # noqa: S324
        for path in files
    )
    (control / "md5sums").write_text("".join(sums))
    for script, text in SCRIPTS.items() if name == "readygate" else ():
        (control / script).write_text(text)
        (control / script).chmod(0o755)
    if name == "libreadygate0":
        (control / "triggers").write_text("activate-noawait ldconfig\n")
    control.chmod(0o755)
    for path in [folder, *folder.rglob("*")]:
        os.utime(path, (epoch(), epoch()), follow_symlinks=False)
    file = target / f"{name}_{full}_{fields['Architecture']}.deb"
    installed.output(["dpkg-deb", "--root-owner-group", "-Zxz", "--build", str(folder), str(file)])
    return file


def make(suite: str, target: Path, again: str = "") -> list[Path]:
    """The packages for a release. Raises InstallError."""
    installed = install(build_of(suite, suite, ("--prefix=/usr",), again))
    scratch = installed.build.path / "packages"
    shutil.rmtree(scratch, ignore_errors=True)
    full = f"{version()}+{SUITES[suite]}"
    return [_package(installed, name, full, scratch, target) for name in ABOUT]
