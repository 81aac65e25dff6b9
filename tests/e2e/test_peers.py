"""Who is at the other end of the socket: another user may ask and wait, and change nothing."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from support.gate import Daemon

MakeDaemon = Callable[..., Daemon]

CHANGES = ("/v1/retry", "/v1/drain?for=1s", "/v1/undrain")
OTHER = 4711
STRANGER = 4712
OVERFLOW = 65534  # whom the daemon's user namespace does not know

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root can be somebody else")


@contextmanager
def being(uid: int) -> Iterator[None]:
    """Connect as that user: the kernel notes who connects."""
    os.seteuid(uid)
    try:
        yield
    finally:
        os.seteuid(0)


def open_to_all(engine: Any, make_daemon: MakeDaemon, allowed: list[int]) -> Daemon:
    gate = {"socket_mode": "0666", "allow_uids": allowed}
    daemon = make_daemon(engine.uri, settings={"gate": gate})
    daemon.directory.chmod(0o711)
    daemon.start()
    daemon.wait_state("ready")
    return daemon


def test_another_user_may_ask_and_change_nothing(engine: Any, make_daemon: MakeDaemon) -> None:
    daemon = open_to_all(engine, make_daemon, [])
    with being(OTHER):
        assert daemon.status()["open"]
        assert daemon.line("WAIT open 5s")["ok"]
        for change in CHANGES:
            answer = daemon.request(change, method="POST")
            assert (answer.code, answer.json()["why"]) == (403, "forbidden")
    assert daemon.status()["open"]


def changes(daemon: Daemon, user: int) -> list[int | None]:
    """The status that each request gets from this user."""
    with being(user):
        return [daemon.request(change, method="POST").code for change in CHANGES]


def test_who_is_allowed_may_and_nobody_else(engine: Any, make_daemon: MakeDaemon) -> None:
    daemon = open_to_all(engine, make_daemon, [OTHER])
    assert changes(daemon, OTHER) == [202, 200, 200]
    assert changes(daemon, STRANGER) == [403] * 3
    assert changes(daemon, 0) == [403] * 3  # the list is whole: root is not in it


def test_the_overflow_user_may_change_nothing_not_even_its_own_daemon(
    engine: Any, make_daemon: MakeDaemon
) -> None:
    daemon = make_daemon(engine.uri, settings={"gate": {"socket_mode": "0666"}})
    os.chown(daemon.directory, OVERFLOW, OVERFLOW)
    for path in daemon.directory.iterdir():
        os.chown(path, OVERFLOW, OVERFLOW)
    daemon.start(prefix=["setpriv", f"--reuid={OVERFLOW}", f"--regid={OVERFLOW}", "--clear-groups"])
    daemon.wait_state("ready")
    assert changes(daemon, OVERFLOW) == [403] * 3
    assert changes(daemon, 0) == [202, 200, 200]


def test_nothing_is_changed_over_tcp(engine: Any, make_daemon: MakeDaemon) -> None:
    daemon = open_to_all(engine, make_daemon, [])
    for change in CHANGES:
        assert daemon.probe(change, method="POST").code == 404
    assert daemon.status()["open"]
