"""The webhook and the trace of the start, as a receiver gets them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from support.gate import Daemon, wait_until
from support.web import Reply, WebServer

MakeDaemon = Callable[..., Daemon]


def messages(receiver: WebServer) -> list[dict[str, Any]]:
    return [json.loads(asked.body) for asked in list(receiver.requests)]


def headers_file(folder: Path) -> str:
    path = folder / "headers"
    path.write_text("# of the receiver\nAuthorization: Bearer s3cret\n")
    return str(path)


def test_the_webhook_tells_each_state_and_tries_again(
    engine: Any, database: str, make_daemon: MakeDaemon, tmp_path: Path
) -> None:
    with WebServer() as receiver:
        receiver.reply = Reply(code=500)
        environment = {
            "READYGATE_WEBHOOK_URL": f"{receiver.url}/hook/s3cret",
            "READYGATE_WEBHOOK_HEADERS_FILE": headers_file(tmp_path),
        }
        daemon = make_daemon(engine.uri, environment=environment).start()
        daemon.wait_state("ready")  # whatever the receiver says
        wait_until(lambda: len(receiver.requests) >= 2, 10, "it is sent again")
        first, second = messages(receiver)[:2]
        assert first == second
        receiver.reply = Reply(code=204)
        wait_until(lambda: messages(receiver)[-1]["to"] == "ready", 20, "ready is told")
        last = messages(receiver)[-1]
        assert last["initialized"] and last["open"] and last["code"] == "none"
        assert last["instance_id"] == daemon.status()["instance_id"]
        assert len({message["id"] for message in messages(receiver)}) > 1
        asked = receiver.requests[0]
        assert (asked.method, asked.path) == ("POST", "/hook/s3cret")
        assert asked.headers["Authorization"] == "Bearer s3cret"
        assert asked.headers["Content-Type"] == "application/json"
        assert "s3cret" not in daemon.log_text()


def test_a_receiver_that_hangs_affects_nothing(
    engine: Any, database: str, make_daemon: MakeDaemon
) -> None:
    with WebServer() as receiver:
        receiver.reply = Reply(hang=True)
        environment = {
            "READYGATE_WEBHOOK_URL": receiver.url,
            "READYGATE_WEBHOOK_TIMEOUT": "60s",
            "READYGATE_OTLP_ENDPOINT": receiver.url,
        }
        daemon = make_daemon(engine.uri, environment=environment).start()
        assert daemon.wait_state("ready")["ready"]
        wait_until(lambda: len(receiver.requests) == 2, 10, "both are asked")
        assert daemon.codes() == (200, 200)
        code, _ = daemon.stop()
        assert code == 0


def test_a_refusal_is_said_without_the_url(
    engine: Any, database: str, make_daemon: MakeDaemon
) -> None:
    with WebServer() as receiver:
        receiver.reply = Reply(code=403)
        hook = {"READYGATE_WEBHOOK_URL": f"{receiver.url}/s3cret"}
        daemon = make_daemon(engine.uri, environment=hook).start()
        said = daemon.wait_message("Webhook: a message is given up: ")["msg"]
        assert said.endswith(f"{receiver.url} answers 403")
        assert "s3cret" not in daemon.log_text()


def test_the_start_is_one_trace(
    engine: Any, database: str, make_daemon: MakeDaemon, tmp_path: Path
) -> None:
    with WebServer() as collector:
        environment = {
            "READYGATE_OTLP_ENDPOINT": f"{collector.url}/",
            "READYGATE_OTLP_HEADERS_FILE": headers_file(tmp_path),
            "READYGATE_OTLP_SERVICE_NAME": "orders",
        }
        daemon = make_daemon(engine.uri, environment=environment).start()
        daemon.wait_state("ready")
        wait_until(lambda: collector.requests, 10, "the trace is there")
        asked = collector.requests[0]
        assert (asked.method, asked.path) == ("POST", "/v1/traces")
        assert asked.headers["Authorization"] == "Bearer s3cret"
        (resource,) = json.loads(asked.body)["resourceSpans"]
        assert {"key": "service.name", "value": {"stringValue": "orders"}} in resource["resource"][
            "attributes"
        ]
        (scope,) = resource["scopeSpans"]
        root, *calls = scope["spans"]
        assert root["name"] == "start" and "parentSpanId" not in root
        assert {"connect", "lease", "step", "verify", "warm"} <= {span["name"] for span in calls}
        for span in calls:
            assert span["parentSpanId"] == root["spanId"]
            assert span["traceId"] == root["traceId"]
            assert len(bytes.fromhex(span["spanId"])) == 8
            assert len(bytes.fromhex(span["traceId"])) == 16
            assert int(root["startTimeUnixNano"]) <= int(span["startTimeUnixNano"])
            assert int(span["startTimeUnixNano"]) <= int(span["endTimeUnixNano"])
            assert int(span["endTimeUnixNano"]) <= int(root["endTimeUnixNano"])
            assert span["status"] == {"code": 1}
        steps = [
            attribute["value"]["stringValue"]
            for span in calls
            for attribute in span["attributes"]
            if attribute["key"] == "readygate.step"
        ]
        assert "things: create index by_owner" in steps


def test_a_url_with_a_password_is_refused_and_not_shown(
    engine: Any, database: str, make_daemon: MakeDaemon
) -> None:
    hook = {"READYGATE_WEBHOOK_URL": "https://user:s3cret@example.com/"}
    daemon = make_daemon(engine.uri, environment=hook)
    daemon.start(wait=False)
    assert daemon.wait_exit() == 78
    assert "READYGATE_WEBHOOK_URL: it is not a URL" in daemon.log_text()
    assert "s3cret" not in daemon.log_text()


def test_check_does_not_show_the_webhook(make_daemon: MakeDaemon) -> None:
    settings = {"webhook": {"url": "https://example.com/s3cret"}}
    daemon = make_daemon("mongodb://127.0.0.1:1", settings=settings)
    code, output = daemon.run("check", *daemon.options())
    assert code == 0, output
    assert "webhook.url" in output and "(secret)" in output
    assert "s3cret" not in output
