"""The cases that readygate exists for, by their names.

A service whose every request started an initialization of its own, whose health check failed while
one ran, and which was used before it was initialized: none of that may happen here.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Barrier
from typing import Any

from pymongo import MongoClient

from support.gate import COMPLETED, FAILED, STARTING, Daemon, wait_until
from support.proxy import TcpProxy

MakeDaemon = Callable[..., Daemon]
AT_ONCE = 50


def break_the_schema(client: MongoClient[Any], database: str) -> None:
    """An index of the declared name with another key: a conflict that no waiting mends."""
    client[database]["things"].create_index([("colour", 1)], name="by_owner")


def mend_the_schema(client: MongoClient[Any], database: str) -> None:
    """What an operator would do about it."""
    client[database]["things"].drop_index("by_owner")


@dataclass(frozen=True)
class Storm:
    """Requests that were all sent at the same moment."""

    retries: list[Future[int | None]]  # POST /v1/retry: the status code
    waits: list[Future[dict[str, Any]]]  # WAIT open: the answer

    def codes(self) -> list[int | None]:
        return [future.result() for future in self.retries]

    def answers(self) -> list[dict[str, Any]]:
        return [future.result() for future in self.waits]


@contextmanager
def storm(daemon: Daemon) -> Iterator[Storm]:
    """50 requests to initialize, and 50 requests that wait for it, all at once."""
    barrier = Barrier(2 * AT_ONCE)

    def retry() -> int | None:
        barrier.wait()
        return daemon.request("/v1/retry", method="POST", timeout=20).code

    def wait() -> dict[str, Any]:
        barrier.wait()
        return daemon.line("WAIT open 20s")

    with ThreadPoolExecutor(2 * AT_ONCE) as pool:
        yield Storm(
            [pool.submit(retry) for _ in range(AT_ONCE)],
            [pool.submit(wait) for _ in range(AT_ONCE)],
        )


def test_single_initialization(engine: Any, make_daemon: MakeDaemon) -> None:
    daemon = make_daemon(engine.uri).start()
    daemon.wait_state("ready")
    for _ in range(20):  # what comes later starts no other one
        assert daemon.probe("/health/ready").code == 200
        assert daemon.line("WAIT open 5s")["ok"]
    said = daemon.messages()
    assert (said.count(STARTING), said.count(COMPLETED)) == (1, 1)
    assert not [message for message in said if message.startswith(FAILED)]


def test_50_concurrent_initialization_requests_run_one(
    engine: Any,
    proxy: TcpProxy,
    client: MongoClient[Any],
    database: str,
    make_daemon: MakeDaemon,
) -> None:
    break_the_schema(client, database)
    daemon = make_daemon(proxy.uri, settings={"init": {"failed_retry": "0s"}}).start()
    daemon.wait_state("failed")
    mend_the_schema(client, database)
    with storm(daemon) as requests:
        codes, answers = requests.codes(), requests.answers()
    assert set(codes) == {202}
    assert [answer["ok"] for answer in answers] == [True] * AT_ONCE
    daemon.wait_state("ready")
    # The one that failed, and one for the fifty.
    assert daemon.messages().count(STARTING) == 2
    assert daemon.messages().count(COMPLETED) == 1


def test_50_concurrent_requests_join_the_initialization_that_runs(
    proxy: TcpProxy, make_daemon: MakeDaemon
) -> None:
    daemon = make_daemon(proxy.uri)
    with proxy.hold(b"createIndexes") as held:
        daemon.start()
        assert held.wait(10), "no index build began"
        with storm(daemon) as requests:
            assert set(requests.codes()) == {202}  # answered while it runs
            assert daemon.status()["state"] == "initializing"
            assert not any(wait.done() for wait in requests.waits)
            held.release()
            assert [answer["ok"] for answer in requests.answers()] == [True] * AT_ONCE
    assert daemon.messages().count(STARTING) == 1
    assert daemon.messages().count(COMPLETED) == 1


def test_request_during_initialization_waits(proxy: TcpProxy, make_daemon: MakeDaemon) -> None:
    daemon = make_daemon(proxy.uri)
    with proxy.hold(b"createIndexes") as held:
        daemon.start()
        assert held.wait(10), "no index build began"
        with ThreadPoolExecutor(1) as pool:
            answer = pool.submit(daemon.line, "WAIT open 20s")
            time.sleep(0.5)  # nothing to poll for: it must still be waiting
            assert not answer.done()
            ping = daemon.status()
            assert (ping["state"], ping["initialized"], ping["open"]) == (
                "initializing",
                False,
                False,
            )
            held.release()
            assert answer.result(10)["ok"]


def test_failure_then_retry_then_success(
    engine: Any, client: MongoClient[Any], database: str, make_daemon: MakeDaemon
) -> None:
    break_the_schema(client, database)
    daemon = make_daemon(engine.uri, settings={"init": {"failed_retry": "0s"}}).start()
    failed = daemon.wait_state("failed")
    assert failed["code"] == "schema_conflict"
    assert "by_owner" in failed["reason"]
    reason = daemon.wait_message(FAILED)
    assert reason["code"] == "schema_conflict"
    assert COMPLETED not in daemon.messages()

    # A retry that changes nothing fails again, and says so again.
    assert daemon.request("/v1/retry", method="POST").code == 202
    wait_until(
        lambda: len([m for m in daemon.messages() if m.startswith(FAILED)]) == 2,
        10,
        "the second failure",
        seen=daemon.log_text,
    )
    mend_the_schema(client, database)
    assert daemon.request("/v1/retry", method="POST").code == 202
    assert daemon.line("WAIT open 10s")["ok"]
    assert daemon.wait_state("ready")["code"] == "none"
    said = [m for m in daemon.messages() if m.startswith((STARTING, COMPLETED, FAILED))]
    assert said[0] == STARTING
    assert said[-2:] == [STARTING, COMPLETED]
    key = client[database]["things"].index_information()["by_owner"]["key"]
    assert key == [("owner", 1), ("made_at", -1)]
