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


# Names that do not fit.


def hellos(server: ScriptedServer, **merge: Any) -> None:
    """What hello says beside what it says anyway."""
    server.on("hello", merge=merge)


@pytest.mark.parametrize(
    ("advertised", "why"),
    [
        ("mongo-0.does-not-exist.invalid:27017", "resolve"),
        ("127.0.0.1:1", "connection refused by 127.0.0.1:1"),
    ],
)
def test_a_host_that_answers_and_advertises_others_that_do_not(
    scripted_set: ScriptedServer, make_daemon: MakeDaemon, advertised: str, why: str
) -> None:
    hellos(scripted_set, hosts=[advertised], me=advertised, primary=advertised)
    daemon = make_daemon(scripted_set.uri(), SCHEMA).start()
    status = says(
        daemon,
        "no_primary",
        f'{scripted_set.address} of the URI answers, but its replica set "rs0" advertises',
        f"{advertised} (",
        "set directConnection=true in the URI",
    )
    assert why in status["reason"]
    exit_code, output = daemon.plan()
    assert exit_code == 69 and advertised in output and "directConnection=true" in output
    # What is advised helps.
    direct = make_daemon(scripted_set.uri("directConnection=true"), SCHEMA).start()
    direct.wait_state("ready", timeout=20)


def test_another_replica_set_than_the_uri_says_until_it_is_that_one(
    scripted_set: ScriptedServer, make_daemon: MakeDaemon
) -> None:
    uri = scripted_set.uri().replace("replicaSet=rs0", "replicaSet=shop")
    daemon = make_daemon(uri, SCHEMA).start()
    other = f'{scripted_set.address} answers as a member of the replica set "rs0"'
    says(daemon, "no_primary", f"{other}, and the URI says replicaSet=shop", "Write replicaSet=rs0")
    hellos(scripted_set, setName="shop")
    daemon.wait_state("ready", timeout=30)


@pytest.mark.parametrize("options", ["", "&directConnection=true"])
def test_a_replica_set_in_the_uri_of_a_standalone(
    scripted: ScriptedServer, make_daemon: MakeDaemon, options: str
) -> None:
    uri = f"mongodb://{scripted.address}/?retryWrites=false&replicaSet=rs0{options}"
    daemon = make_daemon(uri, SCHEMA).start()
    alone = f"{scripted.address} is a standalone server, and the URI says replicaSet=rs0"
    says(daemon, "no_primary", alone, "Take replicaSet out of the URI")
    daemon.write_uri(scripted.uri())
    daemon.wait_state("ready", timeout=30)


def test_a_direct_connection_to_a_secondary(
    scripted_set: ScriptedServer, make_daemon: MakeDaemon
) -> None:
    scripted_set.step_down()
    hellos(scripted_set, primary="mongo-1.internal:27017")
    daemon = make_daemon(scripted_set.uri("directConnection=true"), SCHEMA).start()
    secondary = f"directConnection=true in the URI, and {scripted_set.address} is a secondary"
    primary = "its primary is mongo-1.internal:27017"
    says(daemon, "no_primary", f"{secondary}; {primary}", "Take directConnection=true out")


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
