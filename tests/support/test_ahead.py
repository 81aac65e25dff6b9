"""Builds beside suites: they give way, and are gone before the same folder is built again."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from .ahead import Ahead
from .gate import wait_until

# Of `support.builds`, with a build that takes long and tidies up when it is told to end.
PROGRAM = """
import sys
from support import builds
def make(build):
    script = "trap 'sleep 0.3; echo tidied >> {0}; exit 1' TERM; echo $$ >> {0}; sleep 60 & wait"
    builds._run(["sh", "-c", script.format(sys.argv[1])], {}, build)
builds.make = make
builds.main(["build-asan", "build-tsan"])
"""


def test_it_has_the_lowest_priority_and_ends_tidily_when_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("READYGATE_CACHE", str(tmp_path))
    said = tmp_path / "said"
    ahead = Ahead([sys.executable, "-c", PROGRAM])
    ahead.start([str(said)])
    wait_until(lambda: said.exists() and said.read_text().strip() != "", 20, "a build runs")
    builder = int(said.read_text())
    assert os.sched_getscheduler(builder) == os.SCHED_IDLE
    ahead.stop()
    assert said.read_text().split() == [str(builder), "tidied"]  # and no second one was begun


def test_nothing_to_build_starts_nothing() -> None:
    ahead = Ahead(["/nonexistent"])
    ahead.start([])
    ahead.stop()
