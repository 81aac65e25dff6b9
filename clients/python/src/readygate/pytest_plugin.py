"""The fixture `fake_gate`, for the tests of an application that starts behind a gate.

    def test_it_waits(fake_gate):
        with TestClient(app) as client:
            assert client.get("/orders").status_code == 503
            fake_gate.open()
            assert client.get("/orders").status_code == 200

pytest finds it when the package is installed. readygate.testing says what else a fake gate can do.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from .testing import FakeGate


@pytest.fixture
def fake_gate(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeGate]:
    """A gate that initializes, and that this process takes for its own until the test ends."""
    with FakeGate() as gate:
        monkeypatch.setenv("READYGATE_GATE_SOCKET", gate.socket)
        monkeypatch.delenv("READYGATE_DISABLE", raising=False)
        yield gate
