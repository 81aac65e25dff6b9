"""clients/python in every Python that it claims, as far as each can be had: its own tests, but for
those that need an application's packages, and the cases that all clients share.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from support.builds import REPOSITORY
from support.pythons import MATRIX, PYTHONS, SOURCE, Missing, Running

CLIENT = REPOSITORY / "clients" / "python"
OWN_TESTS = ("test_page.py", "test_waiting.py", "test_middleware.py")
LIMIT = 600  # s, for one run of pytest

pytestmark = pytest.mark.timeout(1200)


@pytest.fixture(params=PYTHONS)
def python(request: pytest.FixtureRequest) -> Running:
    try:
        return PYTHONS[request.param].made()
    except Missing as why:
        pytest.skip(f"Python {request.param} cannot be had here: {why}")


def run(command: list[str | Path], **environment: str) -> str:
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("READYGATE_", "PYTHON"))}
    kept = {k: os.environ[k] for k in ("READYGATE_BUILD_DIR", "READYGATE_CACHE") if k in os.environ}
    done = subprocess.run(
        [str(word) for word in command],
        env={**clean, **kept, "PYTHONDONTWRITEBYTECODE": "1", **environment},
        cwd=REPOSITORY,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=LIMIT,
    )
    assert done.returncode == 0, done.stdout[-8000:]
    return done.stdout


def passed(said: str) -> int:
    found = re.search(r"(\d+) passed", said)
    assert found, said
    return int(found[1])


def test_it_is_the_version_that_it_is_named_after(
    python: Running, request: pytest.FixtureRequest
) -> None:
    """And every module of the client is there, and what asks nobody works."""
    said = run([python.program, MATRIX / "every_module.py"], PYTHONPATH=str(SOURCE))
    version = said.split()[-1]
    name = request.node.callspec.params["python"]
    newest_known = max((3, int(known.split(".")[1])) for known in PYTHONS if known[0] == "3")
    if name == "newest":
        assert tuple(map(int, version.split("."))) >= newest_known
    else:
        assert version == name


def test_its_own_tests(python: Running) -> None:
    """Without the fixtures of this repository, whose packages only the tests' own Python has."""
    path = os.pathsep.join(str(folder) for folder in (SOURCE, python.site) if folder)
    said = run(
        [
            *(python.program, "-m", "pytest", "-q", "-p", "no:cacheprovider"),
            *(
                "--noconftest",
                "-p",
                "readygate.pytest_plugin",
                f"--rootdir={CLIENT}",
                "-c",
                "/dev/null",
            ),
            *(CLIENT / "tests" / name for name in OWN_TESTS),
        ],
        PYTHONPATH=path,
    )
    assert passed(said) >= 15


@pytest.mark.parametrize("driver", ["python and not asyncio", "asyncio"])
def test_the_cases_that_all_clients_share(python: Running, driver: str) -> None:
    said = run(
        [
            *(sys.executable, "-m", "pytest", "-q", "-c", "tests/pytest.ini", "--rootdir=tests"),
            *("tests/protocol/clients/test_clients.py", "-k", driver),
        ],
        READYGATE_TEST_PYTHON=str(python.program),
        PYTHONPATH="tests",
    )
    assert passed(said) >= 50
