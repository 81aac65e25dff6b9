"""The chart, rendered by Helm as a user's command would."""

from __future__ import annotations

import json
import subprocess
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from cases import CASES, POLICIES

from support.builds import REPOSITORY
from support.engine import install, recipe

CHART = REPOSITORY / "charts/readygate"
RELEASE, NAMESPACE = "shop", "team"
VERSIONS = ("1.28", "1.34", "1.36")
Document = dict[str, Any]


class RenderError(Exception):
    """What Helm said."""


@cache
def program() -> str:
    return str(install.ensure_program(recipe.HELM) / recipe.HELM.name)


def helm(*arguments: str, values: Document | None = None) -> str:
    with tempfile.TemporaryDirectory() as folder:
        given = []
        if values is not None:
            file = Path(folder) / "values.json"
            file.write_text(json.dumps(values))
            given = ["--values", str(file)]
        done = subprocess.run(
            [program(), *arguments, *given], capture_output=True, text=True, timeout=120
        )
    if done.returncode:
        raise RenderError(done.stderr)
    return done.stdout


def render(values: Document, version: str = "1.36") -> str:
    # A client does not know the API's kinds; of those that decide something, 1.36 has this one.
    kinds = [f"--api-versions={POLICIES}"] if version == "1.36" else []
    place = [RELEASE, str(CHART), f"--namespace={NAMESPACE}"]
    return helm("template", *place, f"--kube-version={version}", *kinds, values=values)


@cache
def rendered(case: str, version: str) -> str:
    return render(CASES[case], version)


def documents(text: str) -> list[Document]:
    return [one for one in yaml.safe_load_all(text) if one]


@cache
def _objects(values: str, version: str) -> str:
    return render(json.loads(values), version)


def objects(values: Document, version: str = "1.36") -> dict[str, Document]:
    """The rendered objects by kind and name: "Deployment/shop"."""
    found = documents(_objects(json.dumps(values), version))
    return {f"{one['kind']}/{one['metadata']['name']}": one for one in found}


def pods(found: list[Document]) -> list[tuple[str, Document]]:
    """Each pod spec among the objects, and whose it is."""
    specs = []
    for one in found:
        name = f"{one['kind']}/{one['metadata']['name']}"
        if one["kind"] == "Pod":
            specs.append((name, one["spec"]))
        elif one["kind"] in ("Deployment", "Job"):
            specs.append((name, one["spec"]["template"]["spec"]))
    return specs


def containers(pod: Document) -> dict[str, Document]:
    """All containers of a pod spec by name, those of its start first."""
    return {one["name"]: one for one in [*pod.get("initContainers", []), *pod["containers"]]}
