"""The rules of a gate in a pod. Each test is named after its rule."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import openapi
import pytest
import yaml
from cases import APPLICATION, CASES, MIGRATE, SCHEMA, gate, pod, team
from rendering import (
    CHART,
    NAMESPACE,
    RELEASE,
    VERSIONS,
    Document,
    containers,
    documents,
    helm,
    objects,
    pods,
    rendered,
)

NO_LIMIT = 2147483647
LAST = "1.36"


def spec(values: Document, version: str = LAST) -> Document:
    return objects(values, version)["Deployment/shop"]["spec"]["template"]["spec"]


def service(values: Document, version: str = LAST) -> Document:
    """The application's container."""
    return containers(spec(values, version))["orders"]


def sidecar(values: Document, version: str = LAST) -> Document:
    return containers(spec(values, version))["readygate"]


def settings(values: Document, kind: str = "shop-gate-", version: str = LAST) -> dict[str, Any]:
    """The sidecar's readygate.toml, or the job's."""
    (found,) = [
        one
        for name, one in objects(values, version).items()
        if name.startswith(f"ConfigMap/{kind}")
    ]
    return tomllib.loads(found["data"]["readygate.toml"])


@pytest.mark.parametrize(("version", "native"), [("1.28", False), ("1.29", True), ("1.36", True)])
def test_auto_is_decided_by_version(version: str, native: bool) -> None:
    found = spec(team(), version)
    assert ("readygate" in [one["name"] for one in found["initContainers"]]) is native
    assert (sidecar(team(), version).get("restartPolicy") == "Always") is native


def test_a_given_version_counts_for_tools_that_make_one_up() -> None:
    assert "restartPolicy" not in sidecar(gate(kubeVersion="1.28"), "1.36")


def test_install_then_sidecar_then_the_teams_own() -> None:
    order = [one["name"] for one in spec(pod(initContainers=[MIGRATE]))["initContainers"]]
    assert order == ["readygate-install", "readygate", "migrate"]
    found = containers(spec(team()))
    assert found["readygate-install"]["args"] == ["install", "/run/readygate"]
    assert "restartPolicy" not in found["readygate-install"]


@pytest.mark.parametrize("version", VERSIONS)
def test_the_command_is_wrapped_in_both_modes(version: str) -> None:
    wrapper = ["/run/readygate/readygate-wait", "--"]
    assert service(team(), version)["command"] == [*wrapper, *APPLICATION["command"]]


def test_the_startup_probe_is_the_origins() -> None:
    assert service(team())["startupProbe"] == {
        "httpGet": {"path": "/health/ready", "port": 8088},
        "initialDelaySeconds": 10,
        "periodSeconds": 5,
        "timeoutSeconds": 10,
        "failureThreshold": 12,
    }


def test_readiness_and_liveness_ask_the_application() -> None:
    found = service(team())
    assert found["readinessProbe"]["httpGet"] == {"path": "/health", "port": 8080}
    assert found["readinessProbe"]["initialDelaySeconds"] == 30
    assert found["livenessProbe"]["httpGet"] == {"path": "/alive", "port": 8080}
    assert found["livenessProbe"]["initialDelaySeconds"] == 60
    assert found["livenessProbe"]["failureThreshold"] > 1
    assert found["readinessProbe"]["failureThreshold"] > 1


@pytest.mark.parametrize("case", CASES)
def test_no_liveness_of_an_application_asks_the_gate_and_ports_are_numbers(case: str) -> None:
    for _, one in pods(documents(rendered(case, LAST))):
        for name, container in containers(one).items():
            for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
                found = container.get(probe, {})
                port = (found.get("httpGet") or found.get("tcpSocket") or {}).get("port")
                assert port is None or isinstance(port, int)
                if probe == "livenessProbe" and name != "readygate":
                    assert port != 8088


@pytest.mark.parametrize(("timeout", "budget"), [(0, NO_LIMIT), (1, 61), (7200, 7260)])
def test_the_sidecars_startup_budget_follows_the_timeout(timeout: int, budget: int) -> None:
    values = gate(initTimeoutSeconds=timeout)
    found = sidecar(values)
    assert found["startupProbe"] == {
        "httpGet": {"path": "/startupz", "port": 8088},
        "initialDelaySeconds": 0,
        "periodSeconds": 1,
        "failureThreshold": budget,
    }
    assert found["readinessProbe"]["httpGet"]["path"] == "/readyz"
    assert found["livenessProbe"]["httpGet"]["path"] == "/livez"
    assert settings(values)["init"]["timeout"] == f"{timeout}s"
    deadline = objects(values)["Deployment/shop"]["spec"]["progressDeadlineSeconds"]
    assert min(budget + 60, NO_LIMIT) <= deadline <= NO_LIMIT


@pytest.mark.parametrize(("timeout", "failures"), [(0, NO_LIMIT), (7200, 1452)])
def test_in_container_mode_a_waiting_wrapper_has_the_sidecars_budget(
    timeout: int, failures: int
) -> None:
    values = gate(initTimeoutSeconds=timeout, sidecar={"mode": "container"})
    assert service(values)["startupProbe"]["failureThreshold"] == failures


def test_a_team_may_give_the_wrapper_the_sidecars_budget() -> None:
    values = gate(application={"startupBudget": "sidecar"})
    assert service(values)["startupProbe"]["failureThreshold"] == NO_LIMIT


@pytest.mark.parametrize(
    ("version", "how"),
    [
        ("1.29", {"exec": {"command": ["/run/readygate/readygate-wait", "sleep", "5"]}}),
        ("1.30", {"sleep": {"seconds": 5}}),
    ],
)
def test_pre_stop_sleeps(version: str, how: Document) -> None:
    assert service(team(), version)["lifecycle"]["preStop"] == how
    assert "lifecycle" not in sidecar(team(), version)


def test_the_grace_period_covers_the_stop() -> None:
    assert spec(team())["terminationGracePeriodSeconds"] == 30
    values = gate(application={"preStopSeconds": 10, "stopSeconds": 90})
    assert spec(values)["terminationGracePeriodSeconds"] == 102


def test_in_container_mode_the_gate_drains() -> None:
    values = gate(sidecar={"mode": "container"}, application={"stopSeconds": 90})
    assert spec(values)["terminationGracePeriodSeconds"] == 97
    assert settings(values)["gate"]["drain_delay"] == "92s"
    assert "gate" not in settings(team())


def test_the_volume_is_memory_and_read_only_in_the_application() -> None:
    (volume,) = [one for one in spec(team())["volumes"] if one["name"] == "readygate"]
    assert volume["emptyDir"]["medium"] == "Memory"
    (mount,) = service(team())["volumeMounts"]
    assert mount == {"name": "readygate", "mountPath": "/run/readygate", "readOnly": True}


def test_the_pods_group_is_a_value() -> None:
    assert spec(gate(fsGroup=2000))["securityContext"]["fsGroup"] == 2000


@pytest.mark.parametrize("case", CASES)
def test_no_service_links_and_no_token(case: str) -> None:
    for _, one in pods(documents(rendered(case, LAST))):
        assert one["enableServiceLinks"] is False
        assert one["automountServiceAccountToken"] is False


def test_the_configmap_is_immutable_and_named_by_its_content() -> None:
    def name(values: Document) -> str:
        (found,) = [one for one in objects(values).values() if one["kind"] == "ConfigMap"]
        assert found["immutable"] is True
        # A hook: no upgrade removes it from under older pods, and a rollback makes it again.
        assert found["metadata"]["annotations"] == {
            "helm.sh/hook": "pre-install,pre-upgrade,pre-rollback",
            "helm.sh/hook-weight": "-10",
            "helm.sh/hook-delete-policy": "before-hook-creation",
        }
        return found["metadata"]["name"]

    names = [name(team()), name(gate(schema={"files": {"schema.toml": SCHEMA + "# 2\n"}}))]
    names.append(name(gate(config={"log": {"level": "debug"}})))
    assert len(set(names)) == 3
    assert name(team()) == names[0]
    used = {one["configMap"]["name"] for one in spec(team())["volumes"] if "configMap" in one}
    assert used == {names[0]}


def test_the_schema_may_come_in_the_applications_image() -> None:
    values = CASES["schema-image"]
    order = [one["name"] for one in spec(values)["initContainers"]]
    assert order == ["readygate-install", "readygate-schema", "readygate"]
    copier = containers(spec(values))["readygate-schema"]
    assert copier["image"] == APPLICATION["image"]
    assert copier["command"] == ["cp", "-r", "/app/schema/.", "/etc/readygate-schema"]


@pytest.mark.parametrize("case", CASES)
def test_readygates_containers_are_hardened(case: str) -> None:
    for _, one in pods(documents(rendered(case, LAST))):
        for name, container in containers(one).items():
            if name.startswith("readygate"):
                found = container["securityContext"]
                assert found["runAsUser"] >= 1000
                assert found["readOnlyRootFilesystem"] is True
                assert found["capabilities"] == {"drop": ["ALL"]}
                assert found["seccompProfile"] == {"type": "RuntimeDefault"}
                assert not {"sh", "bash", "/bin/sh"} & {*container.get("command", [])}


def test_only_the_sidecar_has_the_token() -> None:
    found = spec(CASES["condition-guarded"])
    (token,) = [one for one in found["volumes"] if one["name"] == "readygate-token"]
    assert "serviceAccountToken" in token["projected"]["sources"][0]
    having = [
        name
        for name, one in containers(found).items()
        if any(mount["name"] == "readygate-token" for mount in one["volumeMounts"])
    ]
    assert having == ["readygate"]
    assert not [one for one in spec(team())["volumes"] if one["name"] == "readygate-token"]


@pytest.mark.parametrize(
    ("case", "rights"),
    [
        ("events", [("events", ["create", "patch"])]),
        ("condition", [("pods/status", ["patch"])]),
        ("condition-gate", [("pods/status", ["patch"]), ("events", ["create", "patch"])]),
    ],
)
def test_the_least_rights(case: str, rights: list[tuple[str, list[str]]]) -> None:
    rules = objects(CASES[case])["Role/shop-gate"]["rules"]
    assert [(*rule["resources"], rule["verbs"]) for rule in rules] == rights
    assert {"ServiceAccount", "Role", "RoleBinding"}.isdisjoint(
        one.partition("/")[0] for one in objects(team())
    )


def test_a_policy_guards_the_status_of_other_pods() -> None:
    found = objects(CASES["condition-guarded"])
    policy = found["ValidatingAdmissionPolicy/team-shop-gate"]["spec"]
    assert policy["failurePolicy"] == "Fail"
    (rule,) = policy["matchConstraints"]["resourceRules"]
    assert rule["resources"] == ["pods/status"]
    (who,) = policy["matchConditions"]
    assert "system:serviceaccount:team:shop-gate" in who["expression"]
    own, condition, rest = [one["expression"] for one in policy["validations"]]
    assert "authentication.kubernetes.io/pod-name" in own
    assert "c.type != 'readygate.io/SchemaReady'" in condition
    assert "oldObject.metadata.?labels" in rest
    for field in openapi.pod_status(LAST):
        assert field == "conditions" or f"status.?{field} == oldObject.status.?{field}" in rest
    binding = found["ValidatingAdmissionPolicyBinding/team-shop-gate"]["spec"]
    assert binding == {"policyName": "team-shop-gate", "validationActions": ["Deny"]}


def test_the_condition_is_off_by_default() -> None:
    assert "readinessGates" not in spec(team())
    assert "kubernetes" not in settings(team())
    found = settings(CASES["condition-gate"])["kubernetes"]
    assert found == {"condition": True, "events": True, "host": "10.0.0.1", "port": 6443}
    gates = spec(CASES["condition-gate"])["readinessGates"]
    assert gates == [{"conditionType": "readygate.io/SchemaReady"}]


def test_the_job_is_a_hook_before_and_the_sidecars_only_verify() -> None:
    found = objects(CASES["job"])
    hooks = {
        name: one["metadata"]["annotations"]
        for name, one in found.items()
        if "helm.sh/hook" in one["metadata"].get("annotations", {}) and one["kind"] != "Pod"
    }
    assert {name.partition("/")[0] for name in hooks} == {"ConfigMap", "ServiceAccount", "Job"}
    for name, one in hooks.items():
        # The sidecars' own ConfigMap, beside the job's, is needed by a rollback too.
        more = ",pre-rollback" if name.startswith("ConfigMap/shop-gate-") else ""
        assert one["helm.sh/hook"] == "pre-install,pre-upgrade" + more
    assert "helm.sh/hook-weight" not in hooks["Job/shop-schema"], "it is after its ConfigMap"
    assert settings(CASES["job"])["init"]["mode"] == "verify"
    assert settings(CASES["job"], "shop-schema-gate-")["init"]["mode"] == "apply"
    job = found["Job/shop-schema"]["spec"]["template"]["spec"]
    assert job["containers"][0]["args"][0] == "apply"
    assert f"ServiceAccount/{job['serviceAccountName']}" in hooks
    assert settings(team())["init"]["mode"] == "apply"


def test_the_network_policy_is_off_by_default() -> None:
    assert "NetworkPolicy/shop" not in objects(team())
    policy = objects(CASES["network-policy"])["NetworkPolicy/shop"]["spec"]
    assert [one["port"] for one in policy["ingress"][0]["ports"]] == [8080, 8088]


def test_a_service_may_be_recreated_at_once() -> None:
    """The API refuses `rollingUpdate` beside it, which is the chart's default."""
    strategy = team({"strategy": {"type": "Recreate"}})
    assert objects(strategy)["Deployment/shop"]["spec"]["strategy"] == {"type": "Recreate"}
    rolling = objects(team())["Deployment/shop"]["spec"]["strategy"]["rollingUpdate"]
    assert rolling == {"maxSurge": 1, "maxUnavailable": 0}


def test_an_unready_pod_may_be_evicted() -> None:
    budget = objects(team())["PodDisruptionBudget/shop"]["spec"]
    assert budget["unhealthyPodEvictionPolicy"] == "AlwaysAllow"


def test_pods_are_spread() -> None:
    (found,) = spec(team())["topologySpreadConstraints"]
    labels = objects(team())["Deployment/shop"]["spec"]["selector"]["matchLabels"]
    assert found["labelSelector"]["matchLabels"] == labels


def test_secrets_are_mounted_files_of_the_sidecar() -> None:
    found = spec(CASES["tls"])
    (volume,) = [one for one in found["volumes"] if one["name"] == "readygate-mongodb"]
    sources = volume["projected"]["sources"]
    paths = [one["path"] for source in sources for kind in source.values() for one in kind["items"]]
    assert paths == ["uri", "ca.crt", "client.pem"]
    for name, one in containers(found).items():
        mounts = {mount["name"]: mount for mount in one["volumeMounts"]}
        assert ("readygate-mongodb" in mounts) is (name == "readygate")
        # A file mounted by subPath would never change: rotation needs a restart then.
        assert not any("subPath" in mount for mount in mounts.values())


def test_injection_is_rendered_only_where_the_api_has_it() -> None:
    values = CASES["injection"]
    assert not any("Mutating" in name for name in objects(values, "1.34"))
    policy = objects(values)["MutatingAdmissionPolicy/team-shop-inject"]["spec"]
    (rule,) = policy["matchConstraints"]["resourceRules"]
    assert rule["operations"] == ["CREATE"]
    assert policy["failurePolicy"] == "Fail"
    place = policy["matchConstraints"]["namespaceSelector"]["matchLabels"]
    assert place == {"kubernetes.io/metadata.name": "team"}
    label = policy["matchConstraints"]["objectSelector"]["matchLabels"]
    assert label == {"readygate.io/inject": "shop"}
    (condition,) = policy["matchConditions"]
    assert "c.name == 'readygate'" in condition["expression"]


def test_injection_inserts_at_the_beginning_in_two_steps() -> None:
    policy = objects(CASES["injection"])["MutatingAdmissionPolicy/team-shop-inject"]["spec"]
    (mutation,) = policy["mutations"]
    assert mutation["patchType"] == "JSONPatch"
    patch = mutation["jsonPatch"]["expression"]
    absent = 'path: "/spec/initContainers", value: []'
    first = 'path: "/spec/initContainers/0"'
    assert 0 < patch.index(absent) < patch.index(first)
    # Each goes before what is there: the last one added is the first one to run.
    one, two = patch.split(first)[1:3]
    assert 'args: ["run"' in one
    assert 'args: ["install"' in two


def test_the_application_chart_installs_the_example() -> None:
    found = containers(spec({}))["rebalancer"]
    assert found["command"][:3] == ["/run/readygate/readygate-wait", "--", "uvicorn"]
    data = next(one for one in objects({}).values() if one["kind"] == "ConfigMap")["data"]
    assert set(data) == {"readygate.toml", "schema.toml", "rebalance.schema.json"}


def test_the_charts_are_a_library_and_an_application_that_holds_it() -> None:
    """By file, and vendored: an installation asks no repository of charts."""
    library, application = (
        yaml.safe_load((CHART.parent / name / "Chart.yaml").read_text())
        for name in ("readygate-lib", "readygate")
    )
    assert (library["type"], application["type"]) == ("library", "application")
    (dependency,) = application["dependencies"]
    assert dependency == {
        "name": library["name"],
        "alias": "readygate",
        "version": library["version"],
        "repository": "file://../readygate-lib",
    }
    vendored = CHART / "charts/readygate-lib"
    assert vendored.resolve() == (CHART.parent / "readygate-lib").resolve()


def test_a_packed_chart_is_whole(tmp_path: Path) -> None:
    """What `helm package` makes renders as the folder does, without the folder."""
    helm("package", str(CHART), "--destination", str(tmp_path))
    (packed,) = tmp_path.iterdir()
    place = [RELEASE, str(packed), f"--namespace={NAMESPACE}", "--kube-version=1.34"]
    assert helm("template", *place, values=CASES["team"]) == rendered("team", "1.34")


def test_the_service_monitor_is_optional() -> None:
    assert not any(name.startswith("ServiceMonitor/") for name in objects(team()))
    found = objects(CASES["service-monitor"])
    monitor, service = found["ServiceMonitor/shop"], found["Service/shop-gate"]
    assert monitor["metadata"]["labels"]["release"] == "prom"
    (endpoint,) = monitor["spec"]["endpoints"]
    (port,) = service["spec"]["ports"]
    assert (endpoint["port"], endpoint["path"], port["port"]) == (port["name"], "/metrics", 8088)
    wanted = monitor["spec"]["selector"]["matchLabels"].items()
    assert wanted <= service["metadata"]["labels"].items()
    # The service's own has the same name and instance: Prometheus must not scrape its port too.
    assert not wanted <= found["Service/shop"]["metadata"]["labels"].items()
    assert service["spec"]["publishNotReadyAddresses"] is True


@pytest.mark.parametrize("case", ["team", "job"])
def test_helm_test_only_looks(case: str) -> None:
    one = objects(CASES[case])["Pod/shop-test"]
    assert one["metadata"]["annotations"]["helm.sh/hook"] == "test"
    (container,) = one["spec"]["containers"]
    assert container["args"][0] == "apply"
    assert "--init-mode=verify" in container["args"]
    selector = objects(CASES[case])["Service/shop"]["spec"]["selector"].items()
    assert not selector <= one["metadata"]["labels"].items(), "it is no endpoint of the service"


@pytest.mark.parametrize("case", CASES)
def test_secrets_are_given_by_reference_only(case: str) -> None:
    """No object of the chart holds one, and of the values only names of Secrets are taken."""
    found = documents(rendered(case, LAST))
    assert not [one for one in found if one["kind"] == "Secret"]
    for one in found:
        assert "mongodb://" not in str(one)


@pytest.mark.parametrize("case", sorted(CASES.keys() - {"injection"}))
def test_the_gates_own_readiness_counts_for_the_pod(case: str) -> None:
    """Of native sidecars as of other containers."""
    asked = containers(spec(CASES[case]))["readygate"]["readinessProbe"]
    assert asked["httpGet"] == {"path": "/readyz", "port": 8088}
    assert asked["failureThreshold"] > 1
