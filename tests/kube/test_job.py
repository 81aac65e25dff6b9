"""A job applies the schema; the sidecars only look whether it is there."""

from __future__ import annotations

from collections.abc import Callable

from pymongo import MongoClient
from shop import APPLICATION, GATE_PORT, JOB, SIDECAR, START_TIMEOUT, Shop

from support.gate.process import wait_until
from support.node.api import Object
from support.node.record import condition, container, running_since


def test_sidecars_wait_for_the_job(make_shop: Callable[..., Shop], client: MongoClient) -> None:
    """The job is late here: pods that could apply the schema themselves would have."""
    shop = make_shop()
    later = shop.install(replicas=2, job=True)
    control = client[shop.database_name]["_readygate"]

    def wait(pods: dict[str, Object]) -> bool:
        return len(pods) == 2 and all(
            running_since(pod, SIDECAR)
            and shop.get(pod, "/status", GATE_PORT).json()["state"] == "waiting"
            for pod in pods.values()
        )

    shop.pods.wait(wait, START_TIMEOUT, "the sidecars wait")
    assert control.find_one({"_id": "shop"}) is None
    assert not any(running_since(pod, APPLICATION) for pod in shop.pods_of_service())

    for one in later:
        shop.api.create(one)
    wait_until(lambda: shop.job_is(JOB, "Complete"), START_TIMEOUT, "the job is done", pause=0.2)

    def ready() -> list[Object]:
        pods = shop.pods_of_service()
        return pods if all(condition(pod, "Ready") for pod in pods) else []

    for pod in wait_until(ready, START_TIMEOUT, "the pods are ready", pause=0.2):
        assert container(pod, SIDECAR)["restartCount"] == 0
    ledger = control.find_one({"_id": "shop"})
    assert ledger
    assert ledger["applied"]["host"].startswith(JOB)
    assert ledger["token"] == 1, "nobody but the job took the lease"
