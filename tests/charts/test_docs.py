"""docs/kubernetes.md, done as it says: its files are written, its commands are run.

What is marked <!-- cluster --> needs one: tests/kube runs that.
"""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from openapi import problems
from pod_security import violations
from rendering import documents, helm, pods, program

from support import walkthrough
from support.builds import REPOSITORY

DOCUMENT = REPOSITORY / "docs/kubernetes.md"
SECTIONS = walkthrough.sections(DOCUMENT)
TEMPLATE = "file: templates/deployment.yaml"


def follow(section: str, folder: Path) -> list[str]:
    """Does what the section says, in the folder; returns what its commands wrote."""
    said = []
    walkthrough.write_files(SECTIONS[section], folder)
    environment = {"READYGATE": str(REPOSITORY), "PATH": f"{Path(program()).parent}:/usr/bin:/bin"}
    for block in SECTIONS[section]:
        if block.language == "sh" and block.mark != walkthrough.CLUSTER:
            done = subprocess.run(
                ["sh", "-euc", block.text],
                cwd=folder,
                env=environment,
                capture_output=True,
                text=True,
            )
            assert done.returncode == 0, f"{block.text}\n{done.stderr}"
            said.append(done.stdout)
    return said


@pytest.mark.parametrize("section", ["Install", "Adopt it in an existing Deployment"])
def test_as_the_document_says(section: str, tmp_path: Path) -> None:
    rendered = documents(follow(section, tmp_path)[-1].partition("---\n")[2])
    assert [line for one in rendered for line in problems(one, "1.34")] == []
    found = dict(pods(rendered))
    assert [line for one in found.values() for line in violations(one)] == []
    (application,) = found["Deployment/orders"]["containers"]
    assert application["command"][:3] == ["/run/readygate/readygate-wait", "--", "/orders"]
    assert [one["name"] for one in found["Deployment/orders"]["initContainers"]] == [
        "readygate-install",
        "readygate",
    ]


def test_three_lines_adopt_it(tmp_path: Path) -> None:
    """One makes `$gate`, one hands the pod over, one adds what it refers to. The fourth that the
    document shows may be left out: then a long rollout is reported as failed, and goes on.
    """
    section = "Adopt it in an existing Deployment"
    (template,) = [block for block in SECTIONS[section] if block.mark == TEMPLATE]
    lines = [line for line in template.commands if "$gate" in line]
    deadline = [line for line in lines if "progressDeadlineSeconds" in line]
    assert (len(lines), len(deadline)) == (4, 1)
    follow(section, tmp_path)
    path = tmp_path / TEMPLATE.removeprefix(walkthrough.FILE)
    path.write_text(template.text.replace(f"{deadline[0]}\n", ""))
    made = documents(helm("template", "orders", str(tmp_path), "--kube-version=1.34"))
    assert {"Deployment", "ConfigMap"} == {one["kind"] for one in made}
    (pod,) = [spec for name, spec in pods(made) if name.startswith("Deployment/")]
    assert [one["name"] for one in pod["initContainers"]] == ["readygate-install", "readygate"]


def test_the_suggested_timeout_is_the_charts(tmp_path: Path) -> None:
    (found, *_) = [
        one for one in documents(follow("Install", tmp_path)[0]) if one["kind"] == "Deployment"
    ]
    wanted = f"--timeout {found['spec']['progressDeadlineSeconds']}s"
    assert any(wanted in block.text for block in SECTIONS["Install"])
