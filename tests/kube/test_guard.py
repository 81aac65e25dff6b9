"""The guard: with a sidecar's token its own pod's condition can be changed, and nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from shop import ACCOUNT, CONDITION, SIDECAR, Shop

from support.gate.process import wait_until
from support.node.api import Api, ApiError, Object
from support.node.node import Node

OTHERS = "readygate may change the status of its own pod only"
CONDITIONS = f"readygate may change the condition {CONDITION} only"
FIELDS = "readygate may change nothing but a condition"
MARK = "by-the-test"  # in whatever is tried, so that the record shows whether it came through


def told(kind: str) -> Object:
    """A change of one condition."""
    return {"status": {"conditions": [{"type": kind, "status": "False", "message": MARK}]}}


# What is tried on the sidecar's own pod, and what the guard says.
REFUSED: dict[str, tuple[Object, str]] = {
    "the pod's Ready": (told("Ready"), CONDITIONS),
    "a condition of another's": (told("example.com/Other"), CONDITIONS),
    "phase": ({"status": {"phase": "Failed", "reason": MARK}}, FIELDS),
    "message": ({"status": {"message": MARK}}, FIELDS),
    "address": ({"status": {"podIP": "198.18.0.9", "reason": MARK}}, FIELDS),
    "containers": ({"status": {"containerStatuses": [], "reason": MARK}}, FIELDS),
    "sidecars": ({"status": {"initContainerStatuses": [], "reason": MARK}}, FIELDS),
    "label": ({"metadata": {"labels": {"example.com/label": MARK}}}, FIELDS),
    "annotation": ({"metadata": {"annotations": {"example.com/note": MARK}}}, FIELDS),
    "finalizer": ({"metadata": {"finalizers": [f"example.com/{MARK}"]}}, FIELDS),
}


@pytest.fixture(scope="module")
def shop(node: Node, engine: Any) -> Iterator[Shop]:
    """Two pods whose sidecars may patch statuses, as far as RBAC goes; the guard is at work."""
    with Shop(node, engine.uri) as made:
        made.install(replicas=2, told=["condition"])
        own, other = made.wait_ready(2)
        with made.as_sidecar(own) as api:
            # A policy takes some seconds to become effective.
            wait_until(
                lambda: refusal(api, other, told(CONDITION), dryRun="All"),
                60,
                "the guard is at work",
                pause=0.5,
            )
        yield made


@pytest.fixture
def pods(shop: Shop) -> list[Object]:
    return shop.wait_ready(2)


@pytest.fixture
def api(shop: Shop, pods: list[Object]) -> Iterator[Api]:
    """The API server, asked as the sidecar of the first pod asks it."""
    with shop.as_sidecar(pods[0]) as made:
        yield made


def place(pod: Object) -> str:
    metadata = pod["metadata"]
    return f"/api/v1/namespaces/{metadata['namespace']}/pods/{metadata['name']}"


def refusal(api: Api, pod: Object, change: Object, **parameters: str) -> str:
    """What the API server says against this change of the pod's status; "" when it is made."""
    try:
        api.ask("PATCH", f"{place(pod)}/status", change, **parameters)
    except ApiError as error:
        return str(error)
    return ""


def came_through(shop: Shop) -> list[str]:
    """The pods in whose recorded versions anything that was tried is found."""
    return [pod["metadata"]["name"] for pod in shop.pods.versions() if MARK in without_ours(pod)]


def without_ours(pod: Object) -> str:
    rows = [row for row in pod["status"].get("conditions", []) if row["type"] != CONDITION]
    return str({**pod, "status": {**pod["status"], "conditions": rows}})


def test_a_sidecar_may_change_the_condition_of_its_own_pod(
    shop: Shop, pods: list[Object], api: Api
) -> None:
    assert refusal(api, pods[0], told(CONDITION)) == ""
    name = pods[0]["metadata"]["name"]

    def there(newest: dict[str, Object]) -> bool:
        return any(row.get("message") == MARK for row in newest[name]["status"]["conditions"])

    shop.pods.wait(there, 10, "the change is recorded")
    assert refusal(api, pods[0], {"status": {"conditions": row(pods[0])}}) == "", "as it was"


def row(pod: Object) -> list[Object]:
    rows = pod["status"].get("conditions", [])
    return [one for one in rows if one["type"] == CONDITION]


def test_it_may_not_change_that_of_another_pod(shop: Shop, pods: list[Object], api: Api) -> None:
    assert OTHERS in refusal(api, pods[1], told(CONDITION))
    name = pods[1]["metadata"]["name"]
    assert not any(MARK in str(row(pod)) for pod in shop.pods.versions(name))


@pytest.mark.parametrize("what", REFUSED)
def test_it_may_change_nothing_else_of_its_own_pod(
    shop: Shop, pods: list[Object], api: Api, what: str
) -> None:
    change, said = REFUSED[what]
    assert said in refusal(api, pods[0], change)
    assert came_through(shop) == []


def test_a_token_that_names_no_pod_may_change_none(shop: Shop, pods: list[Object]) -> None:
    """Of the same ServiceAccount, as another pod or a person may have it."""
    path = f"/api/v1/namespaces/{shop.namespace}/serviceaccounts/{ACCOUNT}/token"
    request = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}}
    token = shop.api.ask("POST", path, request)["status"]["token"]
    with shop.node.api_as(token) as api:
        assert OTHERS in refusal(api, pods[0], told(CONDITION))


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "", None),
        ("PATCH", "", {"metadata": {"labels": {"a": "b"}}}),
        ("DELETE", "", None),
        ("PATCH", "/resize", {"spec": {"containers": []}}),
    ],
)
def test_rbac_refuses_the_rest(
    pods: list[Object], api: Api, method: str, path: str, body: Object | None
) -> None:
    with pytest.raises(ApiError) as error:
        api.ask(method, place(pods[0]) + path, body)
    assert error.value.status == 403


def test_only_the_sidecar_has_a_token(shop: Shop, pods: list[Object]) -> None:
    """As the API server has the pod: nothing was added on admission."""
    for pod in pods:
        spec = pod["spec"]
        having = [
            one["name"]
            for one in [*spec["initContainers"], *spec["containers"]]
            if any("serviceaccount" in mount["mountPath"] for mount in one["volumeMounts"])
        ]
        assert having == [SIDECAR]
