"""The comparison of the README, small: what it counts is what the two sides differ in."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from support.engine import kinds
from support.engine.capabilities import needs

RACE = Path(__file__).resolve().parents[1] / "race.py"


def race(engine_kind: str) -> subprocess.CompletedProcess[str]:
    """Of two workers on each side, on an engine of that kind."""
    return subprocess.run(
        [sys.executable, str(RACE), "--workers", "2", "--json"],
        capture_output=True,
        text=True,
        timeout=250,
        env={**os.environ, kinds.VARIABLE: engine_kind},
    )


def test_an_engine_without_what_the_service_asks_for_is_named() -> None:
    done = race("secantus")
    assert done.returncode == 1
    assert "SecantusDB, in Python has no text and no hashed indexes" in done.stderr


@needs("text", "hashed", "stop")
def test_behind_the_gate_nothing_is_too_early_and_nothing_is_said(engine_kind: str) -> None:
    done = race(engine_kind)
    assert done.returncode == 0, done.stderr
    before, behind = json.loads(done.stdout)
    assert before["answers"] == behind["answers"] == behind["ok"] + behind["come_back"]
    assert (behind["errors"], behind["too_early"]) == (0, 0)
    assert (behind["warnings_logged"], behind["errors_logged"]) == (0, 0)
    assert behind["initializations"] == 2  # one for each process
    assert behind["create_indexes"] == 2  # one for each collection, whoever made them
    # That requests meet an ODM that is not initialized does not depend on anybody's speed: they
    # are sent before there is a database.
    assert before["warnings_logged"] > 0
    assert before["initializations"] > 2
    assert before["create_indexes"] > 2
