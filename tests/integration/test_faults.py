"""What the daemon makes of a server that misbehaves: state, code, sentence; and that it recovers.

Each test tells the scripted server what to do wrong, reads /v1/status until it says so, then lets
the server mend its ways and waits for `ready`. Throughout, the probes answer.
"""

from __future__ import annotations

import socket
import time
from typing import Any

import pytest

from support.gate import Daemon
from support.scripted import ScriptedServer, scripted, scripted_set

__all__ = ["scripted", "scripted_set"]  # fixtures, found by name

SCHEMA = """
schema   = "shop"
database = "shop"
version  = 1

[[collection]]
name = "orders"

  [[collection.index]]
  name = "customer"
  key  = [["customer_id", 1], ["placed_at", -1]]

  [[collection.index]]
  name = "number"
  key  = [["number", 1]]
  unique = true
"""

PASSWORD = "s3cret-Passw0rd"


def start(server: ScriptedServer, uri: str = "", **settings: Any) -> Daemon:
    """A daemon for the server; `init` and the like are sections of its configuration."""
    return Daemon(uri or server.uri(), SCHEMA, settings=settings)


def fails_with(daemon: Daemon, code: str, *states: str, timeout: float = 15) -> dict[str, Any]:
    """Until the snapshot has that code and one of the states (connecting); and it is not open."""
    status = daemon.wait_status(
        lambda s: s["code"] == code and s["state"] in (states or ("connecting",)),
        f"code {code} in {states or 'connecting'}",
        timeout,
    )
    assert not status["initialized"] and not status["open"] and not status["ready"]
    assert daemon.probe("/health/ready").code == 503
    if status["state"] != "failed":  # being on the way is healthy
        assert status["healthy"] and daemon.probe("/health").code == 200
    return status


def says(status: dict[str, Any], *parts: str) -> None:
    """The sentence for the operator has these parts."""
    for part in parts:
        assert part.lower() in status["reason"].lower(), status["reason"]


def recovers(daemon: Daemon) -> None:
    """In the end it is ready, without anybody's help."""
    daemon.wait_state("ready", timeout=20)
    assert daemon.codes() == (200, 200)


def ends_in_time(daemon: Daemon) -> None:
    """SIGTERM ends it within drain_delay (0) + 1 s, whatever a driver call is blocked on."""
    code, seconds = daemon.stop()
    assert code == 0 and seconds < 1


# A server without a primary.


def test_not_primary(scripted_set: ScriptedServer) -> None:
    scripted_set.step_down()
    with start(scripted_set) as daemon:
        says(fails_with(daemon, "no_primary"), "primary")
        assert scripted_set.count("createIndexes", "insert") == 0
        scripted_set.step_up()
        recovers(daemon)


def test_not_primary_in_the_answer_only(scripted_set: ScriptedServer) -> None:
    """hello still says primary: the member has stepped down since the last heartbeat."""
    scripted_set.on("createIndexes", times=2, error={"code": 10107, "errmsg": "not primary"})
    with start(scripted_set) as daemon:
        recovers(daemon)
        assert scripted_set.count("createIndexes") >= 3
        said = daemon.wait_message("The database is not ready yet: ")
        assert said["code"] == "no_primary" and "not primary" in said["msg"]


def test_step_down_while_waiting(scripted_set: ScriptedServer) -> None:
    """In the middle of an index build, with an application waiting for the gate."""
    scripted_set.on("createIndexes", times=1, hang=True)
    with start(scripted_set) as daemon:
        waiter = daemon.waiter("echo", "the application runs")
        scripted_set.wait_held()
        daemon.wait_state("initializing")
        scripted_set.step_down()  # interrupts the build with 11602
        says(fails_with(daemon, "no_primary"), "interrupted", "changing its role")
        assert waiter.running and "the application" not in waiter.output()
        scripted_set.step_up()
        recovers(daemon)
        assert waiter.wait() == 0 and "the application runs" in waiter.output()


# Credentials.


def test_wrong_password(scripted: ScriptedServer) -> None:
    uri = scripted.uri(credentials=f"app:{PASSWORD}")
    with start(scripted, uri, init={"auth_grace": "2s"}) as daemon:
        fails_with(daemon, "auth_failed", "connecting")  # secrets arrive late
        status = fails_with(daemon, "auth_failed", "failed")
        says(status, "authentication failed", "user, password")
        everything = daemon.log_text() + str(status) + daemon.request("/v1/status").body
        assert PASSWORD not in everything
        ends_in_time(daemon)


# Silence.


def test_hang_after_accept(scripted: ScriptedServer) -> None:
    scripted.on("accept", hang=True)
    with start(scripted) as daemon:
        says(fails_with(daemon, "timeout"), "in time")
        scripted.clear()
        recovers(daemon)


def test_ending_while_nothing_answers(scripted: ScriptedServer) -> None:
    scripted.on("accept", hang=True)
    with start(scripted) as daemon:
        scripted.wait_held()
        ends_in_time(daemon)


@pytest.mark.parametrize("command", ["hello", "find", "createIndexes", "insert"])
def test_hang_in_the_middle_of_an_answer(scripted: ScriptedServer, command: str) -> None:
    """Half of an answer is no answer: not open, probes go on, and the rest of it is enough."""
    # Several connections say hello, and one that is answered may be enough.
    scripted.on(command, times=-1 if command == "hello" else 1, hang_mid_answer=True)
    with start(scripted) as daemon:
        scripted.wait_held()
        status = daemon.wait_state("connecting", "initializing", "verifying")
        assert not status["open"]
        for _ in range(20):
            assert daemon.codes() == (200, 503)
        scripted.clear()
        recovers(daemon)


@pytest.mark.parametrize("command", ["hello", "find", "createIndexes"])
def test_ending_in_the_middle_of_an_answer(scripted: ScriptedServer, command: str) -> None:
    scripted.on(command, hang_mid_answer=True)
    with start(scripted) as daemon:
        scripted.wait_held()
        ends_in_time(daemon)


def test_a_connection_that_breaks_before_and_after(scripted: ScriptedServer) -> None:
    """The build may have happened or not: either way the next attempt ends well, and once."""
    scripted.on("createIndexes", times=1, disconnect="before")
    scripted.on("createIndexes", times=1, disconnect="after")
    with start(scripted) as daemon:
        recovers(daemon)
        indexes = scripted.run("shop", {"listIndexes": "orders"})["cursor"]["firstBatch"]
        assert [index["name"] for index in indexes] == ["_id_", "customer", "number"]


# Versions.


def test_unknown_reply_fields(scripted_set: ScriptedServer) -> None:
    scripted_set.configure(extra_fields=True, version="99.1.0", max_wire=99)
    with start(scripted_set) as daemon:
        recovers(daemon)
        code, output = daemon.plan()
        assert code == 0, output  # nothing to do: what is not known is not a difference


def test_a_server_too_old(scripted: ScriptedServer) -> None:
    scripted.configure(max_wire=5, version="3.4.24")
    with start(scripted) as daemon:
        status = fails_with(daemon, "server_too_old", "failed")
        says(status, "wire version", "MongoDB 4.2 or later")
        scripted.configure(max_wire=21, version="7.0.14")
        assert daemon.request("/v1/retry", method="POST").code in (200, 202)
        recovers(daemon)


@pytest.mark.parametrize("fault", ["wrong password", "too old"])
def test_failed_and_not_connected_is_unhealthy(scripted: ScriptedServer, fault: str) -> None:
    """The server answers hello all the time, but that is not being connected."""
    if fault == "too old":
        scripted.configure(max_wire=5)
    uri = scripted.uri(credentials=f"app:{PASSWORD}") if fault == "wrong password" else ""
    with start(scripted, uri, init={"auth_grace": "500ms"}) as daemon:
        daemon.wait_state("failed")
        daemon.wait_status(lambda s: not s["healthy"], "unhealthy")
        scripted.wait_count("hello", scripted.count("hello") + 1)  # the monitor's next look
        time.sleep(0.2)
        assert daemon.status()["state"] == "failed" and daemon.codes() == (503, 503)


# TLS on one side only.


def test_tls_where_none_is_expected(scripted: ScriptedServer) -> None:
    scripted.on("accept", tls_alert=True)
    with start(scripted) as daemon:
        says(fails_with(daemon, "tls_failed"), "tls", "tls=true")
        scripted.clear()
        recovers(daemon)


def test_tls_where_it_is_expected_and_absent(scripted: ScriptedServer) -> None:
    with start(scripted, scripted.uri("tls=true&tlsAllowInvalidCertificates=true")) as daemon:
        says(fails_with(daemon, "tls_failed"), "tls", "tls=true")
        # The driver says nothing in plain text; a bare hello finds out that it would be answered.
        (look, *more) = scripted.log()
        assert look["name"] == "hello" and look["app"] == ""
        assert {entry["name"] for entry in more} <= {"hello"}


# Nobody there.


def test_connection_refused(scripted: ScriptedServer) -> None:
    scripted.refuse_connections()
    with start(scripted) as daemon:
        says(fails_with(daemon, "connection_refused"), str(scripted.port), "start the database")
        scripted.accept_connections()
        recovers(daemon)


# What a good server sees.


def test_an_unchanged_schema_opens_with_one_find_and_no_write(scripted_set: ScriptedServer) -> None:
    with start(scripted_set) as daemon:
        recovers(daemon)
        assert daemon.stop()[0] == 0
    scripted_set.forget_log()
    with start(scripted_set) as daemon:
        recovers(daemon)
    finds = scripted_set.log("find")
    assert [entry["target"] for entry in finds] == ["_readygate"]
    assert finds[0]["readConcern"] == {"level": "majority"}
    writes = ("create", "createIndexes", "collMod", "insert", "update", "findAndModify")
    assert scripted_set.count(*writes) == 0


def test_writes_are_majority_writes_and_tell_who_made_them(scripted_set: ScriptedServer) -> None:
    with start(scripted_set) as daemon:
        recovers(daemon)
    changes = scripted_set.log("create", "createIndexes", "insert", "findAndModify")
    assert {entry["name"] for entry in changes} >= {"createIndexes", "insert"}
    for entry in changes:
        assert entry["writeConcern"]["w"] == "majority", entry
    for entry in scripted_set.log("create", "createIndexes"):
        assert entry["comment"].startswith("readygate:"), entry


def test_a_raised_version_is_written_by_compare_and_set(scripted_set: ScriptedServer) -> None:
    with start(scripted_set) as daemon:
        recovers(daemon)
    raised = SCHEMA.replace("version  = 1", "version  = 2").replace("customer_id", "client_id")
    raised = raised.replace('"customer"', '"client"')
    scripted_set.forget_log()
    with Daemon(scripted_set.uri(), raised) as daemon:
        recovers(daemon)
    # The lease, its renewal after verifying, and what was applied, which gives the lease back.
    assert [entry["target"] for entry in scripted_set.log("findAndModify")] == ["_readygate"] * 3
    (ledger,) = [
        found
        for found in scripted_set.run("shop", {"find": "_readygate"})["cursor"]["firstBatch"]
        if found["_id"] == "shop"
    ]
    assert ledger["applied"]["version"] == 2
    assert (ledger["token"], ledger["owner"], ledger["target"]) == (2, None, None)
    indexes = scripted_set.run("shop", {"listIndexes": "orders"})["cursor"]["firstBatch"]
    assert [one["name"] for one in indexes] == ["_id_", "customer", "number", "client"]


def test_a_member_that_does_not_answer_does_not_delay_the_start(
    scripted_set: ScriptedServer,
) -> None:
    with start(scripted_set) as first:
        first.wait_state("ready")
    with socket.create_server(("127.0.0.1", 0)) as silent:  # connections are made, and never served
        address = f"127.0.0.1:{silent.getsockname()[1]}"
        members = [scripted_set.address, address]
        for name in ("hello", "isMaster", "ismaster"):
            scripted_set.on(name, merge={"hosts": members})
        uri = scripted_set.uri().replace(scripted_set.address, ",".join(members))
        # Who waited for the other member would wait for a minute.
        with start(scripted_set, uri, mongodb={"connect_timeout": "60s"}) as daemon:
            daemon.wait_state("ready", timeout=30)
            silent.settimeout(0)
            silent.accept()[0].close()  # it was asked
