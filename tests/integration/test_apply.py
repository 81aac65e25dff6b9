"""`readygate apply`, `history` and `unlock`: once, and what is there afterwards."""

from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
from typing import Any

import pytest

from support.gate import Daemon, Process, bare_environment, readygate, wait_until
from support.scripted import ScriptedServer, scripted, scripted_set

__all__ = ["scripted", "scripted_set"]  # fixtures, found by name

SCHEMA = """
schema   = "shop"
database = "shop"
version  = 3

[[collection]]
name = "orders"

  [[collection.index]]
  name = "customer"
  key  = [["customer_id", 1]]

[[seed]]
collection = "orders"
mode = "merge"
docs = '[{ "_id": 1, "state": "new" }]'
"""


def gate(server: ScriptedServer, schema: str = SCHEMA, **settings: Any) -> Daemon:
    """Nothing is started: for its folder, its configuration and its options."""
    return Daemon(server.uri(), schema, settings=settings)


def apply(of: Daemon, *arguments: str) -> tuple[int, dict[str, Any]]:
    """`apply --format json`: the exit code and what it printed."""
    done = of.apply(*arguments, timeout=20)
    return done.exit_code, done.facts


def ledger(server: ScriptedServer) -> dict[str, Any]:
    """The control document."""
    command = {"find": "_readygate", "filter": {"_id": "shop"}}
    found: dict[str, Any] = server.run("shop", command)["cursor"]["firstBatch"][0]
    return found


def test_apply_does_the_job_once(scripted_set: ScriptedServer) -> None:
    """Applied, then nothing to do; the lease is free afterwards, and the plan empty."""
    of = gate(scripted_set)
    code, facts = apply(of)
    assert (code, facts["outcome"], facts["steps"]) == (0, "applied", 2)
    assert facts["schema"]["version"] == 3 and facts["background"] == []
    assert ledger(scripted_set)["owner"] is None
    assert of.plan()[0] == 0
    code, facts = apply(of)
    assert (code, facts["outcome"], facts["steps"]) == (0, "unchanged", 0)


def test_apply_only_looks_where_its_flag_says_so(scripted_set: ScriptedServer) -> None:
    """As `helm test` does: nothing is made, and what others make is waited for."""
    of = gate(scripted_set)
    code, facts = apply(of, "--init-mode=verify", "--init-timeout=1s")
    assert (code, facts["outcome"], facts["code"]) == (124, "failed", "init_timeout")
    assert scripted_set.run("shop", {"listCollections": 1})["cursor"]["firstBatch"] == []
    assert apply(of)[0] == 0
    token = ledger(scripted_set)["token"]
    code, facts = apply(of, "--init-mode=verify")
    assert (code, facts["outcome"], facts["steps"]) == (0, "unchanged", 0)
    assert ledger(scripted_set)["token"] == token


def test_apply_works_for_daemons_that_only_look(scripted_set: ScriptedServer) -> None:
    """They and the job may share a configuration file."""
    code, facts = apply(gate(scripted_set, init={"mode": "verify"}))
    assert (code, facts["outcome"]) == (0, "applied")


def test_apply_ends_with_the_first_failure_that_waiting_cannot_mend(
    scripted_set: ScriptedServer,
) -> None:
    """Not retried every failed_retry, as the daemon does."""
    scripted_set.on("createIndexes", error=67)
    code, facts = apply(gate(scripted_set))
    assert (code, facts["outcome"], facts["code"]) == (69, "failed", "refused_by_server")
    assert facts["reason"]


def test_apply_gives_up_at_init_timeout(scripted_set: ScriptedServer) -> None:
    """A database that does not come: 124."""
    scripted_set.step_down()
    code, facts = apply(gate(scripted_set), "--init-timeout", "500ms")
    assert (code, facts["outcome"], facts["code"]) == (124, "failed", "init_timeout")


def test_apply_gives_the_lease_back_when_it_is_ended(scripted_set: ScriptedServer) -> None:
    """SIGTERM in the middle of the work: nobody has to wait for the lease to run out."""
    of = gate(scripted_set)
    scripted_set.on("listCollections", hang=True)
    with Process(
        [readygate(), "apply", *of.options(), "--format", "json"], name="apply"
    ) as process:
        wait_until(lambda: scripted_set.held or None, 10, "the catalog to be read")
        assert ledger(scripted_set)["owner"]
        process.popen.send_signal(signal.SIGTERM)
        assert process.wait(10) == 128 + signal.SIGTERM
        assert '"outcome":"interrupted"' in process.output()
    assert ledger(scripted_set)["owner"] is None


def test_apply_leaves_background_migrations_unless_asked(scripted_set: ScriptedServer) -> None:
    """They are named; with --background they are done."""
    scripted_set.run("shop", {"insert": "orders", "documents": [{"_id": 5, "old": 1}]})
    migration = """
[[migration]]
id = "0001-old"
phase = "background"
  [migration.batch]
  collection = "orders"
  filter = '{ "old": { "$exists": true } }'
  update = '{ "$unset": { "old": 1 } }'
"""
    of = gate(scripted_set, SCHEMA + migration)
    code, facts = apply(of)
    assert (code, facts["background"]) == (0, ["0001-old"])
    code, facts = apply(of, "--background")
    assert (code, facts["background"]) == (0, [])
    found = scripted_set.run("shop", {"find": "orders", "filter": {"_id": 5}})
    assert found["cursor"]["firstBatch"] == [{"_id": 5}]


def test_apply_draws_a_bar_on_a_terminal(scripted_set: ScriptedServer) -> None:
    """One line that is drawn anew; without a terminal there is none of it."""
    of = gate(scripted_set)
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [readygate(), "apply", *of.options()],
        env=bare_environment(),
        stdout=subprocess.PIPE,
        stderr=theirs,
        text=True,
    )
    os.close(theirs)
    drawn = b""
    try:
        while chunk := os.read(ours, 4096):
            drawn += chunk
    except OSError:  # the other end is closed
        pass
    output, _ = process.communicate(timeout=20)
    assert process.returncode == 0
    assert output.startswith("Applied schema shop version 3 to database shop: 2 steps in ")
    assert b"] 1/2" in drawn and b"\r\x1b[K[" in drawn
    assert b'"level"' not in drawn


def test_history_says_what_when_by_whom_and_how_long(scripted_set: ScriptedServer) -> None:
    """The version and the seed, oldest first, in both forms."""
    of = gate(scripted_set)
    empty = of.run("history", *of.options())
    assert empty == (0, "Schema shop was never applied to database shop.")
    assert apply(of)[0] == 0
    code, text = of.run("history", *of.options())
    assert (
        code == 0 and "version 3" in text and "seed orders" in text and os.uname().nodename in text
    )
    code, text = of.run("history", *of.options(), "--format", "json")
    entries = json.loads(text)["entries"]
    assert [(e["kind"], e["what"], e["state"]) for e in entries] == [
        ("seed", "orders", "done"),
        ("version", "3", "done"),
    ]
    version = entries[1]
    assert version["at"].startswith("20") and len(version["by"]) == 32
    assert version["host"] == os.uname().nodename and version["took_ms"] > 0
    assert entries[0]["documents"] == 1 and entries[0]["took_ms"] is not None


def held(server: ScriptedServer) -> None:
    """The lease in the hands of a holder that lives for ever, half-way to version 4."""
    update = {
        "$set": {"owner": "a" * 32, "step": "orders: build", "target": {"version": 4, "hash": "00"}}
    }
    command = {"findAndModify": "_readygate", "query": {"_id": "shop"}, "update": update}
    server.run("shop", command)


def test_unlock_takes_the_lease_and_raises_the_token(scripted_set: ScriptedServer) -> None:
    """What the former holder sends finds another token."""
    of = gate(scripted_set)
    assert apply(of)[0] == 0
    before = ledger(scripted_set)
    assert of.run("unlock", *of.options())[1].startswith("Nothing to unlock: the lease is free")
    held(scripted_set)
    code, text = of.run("unlock", *of.options())
    assert code == 1 and "give --yes" in text  # it asks, and nobody is there
    assert ledger(scripted_set)["owner"] == "a" * 32
    code, text = of.run("unlock", *of.options(), "--yes")
    assert code == 0 and "held by " + "a" * 32 in text
    after = ledger(scripted_set)
    assert after["owner"] is None and after["token"] == before["token"] + 1
    assert after["target"]["version"] == 4  # a newer version is still on its way


def test_unlock_abandons_a_target(scripted_set: ScriptedServer) -> None:
    """Then the older version applies again, and no index stays half-way to unique."""
    of = gate(scripted_set)
    assert apply(of)[0] == 0
    held(scripted_set)
    prepare = {"collMod": "orders", "index": {"name": "customer", "prepareUnique": True}}
    assert scripted_set.run("shop", prepare)["ok"] == 1
    code, text = of.run("unlock", *of.options(), "--yes", "--abandon-target", "--format", "json")
    assert code == 0
    facts = json.loads(text)
    assert facts["unlocked"] and facts["abandoned_version"] == 4
    assert facts["reset"] == ["orders.customer"]
    assert ledger(scripted_set)["target"] is None and ledger(scripted_set)["owner"] is None
    assert of.plan()[0] == 0


@pytest.mark.parametrize("quorum, sent", [("majority", "majority"), ("1", 1), ("", None)])
def test_commit_quorum_goes_with_index_builds(
    scripted_set: ScriptedServer, quorum: str, sent: Any
) -> None:
    """As a number where it is one; left to the server where nothing is said."""
    rule = scripted_set.on("createIndexes", match={"commitQuorum": sent} if sent else {}, error=67)
    code, _ = apply(gate(scripted_set, init={"commit_quorum": quorum}))
    assert code == 69  # the rule saw what it looks for
    scripted_set.forget(rule)
    if not sent:
        return
    with ScriptedServer() as standalone:
        standalone.on("createIndexes", match={"commitQuorum": sent}, error=67)
        assert apply(gate(standalone, init={"commit_quorum": quorum}))[0] == 0


def test_a_long_build_is_shown_with_its_percentage(scripted_set: ScriptedServer) -> None:
    """From $currentOp, by the comment of our commands; in status, public and full."""
    rule = scripted_set.on("createIndexes", hang=True)
    scripted_set.current_operations(
        {
            "desc": "IndexBuildsCoordinatorMongod-0",
            "msg": "Index Build: scanning collection",
            "progress": {"done": 43, "total": 100},
            "command": {"createIndexes": "orders", "comment": "readygate:1", "$db": "shop"},
        },
        {
            "desc": "conn7",
            "command": {"createIndexes": "orders", "comment": "readygate:1", "$db": "shop"},
        },
        {
            "desc": "IndexBuildsCoordinatorMongod-1",
            "progress": {"done": 1, "total": 100},
            "command": {"createIndexes": "orders", "comment": "readygate:1", "$db": "other"},
        },
    )
    with gate(scripted_set) as daemon:
        status = daemon.wait_status(
            lambda s: s["phase"]["percent"] == 43, "the percentage is known", 15
        )
        assert status["phase"]["what"].startswith("orders: ") and status["phase"]["name"] == "apply"
        assert "(43%)" in daemon.run("status", "--socket", str(daemon.socket))[1]
        scripted_set.forget(rule)
        scripted_set.release()
        daemon.wait_state("ready")


def test_a_build_that_stands_still_ends_the_attempt(scripted_set: ScriptedServer) -> None:
    """The next attempt joins it, once the lease has run out, and the gate opens."""
    rule = scripted_set.on("createIndexes", hang=True)
    scripted_set.current_operations(
        {
            "desc": "IndexBuildsCoordinatorMongod-0",
            "progress": {"done": 43, "total": 100},
            "command": {"createIndexes": "orders", "comment": "readygate:1", "$db": "shop"},
        }
    )
    settings = {"init": {"stall_timeout": "1s"}, "lease": {"period": "2s"}}
    with gate(scripted_set, **settings) as daemon:
        status = daemon.wait_status(lambda s: s["code"] == "build_stalled", "the stall is seen", 15)
        assert "43 of 100" in status["reason"]
        scripted_set.current_operations()
        scripted_set.forget(rule)  # the new attempt's command is answered; the old one hangs on
        daemon.wait_state("ready", timeout=20)
        assert daemon.status()["attempt"] >= 2
        scripted_set.release()
