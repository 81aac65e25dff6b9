"""The engines' own promises: a free port each, data kept over a restart, nothing left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from pymongo import MongoClient
from pymongo.errors import ConnectionFailure, NetworkTimeout, OperationFailure, PyMongoError

from support.engine import Engine, EngineError, install, kinds, recipe, secantus

pytestmark = pytest.mark.engines
TESTS = Path(__file__).resolve().parents[2]


def connect(uri: str) -> MongoClient[dict[str, object]]:
    return MongoClient(uri, serverSelectionTimeoutMS=300, socketTimeoutMS=1000)


def eventually(condition: Callable[[], bool], seconds: float = 10) -> bool:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def refuses(uri: str) -> bool:
    with connect(uri) as client:
        try:
            client.admin.command("ping")
        except ConnectionFailure:
            return True
        return False


def test_data_and_port_survive_a_restart_of_the_database(
    engine_factory: Callable[..., Engine],
) -> None:
    engine = engine_factory()
    uri = engine.uri
    with connect(uri) as client:
        client["db"]["things"].insert_one({"_id": 1})
        engine.stop_database()
        assert refuses(uri)
        engine.start_database()
        assert engine.uri == uri
        assert client["db"]["things"].count_documents({}) == 1


@pytest.mark.engines("ferretdb")
def test_data_survives_the_loss_of_postgresql(engine_factory: Callable[..., Engine]) -> None:
    engine = engine_factory()
    with connect(engine.uri) as client:
        things = client["db"]["things"]
        things.insert_one({"_id": 1})
        engine.stop_postgres()
        with pytest.raises(PyMongoError):
            things.count_documents({})
        engine.start_postgres()

        def counts() -> bool:
            try:
                return things.count_documents({}) == 1
            except PyMongoError:
                return False

        assert eventually(counts)


def test_a_paused_server_answers_nothing_until_it_is_resumed(
    engine_factory: Callable[..., Engine],
) -> None:
    engine = engine_factory()
    with connect(engine.uri) as client:
        client.admin.command("ping")
        engine.pause()
        with pytest.raises(NetworkTimeout):
            client.admin.command("ping")
        engine.resume()
        client.admin.command("ping")


def test_engines_are_separate(engine_factory: Callable[..., Engine]) -> None:
    one, two = engine_factory(), engine_factory()
    assert one.port != two.port
    with connect(one.uri) as first, connect(two.uri) as second:
        first["db"]["things"].insert_one({})
        assert second["db"]["things"].count_documents({}) == 0


def test_authentication_accepts_only_the_right_password(
    engine_factory: Callable[..., Engine],
) -> None:
    engine = engine_factory(auth=True)
    with connect(engine.uri) as client:
        client["db"]["things"].insert_one({})
    for uri, code in ((engine.uri_with(recipe.USER, "wrong"), 18), (engine.uri_with(None), 13)):
        with connect(uri) as client, pytest.raises(OperationFailure) as failure:
            client["db"]["things"].find_one()
        assert failure.value.code == code


def test_a_delayed_database_is_refused_at_first(engine_factory: Callable[..., Engine]) -> None:
    began = time.monotonic()
    engine = engine_factory(delay=1)
    assert refuses(engine.uri)
    engine.wait_started()
    assert time.monotonic() - began > 1
    assert not refuses(engine.uri)


def test_close_removes_everything(engine_kind: str) -> None:
    with Engine.start(engine_kind) as engine:
        assert engine.folder.is_dir()
    assert not engine.folder.exists()
    assert refuses(engine.uri)


# Starts an engine and says where; then it is killed by the test.
_OWNER = """
import sys, time
from support.engine import Engine
engine = Engine.start(sys.argv[1])
print(engine.uri, engine.folder, flush=True)
time.sleep(600)
"""


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_an_engine_ends_with_the_process_that_started_it(
    engine_kind: str, how: signal.Signals
) -> None:
    environment = {**os.environ, "PYTHONPATH": str(TESTS)}
    command = [sys.executable, "-c", _OWNER, engine_kind]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=environment
    ) as owner:
        try:
            assert owner.stdout
            uri, folder = owner.stdout.readline().split()
            assert Path(folder).is_dir()
            assert not refuses(uri)
            owner.send_signal(how)
            assert eventually(lambda: refuses(uri))
            assert eventually(lambda: not Path(folder).exists())
        finally:
            owner.kill()


def test_what_a_killed_supervisor_leaves_is_removed_by_the_next_start(engine_kind: str) -> None:
    if os.geteuid() != 0 and engine_kind == "ferretdb":
        pytest.skip("signals the supervisor, which belongs to root")
    engine = Engine.start(engine_kind)
    engine._process.kill()  # of FerretDB unshare, whose end kills the namespace's process 1
    assert eventually(lambda: refuses(engine.uri))
    assert engine.folder.exists()
    with Engine.start(engine_kind):
        assert not engine.folder.exists()
    engine.close()


def test_what_an_engine_cannot_do_is_said(engine_factory: Callable[..., Engine]) -> None:
    engine = engine_factory()
    if engine.kind.name == "ferretdb":
        pytest.skip("it can do all")
    with pytest.raises(EngineError, match="no command 'stop_postgres'"):
        engine.stop_postgres()
    assert not refuses(engine.uri)


def test_a_server_that_hangs_is_started_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(secantus, "HANG", 3.0)
    server = secantus.Server(install.ensure_secantus(), tmp_path)
    uri = f"mongodb://127.0.0.1:{server.port}/?directConnection=true"
    try:
        server.start()
        assert server.program.process
        with connect(uri) as client:
            client["db"]["things"].insert_one({"_id": 1})
        os.kill(server.program.process.pid, signal.SIGSTOP)  # nobody has said pause()
        assert eventually(lambda: "so it is restarted" in server.log(), 60)
        assert eventually(lambda: not refuses(uri), 60)
        with MongoClient(uri) as client:
            assert client["db"]["things"].count_documents({}) == 1
    finally:
        server.close()


@pytest.mark.parametrize(
    ("variables", "first"),
    [
        ({}, list(kinds.DEFAULT)),
        ({kinds.VARIABLE: "secantus-rust, ferretdb"}, ["secantus-rust", "ferretdb"]),
        ({kinds.VARIABLE: "mongodb://a,b/"}, [kinds.GIVEN]),
        ({kinds.VARIABLE: "secantus", kinds.URI_VARIABLE: "mongodb://a/"}, [kinds.GIVEN]),
    ],
)
def test_the_environment_chooses(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], first: list[str]
) -> None:
    for name in (kinds.VARIABLE, kinds.URI_VARIABLE):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert kinds.chosen() == first


def test_an_engine_that_there_is_not_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(kinds.URI_VARIABLE, raising=False)
    monkeypatch.setenv(kinds.VARIABLE, "mongod")
    with pytest.raises(kinds.UnknownEngine, match="mongod; there are ferretdb, secantus"):
        kinds.chosen()
