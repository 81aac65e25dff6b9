"""The Kubernetes API over HTTP, as little of it as tests need: objects are dictionaries.

    api.create(pod)                                   # kind and namespace are read from the object
    api.get("pods", "shop-1", namespace="default")
    api.list("events", namespace="default", fieldSelector="involvedObject.name=shop-1")

Names of resources are looked up in RESOURCES; what is not there, a test gives as a path.
"""

from __future__ import annotations

import contextlib
import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx

Object = dict[str, Any]

# Resource: the API it belongs to, and its kind. Those of CLUSTER have no namespace.
RESOURCES = {
    "namespaces": ("v1", "Namespace"),
    "nodes": ("v1", "Node"),
    "pods": ("v1", "Pod"),
    "services": ("v1", "Service"),
    "secrets": ("v1", "Secret"),
    "configmaps": ("v1", "ConfigMap"),
    "serviceaccounts": ("v1", "ServiceAccount"),
    "events": ("v1", "Event"),
    "roles": ("rbac.authorization.k8s.io/v1", "Role"),
    "rolebindings": ("rbac.authorization.k8s.io/v1", "RoleBinding"),
    "deployments": ("apps/v1", "Deployment"),
    "replicasets": ("apps/v1", "ReplicaSet"),
    "jobs": ("batch/v1", "Job"),
    "poddisruptionbudgets": ("policy/v1", "PodDisruptionBudget"),
    "endpointslices": ("discovery.k8s.io/v1", "EndpointSlice"),
}
CLUSTER = ("namespaces", "nodes")
STRATEGIC = "application/strategic-merge-patch+json"


class ApiError(AssertionError):
    """The API server refused; the text has its answer."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(f"{status}: {text}")
        self.status = status


class Api:
    """One API server, as the user whose token this is."""

    def __init__(self, server: str, authority: Path, token: str) -> None:
        self._client = httpx.Client(
            base_url=server,
            verify=ssl.create_default_context(cafile=str(authority)),
            headers={"Authorization": f"Bearer {token}"},
            timeout=30,
        )

    def __enter__(self) -> Api:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._client.close()

    def ask(self, method: str, path: str, body: object = None, **parameters: str) -> Any:
        """A request to any path. Raises ApiError when it is refused."""
        kind = STRATEGIC if method == "PATCH" else "application/json"
        answer = self._client.request(
            method, path, json=body, params=parameters, headers={"Content-Type": kind}
        )
        if answer.status_code >= 400:
            raise ApiError(answer.status_code, answer.text)
        return answer.json() if "json" in answer.headers.get("Content-Type", "") else answer.text

    def create(self, thing: Object) -> Object:
        resource = next(name for name, row in RESOURCES.items() if row[1] == thing["kind"])
        path = self._path(resource, "", thing["metadata"].get("namespace"))
        return self.ask("POST", path, thing)

    def get(self, resource: str, name: str, namespace: str | None = None) -> Object:
        return self.ask("GET", self._path(resource, name, namespace))

    def list(self, resource: str, namespace: str | None = None, **parameters: str) -> list[Object]:
        return self.ask("GET", self._path(resource, "", namespace), **parameters)["items"]

    def patch(
        self, resource: str, name: str, change: Object, namespace: str | None = None
    ) -> Object:
        """A strategic merge patch."""
        return self.ask("PATCH", self._path(resource, name, namespace), change)

    def delete(
        self, resource: str, name: str, namespace: str | None = None, **parameters: str
    ) -> None:
        self.ask("DELETE", self._path(resource, name, namespace), **parameters)

    @contextlib.contextmanager
    def watch(self, resource: str, namespace: str, version: str = "") -> Iterator[Iterator[str]]:
        """Lines of JSON, one for each change from that resource version on."""
        parameters = {"watch": "1", "resourceVersion": version, "timeoutSeconds": "3600"}
        path = self._path(resource, "", namespace)
        with self._client.stream("GET", path, params=parameters, timeout=None) as answer:
            if answer.status_code >= 400:
                raise ApiError(answer.status_code, answer.read().decode())
            yield answer.iter_lines()

    @staticmethod
    def _path(resource: str, name: str, namespace: str | None) -> str:
        version = RESOURCES[resource][0]
        path = f"/{'apis' if '/' in version else 'api'}/{version}"
        if namespace and resource not in CLUSTER:
            path += f"/namespaces/{namespace}"
        return f"{path}/{resource}" + (f"/{name}" if name else "")
