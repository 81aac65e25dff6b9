"""What ends with whoever started it, also when that is killed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from .gate import wait_until

TESTS = Path(__file__).resolve().parents[1]

STARTERS = {
    "a build": "from support.builds import BUILDS, _run; import os; "
    "_run(COMMAND, dict(os.environ), BUILDS['build'])",
    "the runner": "from run import run; run(COMMAND, 60)",
    "a test's own": "from support.gate import Process; Process(COMMAND).wait(60)",
}


def alive(pid: int) -> bool:
    """Whether it runs; a zombie, which its new parent has not fetched, does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


@pytest.mark.parametrize("starter", STARTERS.values(), ids=STARTERS)
def test_it_ends_with_its_parent(starter: str, tmp_path: Path) -> None:
    said = tmp_path / "pid"
    command = ["sh", "-c", f"echo $$ > {said}.new; mv {said}.new {said}; exec sleep 60"]
    program = f"COMMAND = {command!r}; {starter}"
    parent = subprocess.Popen(
        [sys.executable, "-c", program],
        cwd=TESTS,
        env={"PYTHONPATH": str(TESTS), "PATH": "/usr/bin:/bin", "READYGATE_CACHE": str(tmp_path)},
    )
    try:
        wait_until(said.exists, 20, "the child runs")
    finally:
        parent.kill()
        parent.wait()
    child = int(said.read_text())
    wait_until(lambda: not alive(child), 10, "the child has ended")


# Its signal comes while Python's own hooks run after fork(): the moment that is hardest to meet.
ENDED_AT_A_FORK = """
import os, signal, sys
from support.gate import Process
signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
os.register_at_fork(after_in_parent=lambda: os.kill(os.getpid(), signal.SIGTERM))
Process(["true"])
"""


def test_a_signal_that_comes_while_a_child_is_started_is_not_lost() -> None:
    program = [sys.executable, "-c", ENDED_AT_A_FORK]
    done = subprocess.run(program, cwd=TESTS, capture_output=True, text=True, timeout=60)
    assert done.returncode == 143, done.stderr
    assert done.stderr == ""
