"""A Kubernetes node: etcd, API server, controller manager, scheduler, containerd and kubelet.

    with Node.start("1.36") as node:
        node.load(Path("image.oci.tar"))       # pods use it with imagePullPolicy: Never
        node.api.list("pods", namespace="default")
        node.gateway                           # pods reach this machine by this address
        node.kubectl, node.kubeconfig          # for helm and kubectl, of the node's version

Pods have addresses that this machine reaches. Several nodes at once are fine. A node ends, and
nothing of it is left, with close(), with the `with` block, or with the process that started it,
also when that is killed: see supervisor.py. The first start of a version makes its programs in the
cache folder. It needs root (sudo is asked).

As a command:  PYTHONPATH=tests python3 -m support.node install VERSION | stop
"""

from __future__ import annotations

import json
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx

from ..engine import install, recipe
from ..gate.process import wait_until
from . import images, programs
from .api import Api, ApiError
from .leftovers import BASE, SUPERVISOR

START_TIMEOUT = 120  # s; a quiet machine takes about ten


class NodeError(AssertionError):
    """The node could not do what was asked; the text says why."""


class Node:
    """One running node. Make it with Node.start()."""

    def __init__(self, process: subprocess.Popen[str], kubernetes: Path, packages: Path) -> None:
        self._process = process
        made = self._answer()
        self.place = programs.Place(Path(made["folder"]), made["number"], kubernetes, packages)
        self.folder = self.place.folder
        self.gateway = self.place.gateway
        self.kubeconfig = self.folder / "admin.conf"
        self.kubectl = kubernetes / "kubectl"
        self._api: Api | None = None

    @classmethod
    def start(cls, version: str = recipe.NEWEST) -> Node:
        """A node whose kubelet says that it is ready."""
        kubernetes = install.ensure_program(recipe.KUBERNETES[version])
        packages = install.ensure_node_packages()
        command = [*install.PYTHON, str(SUPERVISOR), "serve", str(BASE)]
        process = subprocess.Popen(
            install.as_root(command), text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        node = cls(process, kubernetes, packages)
        try:
            node._boot()
        except BaseException:
            node.close()
            raise
        return node

    @property
    def api(self) -> Api:
        """The API server, as a user who may do everything."""
        assert self._api
        return self._api

    def api_as(self, token: str) -> Api:
        """The same, as the user whose token that is; its close() is the caller's."""
        return Api(self.place.server, self.folder / "ca.crt", token)

    def load(self, archive: Path) -> None:
        """Imports an OCI archive. What it held before under that name is replaced."""
        self.run("ctr", "-n", "k8s.io", "images", "import", "--snapshotter=native", str(archive))

    def signal_container(self, container: str, number: int) -> None:
        """Sends a signal to a container, by the id of its status (containerd://ID)."""
        identifier = container.removeprefix("containerd://")
        self.run("ctr", "-n", "k8s.io", "tasks", "kill", "--signal", str(number), identifier)

    def signal_program(self, name: str, number: int) -> None:
        """Sends a signal to one of the node's own programs."""
        self.run("pkill", "-x", f"--signal={number}", name)

    def run(self, *command: str) -> str:
        """A command inside the node, as root, in its folder: its output."""
        return str(self._ask("run", command=list(command), path=self.place.path))

    def close(self) -> None:
        """Ends everything. May be called again."""
        if self._api:
            self._api.close()
        if self._process.stdin and not self._process.stdin.closed:
            self._process.stdin.close()  # what the supervisor ends on
        self._process.wait()
        if self._process.stdout:
            self._process.stdout.close()

    def __enter__(self) -> Node:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _boot(self) -> None:
        for path, text in programs.files(self.place).items():
            self._ask("write", path=path, text=text)
        for command in programs.certificates(self.place):
            self.run(*command)
        started = programs.commands(self.place)
        for name in ("etcd", "containerd", "kube-apiserver"):
            self._start(name, started.pop(name))
        self._make_pause()
        self._api = self.api_as(programs.ADMIN)
        self._until(self._is_up, "the API server is ready")
        for name, command in started.items():
            self._start(name, command)
        self._until(self._is_ready, "the node is ready")

    def _start(self, name: str, command: list[str]) -> None:
        self._ask("start", name=name, command=command, path=self.place.path)

    def _make_pause(self) -> None:
        with tempfile.TemporaryDirectory() as temporary:
            folder = Path(temporary)
            program = images.compile_static(Path(__file__).with_name("pause.cc"), folder / "pause")
            pause = images.archive(
                programs.PAUSE, {"pause": program}, ["/pause"], folder / "pause.tar"
            )
            self._until(lambda: self._can("ctr", "version"), "containerd answers")
            self.load(pause)

    def _can(self, *command: str) -> bool:
        try:
            self.run(*command)
            return True
        except NodeError:
            return False

    def _is_up(self) -> bool:
        try:
            return self.api.ask("GET", "/readyz") == "ok"
        except (ApiError, httpx.TransportError):
            return False

    def _is_ready(self) -> bool:
        # Service accounts make pods possible: their controller starts later than the kubelet.
        accounts = self.api.list("serviceaccounts", namespace="default")
        return bool(accounts) and any(
            condition["type"] == "Ready" and condition["status"] == "True"
            for node in self.api.list("nodes")
            for condition in node["status"].get("conditions", [])
        )

    def _until(self, condition: Callable[[], object], what: str) -> None:
        def check() -> bool:
            self._ask("check")
            return bool(condition())

        wait_until(check, START_TIMEOUT, what, pause=0.1)

    def _ask(self, request: str, **arguments: object) -> Any:
        assert self._process.stdin
        try:
            self._process.stdin.write(json.dumps({"do": request, **arguments}) + "\n")
            self._process.stdin.flush()
        except (BrokenPipeError, ValueError) as error:
            raise NodeError("the node has ended") from error
        return self._answer().get("result")

    def _answer(self) -> dict[str, Any]:
        assert self._process.stdout
        line = self._process.stdout.readline()
        if not line:
            raise NodeError("the node has ended by itself")
        answer: dict[str, Any] = json.loads(line)
        if not answer["ok"]:
            raise NodeError(answer["error"])
        return answer
