"""The Secret with the connection string changes under a pod that runs."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from pymongo import MongoClient
from shop import APPLICATION, GATE_PORT, SIDECAR, START_TIMEOUT, Shop

from support.gate.process import wait_until
from support.node.node import Node
from support.node.record import condition, container, running_since
from support.proxy import TcpProxy

UNREADY_AFTER = 2  # s


@pytest.fixture
def elsewhere(node: Node, engine: Any) -> Iterator[TcpProxy]:
    """Another way to the same database: what a changed Secret names."""
    with TcpProxy.in_front_of(engine.uri, address=node.gateway) as proxy:
        yield proxy


def assert_same_processes(shop: Shop) -> None:
    for name in (SIDECAR, APPLICATION):
        assert container(shop.pod(), name)["restartCount"] == 0
    assert "Killing" not in shop.reasons()


def test_a_changed_secret_opens_a_gate_that_waits(
    make_shop: Callable[..., Shop], elsewhere: TcpProxy, client: MongoClient
) -> None:
    """The first one names an address that nobody listens on."""
    shop = make_shop(refusing=True)
    shop.install()
    shop.pods.wait(
        lambda pods: any(running_since(pod, SIDECAR) for pod in pods.values()),
        START_TIMEOUT,
        "the sidecar runs",
    )
    shop.change_secret(elsewhere.uri)
    shop.wait_ready(1)
    assert shop.database.connections == 0
    assert "customer" in client[shop.database_name]["orders"].index_information()
    assert_same_processes(shop)


def test_a_changed_secret_is_used_while_the_pod_serves(
    make_shop: Callable[..., Shop], elsewhere: TcpProxy
) -> None:
    """The old address ends once the new one is in use, and nobody notices."""
    shop = make_shop()
    shop.install(more={"config": {"gate": {"unready_after": f"{UNREADY_AFTER}s"}}})
    (pod,) = shop.wait_ready(1)
    facts = shop.facts(pod)
    seen = len(shop.pods.versions())
    shop.change_secret(elsewhere.uri)
    wait_until(
        lambda: elsewhere.connections, START_TIMEOUT, "the sidecar connects elsewhere", pause=0.2
    )
    shop.database.refuse()

    # A loss would be seen by then: docs/operations.md says 7 s where connections are refused.
    until = time.monotonic() + UNREADY_AFTER + 15
    while time.monotonic() < until:
        assert shop.get(pod, "/readyz", GATE_PORT).status_code == 200
        assert shop.facts(pod) == facts
        time.sleep(0.5)
    assert all(condition(one, "Ready") for one in shop.pods.versions()[seen:])
    assert_same_processes(shop)
