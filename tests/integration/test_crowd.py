"""What many replicas, or many collections, cost the server: commands, counted by kind."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator

import pytest
from bench import fifty

from support.gate import Daemon, wait_until
from support.scripted import ScriptedServer, scripted_set

__all__ = ["scripted_set"]  # a fixture, found by name

REPLICAS = 50
COLLECTIONS = 6
# Without the audit, which looks at the catalog once more at a random time after the opening.
POLICY = '[policy]\nverify = "ledger"\n'
SCHEMA = 'schema = "shop"\ndatabase = "shop"\nversion = 1\n' + POLICY
for number in range(COLLECTIONS):
    SCHEMA += f'[[collection]]\nname = "c{number}"\n'
    for field in "abc":
        SCHEMA += f'[[collection.index]]\nname = "by_{field}"\nkey = [["{field}", 1]]\n'
SETTINGS = {"mongodb": {"warm_connections": 1, "ping_period": "1h"}}
PERIOD = 20.0  # s, lease.period's default: its holder renews every quarter
POLL = PERIOD / 4 / 2  # s, the least time between two looks of one that waits


@pytest.fixture
def crowd(scripted_set: ScriptedServer) -> Iterator[list[Daemon]]:
    daemons = [Daemon(scripted_set.uri(), SCHEMA, settings=SETTINGS) for _ in range(REPLICAS)]
    yield daemons
    for daemon in daemons:
        daemon.close()


def test_of_fifty_replicas_one_works_and_the_others_only_look(
    scripted_set: ScriptedServer, crowd: list[Daemon]
) -> None:
    # Whoever applies hangs in its first build, until all the others wait.
    scripted_set.on("createIndexes", times=1, hang=True)
    begin = time.monotonic()
    for daemon in crowd:
        daemon.start(wait=False)
    scripted_set.wait_held(timeout=60)
    for daemon in crowd:
        wait_until(daemon._answers, 60, "every socket answers")
        daemon.wait_state("waiting", "initializing", timeout=60)
    scripted_set.release()
    for daemon in crowd:
        daemon.wait_state("ready", timeout=60)
    elapsed = time.monotonic() - begin
    counts = scripted_set.counts()

    appliers = [d for d in crowd if any(m.startswith("Applied to ") for m in d.messages())]
    assert len(appliers) == 1

    # Of these the others send none: nothing is written to the schema's objects, nothing is listed.
    assert counts["createIndexes"] == COLLECTIONS
    assert counts["listCollections"] == 2  # before and after
    assert counts["listIndexes"] == COLLECTIONS
    for command in ("create", "collMod", "dropIndexes", "update", "count"):
        assert counts.get(command, 0) == 0, counts

    # Warming: one ping each, beside the work or behind the open gate.
    assert counts["ping"] == REPLICAS
    # At most one try each to make the control document, and one to take the lease. The applier
    # renews before it records what it applied, records it, and renews every quarter of a period.
    assert 1 <= counts["insert"] <= REPLICAS
    renewals = math.ceil(elapsed / (PERIOD / 4))
    assert 3 <= counts["findAndModify"] <= REPLICAS + 2 + renewals
    # One find to begin with, one after a lost race, and a look from time to time while waiting.
    looks = math.ceil(elapsed / POLL)
    assert REPLICAS <= counts["find"] <= REPLICAS + (REPLICAS - 1) * (1 + looks)
    # Connections: the driver's monitor, one for the ledger, one for calls, one for the lease.
    assert counts["accept"] <= 4 * REPLICAS


def test_an_unchanged_schema_of_300_indexes_opens_with_one_command(
    scripted_set: ScriptedServer,
) -> None:
    schema = fifty.schema_file("shop") + POLICY
    with Daemon(scripted_set.uri(), schema, settings=SETTINGS) as daemon:
        daemon.wait_state("ready", timeout=60)
    scripted_set.forget_log()
    with Daemon(scripted_set.uri(), schema, settings=SETTINGS) as daemon:
        daemon.wait_state("ready", timeout=60)
        counts = scripted_set.counts()
    handshakes = {"accept", "hello", "isMaster", "ismaster"}
    work = {name: count for name, count in counts.items() if name not in handshakes}
    work.pop("ping", None)  # behind the open gate: the warm connection that stays
    work.pop("endSessions", None)  # and then the one of the find is closed
    assert work == {"find": 1}
