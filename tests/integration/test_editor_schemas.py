"""The JSON Schemas for editors say what the checker says: they take what it takes, and refuse what
it refuses for a reason that a JSON Schema can express."""

from __future__ import annotations

import json
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from support.gate import readygate, repository

HEAD = 'schema = "s"\ndatabase = "s"\nversion = 1\n'
COLLECTION = HEAD + '[[collection]]\nname = "c"\n'
INDEX = COLLECTION + "[[collection.index]]\n"

EXAMPLES = {
    "config/readygate.example.toml": "readygate",
    "examples/rebalancer/readygate.toml": "readygate",
    "config/schema.example.toml": "schema",
    "examples/rebalancer/schema.toml": "schema",
}

GOOD_SCHEMAS = {
    "a head": HEAD,
    "a file of a folder, without a head": '[[collection]]\nname = "c"\n',
    "every kind of index": INDEX
    + 'key = [["a", 1], ["b", -1]]\n[[collection.index]]\nkey = [["a", "hashed"]]\n'
    '[[collection.index]]\nkey = [["a", "2d"]]\n[[collection.index]]\nkey = [["b", "2dsphere"]]\n'
    '[[collection.index]]\nkey = [["a", "text"]]\nweights = { a = 5 }\n',
    "seconds as a number": INDEX + 'key = [["a", 1]]\nexpire_after = 30\n',
    "seconds as a duration": INDEX + 'key = [["a", 1]]\nexpire_after = "30m"\n',
}

BAD_SCHEMAS = {
    "an unknown key": HEAD + "verison = 2\n",
    "a head without a version": 'schema = "s"\ndatabase = "s"\n',
    "a policy without a head": '[policy]\nverify = "after"\n',
    "a version of the wrong type": HEAD.replace("1", '"1"'),
    "a version that is too small": HEAD.replace("1", "0"),
    "an unknown word": HEAD + '[policy]\nverify = "sometimes"\n',
    "a collection without a name": HEAD + "[[collection]]\n",
    "an unknown key of a collection": COLLECTION + "nme = 1\n",
    "an index without a key": INDEX + 'name = "i"\n',
    "an empty key": INDEX + "key = []\n",
    "a key that is no pair": INDEX + 'key = [["a"]]\n',
    "a key with three parts": INDEX + 'key = [["a", 1, 2]]\n',
    "a key of an unknown kind": INDEX + 'key = [["a", "txt"]]\n',
    "a key with a wrong direction": INDEX + 'key = [["a", 2]]\n',
    "a flag that is no flag": INDEX + 'key = [["a", 1]]\nunique = "yes"\n',
    "a time without a unit": INDEX + 'key = [["a", 1]]\nexpire_after = "30"\n',
    "a weight that is too large": INDEX + 'key = [["a", "text"]]\nweights = { a = 100000 }\n',
    "too many bits": INDEX + 'key = [["a", "2d"]]\nbits = 33\n',
    "an unknown level": COLLECTION + 'validator = \'{"a": 1}\'\nvalidation = { level = "lax" }\n',
}

BAD_CONFIGURATIONS = {
    "an unknown section": "[gates]\n",
    "an unknown key": "[gate]\nlisen = ''\n",
    "a wrong type": "[mongodb]\nparallelism = 'four'\n",
    "a number without unit": "[gate]\nunready_after = 30\n",
    "out of range": "[mongodb]\nwarm_connections = 0\n",
    "an unknown word": "[log]\nlevel = 'loud'\n",
    "an item of the wrong type": "[gate]\nallow_uids = ['root']\n",
}


def validator(name: str) -> jsonschema.Draft7Validator:
    """The published file as a validator, itself checked against draft 7."""
    schema = json.loads((repository() / "config" / f"{name}.schema.json").read_text())
    assert schema["$schema"] == "http://json-schema.org/draft-07/schema#"
    jsonschema.Draft7Validator.check_schema(schema)
    return jsonschema.Draft7Validator(schema)


def complaints(name: str, text: str) -> list[str]:
    return [error.message for error in validator(name).iter_errors(tomllib.loads(text))]


def check(tmp_path: Path, schema: str = HEAD, configuration: str = "") -> int:
    """The exit status of `readygate check` with these two files."""
    (tmp_path / "readygate.toml").write_text(configuration)
    (tmp_path / "schema.toml").write_text(schema)
    command = [str(readygate()), "check", "--config", str(tmp_path / "readygate.toml")]
    command += ["--schema", str(tmp_path / "schema.toml")]
    return subprocess.run(command, capture_output=True, timeout=30).returncode


@pytest.mark.parametrize("path", EXAMPLES)
def test_examples_are_valid_and_name_their_schema(path: str) -> None:
    text = (repository() / path).read_text()
    assert complaints(EXAMPLES[path], text) == []
    first = text.splitlines()[0]
    assert first.startswith("#:schema ")
    target = (repository() / path).parent / first.removeprefix("#:schema ")
    assert target.resolve() == repository() / "config" / f"{EXAMPLES[path]}.schema.json"


@pytest.mark.parametrize("name", GOOD_SCHEMAS)
def test_what_is_valid_is_taken(name: str, tmp_path: Path) -> None:
    assert complaints("schema", GOOD_SCHEMAS[name]) == []
    if GOOD_SCHEMAS[name].startswith(HEAD) and "every kind" not in name:
        assert check(tmp_path, GOOD_SCHEMAS[name]) == 0


@pytest.mark.parametrize("name", BAD_SCHEMAS)
def test_schemas_that_are_not_valid_are_refused_by_both(name: str, tmp_path: Path) -> None:
    assert complaints("schema", BAD_SCHEMAS[name]) != []
    assert check(tmp_path, BAD_SCHEMAS[name]) == 78


@pytest.mark.parametrize("name", BAD_CONFIGURATIONS)
def test_configurations_that_are_not_valid_are_refused_by_both(name: str, tmp_path: Path) -> None:
    assert complaints("readygate", BAD_CONFIGURATIONS[name]) != []
    assert check(tmp_path, configuration=BAD_CONFIGURATIONS[name]) == 78


def properties(schema: dict[str, Any], path: str = "") -> set[str]:
    """The paths of all keys that the schema knows."""
    found = set()
    for key, value in schema.get("properties", {}).items():
        full = f"{path}.{key}" if path else key
        found.add(full)
        found |= properties(value, full) | properties(value.get("items", {}), full)
        for either in value.get("anyOf", []):
            found |= properties(either, full)
    return found


def test_every_key_is_described() -> None:
    for name in ("readygate", "schema"):
        schema = validator(name).schema
        assert isinstance(schema, dict)
        assert len(properties(schema)) > 20

        def described(part: dict[str, Any]) -> None:
            for value in part.get("properties", {}).values():
                assert value["description"]
                described(value)
                described(value.get("items", {}))

        described(schema)
