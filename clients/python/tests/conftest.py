"""The repository's own fixtures (tests/conftest.py), and the package under test on the path."""

from __future__ import annotations

import sys
from pathlib import Path

SOURCE = Path(__file__).resolve().parents[1] / "src"
sys.path.insert(0, str(SOURCE))

from conftest import (  # noqa: E402, F401
    build_dir,
    capabilities,
    client,
    database,
    engine,
    engine_factory,
    engine_kind,
    engines,
    make_daemon,
    pytest_generate_tests,
    skip_what_the_engine_lacks,
)

from readygate.pytest_plugin import fake_gate  # noqa: E402, F401
