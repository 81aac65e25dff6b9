"""Values as a schema file writes them, and what it calls the options of an index."""

from __future__ import annotations

import json
import re
from typing import Any, Callable


def text(value: str) -> str:
    """A TOML string. A literal one where it can be, since Extended JSON is full of quotes.

    A JSON string is a basic one of TOML, but for DEL, which TOML wants escaped.
    """
    if '"' in value and "'" not in value and value.isprintable():
        return f"'{value}'"
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def assignment(key: str, value: Any) -> str:
    """A line of a key and a string or an integer."""
    return f"{key} = {text(value) if isinstance(value, str) else value}"


def extended_json(value: Any) -> str:
    """A document or a pipeline with its BSON types kept."""
    from bson import json_util

    return str(json_util.dumps(value, ensure_ascii=False))


def _document(value: Any) -> str:
    return text(extended_json(value))


def _boolean(value: Any) -> str:
    return "true" if value else "false"


def _number(value: Any) -> str:
    return repr(float(value))


def _weights(value: Any) -> str:
    pairs = (f"{text(field)} = {int(weight)}" for field, weight in dict(value).items())
    return "{ " + ", ".join(pairs) + " }"


def _collation(value: Any) -> str:
    """camelCase in the driver, snake_case in the file."""
    given = dict(getattr(value, "document", value))
    pairs = []
    for name, one in given.items():
        key = re.sub(r"[A-Z]", lambda match: "_" + match[0].lower(), name)
        written = _boolean(one) if isinstance(one, bool) else one
        pairs.append(f"{key} = {text(one) if isinstance(one, str) else written}")
    return "{ " + ", ".join(pairs) + " }"


# What the server calls it: the key of the schema file, and how its value is written.
INDEX_OPTIONS: dict[str, tuple[str, Callable[[Any], str]]] = {
    "unique": ("unique", _boolean),
    "sparse": ("sparse", _boolean),
    "hidden": ("hidden", _boolean),
    "partialFilterExpression": ("partial", _document),
    "expireAfterSeconds": ("expire_after", lambda value: str(int(value))),
    "weights": ("weights", _weights),
    "default_language": ("default_language", text),
    "language_override": ("language_override", text),
    "bits": ("bits", lambda value: str(int(value))),
    "min": ("min", _number),
    "max": ("max", _number),
    "wildcardProjection": ("wildcard_projection", _document),
    "collation": ("collation", _collation),
    "textIndexVersion": ("text_version", lambda value: str(int(value))),
    "2dsphereIndexVersion": ("sphere_version", lambda value: str(int(value))),
    "storageEngine": ("storage_engine", _document),
}
