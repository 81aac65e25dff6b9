"""Strict JSON Schemas of the Kubernetes objects that the chart renders, one file for each version.

    python tests/charts/openapi.py          # writes tests/charts/schemas again; needs Go

They are made from the API server's own OpenAPI document, which is in the Go module
k8s.io/kubernetes, and kept in the repository without descriptions: a check then needs no network.
Strict means that a field that the version does not have is an error, as `kubectl apply
--validate=strict` has it.
"""

from __future__ import annotations

import json
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema

MODULES = {"1.28": "v1.28.15", "1.34": "v1.34.4", "1.36": "v1.36.3"}
FOLDER = Path(__file__).with_name("schemas")
KINDS = {
    "v1": ("ConfigMap", "Pod", "Service", "ServiceAccount"),
    "apps/v1": ("Deployment",),
    "batch/v1": ("Job",),
    "policy/v1": ("PodDisruptionBudget",),
    "networking.k8s.io/v1": ("NetworkPolicy",),
    "rbac.authorization.k8s.io/v1": ("Role", "RoleBinding"),
    "admissionregistration.k8s.io/v1": (
        "MutatingAdmissionPolicy",
        "MutatingAdmissionPolicyBinding",
        "ValidatingAdmissionPolicy",
        "ValidatingAdmissionPolicyBinding",
    ),
}
# Of https://github.com/prometheus-operator/prometheus-operator, what the chart uses.
TEXTS = {"type": "object", "additionalProperties": {"type": "string"}}
SERVICE_MONITOR = {
    "type": "object",
    "additionalProperties": False,
    "required": ["endpoints", "selector"],
    "properties": {
        "selector": {"properties": {"matchLabels": TEXTS}, "additionalProperties": False},
        "endpoints": {
            "type": "array",
            "items": {
                "properties": {key: {"type": "string"} for key in ("port", "path", "interval")},
                "additionalProperties": False,
            },
        },
    },
}


def problems(document: dict[str, Any], version: str) -> list[str]:
    """What that version of the API would not take."""
    key = f"{document['apiVersion']}/{document['kind']}"
    if key == "monitoring.coreos.com/v1/ServiceMonitor":
        schema = SERVICE_MONITOR
        document = document["spec"]
    else:
        definitions = _load(version)
        if key not in definitions["kinds"]:
            return [f"Kubernetes {version} has no {key}"]
        schema = {**definitions, "$ref": f"#/definitions/{definitions['kinds'][key]}"}
    found = jsonschema.Draft7Validator(schema).iter_errors(document)
    return [f"{key} {'.'.join(map(str, one.absolute_path))}: {one.message}" for one in found]


@cache
def _load(version: str) -> dict[str, Any]:
    return json.loads((FOLDER / f"{version}.json").read_text())


def _strict(value: Any, name: str = "") -> Any:
    """Without what is for people; an object has the properties that are named, and no others."""
    if isinstance(value, list):
        return [_strict(one) for one in value]
    if not isinstance(value, dict):
        return value
    if value.get("format") == "int-or-string":
        return {"type": ["integer", "string"]}
    kept = {
        key: _strict(one) if key != "properties" else {k: _strict(v) for k, v in one.items()}
        for key, one in value.items()
        if key in ("type", "properties", "items", "additionalProperties", "required", "$ref")
    }
    if "properties" in kept:
        kept["additionalProperties"] = False
    if name.endswith("api.resource.Quantity"):
        return {"type": ["string", "number"]}
    return kept


def _references(value: Any) -> set[str]:
    if isinstance(value, dict):
        own = {value["$ref"].rpartition("/")[2]} if isinstance(value.get("$ref"), str) else set()
        return own.union(*map(_references, value.values()))
    return set().union(*map(_references, value)) if isinstance(value, list) else set()


def convert(document: dict[str, Any]) -> dict[str, Any]:
    """What the kinds of the chart need of an OpenAPI document."""
    definitions, kinds = document["definitions"], {}
    for name, one in definitions.items():
        for meant in one.get("x-kubernetes-group-version-kind", []):
            group = f"{meant['group']}/{meant['version']}".lstrip("/")
            if meant["kind"] in KINDS.get(group, ()):
                kinds[f"{group}/{meant['kind']}"] = name
    kept: dict[str, Any] = {}
    wanted = set(kinds.values())
    while wanted:
        name = wanted.pop()
        # What only the server writes is not rendered.
        one = {**definitions[name], "properties": dict(definitions[name].get("properties", {}))}
        if name in kinds.values():
            one["properties"].pop("status", None)
        if not one["properties"]:
            del one["properties"]
        kept[name] = _strict(one, name)
        wanted |= _references(kept[name]) - kept.keys()
    status = sorted(definitions["io.k8s.api.core.v1.PodStatus"]["properties"])
    return {"kinds": kinds, "definitions": dict(sorted(kept.items())), "pod_status": status}


def pod_status(version: str) -> list[str]:
    """The fields of a pod's status."""
    return _load(version)["pod_status"]


def main() -> None:
    for version, module in MODULES.items():
        command = ["go", "mod", "download", "-json", f"k8s.io/kubernetes@{module}"]
        said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        source = Path(json.loads(said)["Dir"]) / "api/openapi-spec/swagger.json"
        made = json.dumps(convert(json.loads(source.read_text())), separators=(",", ":"))
        (FOLDER / f"{version}.json").write_text(made + "\n")


if __name__ == "__main__":
    main()
