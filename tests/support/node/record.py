"""What the API server recorded while a test ran: each version of each object, as a watch tells it.

Asking now and then would miss a container that restarted or an endpoint that was not ready for a
moment. A watch does not.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from typing import Any

import httpx

from ..gate.process import wait_until
from .api import Api, Object

# A server whose cache has not come as far as the watch has: "Too large resource version". It says
# that asking again later helps.
BEHIND = 504


class Record:
    """Every version of the objects of one resource in one namespace, in order, from now on."""

    def __init__(self, api: Api, resource: str, namespace: str) -> None:
        self._api, self._resource, self._namespace = api, resource, namespace
        self._lock = threading.Lock()
        self._versions: list[tuple[str, Object]] = []  # ADDED, MODIFIED or DELETED, the object
        self._closed = False
        self._problem = ""
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def versions(self, name: str | None = None) -> list[Object]:
        """Of the object with that name, or of all."""
        self._check()
        with self._lock:
            return [
                thing
                for _, thing in self._versions
                if name is None or thing["metadata"]["name"] == name
            ]

    def newest(self) -> dict[str, Object]:
        """The objects that are there, by name."""
        self._check()
        found: dict[str, Object] = {}
        with self._lock:
            for kind, thing in self._versions:
                found[thing["metadata"]["name"]] = thing
                if kind == "DELETED":
                    del found[thing["metadata"]["name"]]
        return found

    def wait(self, condition: Callable[[dict[str, Object]], Any], timeout: float, what: str) -> Any:
        """What `condition` makes of newest(), once that is true."""
        return wait_until(lambda: condition(self.newest()), timeout, what, pause=0.1)

    def close(self) -> None:
        self._closed = True

    def _check(self) -> None:
        if self._problem:
            raise AssertionError(f"the watch of {self._resource} ended: {self._problem}")

    def _watch(self) -> None:
        version = ""
        while not self._closed:
            try:
                with self._api.watch(self._resource, self._namespace, version) as lines:
                    for line in lines:
                        event = json.loads(line)
                        if event["type"] == "ERROR":
                            if event["object"].get("code") == BEHIND:
                                break  # and goes on where it was
                            self._problem = str(event["object"])
                            return
                        version = event["object"]["metadata"]["resourceVersion"]
                        if event["type"] != "BOOKMARK":
                            with self._lock:
                                self._versions.append((event["type"], event["object"]))
                        if self._closed:
                            return
                time.sleep(0.1)
            except (httpx.HTTPError, RuntimeError) as error:
                if self._closed:
                    return
                if not version:
                    self._problem = str(error)
                    return
                time.sleep(0.1)  # goes on where it was


def condition(thing: Object, kind: str) -> bool:
    """Whether a condition of its status is True."""
    return any(
        row["type"] == kind and row["status"] == "True"
        for row in thing.get("status", {}).get("conditions", [])
    )


def container(pod: Object, name: str) -> Object:
    """The status of a container, native sidecars included; {} before there is one."""
    status = pod.get("status", {})
    rows = [*status.get("initContainerStatuses", []), *status.get("containerStatuses", [])]
    return next((row for row in rows if row["name"] == name), {})


def running_since(pod: Object, name: str) -> str:
    """When the container's present run began (RFC 3339), or "" when it does not run."""
    return container(pod, name).get("state", {}).get("running", {}).get("startedAt", "")


def ready_addresses(slices: dict[str, Object]) -> list[str]:
    """What a service would send requests to."""
    return [
        address
        for one in slices.values()
        for endpoint in one.get("endpoints") or []
        if endpoint.get("conditions", {}).get("ready")
        for address in endpoint["addresses"]
    ]
