"""What `./dev` says, and counts as there, on machines that are unlike this one.

Such a machine is a PATH of few programs, some of them made up.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from .builds import REPOSITORY
from .engine import kinds

USUAL = (
    *("bash", "env", "dirname", "readlink", "mkdir", "sed", "tail", "tr", "date", "python3"),
    *("cut", "cat", "flock"),
)
COMPILERS = ["pkg-config", "c++", "clang", "cc1plus", "as"]
Machine = Callable[..., dict[str, str]]


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    """The environment of a machine with these programs of ours, and with made-up ones."""

    def make(*programs: str, **made_up: str) -> dict[str, str]:
        for name in (*USUAL, *programs):
            if path := shutil.which(name):
                (tmp_path / name).symlink_to(path)
        for name, script in made_up.items():
            program = tmp_path / name.replace("_", "-")
            program.write_text(f"#!/bin/sh\n{script}\n")
            program.chmod(0o755)
        kept = {key: value for key, value in os.environ.items() if key not in (kinds.VARIABLE,)}
        return {**kept, "PATH": str(tmp_path)}

    return make


def run(command: list[str], environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command, cwd=REPOSITORY, env=environment, capture_output=True, text=True, timeout=60
    )


def there(name: str, environment: dict[str, str]) -> bool:
    script = "set -eu; python=/usr/bin/python3; . tests/support/packages.sh; there $0"
    return run(["bash", "-c", script, name], environment).returncode == 0


def test_where_there_is_no_sudo_root_is_told_what_to_install(machine: Machine) -> None:
    done = run(["./dev", "build"], machine(id="echo 1000", apt_get="exit 9"))
    assert done.returncode == 1
    assert "there is no sudo here. What to do, as root: apt-get install" in done.stderr
    assert " libmongoc-dev " in done.stderr


def test_where_sudo_refuses_that_is_said(machine: Machine) -> None:
    done = run(["./dev", "build"], machine(id="echo 1000", apt_get="exit 9", sudo="exit 1"))
    assert done.returncode == 1
    assert "sudo did not let us" in done.stderr
    assert "as root: apt-get install" in done.stderr


def test_where_there_is_no_apt_the_documents_are_named(machine: Machine) -> None:
    done = run(["./dev", "build"], machine(id="echo 0"))
    assert done.returncode == 1
    assert "what Debian calls" in done.stderr
    assert "docs/development.md (Other systems)" in done.stderr
    assert "## Other systems" in (REPOSITORY / "docs/development.md").read_text()


def test_no_command_ends_without_a_word(machine: Machine, tmp_path: Path) -> None:
    """Here something fails that says nothing itself."""
    programs = {"clang_format": "true", "git": "exit 5", "sha256sum": "cat >/dev/null; echo key"}
    (tmp_path / "venv-key").mkdir()
    silent = {**machine("id", "xargs", **programs), "READYGATE_CACHE": str(tmp_path)}
    done = run(["./dev", "fmt"], silent)
    assert done.returncode == 5
    assert "clang-format -i` ended with status 5" in done.stderr


@pytest.mark.parametrize("name", ["libmongoc-dev", "libfmt-dev", "libexpected-dev", "doctest-dev"])
def test_what_is_found_without_dpkg_is_there(machine: Machine, name: str) -> None:
    assert there(name, machine(*COMPILERS))


def test_what_only_dpkg_knows_is_not_there(machine: Machine) -> None:
    """A package whose libraries cannot be found is of no use."""
    without = machine("c++", dpkg_query="echo installed", pkg_config="exit 1")
    assert not there("libmongoc-dev", without)


def test_a_program_counts_whatever_package_it_is_from(machine: Machine) -> None:
    environment = machine(ninja="true", clang_tidy="true")
    assert there("ninja-build", environment)
    assert there("clang-tidy", environment)
    assert not there("clang-format", environment)
    assert not there("libclang-rt-dev", environment)


def engines(environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    module = [sys.executable, "-m", "support.engine", "names", kinds.URI_VARIABLE]
    paths = {"PYTHONPATH": str(REPOSITORY / "tests")}
    environment = {key: environment[key] for key in environment if key != kinds.URI_VARIABLE}
    return run(module, {**environment, **paths})


def test_an_engine_that_needs_more_than_we_may_is_left_out_and_said(machine: Machine) -> None:
    unprivileged = machine(unshare="exit 1", sudo="exit 1")
    done = engines(unprivileged)
    assert (done.returncode, done.stdout) == (0, "secantus\n")
    assert "ferretdb needs root" in done.stderr
    assert "what runs on it is skipped" in done.stderr


def test_an_engine_that_was_named_is_not_left_out(machine: Machine) -> None:
    unprivileged = machine(unshare="exit 1", sudo="exit 1")
    done = engines({**unprivileged, kinds.VARIABLE: "ferretdb,secantus"})
    assert (done.returncode, done.stdout) == (1, "")
    for words in ("ferretdb needs root", "READYGATE_ENGINE=secantus", "READYGATE_MONGODB_URI"):
        assert words in done.stderr
