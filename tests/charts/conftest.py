"""What all of these tests need: Helm, or they are skipped with the reason."""

from __future__ import annotations

import pytest
from rendering import program

from support.parts import InstallError


@pytest.fixture(autouse=True, scope="session")
def with_helm() -> None:
    try:
        program()
    except InstallError as why:
        pytest.skip(f"Helm cannot be made here: {why}")
