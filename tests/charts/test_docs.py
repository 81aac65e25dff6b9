"""docs/kubernetes.md, done as it says: its files are written, its commands are run.

What is marked <!-- cluster --> needs one, and is not run here: that Helm and kubectl are meant, and
that the files named there are the document's, is looked at.
"""

from __future__ import annotations

import re
import shlex
import subprocess
from pathlib import Path

import pytest
from openapi import problems
from pod_security import violations
from rendering import documents, pods, program

from support.builds import REPOSITORY

BLOCK = re.compile(r"(?:<!-- (.+?) -->\n)?```(\w+)\n(.*?)```", re.S)
TEXT = (REPOSITORY / "docs/kubernetes.md").read_text()
SECTIONS = dict(part.split("\n", 1) for part in TEXT.split("\n## ")[1:])


def blocks(text: str) -> list[tuple[str, str, str]]:
    return [(mark, language, body) for mark, language, body in BLOCK.findall(text)]


def follow(section: str, folder: Path) -> list[str]:
    """Does what the section says, in the folder; returns what its commands wrote."""
    said, files = [], []
    for mark, _, body in blocks(SECTIONS[section]):
        if mark.startswith("file: "):
            files.append((folder / mark.removeprefix("file: "), body))
    for path, body in files:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(body)
    environment = {"READYGATE": str(REPOSITORY), "PATH": f"{Path(program()).parent}:/usr/bin:/bin"}
    for mark, language, body in blocks(SECTIONS[section]):
        if language == "sh" and mark != "cluster":
            done = subprocess.run(
                ["sh", "-euc", body], cwd=folder, env=environment, capture_output=True, text=True
            )
            assert done.returncode == 0, f"{body}\n{done.stderr}"
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


def test_what_needs_a_cluster_is_helm_or_kubectl() -> None:
    lines = [
        line for mark, _, body in blocks(TEXT) if mark == "cluster" for line in body.splitlines()
    ]
    assert len(lines) >= 7
    for line in lines:
        assert shlex.split(line)[0] in ("helm", "kubectl")
        assert shlex.split(line)[1:3] == ["-n", "team"]


def test_the_suggested_timeout_is_the_charts(tmp_path: Path) -> None:
    (found, *_) = [
        one for one in documents(follow("Install", tmp_path)[0]) if one["kind"] == "Deployment"
    ]
    assert f"--timeout {found['spec']['progressDeadlineSeconds']}s" in SECTIONS["Install"]
