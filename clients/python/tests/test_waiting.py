"""What the shared cases cannot ask: errors as values, cancelling, the log."""

from __future__ import annotations

import asyncio
import logging
import pickle

import pytest

import readygate
from readygate import environment
from readygate.testing import FakeGate


def test_the_error_says_why(fake_gate: FakeGate) -> None:
    fake_gate.fail("duplicate_keys")
    with pytest.raises(readygate.GateFailed, match="a test says duplicate_keys") as failed:
        readygate.wait(fail_fast=True)
    again = pickle.loads(pickle.dumps(failed.value))
    assert (type(again), again.state, again.code) == (
        readygate.GateFailed,
        "failed",
        "duplicate_keys",
    )
    assert str(again) == str(failed.value)


def test_cancelling_ends_a_wait(fake_gate: FakeGate) -> None:
    async def main() -> None:
        task = asyncio.ensure_future(readygate.wait_async())
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())


def test_a_loop_with_many_waits(fake_gate: FakeGate) -> None:
    async def main() -> None:
        waits = [asyncio.ensure_future(readygate.wait_async(timeout=30)) for _ in range(50)]
        fake_gate.open()
        await asyncio.gather(*waits)

    asyncio.run(main())


def test_the_kill_switch_is_said_once(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(environment, "_said", False)
    monkeypatch.setenv("READYGATE_DISABLE", "1")
    with caplog.at_level(logging.DEBUG, "readygate"):
        readygate.wait()
        readygate.wait()
        assert readygate.is_open()
    assert len(caplog.records) == 1
    assert "READYGATE_DISABLE" in caplog.text


def test_where_the_socket_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("READYGATE_GATE_SOCKET", raising=False)
    assert environment.socket_path() == "/run/readygate/gate.sock"
    monkeypatch.setenv("READYGATE_GATE_SOCKET", "/daemon")
    assert environment.socket_path() == "/daemon"
    assert environment.socket_path("/given") == "/given"


def test_status(fake_gate: FakeGate) -> None:
    assert readygate.status()["state"] == "initializing"
    assert asyncio.run(readygate.status_async())["state"] == "initializing"
    fake_gate.stop()
    with pytest.raises(readygate.GateError, match="does not exist") as error:
        readygate.status()
    assert error.value.code == "gate_unreachable"
