"""The value sets of the golden files: what teams set, one thing at a time, or some together."""

from __future__ import annotations

import copy
from typing import Any

POLICIES = "admissionregistration.k8s.io/v1/MutatingAdmissionPolicy"
SCHEMA = 'schema = "orders"\ndatabase = "orders"\nversion = 1\nmin_open = 1\n'
APPLICATION: dict[str, Any] = {
    "name": "orders",
    "image": "registry.example/orders:7",
    "command": ["/orders", "--port=8080"],
    "ports": [{"name": "http", "containerPort": 8080}],
    "readinessProbe": {"httpGet": {"path": "/health", "port": 8080}},
    "livenessProbe": {"httpGet": {"path": "/alive", "port": 8080}, "timeoutSeconds": 5},
    "securityContext": {"runAsUser": 1000},
}
BASE: dict[str, Any] = {
    "pod": {"containers": [APPLICATION]},
    "readygate": {"schema": {"files": {"schema.toml": SCHEMA}}},
}


def over(base: Any, change: Any) -> Any:
    """The change laid over the base, as Helm lays values over each other."""
    if not (isinstance(base, dict) and isinstance(change, dict)):
        return copy.deepcopy(change)
    keys = [*base, *(key for key in change if key not in base)]
    return {
        key: over(base.get(key), change[key]) if key in change else copy.deepcopy(base[key])
        for key in keys
    }


def team(change: dict[str, Any] | None = None) -> dict[str, Any]:
    """A team's own pod, and what else it sets."""
    return over(BASE, change or {})


def gate(**values: Any) -> dict[str, Any]:
    """A team's own pod, with values of the gate."""
    return team({"readygate": values})


def pod(**spec: Any) -> dict[str, Any]:
    return team({"pod": spec})


def application(**more: Any) -> dict[str, Any]:
    return pod(containers=[{**APPLICATION, **more}])


MIGRATE = {"name": "migrate", "image": "registry.example/orders:7", "command": ["/migrate"]}
LOGGER = {"name": "logger", "image": "registry.example/logger:1"}
CASES: dict[str, dict[str, Any]] = {
    "example": {},
    "team": team(),
    "container-mode": gate(sidecar={"mode": "container"}),
    "timeout": gate(initTimeoutSeconds=7200),
    "timeout-container-mode": gate(initTimeoutSeconds=7200, sidecar={"mode": "container"}),
    "schema-configmap": gate(schema={"files": None, "configMap": "orders-schema-3f2a"}),
    "schema-image": gate(schema={"files": None, "imageFolder": {"path": "/app/schema"}}),
    "schema-two-files": gate(schema={"files": {"more.toml": "[[collection]]\nname = 'a'\n"}}),
    "tls": gate(mongodb={"caConfigMap": {"name": "ca"}, "clientSecret": {"name": "orders-tls"}}),
    "tls-secret": gate(mongodb={"caSecret": {"name": "ca"}, "database": "orders2"}),
    "image-digest": gate(image={"digest": "sha256:" + "ab" * 32, "pullPolicy": "Always"}),
    "settings": gate(config={"gate": {"unready_after": "10s"}, "log": {"level": "debug"}}),
    "checks": gate(
        checks=[{"name": "app", "http": "http://127.0.0.1:8080/health", "period": "5s"}],
        otlp={"url": "http://collector:4318"},
        webhook={"url_file": "/run/secrets/webhook/url"},
        secretMounts=[{"name": "webhook", "mountPath": "/run/secrets/webhook"}],
    ),
    "events": gate(kubernetes={"events": True}),
    "condition": gate(kubernetes={"condition": True, "guard": False}),
    "condition-gate": gate(
        kubernetes={
            "condition": True,
            "guard": False,
            "readinessGate": True,
            "events": True,
            "host": "10.0.0.1",
            "port": 6443,
        }
    ),
    "condition-guarded": gate(kubernetes={"condition": True, "events": True}),
    "own-account": gate(kubernetes={"events": True, "serviceAccountName": "orders"}),
    "job": gate(job={"enabled": True, "podLabels": {"tier": "schema"}}),
    "job-timeout": gate(job={"enabled": True}, initTimeoutSeconds=600),
    "init-containers": pod(initContainers=[MIGRATE]),
    "two-containers": over(
        pod(containers=[APPLICATION, LOGGER]),
        {"readygate": {"application": {"containers": ["orders"]}}},
    ),
    "own-prestop": application(lifecycle={"preStop": {"httpGet": {"path": "/stop", "port": 8080}}}),
    "long-stop": gate(application={"preStopSeconds": 10, "stopSeconds": 90}),
    "not-restricted": gate(application={"restricted": False}),
    "other-group": gate(fsGroup=2000, user=1234),
    "network-policy": team({"networkPolicy": {"enabled": True, "appPorts": [8080]}}),
    "network-policy-from": team(
        {
            "networkPolicy": {
                "enabled": True,
                "appPorts": [8080, 9090],
                "from": [{"podSelector": {"matchLabels": {"app": "front"}}}],
            }
        }
    ),
    "service-monitor": team({"serviceMonitor": {"enabled": True, "labels": {"release": "prom"}}}),
    "bare": team(
        {
            "replicas": 1,
            "topologySpread": [],
            "service": {"enabled": False},
            "podDisruptionBudget": {"enabled": False},
        }
    ),
    "injection": team({"deployment": {"enabled": False}, "injection": {"enabled": True}}),
}
# The restricted Pod Security Standard is not asked for there.
NOT_RESTRICTED = {"not-restricted"}
# Where a value set does not render for every version: the guard needs what tokens say since 1.30.
ONLY = {"condition-guarded": ("1.34", "1.36")}
