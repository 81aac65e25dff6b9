"""The schema that readygate, Beanie and migrate-mongo are compared on: one definition, three forms.

Fifty collections with six indexes each, of the kinds that services have. Nothing in it is beyond
any of the three, or beyond the embedded engine.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

COLLECTIONS = 50


@dataclass(frozen=True)
class Index:
    name: str
    key: tuple[tuple[str, int], ...]
    unique: bool = False
    sparse: bool = False
    expire_after: int | None = None  # s

    def options(self) -> dict[str, Any]:
        """As the server calls them; those that are not set are left out."""
        chosen = {"unique": self.unique, "sparse": self.sparse}
        options: dict[str, Any] = {name: True for name, is_set in chosen.items() if is_set}
        if self.expire_after is not None:
            options["expireAfterSeconds"] = self.expire_after
        return options


INDEXES = (
    Index("number", (("number", 1),), unique=True),
    Index("owner_made", (("owner", 1), ("made_at", -1))),
    Index("state_changed", (("state", 1), ("changed_at", -1))),
    Index("parent", (("parent", 1),), sparse=True),
    Index("amount", (("amount", -1),)),
    Index("expires", (("expires_at", 1),), expire_after=86_400),
)


def names() -> list[str]:
    """The collections."""
    return [f"things_{number:02}" for number in range(COLLECTIONS)]


def schema_file(database: str, version: int = 1) -> str:
    """For readygate."""
    lines = [f'schema = "fifty"\ndatabase = "{database}"\nversion = {version}\nmin_open = 1']
    for name in names():
        lines.append(f'[[collection]]\nname = "{name}"')
        for index in INDEXES:
            key = json.dumps([list(part) for part in index.key])
            lines.append(f'[[collection.index]]\nname = "{index.name}"\nkey = {key}')
            lines += [f"{flag} = true" for flag in ("unique", "sparse") if getattr(index, flag)]
            if index.expire_after is not None:
                lines.append(f'expire_after = "{index.expire_after}s"')
    return "\n".join(lines) + "\n"


def models() -> list[type]:
    """For Beanie."""
    from beanie import Document
    from pymongo import IndexModel

    made: list[type] = []
    for name in names():
        indexes = [
            IndexModel(list(index.key), name=index.name, **index.options()) for index in INDEXES
        ]
        title = name.title().replace("_", "")
        inner = {"__qualname__": f"{title}.Settings", "__module__": __name__}
        settings = type("Settings", (), {**inner, "name": name, "indexes": indexes})
        fields = {field: None for index in INDEXES for field, _ in index.key}
        types = dict.fromkeys(fields, str | None)
        body = {"Settings": settings, "__annotations__": types, **fields}
        where = {"__qualname__": title, "__module__": __name__}
        made.append(type(title, (Document,), {**where, **body}))
    return made


def migration() -> str:
    """For migrate-mongo: awaits one command after the other, as its documentation does."""
    lines = ["module.exports = {", "  async up(db) {"]
    for name in names():
        specifications = [
            {"key": dict(index.key), "name": index.name, **index.options()} for index in INDEXES
        ]
        lines.append(f"    await db.createCollection({json.dumps(name)});")
        indexes = json.dumps(specifications)
        lines.append(f"    await db.collection({json.dumps(name)}).createIndexes({indexes});")
    return "\n".join([*lines, "  },", "  async down() {},", "};", ""])
