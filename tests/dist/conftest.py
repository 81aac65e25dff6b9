"""What ./dev dist makes of these sources, made once; the suite `dist` has made it before."""

from __future__ import annotations

import os

import pytest

from support.dist.__main__ import Dist, made


@pytest.fixture(scope="session")
def dist() -> Dist:
    there = os.environ.get("READYGATE_TEST_DIST")
    if not there:
        return made()
    run = Dist()
    run.files = sorted(run.folder.iterdir())
    return run
