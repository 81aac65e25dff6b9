"""Archives that depend on nothing but what is in them: order, dates, owners and modes are set."""

from __future__ import annotations

import gzip
import io
import subprocess
import tarfile
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from ..builds import REPOSITORY

Content = Path | bytes  # of a link the path is one


@cache
def epoch() -> int:
    """Seconds since 1970 of the last commit: the date of everything."""
    command = ["git", "-C", str(REPOSITORY), "log", "-1", "--format=%ct"]
    return int(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def tar(files: Mapping[str, Content]) -> bytes:
    """A tar file; what is executable stays so."""
    output = io.BytesIO()
    with tarfile.open(fileobj=output, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for name, content in sorted(files.items()):
            member = tarfile.TarInfo(name)
            member.mtime, member.uname, member.gname = epoch(), "root", "root"
            if isinstance(content, Path) and content.is_symlink():
                member.type, member.linkname = tarfile.SYMTYPE, str(content.readlink())
                archive.addfile(member)
                continue
            data = content if isinstance(content, bytes) else content.read_bytes()
            executable = isinstance(content, Path) and content.stat().st_mode & 0o111
            member.mode, member.size = 0o755 if executable else 0o644, len(data)
            archive.addfile(member, io.BytesIO(data))
    return output.getvalue()


def tarball(target: Path, files: Mapping[str, Content]) -> Path:
    target.write_bytes(gzip.compress(tar(files), mtime=0))
    return target


def below(folder: Path, prefix: str = "") -> dict[str, Content]:
    """The files of a folder and of those in it, by the names that they get."""
    return {
        f"{prefix}{path.relative_to(folder)}": path
        for path in sorted(folder.rglob("*"))
        if path.is_symlink() or path.is_file()
    }


def tracked(folder: Path, prefix: str = "") -> dict[str, Content]:
    """The same, of those that are committed."""
    command = ["git", "-C", str(folder), "ls-files", "-z", "."]
    listed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return {f"{prefix}{name}": folder / name for name in sorted(listed.split("\0")) if name}
