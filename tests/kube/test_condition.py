"""The pod's own condition and Events, as a real API server takes them."""

from __future__ import annotations

import signal
from collections.abc import Callable

from shop import (
    ACCOUNT,
    APPLICATION,
    CONDITION,
    GATE_PORT,
    SIDECAR,
    START_TIMEOUT,
    Shop,
)

from support.gate.process import wait_until
from support.node.api import Object
from support.node.record import condition, container, running_since

# s, that a call to the API server may hang: timeout of src/http/client.h. No answer waits for one.
CALL_LIMIT = 5
KUBELETS = {"Initialized", "Ready", "ContainersReady", "PodScheduled"}


def states(shop: Shop) -> list[str]:
    """Of our condition, in the order in which the API server had them."""
    seen: list[str] = []
    for pod in shop.pods.versions():
        for row in pod["status"].get("conditions", []):
            if row["type"] == CONDITION and seen[-1:] != [row["status"]]:
                seen.append(row["status"])
    return seen


def test_the_condition_is_false_until_the_schema_is_there(make_shop: Callable[..., Shop]) -> None:
    shop = make_shop()
    with shop.database.hold(b"createIndexes") as build:
        shop.install(told=["condition"])
        assert build.wait(START_TIMEOUT)
        wait_until(lambda: states(shop) == ["False"], START_TIMEOUT, "the condition is False")
        assert not condition(shop.pod(), "Ready")
    (pod,) = shop.wait_ready(1)
    assert states(shop) == ["False", "True"]
    assert {row["type"] for row in pod["status"]["conditions"]} >= {CONDITION, *KUBELETS}
    assert container(pod, SIDECAR)["restartCount"] == 0


def told(pod: Object, kind: str, *reasons: str) -> Callable[[dict[str, Object]], bool]:
    """Whether Events of that type about the pod have all these reasons."""

    def check(events: dict[str, Object]) -> bool:
        seen = {
            event["reason"]
            for event in events.values()
            if event["type"] == kind
            and event["involvedObject"].get("uid") == pod["metadata"]["uid"]
        }
        return seen >= set(reasons)

    return check


def test_events_tell_what_happened(make_shop: Callable[..., Shop]) -> None:
    shop = make_shop()
    shop.install(told=["events"])
    (pod,) = shop.wait_ready(1)
    shop.database.refuse()
    shop.events.wait(told(pod, "Warning", "DatabaseLost"), START_TIMEOUT, "the loss is told")
    shop.database.accept()
    every = told(pod, "Normal", "SchemaStarted", "SchemaApplied", "SchemaRecovered")
    shop.events.wait(every, START_TIMEOUT, "all is told")


def test_without_rights_the_gate_opens_all_the_same(make_shop: Callable[..., Shop]) -> None:
    """The API server refuses; the pod cannot become ready, and the application runs."""
    shop = make_shop()
    shop.install(told=["condition", "events"])
    binding = shop.api.get("rolebindings", ACCOUNT, shop.namespace)
    shop.api.delete("rolebindings", ACCOUNT, shop.namespace)

    def runs(pods: dict[str, Object]) -> Object | None:
        return next(
            (
                pod
                for pod in pods.values()
                if running_since(pod, APPLICATION) and container(pod, APPLICATION)["ready"]
            ),
            None,
        )

    pod = shop.pods.wait(runs, START_TIMEOUT, "the application is ready")
    assert shop.get(pod, "/readyz", GATE_PORT).status_code == 200
    assert not condition(shop.pod(), "Ready")
    assert "True" not in states(shop)

    binding["metadata"] = {"name": ACCOUNT, "namespace": shop.namespace}
    shop.api.create(binding)
    shop.wait_ready(1)
    assert states(shop)[-1:] == ["True"]


def test_without_the_api_server_the_gate_tells_the_same(make_shop: Callable[..., Shop]) -> None:
    """It stands still while the database goes and comes; what was told meanwhile is told later."""
    shop = make_shop()
    shop.install(told=["condition", "events"], more={"config": {"gate": {"unready_after": "2s"}}})
    (pod,) = shop.wait_ready(1)
    facts = shop.facts(pod)

    def answers(code: int) -> bool:
        assert shop.facts(pod) == facts, "the application is left alone"
        answer = shop.get(pod, "/readyz", GATE_PORT, timeout=CALL_LIMIT / 2)
        return answer.status_code == code

    shop.node.signal_program("kube-apiserver", signal.SIGSTOP)
    try:
        shop.database.refuse()
        wait_until(lambda: answers(503), 30, "the loss is seen", pause=0.2)
        wait_until(
            lambda: answers(503) and shop.logged(SIDECAR, "an Event cannot be written"),
            30,
            "telling it has failed",
            pause=0.2,
        )
        shop.database.accept()
        wait_until(lambda: answers(200), 30, "the gate is open again", pause=0.2)
    finally:
        shop.node.signal_program("kube-apiserver", signal.SIGCONT)
    shop.events.wait(told(pod, "Warning", "DatabaseLost"), START_TIMEOUT, "the loss is told")
    shop.events.wait(told(pod, "Normal", "SchemaRecovered"), START_TIMEOUT, "its end is told")
    shop.wait_ready(1)
    assert states(shop)[-1:] == ["True"]
    assert shop.facts(shop.pod()) == facts
    for name in (SIDECAR, APPLICATION):
        assert container(shop.pod(), name)["restartCount"] == 0
