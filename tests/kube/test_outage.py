"""The database goes away under a pod that serves."""

from __future__ import annotations

import time
from collections.abc import Callable

from shop import APPLICATION, GATE_PORT, SIDECAR, START_TIMEOUT, Shop

from support.node.api import Object
from support.node.record import condition, container, ready_addresses

OUTAGE = 60  # s


def test_an_outage_of_a_minute_restarts_nothing(make_shop: Callable[..., Shop]) -> None:
    """The pod leaves its service while the database is gone, and is back with it."""
    shop = make_shop()
    shop.install()
    (pod,) = shop.wait_ready(1)
    facts = shop.facts(pod)

    began = time.monotonic()
    shop.database.refuse()

    def is_ready(pods: dict[str, Object]) -> bool:
        (one,) = pods.values()
        return condition(one, "Ready")

    shop.pods.wait(lambda pods: not is_ready(pods), START_TIMEOUT, "the pod is not ready")
    shop.endpoints.wait(lambda rows: not ready_addresses(rows), 10, "no endpoint is ready")
    assert shop.get(pod, "/readyz", GATE_PORT).status_code == 503
    assert shop.get(pod, "/health", GATE_PORT).status_code == 503
    assert shop.get(pod, "/livez", GATE_PORT).status_code == 200
    while time.monotonic() < began + OUTAGE:
        assert shop.facts(pod) == facts, "the application is left alone"
        time.sleep(0.5)

    shop.database.accept()
    shop.pods.wait(is_ready, START_TIMEOUT, "the pod is ready again")
    shop.endpoints.wait(ready_addresses, 10, "its endpoint is ready again")
    for name in (SIDECAR, APPLICATION):
        assert container(shop.pod(), name)["restartCount"] == 0
    assert shop.facts(pod) == facts
    assert "Killing" not in shop.reasons()
