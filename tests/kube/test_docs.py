"""What docs/kubernetes.md and docs/operations.md, and the chart's notes, say to do on a cluster.

Each command runs as it is written, in the order of the document, in a folder with the document's
files. The images are there under the names that the document has, so that no registry is asked.
What must be true after a command is in AFTER; a command without a row there is an error.
"""

from __future__ import annotations

import re
import shlex
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import container_images
import pytest
from pymongo import MongoClient
from reader import commands, typed
from shop import CHART, START_TIMEOUT, thing

from support import walkthrough
from support.gate import repository
from support.gate.process import wait_until
from support.node.api import ApiError, Object
from support.node.node import Node
from support.node.record import Record, condition, container, running_since
from support.proxy import TcpProxy
from support.versions import version

KUBERNETES = repository() / "docs/kubernetes.md"
OPERATIONS = repository() / "docs/operations.md"
ADOPT = "Adopt it in an existing Deployment"
TEAM, RELEASE = "team", "orders"
GATE, SERVICE = f"registry.example/readygate:{version()}", "registry.example/orders:7"
# The last line of the document's schema, and what version 2 has more, for the upgrade.
LAST = '        name = "orders"\n'
MORE = """
        [[collection]]
        name = "returns"
"""
# The document's pods are ready after 30 s; those of this test at once.
SOON = """
  application:
    startupProbe: { initialDelaySeconds: 1 }
    readinessProbe: { initialDelaySeconds: 1 }
"""


class Cluster:
    """The document's namespace on the node, and the reader's folder."""

    def __init__(self, node: Node, uri: str, client: MongoClient, folder: Path) -> None:
        self.node, self.api, self.client, self.folder = node, node.api, client, folder
        self.proxy = TcpProxy.in_front_of(uri, address=node.gateway)
        self.database = f"rg_test_{uuid.uuid4().hex[:12]}"
        self.api.create(thing("v1", "Namespace", TEAM, None))
        self.pods = Record(self.api, "pods", TEAM)
        self.said = ""  # by the last command
        self.first = ""  # the ConfigMap of the first installation
        (folder / "mongodb-uri.txt").write_text(f"{self.proxy.uri}\n")

    def close(self) -> None:
        self.pods.close()
        self.api.delete("namespaces", TEAM)
        wait_until(self._is_gone, START_TIMEOUT, "the namespace is gone", pause=0.2)
        self.proxy.close()
        self.client.drop_database(self.database)

    def _is_gone(self) -> bool:
        try:
            self.api.get("namespaces", TEAM)
        except ApiError as error:
            return error.status == 404
        return False

    def write(self, section: list[walkthrough.Block]) -> None:
        """The document's files, but for the name of the database: the server is everybody's."""
        walkthrough.write_files(section, self.folder)
        for block in section:
            if block.mark.startswith(walkthrough.FILE):
                path = self.folder / block.mark.removeprefix(walkthrough.FILE)
                text = path.read_text().replace('database = "orders"', self._database_line)
                path.write_text(text)

    @property
    def _database_line(self) -> str:
        return f'database = "{self.database}"'

    def run(self, command: str) -> None:
        """One command as it is written; it has to succeed."""
        pod = next(iter(self.service_pods()), "")
        self.said = typed(self.node, command, self.folder, READYGATE=str(repository()), POD=pod)

    def service_pods(self) -> dict[str, Object]:
        return {
            name: pod
            for name, pod in self.pods.newest().items()
            if "ownerReferences" in pod["metadata"] and "deletionTimestamp" not in pod["metadata"]
        }

    def collections(self) -> set[str]:
        names = self.client[self.database].list_collection_names()
        return {name for name in names if not name.startswith("_")}

    def applied(self) -> Object:
        found = self.client[self.database]["_readygate"].find_one({"_id": RELEASE})
        assert found
        return found["applied"]


@pytest.fixture
def cluster(node: Node, engine: Any, client: MongoClient, tmp_path: Path) -> Iterator[Cluster]:
    node.run("ctr", "-n", "k8s.io", "images", "tag", "--force", container_images.GATE, GATE)
    archive = tmp_path / "service.tar"
    node.load(container_images.service(archive, name=SERVICE, program="/orders"))
    folder = tmp_path / "reader"
    folder.mkdir()
    made = Cluster(node, engine.uri, client, folder)
    yield made
    made.close()


def has_secret(cluster: Cluster) -> None:
    assert cluster.api.get("secrets", "mongodb", TEAM)["data"]["uri"]


def config_map(pod: Object) -> str:
    """The one with the sidecar's settings and schema."""
    (volume,) = [one for one in pod["spec"]["volumes"] if one["name"] == "readygate-config"]
    return volume["configMap"]["name"]


def settled(cluster: Cluster) -> list[Object]:
    """The pods of the service, once they are as many as they shall be, ready and of one version."""

    def found() -> list[Object]:
        pods = list(cluster.service_pods().values())
        wanted = cluster.api.get("deployments", RELEASE, TEAM)["spec"]["replicas"]
        ready = [condition(pod, "Ready") for pod in pods] == [True] * wanted
        return pods if ready and len({config_map(pod) for pod in pods}) == 1 else []

    return wait_until(found, START_TIMEOUT, "the pods are ready, and no others there", pause=0.2)


def is_installed(cluster: Cluster) -> None:
    """Behind a gate that applied the schema, and nothing was restarted. Helm waited for it."""
    ready = [condition(pod, "Ready") for pod in cluster.api.list("pods", TEAM)]
    deployment = cluster.api.get("deployments", RELEASE, TEAM)
    assert ready == [True] * deployment["spec"]["replicas"]
    is_there(cluster)
    assert (cluster.applied()["version"], cluster.collections()) == (1, {"orders"})
    cluster.first = config_map(settled(cluster)[0])


def is_there(cluster: Cluster) -> None:
    for pod in settled(cluster):
        assert container(pod, RELEASE)["image"] == SERVICE
        for name in ("readygate", RELEASE):
            assert container(pod, name)["restartCount"] == 0
    for seen in cluster.pods.versions():
        assert not running_since(seen, RELEASE) or container(seen, "readygate")["started"]
    assert cluster.applied()["host"].startswith(f"{RELEASE}-")


def is_upgraded(cluster: Cluster) -> None:
    is_there(cluster)
    assert (cluster.applied()["version"], cluster.collections()) == (2, {"orders", "returns"})


def is_rolled_back(cluster: Cluster) -> None:
    """The older pods are back; the database is left as it is."""
    wait_until(
        lambda: config_map(settled(cluster)[0]) == cluster.first,
        START_TIMEOUT,
        "the first version's pods are back",
        pause=0.2,
    )
    assert (cluster.applied()["version"], cluster.collections()) == (2, {"orders", "returns"})


def is_tested(cluster: Cluster) -> None:
    phases = [pod["status"]["phase"] for pod in cluster.pods.versions(f"{RELEASE}-test")]
    assert phases[-1] == "Succeeded"


def says_ready(cluster: Cluster) -> None:
    assert re.search(r"\bready\b", cluster.said), cluster.said


def shows_the_log(cluster: Cluster) -> None:
    assert "Database initialization completed. Connected: True" in cluster.said


def is_uninstalled(cluster: Cluster) -> None:
    wait_until(lambda: not cluster.service_pods(), START_TIMEOUT, "its pods are gone", pause=0.2)
    assert cluster.collections() == {"orders", "returns"}, "the database is left alone"


def has_no_config_maps(cluster: Cluster) -> None:
    left = cluster.api.list("configmaps", TEAM)
    assert [one["metadata"]["name"] for one in left] == ["kube-root-ca.crt"]


# What a command begins with, and what is true after it.
AFTER: dict[str, Callable[[Cluster], None]] = {
    "kubectl -n team create secret generic mongodb": has_secret,
    "helm -n team install orders": is_installed,
    "helm -n team test orders": is_tested,
    "kubectl -n team exec deployment/orders -c readygate -- readygate status": says_ready,
    "kubectl -n team exec $POD -c readygate -- readygate status": says_ready,
    "kubectl -n team logs $POD -c readygate": shows_the_log,
    "helm -n team upgrade orders": is_upgraded,
    "helm -n team rollback orders": is_rolled_back,
    "helm -n team uninstall orders": is_uninstalled,
    "kubectl -n team delete configmap": has_no_config_maps,
    "helm -n team upgrade --install orders": is_there,
}


def follow(cluster: Cluster, section: list[walkthrough.Block]) -> None:
    """Does what the section says, and looks after each command whether it is so."""
    for block in section:
        if block.mark == walkthrough.CLUSTER:
            for command in block.commands:
                (after,) = [AFTER[start] for start in AFTER if command.startswith(start)]
                cluster.run(command)
                after(cluster)


def test_a_release_lives_as_the_documents_say(cluster: Cluster) -> None:
    """Installed, tested, looked at, upgraded, rolled back, uninstalled."""
    sections = walkthrough.sections(KUBERNETES)
    cluster.write(sections["Install"])
    values = cluster.folder / "values.yaml"
    first = values.read_text() + SOON
    values.write_text(first)
    follow(cluster, sections[""])
    follow(cluster, sections["Install"])
    follow(cluster, walkthrough.blocks(OPERATIONS))
    assert LAST in first
    values.write_text(first.replace("version  = 1", "version  = 2").replace(LAST, f"{LAST}{MORE}"))
    follow(cluster, sections["Upgrade, rollback, uninstall"])


def test_a_chart_of_the_teams_adopts_it_as_the_document_says(cluster: Cluster) -> None:
    sections = walkthrough.sections(KUBERNETES)
    follow(cluster, sections[""])
    cluster.write(sections[ADOPT])
    for block in sections[ADOPT]:
        if block.language == "sh" and block.mark != walkthrough.CLUSTER:
            cluster.run(block.text)
    follow(cluster, sections[ADOPT])


def test_every_command_of_the_documents_is_followed() -> None:
    """By the two tests above, which follow these sections."""
    followed = {"", "Install", ADOPT, "Upgrade, rollback, uninstall"}
    for title, section in walkthrough.sections(KUBERNETES).items():
        assert title in followed or not any(block.language == "sh" for block in section)
    typed_there = [
        command
        for document in (KUBERNETES, OPERATIONS)
        for block in walkthrough.blocks(document)
        if block.mark == walkthrough.CLUSTER
        for command in block.commands
    ]
    unused = [start for start in AFTER if not any(one.startswith(start) for one in typed_there)]
    assert unused == []
    assert all(shlex.split(one)[1:3] == ["-n", TEAM] for one in typed_there)


def names_the_pods(cluster: Cluster) -> None:
    assert len(settled(cluster)) > 0
    for pod in settled(cluster):
        assert pod["metadata"]["name"] in cluster.said


# The same for the notes, in their order.
NOTES: dict[str, Callable[[Cluster], None]] = {
    "kubectl -n team get pods": names_the_pods,
    "kubectl -n team logs deployment/orders": shows_the_log,
    "kubectl -n team exec deployment/orders": says_ready,
    "helm -n team test orders": is_tested,
}


def test_the_notes_commands_run(cluster: Cluster) -> None:
    """What Helm prints at the end of an installation: each of its lines is tried."""
    sections = walkthrough.sections(KUBERNETES)
    cluster.write(sections["Install"])
    values = cluster.folder / "values.yaml"
    values.write_text(values.read_text() + SOON)
    follow(cluster, sections[""])
    cluster.run(f"helm -n team install orders {CHART} --values values.yaml --wait --timeout 200s")
    for command, (start, after) in zip(commands(cluster.said), NOTES.items(), strict=True):
        assert command.startswith(start)
        cluster.run(command)
        after(cluster)
