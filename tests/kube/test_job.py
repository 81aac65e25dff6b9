"""A job applies the schema before there are pods; their sidecars only look whether it is there."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from pymongo import MongoClient
from shop import INDEX, JOB, SIDECAR, START_TIMEOUT, Load, Shop, schema

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

    for pod in ready(shop):
        assert container(pod, SIDECAR)["restartCount"] == 0
        assert 'mode = "verify"' in configuration(shop, pod)
    ledger = client[shop.database_name]["_readygate"].find_one({"_id": "shop"})
    assert ledger
    assert ledger["applied"]["host"].startswith(JOB)
    assert ledger["token"] == 1, "nobody but the job took the lease"


def test_an_upgrade_waits_for_its_job(make_shop: Callable[..., Shop], client: MongoClient) -> None:
    """The older pods serve while it works; the newer ones come when the schema is there."""
    shop = make_shop()
    shop.install(replicas=2, job=True)
    older = {pod["metadata"]["name"] for pod in ready(shop)}
    with Load(shop) as load:
        with shop.database.hold(b"createIndexes") as build:
            helm = shop.begin(version=2, replicas=2, job=True)
            assert build.wait(START_TIMEOUT), "the job builds the second index"
            answered = len(load.answers)
            wait_until(lambda: len(load.answers) > answered + 20, 30, "the older pods answer")
            assert {pod["metadata"]["name"] for pod in shop.pods_of_service()} == older
        shop.finish(helm)
        wait_until(
            lambda: {shop.facts(pod)["version"] for pod in ready(shop)} == {"2"},
            START_TIMEOUT * 2,
            "the newer pods took over",
            pause=0.2,
        )
    assert (load.failures, load.moments_without) == ([], 0)
    applied = client[shop.database_name]["_readygate"].find_one({"_id": "shop"})
    assert applied
    assert (applied["applied"]["version"], applied["token"]) == (2, 2)
    assert applied["applied"]["host"].startswith(JOB)


# Not TOML at all; and two indexes where one was applied, under the same version.
WRONG = {"the file": "schema =", "the database": schema(1) + INDEX.format(name="placed")}


@pytest.mark.parametrize("refuses", WRONG)
def test_a_job_that_fails_leaves_the_release_as_it_was(
    make_shop: Callable[..., Shop], refuses: str
) -> None:
    """The job ends with a failure, Helm too, and no pod is touched."""
    shop = make_shop()
    shop.install(replicas=2, job=True)
    older = {pod["metadata"]["uid"] for pod in ready(shop)}
    wrong = {"schema": {"files": {"schema.toml": WRONG[refuses]}}, "job": {"backoffLimit": 0}}
    helm = shop.begin(version=2, replicas=2, job=True, more=wrong)
    assert helm.wait(START_TIMEOUT) != 0
    assert "pre-upgrade hooks failed" in helm.output()
    assert {pod["metadata"]["uid"] for pod in ready(shop)} == older
    assert {shop.facts(pod)["version"] for pod in ready(shop)} == {"1"}


def ready(shop: Shop) -> list[Object]:
    """Both pods of the service, once they are ready and alone."""

    def found() -> list[Object]:
        pods = shop.pods_of_service()
        return pods if [condition(pod, "Ready") for pod in pods] == [True, True] else []

    return wait_until(found, START_TIMEOUT, "two pods are ready", pause=0.2)


def configuration(shop: Shop, pod: Object) -> str:
    """The readygate.toml that is mounted into the pod."""
    for volume in pod["spec"]["volumes"]:
        if name := volume.get("configMap", {}).get("name"):
            data = shop.api.get("configmaps", name, shop.namespace)["data"]
            if text := data.get("readygate.toml"):
                return text
    raise AssertionError("no volume holds a readygate.toml")
