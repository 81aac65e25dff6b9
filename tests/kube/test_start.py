"""A pod starts: the application runs once the gate is open, and never before."""

from __future__ import annotations

from collections.abc import Callable

from shop import APPLICATION, GATE_PORT, SIDECAR, Shop
from support.node.record import container


def test_a_pod_becomes_ready(make_shop: Callable[..., Shop]) -> None:
    shop = make_shop()
    shop.install(readiness_delay=0)
    (pod,) = shop.wait_ready(1)

    for name in (SIDECAR, APPLICATION):
        status = container(pod, name)
        assert (status["started"], status["ready"], status["restartCount"]) == (True, True, 0)
    assert shop.get(pod, "/health").text == "ok"
    assert shop.get(pod, "/readyz", GATE_PORT).status_code == 200
