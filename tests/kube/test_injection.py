"""A pod gets its sidecar by a label: a MutatingAdmissionPolicy, without a server for webhooks."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from container_images import SERVICE
from pymongo import MongoClient
from shop import APPLICATION, GATE_PORT, SIDECAR, Shop, application, manifests, sidecar, thing

from support.gate.process import wait_until
from support.node.api import Object
from support.node.record import container, running_since

GROUP = "/apis/admissionregistration.k8s.io/v1"
LABEL = "readygate.io/inject"
FIRST_VERSION = (1, 36)  # in which the policy's API is v1


@pytest.fixture(autouse=True)
def _has_policies(kubernetes: str) -> None:
    if tuple(map(int, kubernetes.split("."))) < FIRST_VERSION:
        pytest.skip("this version has no MutatingAdmissionPolicy in v1")


def expression(value: Any, kind: str) -> str:
    """The value in CEL. An object has a type there, which is named after its place."""
    if isinstance(value, dict):
        fields = ", ".join(
            f"{key}: {expression(one, f'{kind}.{key}')}" for key, one in value.items()
        )
        return f"{kind}{{{fields}}}"
    if isinstance(value, list):
        return f"[{', '.join(expression(one, kind) for one in value)}]"
    return json.dumps(value)


def policy(name: str, container: Object, volumes: list[Object]) -> Object:
    """Each list is made where it is absent, then gets one element at a time: a list of objects as
    one value is refused.
    """

    def add(path: str, value: Any, kind: str) -> str:
        return f'JSONPatch{{op: "add", path: "{path}", value: {expression(value, kind)}}}'

    def absent(field: str) -> str:
        make = f'JSONPatch{{op: "add", path: "/spec/{field}", value: []}}'
        return f"(has(object.spec.{field}) ? [] : [{make}])"

    steps = [
        absent("initContainers"),
        f"[{add('/spec/initContainers/0', container, 'Object.spec.initContainers')}]",
        absent("volumes"),
        *[f"[{add('/spec/volumes/-', one, 'Object.spec.volumes')}]" for one in volumes],
    ]
    pods = {
        "apiGroups": [""],
        "apiVersions": ["v1"],
        "operations": ["CREATE"],
        "resources": ["pods"],
    }
    return {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "MutatingAdmissionPolicy",
        "metadata": {"name": name},
        "spec": {
            "failurePolicy": "Fail",
            "reinvocationPolicy": "IfNeeded",
            "matchConstraints": {
                "resourceRules": [pods],
                "objectSelector": {"matchLabels": {LABEL: "enabled"}},
                "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": name}},
            },
            "matchConditions": [
                {
                    "name": "not-yet",
                    "expression": "!has(object.spec.initContainers) || "
                    f"!object.spec.initContainers.exists(c, c.name == '{SIDECAR}')",
                }
            ],
            "mutations": [
                {"patchType": "JSONPatch", "jsonPatch": {"expression": " + ".join(steps)}}
            ],
        },
    }


@pytest.fixture
def shop(make_shop: Callable[..., Shop]) -> Iterator[Shop]:
    """With what a sidecar needs, and the policy at work for its namespace."""
    made = make_shop()
    for one in manifests(made, 1, 1)[:2]:
        made.api.create(one)
    volumes = [
        {"name": "gate", "emptyDir": {"medium": "Memory"}},
        {"name": "schema", "configMap": {"name": "schema-1"}},
        {"name": "uri", "secret": {"secretName": "mongodb"}},
    ]
    name = made.namespace
    made.api.ask("POST", f"{GROUP}/mutatingadmissionpolicies", policy(name, sidecar(made), volumes))
    binding = thing(
        "admissionregistration.k8s.io/v1",
        "MutatingAdmissionPolicyBinding",
        name,
        None,
        spec={"policyName": name},
    )
    made.api.ask("POST", f"{GROUP}/mutatingadmissionpolicybindings", binding)
    try:
        wait_until(
            lambda: injected(dry_run(made, pod(made, "try"))), 60, "the policy works", pause=0.5
        )
        yield made
    finally:
        for resource in ("mutatingadmissionpolicybindings", "mutatingadmissionpolicies"):
            made.api.ask("DELETE", f"{GROUP}/{resource}/{name}")


def pod(shop: Shop, name: str, *init: Object, label: str = "enabled") -> Object:
    """A team's own pod: no gate, no wrapper."""
    plain = {
        key: value
        for key, value in application(1, 0).items()
        if key not in ("command", "volumeMounts", "startupProbe")
    }
    made = thing(
        "v1",
        "Pod",
        name,
        shop.namespace,
        spec={
            "automountServiceAccountToken": False,
            "securityContext": {
                "runAsNonRoot": True,
                "runAsUser": 65532,
                "fsGroup": 65532,
                "seccompProfile": {"type": "RuntimeDefault"},
            },
            "containers": [{**plain, "command": ["/application"]}],
            **({"initContainers": list(init)} if init else {}),
        },
    )
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
        one = shop.pod()
        assert running_since(one, SIDECAR)
        assert not running_since(one, APPLICATION)
    (one,) = shop.wait_ready(1)
    assert shop.get(one, "/readyz", GATE_PORT).status_code == 200
    assert container(one, SIDECAR)["ready"]
    assert "customer" in client[shop.database_name]["orders"].index_information()


def test_the_sidecar_is_the_first_init_container(shop: Shop) -> None:
    made = dry_run(shop, pod(shop, "own", OWN))
    assert [row["name"] for row in made["spec"]["initContainers"]] == [SIDECAR, "own"]


def test_a_pod_that_has_a_sidecar_gets_no_other(shop: Shop) -> None:
    made = dry_run(shop, pod(shop, "again", {**OWN, "name": SIDECAR}))
    assert made["spec"]["initContainers"][0]["command"] == OWN["command"]
    assert injected(made) == [SIDECAR]


def test_a_pod_without_the_label_is_left_alone(shop: Shop) -> None:
    assert injected(dry_run(shop, pod(shop, "other", label="disabled"))) == []
