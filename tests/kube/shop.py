"""A service in a namespace of its own: readygate beside the test's application, and its database.

with Shop(node, engine.uri) as shop:
    shop.install()                         # Helm, with VALUES and what the test wants otherwise
    shop.wait_ready(1)
    shop.pods.versions()                   # each version of each pod, as the API server saw it
    shop.database.refuse()                 # the path of this shop's pods to the database
"""

from __future__ import annotations

import threading
import time
import uuid
from typing import Any

import httpx
from container_images import GATE, SERVICE

from support.node.api import ApiError, Object
from support.node.node import Node
from support.node.programs import API_PORT
from support.node.record import Record, condition, ready_addresses
from support.proxy import TcpProxy

NAME, JOB = "shop", "shop-schema"
SIDECAR, APPLICATION = "readygate", "application"
PORT, GATE_PORT = 8080, 8088
CONDITION = "readygate.io/SchemaReady"
SHARED = "/run/readygate"  # where the gate's socket and readygate-wait are
GRACE = 20  # s
NO_LIMIT = 2147483647  # what a probe's failureThreshold can be at most
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
        self.api.create(thing("v1", "Namespace", self.namespace, None))
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

    def install(self, version: int = 1, replicas: int = 1, **values: Any) -> list[Object]:
        """Gives back the job, if the schema is a job's: the test says when it begins."""
        made = manifests(self, version, replicas, **values)
        for one in made:
            if one["kind"] != "Job":
                self.api.create(one)
        return [one for one in made if one["kind"] == "Job"]

    def upgrade(self, version: int) -> None:
        for one in manifests(self, version, 2):
            if one["kind"] == "ConfigMap":
                self.api.create(one)
            elif one["kind"] == "Deployment":
                self.api.patch("deployments", NAME, {"spec": one["spec"]}, self.namespace)

    def rollback(self) -> None:
        for one in manifests(self, 1, 2):
            if one["kind"] == "Deployment":
                self.api.patch("deployments", NAME, {"spec": one["spec"]}, self.namespace)

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
        return [pod for pod in pods if pod["metadata"]["labels"].get("app") == NAME]

    def job_is(self, name: str, kind: str) -> bool:
        return condition(self.api.get("jobs", name, self.namespace), kind)

    def wait_ready(self, count: int, timeout: float = START_TIMEOUT) -> list[Object]:
        """The pods, once so many are ready and no others are there."""

        def ready(pods: dict[str, Object]) -> list[Object]:
            fine = [pod for pod in pods.values() if condition(pod, "Ready")]
            return fine if len(fine) == count == len(pods) else []

        return self.pods.wait(ready, timeout, f"{count} pods are ready")

    def get(self, pod: Object, path: str, port: int = PORT) -> httpx.Response:
        return httpx.get(f"http://{address(pod)}:{port}{path}", timeout=5)

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


def manifests(shop: Shop, version: int, replicas: int, **values: Any) -> list[Object]:
    """What a user would apply; with job=True a job too, and sidecars that only verify."""
    labels, space, schema_name = {"app": NAME}, shop.namespace, f"schema-{version}"
    job, native = values.get("job", False), values.get("mode", "native") == "native"
    told = values.get("told", ())  # what the API server is told: condition, events
    options = ["--init-mode=verify"] if job else []
    options += [f"--kubernetes-{one}=true" for one in told]
    service_container = application(version, values.get("readiness_delay", 0))
    if native:
        containers = {
            "initContainers": [installer(), sidecar(shop, *options)],
            "containers": [service_container],
        }
    else:
        # Both are told to end at once: the gate goes on serving while the application ends. And a
        # wrapper that waits must not be killed for it.
        beside = sidecar(shop, f"--gate-drain-delay={GRACE - 5}s", *options)
        del beside["restartPolicy"]
        service_container["startupProbe"]["failureThreshold"] = NO_LIMIT
        containers = {
            "initContainers": [installer()],
            "containers": [beside, service_container],
        }
    spec = {**pod_spec(schema_name), **containers}
    if told:
        introduce(shop, spec, "condition" in told)
    deployment = {
        "replicas": replicas,
        "selector": {"matchLabels": labels},
        "strategy": {"rollingUpdate": {"maxUnavailable": 0, "maxSurge": 1}},
        "template": {
            "metadata": {"labels": labels},
            "spec": spec,
        },
    }
    once = {
        "backoffLimit": 3,
        "template": {
            "spec": {
                **pod_spec(schema_name),
                "restartPolicy": "Never",
                "containers": [gate_container(shop, "apply")],
            }
        },
    }
    budget = {"maxUnavailable": 1, "selector": {"matchLabels": labels}}
    service = {"selector": labels, "ports": [{"port": PORT}]}
    return [
        thing("v1", "Secret", "mongodb", space, stringData={"uri": shop.database.uri}),
        thing("v1", "ConfigMap", schema_name, space, data={"schema.toml": schema(version)}),
        *([thing("batch/v1", "Job", JOB, space, spec=once)] if job else []),
        thing("v1", "Service", NAME, space, spec=service),
        thing("policy/v1", "PodDisruptionBudget", NAME, space, spec=budget),
        thing("apps/v1", "Deployment", NAME, space, spec=deployment),
    ]


def introduce(shop: Shop, spec: Object, gated: bool) -> None:
    """Lets the sidecar alone talk to the API server, as NAME, about its own pod."""
    (gate,) = [row for row in spec["initContainers"] if row["name"] == SIDECAR]
    own = [("POD", "metadata.name"), ("NAMESPACE", "metadata.namespace"), ("UID", "metadata.uid")]
    gate["env"] = [
        {"name": f"READYGATE_KUBERNETES_{name}", "valueFrom": {"fieldRef": {"fieldPath": path}}}
        for name, path in own
    ]
    gate["args"] += [
        f"--kubernetes-host={shop.node.place.address}",
        f"--kubernetes-port={API_PORT}",
    ]
    place = "/var/run/secrets/kubernetes.io/serviceaccount"
    gate["volumeMounts"] += [{"name": "account", "mountPath": place, "readOnly": True}]
    authority = {"name": "kube-root-ca.crt", "items": [{"key": "ca.crt", "path": "ca.crt"}]}
    token = {"path": "token", "expirationSeconds": 3600}
    sources = [{"serviceAccountToken": token}, {"configMap": authority}]
    spec["volumes"] += [{"name": "account", "projected": {"sources": sources}}]
    spec["serviceAccountName"] = NAME
    if gated:
        spec["readinessGates"] = [{"conditionType": CONDITION}]


def rights(shop: Shop) -> list[Object]:
    """What introduce() needs: the account, and all that it may do."""
    space, group = shop.namespace, "rbac.authorization.k8s.io"
    rules = [
        {"apiGroups": [""], "resources": ["pods/status"], "verbs": ["patch"]},
        {"apiGroups": [""], "resources": ["events"], "verbs": ["create", "patch"]},
    ]
    subject = {"kind": "ServiceAccount", "name": NAME, "namespace": space}
    role = {"apiGroup": group, "kind": "Role", "name": NAME}
    return [
        thing("v1", "ServiceAccount", NAME, space),
        thing(f"{group}/v1", "Role", NAME, space, rules=rules),
        thing(f"{group}/v1", "RoleBinding", NAME, space, roleRef=role, subjects=[subject]),
    ]


RESTRICTED = {
    "allowPrivilegeEscalation": False,
    "readOnlyRootFilesystem": True,
    "capabilities": {"drop": ["ALL"]},
}


def pod_spec(schema_name: str) -> Object:
    return {
        "enableServiceLinks": False,
        "automountServiceAccountToken": False,
        "terminationGracePeriodSeconds": GRACE,
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": 65532,
            "fsGroup": 65532,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "volumes": [
            {"name": "gate", "emptyDir": {"medium": "Memory"}},
            {"name": "schema", "configMap": {"name": schema_name}},
            {"name": "uri", "secret": {"secretName": "mongodb"}},
        ],
    }


def gate_container(shop: Shop, command: str, *arguments: str) -> Object:
    """readygate, told of the database and the schema."""
    return {
        "name": SIDECAR,
        "image": GATE,
        "imagePullPolicy": "Never",
        "args": [
            command,
            "--mongodb-uri-file=/var/run/secrets/mongodb/uri",
            f"--mongodb-database={shop.database_name}",
            "--schema=/etc/readygate/schema.toml",
            *arguments,
        ],
        "securityContext": RESTRICTED,
        "volumeMounts": [
            {"name": "gate", "mountPath": SHARED},
            {"name": "schema", "mountPath": "/etc/readygate"},
            {"name": "uri", "mountPath": "/var/run/secrets/mongodb"},
        ],
    }


def installer() -> Object:
    """Puts readygate-wait where the application finds it."""
    return {
        "name": "readygate-install",
        "image": GATE,
        "imagePullPolicy": "Never",
        "args": ["install", SHARED],
        "securityContext": RESTRICTED,
        "volumeMounts": [{"name": "gate", "mountPath": SHARED}],
    }


def sidecar(shop: Shop, *arguments: str) -> Object:
    return {
        **gate_container(shop, "run", *arguments),
        "restartPolicy": "Always",
        "startupProbe": probe("/startupz", GATE_PORT, 1, NO_LIMIT),
        "readinessProbe": probe("/readyz", GATE_PORT, 2, 3),
        "livenessProbe": probe("/livez", GATE_PORT, 10, 3),
    }


def application(version: int, readiness_delay: int) -> Object:
    """Its startup probe asks the gate; the others ask the application."""
    return {
        "name": APPLICATION,
        "image": SERVICE,
        "imagePullPolicy": "Never",
        "command": [f"{SHARED}/readygate-wait", "--", "/application"],
        "env": [{"name": "APP_VERSION", "value": str(version)}],
        "securityContext": RESTRICTED,
        "startupProbe": {
            **probe("/health/ready", GATE_PORT, 5, 12),
            "initialDelaySeconds": 10 if readiness_delay else 0,
            "timeoutSeconds": 10,
        },
        "readinessProbe": {**probe("/health", PORT, 2, 3), "initialDelaySeconds": readiness_delay},
        "livenessProbe": {**probe("/health/live", PORT, 10, 6), "initialDelaySeconds": 60},
        "lifecycle": {"preStop": {"sleep": {"seconds": 5}}},
        "volumeMounts": [{"name": "gate", "mountPath": SHARED, "readOnly": True}],
    }


def probe(path: str, port: int, period: int, failures: int) -> Object:
    return {
        "httpGet": {"path": path, "port": port},
        "periodSeconds": period,
        "failureThreshold": failures,
    }
