"""A Kubernetes API server of a few lines: one pod, its Events, and on command everything that a
real one does not do on command: 409, 429 with Retry-After, 500, silence, broken answers, tokens
that expire. It refuses what a real one would: a wrong token, type or path, the uid of another pod,
a patch that is no strategic merge."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any

from support.web import Asked, Reply, WebServer

NAMESPACE, POD, UID = "shop", "orders-0", "0e4b1a52-6ad5-4f8c-9b7e-1d2f3a4b5c6d"
STRATEGIC = "application/strategic-merge-patch+json"


def make_pem(folder: Path) -> Path:
    """A key and a certificate of its own for 127.0.0.1, in one file: its own authority too."""
    pem, key = folder / "api.pem", folder / "api.key"
    what = "-x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=kubernetes"
    files = ["-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(key), "-out", str(pem)]
    subprocess.run(
        ["openssl", "req", *what.split(), *files],
        check=True,
        capture_output=True,
    )
    (folder / "ca.crt").write_text(pem.read_text())
    pem.write_text(key.read_text() + pem.read_text())
    return pem


class KubeApi:
    """On 127.0.0.1 over TLS, from `with` to its end.

    `trouble` are replies that come before it does anything, one each; `always` is one for good.
    `arrives`: the trouble strikes after the request was carried out.
    """

    def __init__(self, folder: Path, token: str = "first") -> None:
        self.token = token
        self.token_file = folder / "token"
        self.token_file.write_text(token + "\n")
        self.ca_file = folder / "ca.crt"
        # The kubelet's own condition, which a patch must leave alone.
        self.conditions: dict[str, dict[str, Any]] = {"Ready": {"type": "Ready", "status": "False"}}
        self.history: list[str] = []  # of our condition's status
        self.events: dict[str, dict[str, Any]] = {}
        self.trouble: list[Reply] = []
        self.always: Reply | None = None
        self.arrives = False
        self._web = WebServer(self._answer, pem=make_pem(folder))

    @property
    def requests(self) -> list[Asked]:
        return self._web.requests

    def environment(self, *, condition: bool = True, events: bool = True) -> dict[str, str]:
        """What the pod's container would have."""
        return {
            "KUBERNETES_SERVICE_HOST": "127.0.0.1",
            "KUBERNETES_SERVICE_PORT": str(self._web.port),
            "READYGATE_KUBERNETES_CONDITION": json.dumps(condition),
            "READYGATE_KUBERNETES_EVENTS": json.dumps(events),
            "READYGATE_KUBERNETES_POD": POD,
            "READYGATE_KUBERNETES_NAMESPACE": NAMESPACE,
            "READYGATE_KUBERNETES_UID": UID,
            "READYGATE_KUBERNETES_TOKEN_FILE": str(self.token_file),
            "READYGATE_KUBERNETES_CA_FILE": str(self.ca_file),
        }

    def status(self) -> str | None:
        """Of readygate's condition."""
        found = self.conditions.get("readygate.io/SchemaReady")
        return found and found["status"]

    def reasons(self) -> dict[str, int]:
        """The Events' reasons, with their counts."""
        return {event["reason"]: event["count"] for event in list(self.events.values())}

    def _answer(self, asked: Asked) -> Reply:
        reply = self.trouble.pop(0) if self.trouble else self.always
        if reply and not self.arrives:
            return reply
        carried_out = self._carry_out(asked)
        return reply or carried_out

    def _carry_out(self, asked: Asked) -> Reply:
        if asked.headers.get("Authorization") != f"Bearer {self.token}":
            return _status(401, "Unauthorized")
        routes: dict[tuple[str, str], Callable[[dict[str, Any]], Reply]] = {
            ("PATCH", f"/api/v1/namespaces/{NAMESPACE}/pods/{POD}/status"): self._patch_pod,
            ("POST", f"/api/v1/namespaces/{NAMESPACE}/events"): self._create_event,
        }
        for name in self.events:
            path = f"/api/v1/namespaces/{NAMESPACE}/events/{name}"
            routes["PATCH", path] = lambda body, name=name: self._patch_event(name, body)
        handler = routes.get((asked.method, asked.path))
        if handler is None:
            return _status(404, "not found")
        wanted = STRATEGIC if asked.method == "PATCH" else "application/json"
        if asked.headers.get("Content-Type") != wanted:
            return _status(415, "unsupported media type")
        return handler(json.loads(asked.body))

    def _patch_pod(self, body: dict[str, Any]) -> Reply:
        if body["metadata"]["uid"] != UID:
            return _status(409, "the uid is another one")
        for condition in body["status"]["conditions"]:
            self.conditions[condition["type"]] = condition
            self.history.append(condition["status"])
        return Reply()

    def _create_event(self, body: dict[str, Any]) -> Reply:
        name = body["metadata"]["name"]
        if name in self.events:
            return _status(409, "already exists")
        assert body["involvedObject"]["uid"] == UID
        self.events[name] = body
        return Reply(code=201)

    def _patch_event(self, name: str, body: dict[str, Any]) -> Reply:
        self.events[name] |= body
        return Reply()

    def __enter__(self) -> KubeApi:
        self._web.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, _: BaseException | None, __: TracebackType | None
    ) -> None:
        self._web.__exit__(kind, None, None)


def _status(code: int, message: str) -> Reply:
    body = {"kind": "Status", "status": "Failure", "code": code, "message": message}
    return Reply(code, json.dumps(body).encode())
