"""A job applies the schema before there are pods; their sidecars only look whether it is there."""

from __future__ import annotations

from collections.abc import Callable

from pymongo import MongoClient
from shop import JOB, SIDECAR, START_TIMEOUT, Shop

from support.gate.process import wait_until
from support.node.api import Object
from support.node.record import condition, container


def test_a_job_applies_before_there_are_pods(
    make_shop: Callable[..., Shop], client: MongoClient
) -> None:
    shop = make_shop()
    with shop.database.hold(b"createIndexes") as build:
        helm = shop.begin(replicas=2, job=True)
        assert build.wait(START_TIMEOUT), "the job builds the index"
        assert helm.running, "Helm waits for its hook"
        assert shop.pods_of_service() == []
        assert not shop.job_is(JOB, "Complete")
    shop.finish(helm)

    def ready() -> list[Object]:
        pods = shop.pods_of_service()
        return pods if sum(condition(pod, "Ready") for pod in pods) == 2 else []

    for pod in wait_until(ready, START_TIMEOUT, "the pods are ready", pause=0.2):
        assert container(pod, SIDECAR)["restartCount"] == 0
        assert 'mode = "verify"' in configuration(shop, pod)
    ledger = client[shop.database_name]["_readygate"].find_one({"_id": "shop"})
    assert ledger
    assert ledger["applied"]["host"].startswith(JOB)
    assert ledger["token"] == 1, "nobody but the job took the lease"


def configuration(shop: Shop, pod: Object) -> str:
    """The readygate.toml that is mounted into the pod."""
    for volume in pod["spec"]["volumes"]:
        if name := volume.get("configMap", {}).get("name"):
            data = shop.api.get("configmaps", name, shop.namespace)["data"]
            if text := data.get("readygate.toml"):
                return text
    raise AssertionError("no volume holds a readygate.toml")
