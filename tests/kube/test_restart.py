"""One container of a pod restarts alone. The other goes on, and no gate opens too early."""

from __future__ import annotations

import signal
from collections.abc import Callable

import httpx
import pytest
from shop import APPLICATION, GATE_PORT, PORT, SIDECAR, START_TIMEOUT, Shop

from support.gate.process import wait_until
from support.node.api import Object
from support.node.record import condition, container


@pytest.fixture(params=["native", "container"])
def shop(make_shop: Callable[..., Shop], request: pytest.FixtureRequest) -> Shop:
    """One that is ready, with a native sidecar or with one that is a container as any other."""
    made = make_shop()
    made.install(mode=request.param)
    made.wait_ready(1)
    return made


def restarts(pod: Object) -> tuple[int, int]:
    """Of the sidecar, of the application."""
    return (
        container(pod, SIDECAR)["restartCount"],
        container(pod, APPLICATION)["restartCount"],
    )


def wait_restarted(shop: Shop, expected: tuple[int, int]) -> Object:
    def ready(pods: dict[str, Object]) -> Object | None:
        (pod,) = pods.values()
        return pod if restarts(pod) == expected and condition(pod, "Ready") else None

    return shop.pods.wait(ready, START_TIMEOUT, f"ready again after restarts {expected}")


def test_the_application_restarts_alone(shop: Shop) -> None:
    before = shop.pod()
    first = shop.facts(before)["started"]
    shop.kill(before, container(before, APPLICATION), signal.SIGKILL)

    after = wait_restarted(shop, (0, 1))
    assert shop.facts(after)["started"] > first
    assert after["metadata"]["uid"] == before["metadata"]["uid"]


def test_a_restarted_application_waits_for_a_lost_database(shop: Shop) -> None:
    shop.database.refuse()
    closed = f"http://{shop.pod()['status']['podIP']}:{GATE_PORT}/readyz"
    wait_until(
        lambda: httpx.get(closed).status_code == 503, START_TIMEOUT, "the gate closes", pause=0.5
    )
    shop.kill(shop.pod(), container(shop.pod(), APPLICATION), signal.SIGKILL)

    def waits(pods: dict[str, Object]) -> bool:
        (pod,) = pods.values()
        row = container(pod, APPLICATION)
        return "running" in row["state"] and row["restartCount"] == 1

    shop.pods.wait(waits, START_TIMEOUT, "the application's container runs again")
    pod = shop.pod()
    assert not container(pod, APPLICATION)["started"]
    with pytest.raises(httpx.ConnectError):
        shop.get(pod, "/facts", PORT)

    shop.database.accept()
    after = wait_restarted(shop, (0, 1))
    assert shop.facts(after)["started"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_the_sidecar_restarts_alone(shop: Shop, number: signal.Signals) -> None:
    """The application serves as if nothing were; the pod says for itself when it is ready again."""
    before = shop.pod()
    shop.get(before, "/health")
    first = shop.facts(before)
    shop.kill(before, container(before, SIDECAR), number)

    def restarted() -> bool:
        assert shop.get(before, "/health").status_code == 200
        return restarts(shop.pod()) == (1, 0)

    wait_until(restarted, START_TIMEOUT, "the sidecar restarted", pause=0.05)
    after = wait_restarted(shop, (1, 0))
    assert shop.facts(after) == first, "the application is the same process"
    assert shop.get(after, "/readyz", GATE_PORT).status_code == 200
