"""The service is strictly typed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path


def test_it_is_strictly_typed(tmp_path: Path) -> None:
    example = Path(__file__).resolve().parents[1]
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--cache-dir", str(tmp_path)],
        cwd=example,
        capture_output=True,
        text=True,
        timeout=250,
    )
    assert done.returncode == 0, done.stdout + done.stderr
