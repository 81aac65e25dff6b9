"""A pod starts: the application runs once the gate is open, however late that is, never before."""

from __future__ import annotations

import datetime
from collections.abc import Callable

from pymongo import MongoClient
from shop import APPLICATION, GATE_PORT, SIDECAR, START_TIMEOUT, Shop

from support.gate.process import wait_until
from support.node.api import Object
from support.node.record import container, ready_addresses, running_since

ORIGIN_BUDGET = 10 + 5 * 12 + 2  # s: delay, period, failures of the application's startup probe


def seconds_since(moment: str) -> float:
    began = datetime.datetime.fromisoformat(moment)
    return (datetime.datetime.now(datetime.UTC) - began).total_seconds()


def test_a_pod_becomes_ready(make_shop: Callable[..., Shop], client: MongoClient) -> None:
    """With the chart's own probes. Nothing restarts; the order is the gate's."""
    shop = make_shop()
    shop.install(patient=True)
    (pod,) = shop.wait_ready(1)

    for name in (SIDECAR, APPLICATION):
        status = container(pod, name)
        assert (status["started"], status["ready"], status["restartCount"]) == (True, True, 0)
    for seen in shop.pods.versions():
        if running_since(seen, APPLICATION):
            assert container(seen, SIDECAR)["started"], (
                "the application ran before the gate said so"
            )
    assert shop.get(pod, "/readyz", GATE_PORT).status_code == 200
    assert shop.get(pod, "/health/ready", GATE_PORT).status_code == 200
    assert shop.get(pod, "/health").status_code == 200
    assert ready_addresses(shop.endpoints.newest()) == [pod["status"]["podIP"]]
    database = client[shop.database_name]
    assert "customer" in database["orders"].index_information()
    (applied,) = database["_readygate"].find({"_id": "shop"})
    opened = applied["applied"]["at"].replace(tzinfo=datetime.UTC).timestamp() * 1000
    assert shop.facts(pod)["started"] >= opened, "the process began when all was there"


def test_a_slow_start_restarts_nothing(make_shop: Callable[..., Shop], client: MongoClient) -> None:
    """A database that is late, and an index build, each longer than a startup probe allows."""
    late, building = make_shop(refusing=True), make_shop()
    with building.database.hold(b"createIndexes") as build:
        for shop in (late, building):
            shop.install()
        assert build.wait(START_TIMEOUT)

        def long_enough() -> list[Object]:
            pods = [shop.pod() for shop in (late, building) if shop.pods.newest()]
            since = [running_since(pod, SIDECAR) for pod in pods]
            return pods if all(since) and min(map(seconds_since, since)) > 90 else []

        pods = wait_until(long_enough, START_TIMEOUT + 90, "both gates are 90 s old", pause=1)
        assert ORIGIN_BUDGET < 90
        for shop, pod in zip((late, building), pods, strict=True):
            assert shop.get(pod, "/livez", GATE_PORT).status_code == 200
            assert shop.get(pod, "/health", GATE_PORT).status_code == 200, "initializing is healthy"
            assert shop.get(pod, "/readyz", GATE_PORT).status_code == 503
            assert ready_addresses(shop.endpoints.newest()) == []
            assert not running_since(pod, APPLICATION)
            assert container(pod, SIDECAR)["restartCount"] == 0
    late.database.accept()

    for shop in (late, building):
        (pod,) = shop.wait_ready(1)
        for name in (SIDECAR, APPLICATION):
            assert container(pod, name)["restartCount"] == 0
        assert "Killing" not in shop.reasons()
        assert "customer" in client[shop.database_name]["orders"].index_information()
