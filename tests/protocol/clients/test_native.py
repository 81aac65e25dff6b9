"""The own tests of the clients that are not in Python, by the tools of their languages."""

from __future__ import annotations

import subprocess

from . import toolchains


def run(folder: str, *command: str) -> str:
    done = subprocess.run(
        command,
        cwd=toolchains.CLIENTS / folder,
        env=toolchains.environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=280,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


def test_node() -> None:
    tests = sorted(str(path) for path in (toolchains.CLIENTS / "node/test").glob("*.test.js"))
    assert tests
    run("node", toolchains.node(), "--test", *tests)


def test_go_is_formatted() -> None:
    gofmt = toolchains.go().removesuffix("go") + "gofmt"
    assert run("go", gofmt, "-l", ".") == ""


def test_go_is_vetted() -> None:
    run("go", toolchains.go(), "vet", "./...")


def test_go_has_no_dependencies() -> None:
    assert run("go", toolchains.go(), "list", "-m", "all") == "readygate\n"


def test_go() -> None:
    """With the race detector, which needs cgo: the compiler that builds the daemon is there."""
    run("go", toolchains.go(), "test", "-race", "-count=1", "./...")
