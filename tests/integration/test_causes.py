"""A connection that cannot work: the sentence names the cause, and what mends it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from support.gate import Daemon
from support.scripted import ScriptedServer, scripted, scripted_set

__all__ = ["scripted", "scripted_set"]  # fixtures, found by name

MakeDaemon = Callable[..., Daemon]
SCHEMA = 'schema = "s"\ndatabase = "s"\nversion = 1\nmin_open = 1\n[[collection]]\nname = "c"\n'


def says(daemon: Daemon, code: str, *parts: str, timeout: float = 20) -> dict[str, Any]:
    """Until the status has that code and all these parts in its reason."""
    return daemon.wait_status(
        lambda s: s["code"] == code and all(part in s["reason"] for part in parts),
        f"{code}: {parts}",
        timeout,
    )


# A URI without a user.


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (13, "command find requires authentication"),
        (8000, "user is not allowed to do action [find] on [s._readygate]"),
    ],
)
def test_a_server_that_wants_a_user_and_a_uri_without_one(
    scripted: ScriptedServer, make_daemon: MakeDaemon, code: int, words: str
) -> None:
    scripted.on("*", error={"code": code, "errmsg": words})
    settings = {"init": {"auth_grace": "1s", "failed_retry": "1s"}}
    daemon = make_daemon(scripted.uri(), SCHEMA, settings=settings).start()
    status = says(daemon, "auth_failed", "wants a user, and the URI has none", "Write a user")
    assert "grant" not in status["reason"].lower()
    daemon.wait_state("failed")  # after the grace: secrets arrive late
    exit_code, output = daemon.plan()
    assert exit_code == 69
    assert "the URI has none" in output and "rant the user" not in output
    scripted.clear()
    daemon.wait_state("ready", timeout=20)
