"""values.schema.json of both charts, from their values.yaml: a misspelt value is an error.

python tests/charts/values_schema.py     # writes them again

A value has the type of its default. What the defaults cannot say is in the tables below.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import yaml

CHARTS = Path(__file__).parents[2] / "charts"
LIBRARY, APPLICATION = CHARTS / "readygate-lib", CHARTS / "readygate"
ANY = {"type": "object"}
SECONDS = {"type": "integer", "minimum": 0}
COUNT = {"type": "integer", "minimum": 1, "maximum": 2147483647}
MAYBE_COUNT = {**COUNT, "type": ["integer", "null"]}
PORT = {"type": "integer", "minimum": 1, "maximum": 65535}
PULL = {"enum": ["Always", "IfNotPresent", "Never"]}
TEXTS = {"type": ["object", "null"], "additionalProperties": {"type": ["string", "null"]}}
SPECIAL: dict[str, Any] = {
    r"(.*\.)?pullPolicy": PULL,
    r"(.*\.)?resources": ANY,
    r"sidecar\.mode": {"enum": ["auto", "native", "container"]},
    r"application\.startupBudget": {"enum": ["auto", "origin", "sidecar"]},
    r".*\.failureThreshold": MAYBE_COUNT,
    r".*\.(period|timeout)Seconds": COUNT,
    r".*Seconds": SECONDS,
    r"kubernetes\.port": PORT,
    r"schema\.files": TEXTS,
    r"image\.digest": {"type": "string", "pattern": "^(sha256:[0-9a-f]{64})?$"},
    r"(config|otlp|webhook|.*podLabels|podLabels|podAnnotations|pod|strategy|.*\.labels)": ANY,
    r"(config|checks|topologySpread|imagePullSecrets)\[\]": ANY,
    r"podDisruptionBudget\.maxUnavailable": {"type": ["integer", "string"]},
}
ITEMS: dict[str, Any] = {
    "sidecar.env": ANY,
    "application.containers": {"type": "string"},
    "schema.imageFolder.command": {"type": "string"},
    "checks": ANY,
    "secretMounts": {
        "type": "object",
        "required": ["name", "mountPath"],
        "additionalProperties": False,
        "properties": {"name": {"type": "string"}, "mountPath": {"type": "string"}},
    },
    "imagePullSecrets": ANY,
    "topologySpread": ANY,
    "service.ports": ANY,
    "networkPolicy.appPorts": PORT,
    "networkPolicy.from": ANY,
}


def schema(value: Any, place: str = "") -> dict[str, Any]:
    """The schema of one default."""
    for pattern, special in SPECIAL.items():
        if re.fullmatch(pattern, place):
            return special
    if isinstance(value, dict):
        inner = {key: schema(one, f"{place}.{key}".lstrip(".")) for key, one in value.items()}
        return {"type": "object", "additionalProperties": False, "properties": inner}
    if isinstance(value, list):
        return {"type": "array", "items": ITEMS[place]}
    if isinstance(value, bool):
        return {"type": "boolean"}
    return {"type": "integer" if isinstance(value, int) else "string"}


def whole(chart: Path) -> dict[str, Any]:
    values = yaml.safe_load((chart / "values.yaml").read_text())
    made = schema(values)
    made["properties"]["global"] = ANY  # Helm adds it
    if chart == APPLICATION:
        made["properties"]["readygate"] = ANY  # the library's own schema is for that
    return {"$schema": "http://json-schema.org/draft-07/schema#", "title": chart.name, **made}


def text(chart: Path) -> str:
    return json.dumps(whole(chart), indent=2) + "\n"


def main() -> None:
    for chart in (LIBRARY, APPLICATION):
        (chart / "values.schema.json").write_text(text(chart))


if __name__ == "__main__":
    main()
