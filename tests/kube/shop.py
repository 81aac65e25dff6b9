"""A service in a namespace of its own: readygate beside the test's application, and its database.

with Shop(node, engine.uri) as shop:
    shop.install()                         # Helm, with VALUES and what the test wants otherwise
    shop.wait_ready(1)
    shop.pods.versions()                   # each version of each pod, as the API server saw it
    shop.database.refuse()                 # the path of this shop's pods to the database
    shop.change_secret(uri)                # what its Secret holds
"""

from __future__ import annotations

import json
import tempfile
import threading
import time
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import httpx
from container_images import GATE, SERVICE

from support.engine import install, recipe
from support.gate import repository
from support.gate.process import Process
from support.node.api import Api, ApiError, Object
from support.node.node import Node
from support.node.programs import API_PORT
from support.node.record import Record, condition, ready_addresses
from support.proxy import TcpProxy

CHART = repository() / "charts" / "readygate"
NAME, JOB = "shop", "shop-schema"
ACCOUNT = "shop-gate"
SIDECAR, APPLICATION = "readygate", "application"
PORT, GATE_PORT = 8080, 8088
CONDITION = "readygate.io/SchemaReady"
START_TIMEOUT = 120  # s, for a pod, on a machine that does other things too

SCHEMA = """
schema   = "shop"
database = "shop"
version  = {version}
min_open = 1

[[collection]]
name = "orders"
"""
INDEX = """
  [[collection.index]]
  name = "{name}"
  key  = [["{name}", 1]]
"""


def schema(version: int) -> str:
    """Each version has one index more; version 1 has one."""
    return SCHEMA.format(version=version) + "".join(
        INDEX.format(name=name) for name in ("customer", "placed", "number")[:version]
    )


class Shop:
    """One release of the chart."""

    def __init__(self, node: Node, uri: str, *, refusing: bool = False) -> None:
        self.node, self.api = node, node.api
        self.database = TcpProxy.in_front_of(uri, refusing=refusing, address=node.gateway)
        self.namespace = f"shop-{uuid.uuid4().hex[:8]}"
        self.database_name = f"rg_test_{uuid.uuid4().hex[:12]}"
        self._temporary = tempfile.TemporaryDirectory()
        self._folder = Path(self._temporary.name)
        self.api.create(thing("v1", "Namespace", self.namespace, None))
        uri = {"uri": self.database.uri}
        self.api.create(thing("v1", "Secret", "mongodb", self.namespace, stringData=uri))
        self.pods = Record(self.api, "pods", self.namespace)
        self.events = Record(self.api, "events", self.namespace)
        self.endpoints = Record(self.api, "endpointslices", self.namespace)

    def __enter__(self) -> Shop:
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        if kind:
            print(self.report())
        self.close()

    def close(self) -> None:
        for record in (self.pods, self.events, self.endpoints):
            record.close()
        self.api.delete("namespaces", self.namespace)
        self.database.close()
        self._temporary.cleanup()

    def install(self, version: int = 1, replicas: int = 1, **options: Any) -> None:
        """As a user does it; `options` are those of values()."""
        self.finish(self.begin(version, replicas, **options))

    def begin(self, version: int = 1, replicas: int = 1, **options: Any) -> Process:
        """The same, still running: Helm waits for its hooks."""
        file = self._folder / "values.json"
        file.write_text(json.dumps(values(self, version, replicas, **options)))
        return self._helm("upgrade", "--install", NAME, CHART, "--values", file)

    def upgrade(self, version: int) -> None:
        self.install(version, replicas=2)

    def test(self) -> int:
        """`helm test`: its exit code."""
        return self._helm("test", NAME).wait(START_TIMEOUT)

    def rollback(self) -> None:
        """To the first version."""
        self.finish(self._helm("rollback", NAME, "1"))

    def uninstall(self) -> None:
        self.finish(self._helm("uninstall", NAME))

    @staticmethod
    def finish(helm: Process) -> None:
        assert helm.wait(START_TIMEOUT) == 0, helm.output()

    def _helm(self, *arguments: str | Path) -> Process:
        program = install.ensure_program(recipe.HELM) / recipe.HELM.name
        where = ["--kubeconfig", self.node.kubeconfig, "--namespace", self.namespace]
        return Process([program, *arguments, *where], environment={"HOME": str(self._folder)})

    def change_secret(self, uri: str) -> None:
        """The connection string, as whoever makes secrets changes it."""
        self.api.patch("secrets", "mongodb", {"stringData": {"uri": uri}}, self.namespace)

    def as_sidecar(self, pod: Object) -> Api:
        """The API server, asked with the token that the kubelet mounted into the pod's sidecar."""
        volumes = f"kubelet/pods/{pod['metadata']['uid']}/volumes/kubernetes.io~projected"
        return self.node.api_as(
            self.node.run("cat", f"{self.node.folder}/{volumes}/readygate-token/token")
        )

    def scale(self, replicas: int) -> None:
        self.api.patch("deployments", NAME, {"spec": {"replicas": replicas}}, self.namespace)

    def evict(self, pod: str) -> bool:
        """False when the disruption budget does not allow it now."""
        eviction = thing("policy/v1", "Eviction", pod, self.namespace)
        path = f"/api/v1/namespaces/{self.namespace}/pods/{pod}/eviction"
        try:
            self.api.ask("POST", path, eviction)
        except ApiError as error:
            if error.status != 429:
                raise
            return False
        return True

    def wait_version(self, version: int, replicas: int) -> None:
        """Until so many pods are ready, all of that version of the application."""

        def rolled_out(pods: dict[str, Object]) -> bool:
            return (
                len(pods) == replicas
                and all(condition(pod, "Ready") for pod in pods.values())
                and {self.facts(pod)["version"] for pod in pods.values()} == {str(version)}
            )

        self.pods.wait(rolled_out, START_TIMEOUT * 2, f"all pods are of version {version}")

    def pod(self) -> Object:
        """The newest version of the only pod."""
        (pod,) = self.pods.newest().values()
        return pod

    def pods_of_service(self) -> list[Object]:
        """The newest versions of all pods but a job's."""
        pods = self.pods.newest().values()
        owners = [pod["metadata"].get("ownerReferences", [{}])[0].get("kind") for pod in pods]
        return [pod for pod, kind in zip(pods, owners, strict=True) if kind == "ReplicaSet"]

    def job_is(self, name: str, kind: str) -> bool:
        return condition(self.api.get("jobs", name, self.namespace), kind)

    def wait_ready(self, count: int, timeout: float = START_TIMEOUT) -> list[Object]:
        """The pods, once so many are ready and no others are there."""

        def ready(pods: dict[str, Object]) -> list[Object]:
            fine = [pod for pod in pods.values() if condition(pod, "Ready")]
            return fine if len(fine) == count == len(pods) else []

        return self.pods.wait(ready, timeout, f"{count} pods are ready")

    def get(
        self, pod: Object, path: str, port: int = PORT, *, timeout: float = 5
    ) -> httpx.Response:
        return httpx.get(f"http://{address(pod)}:{port}{path}", timeout=timeout)

    def facts(self, pod: Object) -> dict[str, Any]:
        """What the application says of itself."""
        return self.get(pod, "/facts").json()

    def kill(self, pod: Object, container_status: Object, number: int) -> None:
        self.node.signal_container(container_status["containerID"], number)

    def reasons(self, kind: str | None = None) -> list[str]:
        """The reasons of the namespace's Events, of one type or of both."""
        return [
            event["reason"]
            for event in self.events.versions()
            if kind is None or event["type"] == kind
        ]

    def logged(self, container_name: str, part: str) -> bool:
        """Whether containers of that name have said so. It asks the node, not the API server."""
        logs = (self.node.folder / "log/pods").glob(f"{self.namespace}_*/{container_name}/*.log")
        return any(part in log.read_text(errors="replace") for log in logs)

    def report(self) -> str:
        """For a test that failed: what happened, and what the containers said."""
        lines = [
            f"{event.get('lastTimestamp')} {event['involvedObject'].get('name')}"
            f" {event['reason']}: {event['message']}"
            for event in self.events.newest().values()
        ]
        for log in sorted((self.node.folder / "log/pods").glob(f"{self.namespace}_*/*/*.log")):
            text = log.read_text(errors="replace").splitlines()[-25:]
            lines += [f"--- {log.parent.parent.name} {log.parent.name} {log.name}", *text]
        return "\n".join(lines)


class Load:
    """Requests to every ready endpoint, one after another, for as long as the block lasts."""

    def __init__(self, shop: Shop) -> None:
        self._shop = shop
        self.answers: list[dict[str, Any]] = []
        self.failures: list[str] = []
        self.moments_without = 0  # rounds in which no endpoint was ready
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Load:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def _run(self) -> None:
        try:
            while not self._ended.is_set():
                self._round()
                time.sleep(0.05)
        except AssertionError as error:  # of the watch
            self.failures.append(str(error))

    def _round(self) -> None:
        addresses = ready_addresses(self._shop.endpoints.newest())
        self.moments_without += not addresses
        for one in addresses:
            try:
                answer = httpx.get(f"http://{one}:{PORT}/facts", timeout=10)
                answer.raise_for_status()
                self.answers.append(answer.json())
            except (httpx.HTTPError, ValueError) as error:
                self.failures.append(f"{one}: {error!r}")


def address(pod: Object) -> str:
    return pod["status"]["podIP"]


def thing(version: str, kind: str, name: str, namespace: str | None, **more: Any) -> Object:
    metadata = {"name": name, **({"namespace": namespace} if namespace else {})}
    return {"apiVersion": version, "kind": kind, "metadata": metadata, **more}


def values(
    shop: Shop,
    version: int,
    replicas: int,
    *,
    mode: str = "auto",
    job: bool = False,
    told: Sequence[str] = (),
    patient: bool = False,
    injected: bool = False,
    image: str = SERVICE,
    more: Mapping[str, Object] | None = None,
) -> Object:
    """The chart's values. Probes begin at once, unless `patient`: then the chart's own delays hold.

    `told`: what the API server is told, "condition" or "events" or both. `more`: the gate's values,
    by table, laid over these.
    """
    application: Object = {
        "name": APPLICATION,
        "image": image,
        "imagePullPolicy": "Never",
        "command": ["/application"],
        "env": [{"name": "APP_VERSION", "value": str(version)}],
        "securityContext": {"runAsUser": 65532, "readOnlyRootFilesystem": True},
        "readinessProbe": probe("/health", 2),
        "livenessProbe": probe("/alive", 10),
    }
    gate: Object = {
        "image": {"repository": GATE.partition(":")[0], "tag": "dev", "pullPolicy": "Never"},
        "mongodb": {"database": shop.database_name},
        "schema": {"files": {"schema.toml": schema(version)}},
        "sidecar": {"mode": mode},
        "application": {"preStopSeconds": 5, "stopSeconds": 8},
        "job": {"enabled": job},
        "kubernetes": {
            **dict.fromkeys(told, True),
            "readinessGate": "condition" in told,
            "host": shop.node.place.address,
            "port": API_PORT,
        },
    }
    if not patient:
        application["readinessProbe"]["initialDelaySeconds"] = 1
        gate["application"]["startupProbe"] = {"initialDelaySeconds": 1}
    for table, change in (more or {}).items():
        gate[table] = {**gate.get(table, {}), **change}
    return {
        "replicas": replicas,
        "pod": {"terminationGracePeriodSeconds": 20, "containers": [application]},
        "service": {"ports": [{"name": "http", "port": PORT}]},
        "deployment": {"enabled": not injected},
        "injection": {"enabled": injected},
        "readygate": gate,
    }


def probe(path: str, period: int) -> Object:
    return {"httpGet": {"path": path, "port": PORT}, "periodSeconds": period}
