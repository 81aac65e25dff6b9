"""The record of a watch that the server interrupts."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator

import pytest

from ..gate.process import wait_until
from .record import BEHIND, Record

Line = dict[str, object]


class Server:
    """Answers each watch with the next of these lists of lines, then with silence."""

    def __init__(self, *answers: list[Line]) -> None:
        self._answers = list(answers)
        self.asked: list[str] = []  # the resource versions from which it was asked

    @contextlib.contextmanager
    def watch(self, _resource: str, _namespace: str, version: str = "") -> Iterator[Iterator[str]]:
        self.asked.append(version)
        yield (json.dumps(line) for line in (self._answers.pop(0) if self._answers else []))


def pod(kind: str, version: str) -> Line:
    return {"type": kind, "object": {"metadata": {"name": "a", "resourceVersion": version}}}


def error(code: int) -> Line:
    return {"type": "ERROR", "object": {"code": code, "message": "no"}}


def seen(record: Record) -> list[str]:
    return [one["metadata"]["resourceVersion"] for one in record.versions()]


def test_a_server_that_is_behind_is_asked_again_from_the_same_place() -> None:
    server = Server([pod("ADDED", "7"), error(BEHIND)], [pod("MODIFIED", "9")])
    record = Record(server, "pods", "shop")  # type: ignore[arg-type]
    wait_until(lambda: seen(record) == ["7", "9"], 5, "it goes on")
    record.close()
    assert server.asked[:2] == ["", "7"]


def test_versions_that_are_lost_are_a_failure() -> None:
    """410: what came between is not told any more."""
    record = Record(Server([error(410)]), "pods", "shop")  # type: ignore[arg-type]
    with pytest.raises(AssertionError, match="the watch of pods ended"):
        wait_until(lambda: seen(record), 5, "it says so")
