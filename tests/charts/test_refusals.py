"""Values with which the gate could open early, or a probe kill what waits, do not render."""

from __future__ import annotations

from typing import Any

import pytest
from cases import APPLICATION, application, gate, pod, team
from rendering import RenderError, render

NO_COMMAND = {key: value for key, value in APPLICATION.items() if key != "command"}
PROBE = {"httpGet": {"path": "/", "port": 8088}}
# name: values, Kubernetes version, what is said
REFUSED: dict[str, tuple[dict[str, Any], str, str]] = {
    "no command": (
        pod(containers=[NO_COMMAND]),
        "1.36",
        "container orders has no command: readygate-wait has to run it",
    ),
    "no containers": (pod(containers=[]), "1.36", "the pod spec has no containers"),
    "probe kills an index build": (
        gate(sidecar={"startupProbe": {"failureThreshold": 60}}, initTimeoutSeconds=600),
        "1.36",
        "sidecar.startupProbe.failureThreshold 60 would kill an index build: initTimeoutSeconds 600"
        " needs at least 660; leave it null",
    ),
    "probe kills an endless index build": (
        gate(sidecar={"startupProbe": {"failureThreshold": 86400}}),
        "1.36",
        "failureThreshold 86400 would kill an index build: initTimeoutSeconds 0 needs at least"
        " 2147483647",
    ),
    "probe kills a waiting wrapper": (
        gate(sidecar={"mode": "container"}, application={"startupProbe": {"failureThreshold": 12}}),
        "1.36",
        "its startup probe's failureThreshold 12 would kill an index build",
    ),
    "origin's budget in container mode": (
        gate(application={"startupBudget": "origin"}),
        "1.28",
        "failureThreshold 12 would kill an index build",
    ),
    "native too early": (
        gate(sidecar={"mode": "native"}),
        "1.28",
        "sidecar.mode native needs Kubernetes 1.29 or later, this is 1.28: use auto or container",
    ),
    "another fsGroup": (
        pod(securityContext={"fsGroup": 1}),
        "1.36",
        "the pod's fsGroup is 1, the gate's socket belongs to 65532: remove it",
    ),
    "service links": (pod(enableServiceLinks=True), "1.36", "enableServiceLinks must not be true"),
    "port taken": (
        application(ports=[{"containerPort": 8088}]),
        "1.36",
        "container orders listens on port 8088, which is the gate's: move it to another port",
    ),
    "liveness asks the gate": (
        application(livenessProbe=PROBE),
        "1.36",
        "the livenessProbe of container orders asks port 8088",
    ),
    "liveness that one failure ends": (
        application(livenessProbe={"tcpSocket": {"port": 8080}, "failureThreshold": 1}),
        "1.36",
        "has failureThreshold 1: one lost packet would restart it; raise it",
    ),
    "own startup probe": (
        application(startupProbe={"tcpSocket": {"port": 8080}}),
        "1.36",
        "container orders has a startupProbe: it would count the wait for the schema",
    ),
    "the gate's folder": (
        application(volumeMounts=[{"name": "x", "mountPath": "/run/readygate"}]),
        "1.36",
        "container orders mounts a volume at /run/readygate, the gate's folder: move it",
    ),
    "the gate's volume": (
        pod(volumes=[{"name": "readygate", "emptyDir": {}}]),
        "1.36",
        "the pod has a volume called readygate: rename it",
    ),
    "the gate's name": (
        application(name="readygate"),
        "1.36",
        "a container of the pod is called readygate: rename it",
    ),
    "unknown container": (
        gate(application={"containers": ["shop"]}),
        "1.36",
        'application.containers names "shop", the pod has: orders',
    ),
    "too little grace": (
        pod(terminationGracePeriodSeconds=20),
        "1.36",
        "terminationGracePeriodSeconds 20 is less than preStopSeconds 5 + stopSeconds 20 + 2",
    ),
    "no schema": (gate(schema={"files": None, "glob": ""}), "1.36", "no schema: give schema.files"),
    "two schemas": (gate(schema={"configMap": "x"}), "1.36", "more than one schema"),
    "a glob of nothing": (
        gate(schema={"files": None, "glob": "nothing/*"}),
        "1.36",
        'schema.glob "nothing/*" matches no file of the chart',
    ),
    "no TOML": (
        gate(schema={"files": {"schema.toml": None, "a.json": "{}"}}),
        "1.36",
        "no schema file is called *.toml",
    ),
    "no Secret": (
        gate(mongodb={"uriSecret": {"name": ""}}),
        "1.36",
        "mongodb.uriSecret.name is needed",
    ),
    "a setting of the chart's": (
        gate(config={"init": {"timeout": "5s"}}),
        "1.36",
        "config.init.timeout is written by the chart: use its own value",
    ),
    "a connection string in values": (
        gate(config={"mongodb": {"uri": "mongodb://u:p@db"}}),
        "1.36",
        "config.mongodb.uri is written by the chart",
    ),
    "a readiness gate that nobody sets": (
        gate(kubernetes={"readinessGate": True}),
        "1.36",
        "kubernetes.readinessGate needs kubernetes.condition",
    ),
    "no guard": (
        gate(kubernetes={"condition": True}),
        "1.28",
        "needs Kubernetes 1.30, this is 1.28: set kubernetes.guard false",
    ),
    "network policy without ports": (
        team({"networkPolicy": {"enabled": True}}),
        "1.36",
        "networkPolicy.enabled needs networkPolicy.appPorts",
    ),
    "injection without native sidecars": (
        team({"injection": {"enabled": True}, "readygate": {"sidecar": {"mode": "container"}}}),
        "1.36",
        "injection needs native sidecars",
    ),
    "injection with rights": (
        team({"injection": {"enabled": True}, "readygate": {"kubernetes": {"events": True}}}),
        "1.36",
        "the pods have ServiceAccounts of their own",
    ),
    "a value that is misspelt": (
        gate(initTimeoutSecond=5),
        "1.36",
        "initTimeoutSecond",
    ),
    "a value of another type": (gate(initTimeoutSeconds="5m"), "1.36", "initTimeoutSeconds"),
    "a mode that is none": (gate(sidecar={"mode": "both"}), "1.36", "mode"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused(name: str) -> None:
    values, version, said = REFUSED[name]
    with pytest.raises(RenderError) as error:
        render(values, version)
    assert said in str(error.value)
