"""Several pods: versions that follow each other, many replicas at once, pods that go."""

from __future__ import annotations

import datetime
import signal
import threading
from collections.abc import Callable
from functools import partial
from typing import Any

import httpx
import pytest
from pymongo import MongoClient
from shop import APPLICATION, PORT, SIDECAR, START_TIMEOUT, Load, Shop

from support.gate.process import wait_until
from support.node.record import condition, container, ready_addresses, running_since


def ledger(client: MongoClient, shop: Shop) -> dict[str, Any]:
    """The document in which the replicas agree."""
    found = client[shop.database_name]["_readygate"].find_one({"_id": "shop"})
    assert found
    return found


def indexes(client: MongoClient, shop: Shop) -> set[str]:
    return set(client[shop.database_name]["orders"].index_information()) - {"_id_"}


def assert_nothing_restarted(shop: Shop) -> None:
    for pod in shop.pods.versions():
        for name in (SIDECAR, APPLICATION):
            assert container(pod, name).get("restartCount", 0) == 0


def test_a_new_schema_rolls_out_and_back(
    make_shop: Callable[..., Shop], client: MongoClient
) -> None:
    """Both versions serve side by side, and there is always a ready endpoint that answers."""
    shop = make_shop()
    shop.install(version=1, replicas=2)
    shop.wait_ready(2)
    assert (ledger(client, shop)["applied"]["version"], indexes(client, shop)) == (1, {"customer"})
    wait_until(
        lambda: len(ready_addresses(shop.endpoints.newest())) == 2, 10, "both endpoints are ready"
    )

    with Load(shop) as load:
        shop.upgrade(version=2)
        shop.wait_version(2, replicas=2)
        newer = len(load.answers)
        assert ledger(client, shop)["applied"]["version"] == 2
        assert indexes(client, shop) == {"customer", "placed"}

        shop.rollback()
        shop.wait_version(1, replicas=2)
    assert ledger(client, shop)["applied"]["version"] == 2, "going back takes nothing away"
    assert indexes(client, shop) == {"customer", "placed"}

    versions = [answer["version"] for answer in load.answers]
    first = versions.index("2")
    assert "1" in versions[first:newer], "for a while both served"
    assert (load.failures, load.moments_without) == ([], 0)
    assert_nothing_restarted(shop)


def test_of_twelve_pods_one_applies(make_shop: Callable[..., Shop], client: MongoClient) -> None:
    """A fresh database and one pod that is at work on it, then eleven beside it, which wait."""
    shop = make_shop()
    with shop.database.hold(b"createIndexes") as build:
        shop.install(replicas=1)
        assert build.wait(START_TIMEOUT)
        (first,) = shop.pods.newest()
        holder = ledger(client, shop)
        shop.scale(12)
        shop.pods.wait(
            lambda pods: sum(bool(running_since(pod, SIDECAR)) for pod in pods.values()) == 12,
            START_TIMEOUT * 2,
            "twelve sidecars run",
        )
        assert not any(running_since(pod, APPLICATION) for pod in shop.pods.newest().values())
    shop.wait_ready(12, START_TIMEOUT * 2)
    after = ledger(client, shop)
    assert after["token"] == holder["token"], "nobody else ever took the lease"
    assert after["applied"]["host"] == first
    assert_nothing_restarted(shop)


@pytest.mark.parametrize("mode", ["native", "container"])
def test_a_pod_that_is_deleted_fails_no_request(make_shop: Callable[..., Shop], mode: str) -> None:
    """The application ends with its requests answered, and before a native sidecar."""
    shop = make_shop()
    shop.install(replicas=2, mode=mode)
    gone, _ = shop.wait_ready(2)
    name = gone["metadata"]["name"]
    slow: list[int] = []

    def ask_slowly() -> None:
        url = f"http://{gone['status']['podIP']}:{PORT}/slow"
        slow.append(httpx.get(url, timeout=30).status_code)

    with Load(shop) as load:
        wait_until(lambda: len(load.answers) > 10, 30, "requests are answered")
        asking = threading.Thread(target=ask_slowly)
        asking.start()
        shop.api.delete("pods", name, shop.namespace)
        shop.pods.wait(lambda pods: name not in pods, START_TIMEOUT, "the pod is gone")
        shop.wait_ready(2)
        asking.join()
    assert (load.failures, load.moments_without, slow) == ([], 0, [200])

    last = shop.pods.versions(name)[-1]
    ends = {one: container(last, one)["state"]["terminated"] for one in (APPLICATION, SIDECAR)}
    assert ends[APPLICATION]["exitCode"] == 0
    assert moment(ends[APPLICATION]["finishedAt"]) <= moment(ends[SIDECAR]["finishedAt"])
    assert ends[SIDECAR]["exitCode"] in (0, 128 + signal.SIGTERM)


def moment(text: str) -> datetime.datetime:
    return datetime.datetime.fromisoformat(text)


def test_a_drained_node_fails_no_request(make_shop: Callable[..., Shop]) -> None:
    """As `kubectl drain` does it: an eviction for each pod, kept apart by the disruption budget."""
    shop = make_shop()
    shop.install(replicas=2)
    drained = [pod["metadata"]["name"] for pod in shop.wait_ready(2)]
    with Load(shop) as load:
        wait_until(lambda: len(load.answers) > 10, 30, "requests are answered")
        for name in drained:
            wait_until(partial(shop.evict, name), START_TIMEOUT, "evicted", pause=0.5)
        shop.pods.wait(
            lambda pods: (
                not set(drained) & set(pods)
                and sum(condition(pod, "Ready") for pod in pods.values()) == 2
            ),
            START_TIMEOUT,
            "two others took over",
        )
    assert (load.failures, load.moments_without) == ([], 0)
