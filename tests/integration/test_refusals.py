"""What documents or a declaration stop on real servers ends within two attempts, and says why."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import pytest
from bson import ObjectId
from pymongo import MongoClient

from support.engine import Engine
from support.gate import Daemon

MakeDaemon = Callable[..., Daemon]
HEAD = 'schema = "s"\ndatabase = "s"\nversion = 1\nmin_open = 1\n[policy]\ncontract = "apply"\n'
BAD = ObjectId("6570e3a1f0c2d4b5a6978812")


@dataclass
class Refusal:
    schema: str  # behind the head
    documents: dict[str, list[dict]] = field(default_factory=dict)  # by collection
    origin: dict[str, str] = field(default_factory=dict)  # by engine; "": it takes it
    said: str = ""  # in the sentence, where the origin is documents


def index(collection: str, key: str) -> str:
    return f'[[collection]]\nname = "{collection}"\n[[collection.index]]\nkey = {key}\n'


REFUSALS = {
    "no geometry": Refusal(
        index("places", '[["loc", "2dsphere"]]'),
        {"places": [{"_id": BAD, "name": "Secretia", "loc": {"type": "Pint"}}]},
        {"ferretdb": "documents", "secantus": "documents", "secantus-rust": "documents"},
        "6570e3a1f0c2d4b5a6978812|db.getCollection",
    ),
    "a hashed array": Refusal(
        index("hashed", '[["k", "hashed"]]'),
        {"hashed": [{"k": ["Secretia", 2]}]},
        {"ferretdb": "documents", "secantus": "declaration", "secantus-rust": "declaration"},
        'db.getCollection("hashed").find({ "k" : { "$type" : "array" } })',
    ),
    "an unknown language": Refusal(
        index("users", '[["name", "text"]]'),
        {"users": [{"name": "a", "language": "Secretia"}]},
        {"ferretdb": "documents", "secantus": "declaration", "secantus-rust": "declaration"},
        'db.getCollection("users").find({ "language"',
    ),
    "duplicates": Refusal(
        index("mails", '[["mail", 1]]\nunique = true'),
        {"mails": [{"mail": "a"}, {"mail": "a"}]},
        {"ferretdb": "documents", "secantus": "documents", "secantus-rust": "documents"},
        "2 documents share 1 keys",
    ),
    "a wildcard projection that includes and excludes": Refusal(
        '[[collection]]\nname = "w"\n[[collection.index]]\nkey = [["$**", 1]]\n'
        'wildcard_projection = \'{ "a": 1, "b": 0 }\'\n',
        {"w": [{"a": 1}]},
        {"ferretdb": "declaration", "secantus": "", "secantus-rust": ""},
    ),
    "an unknown operator": Refusal(
        '[[collection]]\nname = "e"\nvalidator = \'{ "$expr": { "$gtt": [ "$a", 1 ] } }\'\n',
        {},
        {"ferretdb": "", "secantus": "declaration", "secantus-rust": ""},
    ),
}


@pytest.mark.engines
@pytest.mark.parametrize("name", REFUSALS)
def test_what_waiting_cannot_mend_ends(
    name: str,
    make_daemon: MakeDaemon,
    engine: Engine,
    engine_kind: str,
    client: MongoClient,
    database: str,
) -> None:
    case = REFUSALS[name]
    if engine_kind not in case.origin:
        pytest.skip("what this server answers is not known")
    for collection, documents in case.documents.items():
        client[database][collection].insert_many(documents)
    done = make_daemon(engine.uri, schema=HEAD + case.schema).apply()
    expected = case.origin[engine_kind]
    assert done.facts["origin"] == (expected or "none"), done.facts
    assert done.exit_code == (69 if expected else 0)
    assert done.output.count("not ready yet") <= 1  # else the second attempt was not the last
    if expected == "documents":
        said = done.facts["reason"]
        assert any(part in said for part in case.said.split("|")), said
    assert "Secretia" not in done.output
