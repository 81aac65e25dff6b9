"""A job applies the schema; the sidecars only look whether it is there."""

from __future__ import annotations

from collections.abc import Callable

from pymongo import MongoClient
from shop import APPLICATION, GATE_PORT, JOB, SIDECAR, START_TIMEOUT, Shop

from support.gate.process import wait_until
from support.node.record import condition, container, running_since


def test_sidecars_wait_for_the_job(make_shop: Callable[..., Shop], client: MongoClient) -> None:
    shop = make_shop()
    with shop.database.hold(b"createIndexes") as build:
        shop.install(replicas=2, job=True)
        assert build.wait(START_TIMEOUT), "the job builds the index"

        def sidecars_run() -> bool:
            pods = shop.pods_of_service()
            return len(pods) == 2 and all(running_since(pod, SIDECAR) for pod in pods)

        wait_until(sidecars_run, START_TIMEOUT, "the sidecars run", pause=0.1)
        for pod in shop.pods_of_service():
            wait_until(
                lambda pod=pod: shop.get(pod, "/readyz", GATE_PORT).status_code == 503,
                START_TIMEOUT,
                "the gate is closed",
                pause=0.2,
            )
            assert not running_since(pod, APPLICATION)
        assert not shop.job_is(JOB, "Complete")

    wait_until(lambda: shop.job_is(JOB, "Complete"), START_TIMEOUT, "the job is done", pause=0.2)
    wait_until(
        lambda: all(condition(pod, "Ready") for pod in shop.pods_of_service()),
        START_TIMEOUT,
        "the pods are ready",
        pause=0.2,
    )
    applied = client[shop.database_name]["_readygate"].find_one({"_id": "shop"})
    assert applied
    assert applied["applied"]["host"].startswith(JOB)
    assert applied["token"] == 1, "nobody but the job took the lease"
    for pod in shop.pods_of_service():
        assert container(pod, SIDECAR)["restartCount"] == 0
