"""The quick checks: formatting, Python, shell syntax, the length of files, copies of
the version. CHECKS lists them.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from . import versions
from .builds import REPOSITORY

MOST_LINES = 600  # of one source file: more is a sign of two files


def _files(*patterns: str) -> list[Path]:
    """The files that are, or would be, committed and match."""
    command = [
        "git",
        "ls-files",
        "-z",
        "--cached",
        "--others",
        "--exclude-standard",
        "--",
        *patterns,
    ]
    listing = subprocess.run(
        command, cwd=REPOSITORY, capture_output=True, text=True, check=True
    ).stdout
    paths = (REPOSITORY / name for name in listing.split("\0") if name)
    return [path for path in paths if path.is_file()]


def _name(path: Path) -> str:
    return str(path.relative_to(REPOSITORY))


def _said(command: list[str]) -> list[str]:
    """What a failing command said, line by line."""
    done = subprocess.run(
        command, cwd=REPOSITORY, capture_output=True, text=True, stdin=subprocess.DEVNULL
    )
    return (
        []
        if done.returncode == 0
        else (done.stdout + done.stderr).splitlines() or [f"{command[0]} failed"]
    )


def clang_format() -> list[str]:
    sources = [str(path) for path in _files("*.h", "*.c", "*.cc")]
    return _said(["clang-format", "--dry-run", "-Werror", *sources]) if sources else []


def python_format() -> list[str]:
    return _said([sys.executable, "-m", "ruff", "format", "--no-cache", "--quiet", "--diff"])


def python_source() -> list[str]:
    """Syntax, unused names, likely mistakes, annotations: ruff.toml has the rules."""
    options = ["--no-cache", "--quiet", "--output-format=concise"]
    return _said([sys.executable, "-m", "ruff", "check", *options])


def go_format() -> list[str] | None:
    """Where there is a Go: `./dev test clients` installs one."""
    sources = [str(path) for path in _files("*.go")]
    if shutil.which("gofmt") is None:
        return None
    done = subprocess.run(["gofmt", "-d", *sources], capture_output=True, text=True, check=False)
    return (done.stdout + done.stderr).splitlines()  # older ones end with 0 whatever they find


def shell_syntax() -> list[str]:
    scripts = [
        path
        for path in [*_files("*.sh"), REPOSITORY / "dev", REPOSITORY / ".ci/run"]
        if path.is_file()
    ]
    return [line for script in scripts for line in _said(["bash", "-n", str(script)])]


def file_length() -> list[str]:
    lengths = {
        path: len(path.read_bytes().splitlines()) for path in _files("*.h", "*.c", "*.cc", "*.py")
    }
    return [
        f"{_name(path)}: {lines} lines, more than {MOST_LINES}"
        for path, lines in lengths.items()
        if lines > MOST_LINES
    ]


# None: what is needed for it is not on this machine.
CHECKS: dict[str, Callable[[], list[str] | None]] = {
    "clang-format": clang_format,
    "Go format": go_format,
    "Python format": python_format,
    "Python source": python_source,
    "shell syntax": shell_syntax,
    "file length": file_length,
    "one version": versions.problems,
}
