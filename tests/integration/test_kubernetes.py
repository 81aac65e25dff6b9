"""What the daemon tells a Kubernetes API server, and that its gate depends on none of it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from support.gate import Daemon, wait_until
from support.kube_api import KubeApi
from support.web import Reply

MakeDaemon = Callable[..., Daemon]


@pytest.fixture
def api(tmp_path: Path) -> Iterator[KubeApi]:
    with KubeApi(tmp_path) as started:
        yield started


def told(api: KubeApi, daemon: Daemon) -> None:
    """Until the condition is True and the Events of a good start are there."""
    wait_until(
        lambda: api.status() == "True" and {"SchemaStarted", "SchemaApplied"} <= set(api.reasons()),
        20,
        "the API server knows",
        seen=lambda: f"{api.conditions}\n{api.events}\n{daemon.log_text()}",
    )


def test_the_condition_and_the_events_of_a_start(
    engine: Any, database: str, make_daemon: MakeDaemon, api: KubeApi
) -> None:
    daemon = make_daemon(engine.uri, environment=api.environment()).start()
    told(api, daemon)
    assert api.history[0] == "False"
    condition = api.conditions["readygate.io/SchemaReady"]
    assert condition["reason"] == "SchemaApplied"
    assert condition["message"] == "Schema small version 1 is in place"
    assert api.conditions["Ready"] == {"type": "Ready", "status": "False"}
    assert api.reasons() == {"SchemaStarted": 1, "SchemaApplied": 1}
    assert {event["type"] for event in api.events.values()} == {"Normal"}
    assert "first" not in daemon.log_text()  # the token


def test_without_it_nothing_is_sent(
    engine: Any, database: str, make_daemon: MakeDaemon, api: KubeApi
) -> None:
    off = api.environment(condition=False, events=False)
    daemon = make_daemon(engine.uri, environment=off).start()
    daemon.wait_state("ready")
    daemon.stop()
    assert api.requests == []


@pytest.mark.parametrize(
    "trouble",
    [
        pytest.param(Reply(code=500), id="500"),
        pytest.param(Reply(code=429, headers={"Retry-After": "1"}), id="429"),
        pytest.param(Reply(broken=True), id="broken"),
        pytest.param(Reply(code=503, body=b"\x00\xff not JSON"), id="503"),
    ],
)
def test_trouble_is_outlived(
    engine: Any, database: str, make_daemon: MakeDaemon, api: KubeApi, trouble: Reply
) -> None:
    api.trouble = [trouble] * 3
    daemon = make_daemon(engine.uri, environment=api.environment()).start()
    daemon.wait_state("ready")
    told(api, daemon)
    daemon.wait_message("Kubernetes: the pod's condition cannot be written: ")
    daemon.wait_message("The Kubernetes API server answers again")


def test_a_conflict_is_tried_again(
    engine: Any, database: str, make_daemon: MakeDaemon, api: KubeApi
) -> None:
    api.trouble = [Reply(code=409, body=b'{"kind":"Status"}')] * 3
    daemon = make_daemon(engine.uri, environment=api.environment(events=False)).start()
    wait_until(lambda: api.status() == "True", 20, "the condition is written")
    said = daemon.wait_message("Kubernetes: the pod's condition cannot be written: ")["msg"]
    assert 'answers 409: {"kind":"Status"}' in said
    assert api.events == {}


def test_retry_after_is_kept(
    engine: Any, database: str, make_daemon: MakeDaemon, api: KubeApi
) -> None:
    api.trouble = [Reply(code=429, headers={"Retry-After": "3600"})]
    daemon = make_daemon(engine.uri, environment=api.environment()).start()
    daemon.wait_state("ready")
    wait_until(lambda: not api.trouble, 10, "it was told to wait")
    daemon.wait_message("Kubernetes: the pod's condition cannot be written: ")
    time.sleep(1)  # in which nothing may come: there is no event to wait for
    assert len(api.requests) == 1


def test_an_event_whose_answer_was_lost_is_not_there_twice(
    engine: Any, database: str, make_daemon: MakeDaemon, api: KubeApi
) -> None:
    api.arrives = True
    api.trouble = [Reply(code=500)] * 4
    daemon = make_daemon(engine.uri, environment=api.environment(condition=False)).start()
    told_events = {"SchemaStarted": 1, "SchemaApplied": 1}
    wait_until(lambda: not api.trouble and api.reasons() == told_events, 20, "each is there once")
    daemon.wait_message("The Kubernetes API server answers again")
    assert len(api.events) == 2


def test_a_rotated_token_is_read_again(
    engine: Any, database: str, make_daemon: MakeDaemon, api: KubeApi
) -> None:
    api.token = "second"  # the file still has the first
    daemon = make_daemon(engine.uri, environment=api.environment()).start()
    message = daemon.wait_message("Kubernetes: the pod's condition cannot be written: ")
    assert "answers 401" in message["msg"]
    assert api.status() is None
    api.token_file.write_text("second\n")
    told(api, daemon)


@pytest.mark.parametrize("away", ["silent", "gone", "another authority", "no token"])
def test_an_api_server_that_is_away_never_affects_the_gate(
    engine: Any, database: str, make_daemon: MakeDaemon, api: KubeApi, away: str
) -> None:
    environment = api.environment()
    if away == "silent":
        api.always = Reply(hang=True)
    elif away == "gone":
        environment["KUBERNETES_SERVICE_PORT"] = "1"
    elif away == "another authority":
        environment["READYGATE_KUBERNETES_CA_FILE"] = "/etc/ssl/certs/ca-certificates.crt"
    else:
        api.token_file.unlink()
    daemon = make_daemon(engine.uri, environment=environment).start()
    snapshot = daemon.wait_state("ready")
    assert snapshot["open"] and snapshot["ready"] and snapshot["healthy"]
    assert daemon.codes() == (200, 200)
    if away != "silent":
        daemon.wait_message("Kubernetes: the pod's condition cannot be written: ")
    code, _ = daemon.stop()
    assert code == 0
    assert api.status() is None


def test_a_loss_and_its_end_are_told(
    engine_factory: Callable[..., Any], make_daemon: MakeDaemon, api: KubeApi
) -> None:
    own = engine_factory()
    daemon = make_daemon(own.uri, environment=api.environment()).start()
    told(api, daemon)
    own.pause()
    daemon.wait_state("degraded", timeout=30)
    wait_until(lambda: "DatabaseLost" in api.reasons(), 10, "the loss is told")
    assert api.status() == "True"  # the schema is still in place
    own.resume()
    daemon.wait_state("ready", timeout=30)
    wait_until(lambda: "SchemaRecovered" in api.reasons(), 10, "its end is told")
    types = {event["reason"]: event["type"] for event in api.events.values()}
    assert (types["DatabaseLost"], types["SchemaRecovered"]) == ("Warning", "Normal")


@pytest.mark.parametrize("missing", ["POD", "NAMESPACE", "UID"])
def test_what_is_missing_is_named(
    engine: Any, database: str, make_daemon: MakeDaemon, api: KubeApi, missing: str
) -> None:
    environment = api.environment()
    del environment[f"READYGATE_KUBERNETES_{missing}"]
    daemon = make_daemon(engine.uri, environment=environment)
    daemon.start(wait=False)
    assert daemon.wait_exit() == 78
    assert f"set READYGATE_KUBERNETES_{missing} from the pod's field" in daemon.log_text()


def test_an_unknown_api_server_is_named(
    engine: Any, database: str, make_daemon: MakeDaemon, api: KubeApi
) -> None:
    environment = api.environment()
    del environment["KUBERNETES_SERVICE_HOST"]
    daemon = make_daemon(engine.uri, environment=environment)
    daemon.start(wait=False)
    assert daemon.wait_exit() == 78
    assert "neither kubernetes.host nor KUBERNETES_SERVICE_HOST is given" in daemon.log_text()
