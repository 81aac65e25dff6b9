"""A pod gets its sidecar by a label: a MutatingAdmissionPolicy, without a server for webhooks."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from container_images import SERVICE
from pymongo import MongoClient
from reader import commands, typed
from shop import APPLICATION, GATE_PORT, NAME, SIDECAR, Shop, thing, values

from support.gate.process import wait_until
from support.node.api import Object
from support.node.record import container, running_since

LABEL = "readygate.io/inject"
FIRST_VERSION = (1, 36)  # in which the policy's API is v1


@pytest.fixture(autouse=True)
def _has_policies(kubernetes: str) -> None:
    if tuple(map(int, kubernetes.split("."))) < FIRST_VERSION:
        pytest.skip("this version has no MutatingAdmissionPolicy in v1")


@pytest.fixture
def shop(make_shop: Callable[..., Shop]) -> Iterator[Shop]:
    """The chart without a Deployment, its policy at work."""
    made = make_shop()
    made.install(injected=True)
    wait_until(lambda: injected(dry_run(made, pod(made, "try"))), 60, "the policy works", pause=0.5)
    yield made
    made.uninstall()


def pod(shop: Shop, name: str, *init: Object, label: str = NAME) -> Object:
    """A team's own pod: no gate, no wrapper."""
    (application,) = values(shop, 1, 1)["pod"]["containers"]
    spec = {"automountServiceAccountToken": False, "containers": [application]}
    if init:
        spec["initContainers"] = list(init)
    made = thing("v1", "Pod", name, shop.namespace, spec=spec)
    made["metadata"]["labels"] = {LABEL: label}
    return made


def dry_run(shop: Shop, one: Object) -> Object:
    return shop.api.ask("POST", f"/api/v1/namespaces/{shop.namespace}/pods", one, dryRun="All")


def injected(one: Object) -> list[str]:
    return [row["name"] for row in one["spec"].get("initContainers", []) if row["name"] == SIDECAR]


OWN = {
    "name": "own",
    "image": SERVICE,
    "imagePullPolicy": "Never",
    "command": ["/application"],
}


def test_a_labelled_pod_waits_for_its_schema(shop: Shop, client: MongoClient) -> None:
    with shop.database.hold(b"createIndexes") as build:
        shop.api.create(pod(shop, "labelled"))
        assert build.wait(120), "the sidecar builds the index"
        # The kubelet tells the API server a little later than the sidecar works.
        wait_until(lambda: running_since(shop.pod(), SIDECAR), 60, "the sidecar is said to run")
        assert not running_since(shop.pod(), APPLICATION)
    (one,) = shop.wait_ready(1)
    assert shop.get(one, "/readyz", GATE_PORT).status_code == 200
    assert container(one, SIDECAR)["ready"]
    assert "customer" in client[shop.database_name]["orders"].index_information()


def test_the_sidecar_is_the_first_init_container(shop: Shop) -> None:
    made = dry_run(shop, pod(shop, "own", OWN))
    assert [row["name"] for row in made["spec"]["initContainers"]][-2:] == [SIDECAR, "own"]


def test_a_pod_that_has_a_sidecar_gets_no_other(shop: Shop) -> None:
    made = dry_run(shop, pod(shop, "again", {**OWN, "name": SIDECAR}))
    assert made["spec"]["initContainers"][0]["command"] == OWN["command"]
    assert injected(made) == [SIDECAR]


def test_a_pod_without_the_label_is_left_alone(shop: Shop) -> None:
    assert injected(dry_run(shop, pod(shop, "other", label="disabled"))) == []


def test_the_notes_commands_run(shop: Shop, tmp_path: Path) -> None:
    """What Helm prints after an installation without a Deployment, each line beside a pod of a
    team's own.
    """
    shop.api.create(pod(shop, "labelled"))
    (one,) = shop.wait_ready(1)
    notes = commands(typed(shop.node, f"helm -n {shop.namespace} get notes {NAME}", tmp_path))
    pods, logs, test = [typed(shop.node, command, tmp_path) for command in notes]
    assert one["metadata"]["name"] in pods
    assert "Database initialization completed. Connected: True" in logs
    assert re.search(r"Phase:\s+Succeeded", test)
