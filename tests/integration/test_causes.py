"""A connection that cannot work: the sentence names the cause, and what mends it."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from support.gate import Daemon, Process, readygate
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


# OIDC, which this machine's driver may not have.


@pytest.mark.parametrize("verb", ["check", "run", "apply", "plan", "import"])
def test_oidc_is_refused_before_the_driver_sees_it(
    scripted: ScriptedServer, tmp_path: Path, verb: str
) -> None:
    (tmp_path / "schema.toml").write_text(SCHEMA)
    uri = f"mongodb://{scripted.address}/?authMechanism=MONGODB-OIDC"  # and no source of tokens
    command = [readygate(), verb, "--mongodb-uri", uri]
    if verb != "import":
        command += ["--schema", str(tmp_path / "schema.toml")]
    else:
        command += ["--db", "s"]
    if verb == "run":
        command += ["--gate-listen", "", "--gate-socket", str(tmp_path / "gate.sock")]
    with Process(command, name=verb) as process:
        if verb == "run":
            process.wait_line("MONGODB-OIDC", 10)
        else:
            assert process.wait(10) == 78, process.output()
        said = process.output()
    assert "MONGODB-OIDC" in said
    version = re.search(r"libmongoc (\d+\.\d+)\.\d+ does not have: 2\.2 or later is needed", said)
    assert version or "names no ENVIRONMENT" in said, said
    assert scripted.count("accept") == 0
