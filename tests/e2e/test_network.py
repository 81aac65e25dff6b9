"""A network that fails in each of the ways that networks do, in each phase of a start.

The daemon talks to the database through two forwarders: Toxiproxy has the faults, and behind it a
TcpProxy holds the one command that a phase hangs on, so that the fault comes in that phase and in
no other. The phase is seen before the fault is switched on; and a fault that cannot be lived with
is seen in the daemon's own words before it is taken away. Afterwards the gate opens, nothing is
left to do, and it is still the same process.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest
from pymongo import MongoClient

from support.engine.install import InstallError
from support.gate import Daemon
from support.proxy import TcpProxy, through
from support.toxiproxy import Link, Toxiproxy

MakeDaemon = Callable[..., Daemon]

# A lease of two seconds: an ambiguous answer is waited out soon, and a slow answer is in time.
SETTINGS = {
    "lease": {"period": "2s", "margin": "300ms"},
    "init": {"backoff": {"initial": "20ms", "max": "200ms"}, "failed_retry": "1s"},
    "mongodb": {"connect_timeout": "500ms", "ping_period": "200ms"},
    "gate": {"unready_after": "500ms"},
}
COLLECTIONS = 4
SCHEMA = 'schema = "shop"\ndatabase = "shop"\nversion = 1\nmin_open = 1\n' + "".join(
    f'[[collection]]\nname = "c{number}"\n'
    '[[collection.index]]\nname = "by_a"\nkey = [["a", 1]]\n'
    '[[collection.index]]\nname = "by_b"\nkey = [["b", -1]]\nunique = true\n'
    for number in range(COLLECTIONS)
)
CATALOG = {
    f"c{number}": {"_id_": False, "by_a": False, "by_b": True} for number in range(COLLECTIONS)
}


@dataclass(frozen=True)
class Phase:
    state: str
    held: bytes = b""  # what the phase waits for, as bytes that only that command contains


PHASES = {
    "connecting": Phase("connecting", b"helloOk"),
    "acquiring": Phase("connecting", b"findAndModify"),
    "applying": Phase("initializing", b"createIndexes"),
    "verifying": Phase("verifying", b"listIndexes"),
    "ready": Phase("ready"),
}


@dataclass(frozen=True)
class Fault:
    toxics: tuple[tuple[str, str, dict[str, int]], ...]  # kind, stream, attributes
    bearable: bool  # the gate opens and stays open in spite of it
    server_closes: bool = False  # every connection, as soon as the fault is there


FAULTS = {
    # Well below an eighth of the lease's period, which is how long a write of the lease may take.
    "latency": Fault((("latency", "downstream", {"latency": 60, "jitter": 30}),), bearable=True),
    "bandwidth": Fault(  # KB/s
        (("bandwidth", "downstream", {"rate": 20}), ("bandwidth", "upstream", {"rate": 20})),
        bearable=True,
    ),
    "reset_peer": Fault((("reset_peer", "downstream", {"timeout": 0}),), bearable=False),
    # Every byte is lost, the connection is there: only a time limit ends that.
    "timeout": Fault((("timeout", "downstream", {"timeout": 0}),), bearable=False),
    # The end of a connection is late: what hangs on it is not over, and not answered either.
    "slow_close": Fault(
        (("slow_close", "downstream", {"delay": 300}),), bearable=True, server_closes=True
    ),
}


@pytest.fixture(scope="module")
def network() -> Iterator[Toxiproxy]:
    try:
        started = Toxiproxy()
    except InstallError as why:
        pytest.skip(f"Toxiproxy cannot be made here: {why}")
    with started:
        yield started


@pytest.fixture
def link(network: Toxiproxy, proxy: TcpProxy) -> Iterator[Link]:
    made = network.link("127.0.0.1", proxy.port)
    yield made
    made.close()


def catalog(client: MongoClient, database: str) -> dict[str, dict[str, bool]]:
    """Each collection's indexes, and whether they are unique."""
    return {
        name: {
            index: bool(options.get("unique"))
            for index, options in client[database][name].index_information().items()
        }
        for name in client[database].list_collection_names()
        if name != "_readygate"
    }


def suffers(daemon: Daemon, phase: Phase) -> None:
    """Until the daemon says that something is wrong."""
    if phase.state == "ready":
        daemon.wait_state("degraded")
    else:
        daemon.wait_message("The database is not ready yet: ", timeout=20)


@pytest.mark.parametrize("phase", PHASES.values(), ids=PHASES.keys())
@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS.keys())
def test_a_bad_network_in_a_phase_of_the_start(
    fault: Fault,
    phase: Phase,
    link: Link,
    proxy: TcpProxy,
    client: MongoClient,
    database: str,
    make_daemon: MakeDaemon,
) -> None:
    def switch_on() -> None:
        for kind, stream, attributes in fault.toxics:
            link.add(kind, stream=stream, **attributes)
        if fault.server_closes:
            proxy.reset()

    daemon = make_daemon(through(proxy.uri, link.port), SCHEMA, settings=SETTINGS)
    if phase.held:
        with proxy.hold(phase.held) as held:
            daemon.start()
            assert held.wait(20)
            daemon.wait_state(phase.state)
            switch_on()
    else:
        daemon.start()
        daemon.wait_state(phase.state)
        switch_on()

    if not fault.bearable:
        suffers(daemon, phase)
        assert daemon.codes()[1] == 503
        link.heal()
    daemon.wait_state("ready", timeout=30)
    link.heal()
    daemon.wait_status(lambda s: s["ready"] and s["reachable"], "ready for good")
    assert daemon.codes() == (200, 200)
    assert daemon.plan()[0] == 0  # nothing is left to do
    assert catalog(client, database) == CATALOG
    assert "failed" not in daemon.states()  # a bad network is waited for
    assert daemon.stop()[0] == 0
