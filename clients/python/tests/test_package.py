"""What is shipped: typed, without dependencies, with its plugin; and a README that is true."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from readygate.testing import FakeGate

PACKAGE = Path(__file__).resolve().parents[1]
BLOCK = re.compile(r"^```python\n(.*?)^```", re.DOTALL | re.MULTILINE)
BLOCKS = BLOCK.findall((PACKAGE / "README.md").read_text())


def run(*command: str, **environment: str) -> str:
    done = subprocess.run(
        command,
        cwd=PACKAGE,
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=200,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


@pytest.mark.parametrize("version", ["3.10", "3.13"])  # mypy knows 3.9 no more
def test_it_is_strictly_typed(version: str, tmp_path: Path) -> None:
    run(sys.executable, "-m", "mypy", "--cache-dir", str(tmp_path), "--python-version", version)


def test_it_imports_nothing_but_the_standard_library(tmp_path: Path) -> None:
    code = "import readygate, readygate.middleware, readygate.testing"
    run(sys.executable, "-I", "-S", "-c", f"import sys; sys.path.insert(0, 'src'); {code}")


def test_the_built_package_has_types_and_plugin(tmp_path: Path) -> None:
    """As an application gets it: its tests find the fixture by themselves."""
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "install", "--quiet"]
    run(*pip, "--no-deps", "--no-build-isolation", "--target", str(tmp_path / "site"), str(PACKAGE))
    assert (tmp_path / "site/readygate/py.typed").exists()
    test = tmp_path / "test_start.py"
    test.write_text(
        "import readygate\n"
        "def test_it(fake_gate):\n"
        "    assert not readygate.is_open()\n"
        "    fake_gate.open()\n"
        "    readygate.wait(timeout=20)\n"
        "    assert readygate.is_open()\n"
    )
    said = run(
        *(sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(test)),
        PYTHONPATH=str(tmp_path / "site"),
    )
    assert "1 passed" in said


@pytest.mark.parametrize("block", BLOCKS, ids=range(len(BLOCKS)))
def test_the_readme_is_true(block: str, fake_gate: FakeGate) -> None:
    """Each block runs as it stands, with a gate that opens."""
    fake_gate.open()
    exec(compile(block, "README.md", "exec"), {"__name__": "readme"})
