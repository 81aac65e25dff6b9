"""clang-tidy over every source, in parallel, remembering what was clean.

A source is looked at again only when something it is compiled from has changed: its text, a header
of the project, the compile command, the settings or the tool. Ninja knows the headers (`ninja -t
deps`) of a finished build.
"""

from __future__ import annotations

import functools
import hashlib
import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from .builds import BUILDS, REPOSITORY
from .parts import cache_dir

BUILD = BUILDS["build-clang"].path
# Unit tests are left out: what doctest's macros expand to is not ours to mend.
FOLDERS = ("src/", "clients/", "tests/support/", "tests/bench/")


def check() -> list[str]:
    """Runs clang-tidy; returns a line for each unclean source. Needs a finished build-clang."""
    clean = cache_dir() / "tidy"
    clean.mkdir(parents=True, exist_ok=True)
    keys = {source: _key(source, command, headers) for source, command, headers in _sources()}
    dirty = [source for source, key in keys.items() if not (clean / key).exists()]
    print(
        f"clang-tidy: {len(dirty)} of {len(keys)} sources to check (about 5 s each) ...", flush=True
    )
    problems = []
    with ThreadPoolExecutor(os.cpu_count() or 2) as pool:
        for source, said in zip(dirty, pool.map(_tidy, dirty), strict=True):
            if said:
                print(said, file=sys.stderr, flush=True)
                problems.append(f"{source}: {said.count('error:')} findings")
            else:
                (clean / keys[source]).touch()
    return problems


def _tidy(source: str) -> str:
    """What clang-tidy says about this source; nothing when it is clean."""
    done = subprocess.run(
        ["clang-tidy", "-p", str(BUILD), "--quiet", source],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
    )
    return (
        ""
        if done.returncode == 0
        else f"{done.stdout}{done.stderr if not done.stdout else ''}".strip()
    )


def _sources() -> list[tuple[str, str, list[str]]]:
    """Of each source: its path, its compile command, and the files that it is compiled from."""
    headers = _dependencies()
    found = {}
    for entry in json.loads((BUILD / "compile_commands.json").read_text()):
        path = Path(entry["directory"], entry["file"]).resolve()
        if path.is_relative_to(REPOSITORY):
            source = str(path.relative_to(REPOSITORY))
            if source.startswith(FOLDERS):
                found[source] = (source, entry["command"], headers.get(entry["output"], []))
    return sorted(found.values())


def _dependencies() -> dict[str, list[str]]:
    """Object file to the files that it was compiled from."""
    listing = subprocess.run(
        ["ninja", "-C", str(BUILD), "-t", "deps"], capture_output=True, text=True, check=True
    )
    objects: dict[str, list[str]] = {}
    current: list[str] = []
    for line in listing.stdout.splitlines():
        if line.startswith("    "):
            current.append(line.strip())
        elif ": #deps" in line:
            current = objects.setdefault(line.split(": #deps")[0], [])
    return objects


def _key(source: str, command: str, headers: list[str]) -> str:
    parts = [_tool(), _digest(REPOSITORY / ".clang-tidy"), _digest(REPOSITORY / source), command]
    parts += [_digest(BUILD / header) for header in headers]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


@functools.cache
def _tool() -> str:
    return subprocess.run(
        ["clang-tidy", "--version"], capture_output=True, text=True, check=True
    ).stdout


@functools.cache
def _digest(path: Path) -> str:
    """A system header changes only with its package: its size and time are enough."""
    resolved = path.resolve()
    if resolved.is_relative_to(REPOSITORY):
        return hashlib.sha256(resolved.read_bytes()).hexdigest()
    status = resolved.stat()
    return f"{resolved} {status.st_size} {status.st_mtime_ns}"
