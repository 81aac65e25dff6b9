"""Many replicas of one service: one of them initializes, whatever happens to it, and all open."""

from __future__ import annotations

import random
import signal
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import Any

import pytest
from pymongo import MongoClient

from support.gate import Daemon, wait_until
from support.proxy import TcpProxy

MakeDaemon = Callable[..., Daemon]

REPLICAS = 50
KILLS = 200
AT_ONCE = 4  # databases in which replicas are killed side by side

# The shortest lease that is allowed: what takes 20 s in production takes a second here.
QUICK_LEASE = {
    "lease": {"period": "1s", "margin": "300ms"},
    "init": {"backoff": {"initial": "20ms", "max": "200ms"}, "failed_retry": "1s"},
    "mongodb": {"warm_connections": 1},
}


def schema(database: str, version: int = 1, collections: int = 6) -> str:
    """Collections with three indexes each."""
    text = f'schema = "shop"\ndatabase = "{database}"\nversion = {version}\nmin_open = 1\n'
    for number in range(collections):
        text += f'[[collection]]\nname = "c{number}"\n'
        for field in ("a", "b", "c"):
            text += f'[[collection.index]]\nname = "by_{field}"\nkey = [["{field}", 1]]\n'
            if field == "c":
                text += "unique = true\n"
    return text


def catalog(client: MongoClient, database: str) -> dict[str, Any]:
    """What a schema leaves in a database, but for the control documents."""
    return {
        name: client[database][name].index_information()
        for name in sorted(client[database].list_collection_names())
        if name != "_readygate"
    }


def leaves(client: MongoClient, database: str, expected: dict[str, Any], when: str = "") -> None:
    """It has that catalog, and no holder of the lease.

    Soon: a session of the embedded engine may not see for a moment what another one has made.
    """
    wait_until(
        lambda: (
            catalog(client, database) == expected
            and ledger(client, database).get("owner", "unseen") is None
        ),
        5,
        f"{database} has what the schema declares, and nobody holds its lease {when}",
        seen=lambda: f"{catalog(client, database)}\n{ledger(client, database)}",
    )


def ledger(client: MongoClient, database: str) -> dict[str, Any]:
    return client[database]["_readygate"].find_one({"_id": "shop"}) or {}


def applied_by(daemon: Daemon) -> int:
    """How many commands this replica says that it applied: indexes bring their collection along."""
    messages = (m for m in daemon.messages() if m.startswith("Applied to "))
    return sum(1 for message in messages if not message.endswith(": create collection"))


@pytest.fixture
def databases(client: MongoClient, database: str) -> Iterator[list[str]]:
    names = [f"{database}_{number}" for number in range(AT_ONCE)]
    yield names
    for name in names:
        client.drop_database(name)


def test_of_fifty_replicas_that_start_at_once_exactly_one_applies_and_all_open(
    engine: Any, client: MongoClient, database: str
) -> None:
    with ExitStack() as stack:
        daemons = [
            Daemon(engine.uri, schema(database), settings={"mongodb": {"warm_connections": 1}})
            for _ in range(REPLICAS)
        ]
        for daemon in daemons:
            stack.callback(daemon.close)
        for daemon in daemons:
            daemon.start(wait=False)
        for daemon in daemons:
            wait_until(
                lambda d=daemon: d.probe("/health/ready").code == 200,
                90,
                "every replica opens",
                seen=lambda d=daemon: d.log_text()[-2000:],
            )
        appliers = [daemon for daemon in daemons if applied_by(daemon) > 0]
        assert len(appliers) == 1
        assert applied_by(appliers[0]) == 6  # each collection with its indexes
        found = ledger(client, database)
        assert found["token"] == 1
        assert found["owner"] is None
        assert found["applied"]["by"] == appliers[0].status()["instance_id"]


def finish(engine: Any, database: str, collections: int = 6) -> None:
    """A replica that nobody disturbs opens."""
    wanted = schema(database, collections=collections)
    with Daemon(engine.uri, wanted, settings=QUICK_LEASE) as daemon:
        daemon.wait_state("ready", timeout=30)


def test_whenever_the_applier_is_killed_a_new_one_finishes_and_the_catalog_is_the_same(
    engine: Any, client: MongoClient, databases: list[str]
) -> None:
    started = time.monotonic()
    finish(engine, databases[0])
    alone = time.monotonic() - started
    expected = catalog(client, databases[0])
    assert len(expected) == 6
    # Four at once take longer than one: twice its time reaches from before the work until after it.
    dice = random.Random(20261123)
    moments = [dice.uniform(0.0, 2 * alone) for _ in range(KILLS)]
    killed_while_holding = []

    def kill_and_finish(work: tuple[str, list[float]]) -> None:
        database, delays = work
        with MongoClient(engine.uri) as own:
            for delay in delays:
                own.drop_database(database)
                with Daemon(engine.uri, schema(database), settings=QUICK_LEASE) as victim:
                    time.sleep(delay)
                    victim.send_signal(signal.SIGKILL)
                    victim.wait_exit()
                if ledger(own, database).get("owner"):
                    killed_while_holding.append(delay)
                finish(engine, database)
                leaves(own, database, expected, f"(killed after {delay:.3f} s)")

    shares = [(name, moments[index::AT_ONCE]) for index, name in enumerate(databases)]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        list(pool.map(kill_and_finish, shares))
    # The moments are worth something only if they fall into the work.
    assert len(killed_while_holding) > KILLS / 10


def test_a_holder_stopped_past_its_lease_sends_nothing_more(
    engine: Any, client: MongoClient, database: str, proxy: TcpProxy, make_daemon: MakeDaemon
) -> None:
    # So many that much is left to do when it stops.
    finish(engine, database + "_expected", collections=40)
    expected = catalog(client, database + "_expected")
    client.drop_database(database + "_expected")

    many = schema(database, collections=40)
    holder = make_daemon(proxy.uri, many, settings=QUICK_LEASE).start()
    seen = threading.Event()

    def holding() -> bool:
        if holder.status()["state"] == "initializing" and applied_by(holder) >= 1:
            holder.send_signal(signal.SIGSTOP)
            seen.set()
        return seen.is_set()

    wait_until(holding, 10, "the first replica is at work")
    # By what the server has: a stopped process may still owe lines of its log.
    done_before = len([name for name in client[database].list_collection_names() if name[0] != "_"])
    heir = make_daemon(engine.uri, many, settings=QUICK_LEASE).start()
    heir.wait_state("ready", timeout=20)
    assert applied_by(heir) >= 1
    # More than 2 where the machine was so busy that the heir, too, lost its lease and won it again.
    token = ledger(client, database)["token"]
    assert token >= 2
    leaves(client, database, expected)

    holder.send_signal(signal.SIGCONT)
    holder.wait_state("ready", timeout=20)
    # At most one command per worker had been checked already and could land late: of these, which
    # work through no documents, twice mongodb.parallelism.
    assert applied_by(holder) - done_before <= 2 * 4
    leaves(client, database, expected)
    found = ledger(client, database)
    assert found["token"] == token and found["owner"] is None
    assert found["applied"]["by"] == heir.status()["instance_id"]
