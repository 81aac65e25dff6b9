"""A schema file for the gate from Beanie's models: collections, indexes, time series, views.

It asks the models what Beanie would make of them, with Beanie's own functions, and needs no
database: `Settings.indexes`, fields with `Indexed()`, inheritance (`is_root`), unions, time series,
views. Beanie knows no validators; a `validator` (a query document) in a model's `Settings` is
written out, and Beanie ignores it.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Callable

from .schema_text import INDEX_OPTIONS, assignment, extended_json, text


def export_schema(
    models: Sequence[Any],
    *,
    schema: str = "application",
    database: str = "application",
    version: int = 1,
    min_open: int = 1,
) -> str:
    """The text of a schema file that `readygate check` accepts.

    `schema` is the name under which the gate keeps its state. ValueError: an index has an option
    that a schema file has no key for.
    """
    from beanie import Document, View

    lines = [
        assignment("schema", schema),
        assignment("database", database),
        assignment("version", version),
        assignment("min_open", min_open),
    ]
    collections: dict[str, _Collection] = {}
    views: list[str] = []
    for model in models:
        if issubclass(model, View):
            views += _view(model)
        elif issubclass(model, Document):
            collections.setdefault(_collection_name(model), _Collection()).add(model)
    for name, collection in collections.items():
        lines += ["", "[[collection]]", assignment("name", name), *collection.lines()]
    return "\n".join(lines + views) + "\n"


class _Collection:
    """What all models of one collection declare together."""

    def __init__(self) -> None:
        self._options: dict[str, str] = {}
        self._indexes: dict[str, dict[str, Any]] = {}

    def add(self, model: Any) -> None:
        settings = _settings(model)
        if settings.timeseries is not None:
            series = settings.timeseries.build_query("")
            self._options["timeseries"] = _time_series(series["timeseries"])
            if (after := series.get("expireAfterSeconds")) is not None:
                self._options["expire_after"] = str(after)
        if validator := getattr(getattr(model, "Settings", None), "validator", None):
            self._options["validator"] = text(extended_json(validator))
        for index in _indexes(model):
            known = self._indexes.setdefault(index["name"], index)
            if known != index:
                raise ValueError(
                    f"two models of one collection have an index {index['name']!r} that differs"
                )

    def lines(self) -> list[str]:
        lines = [f"{key} = {value}" for key, value in self._options.items()]
        for index in self._indexes.values():
            lines += ["", "  [[collection.index]]", f"  name = {text(index['name'])}"]
            key = [[field, int(way) if _is_number(way) else way] for field, way in _items(index)]
            lines.append(f"  key = {json.dumps(key, ensure_ascii=False)}")
            for option, value in index.items():
                if option in ("name", "key", "v", "background"):
                    continue
                if option not in INDEX_OPTIONS:
                    raise ValueError(
                        f"index {index['name']!r}: a schema file has no key for {option!r}"
                    )
                name, write = INDEX_OPTIONS[option]
                lines.append(f"  {name} = {write(value)}")
        return lines


def _items(index: dict[str, Any]) -> list[tuple[str, Any]]:
    return list(dict(index["key"]).items())


def _is_number(way: Any) -> bool:
    return isinstance(way, (int, float))


def _settings(model: Any) -> Any:
    """The model's Settings, as Beanie reads them, without touching the model."""
    from beanie.odm.settings.document import DocumentSettings

    given = getattr(model, "Settings", None)
    names = [name for name in dir(given) if not name.startswith("__")] if given else []
    return DocumentSettings(**{name: getattr(given, name) for name in names})


def _collection_name(model: Any) -> str:
    """Of the topmost model that shares its collection with its heirs, else of the model itself."""
    from beanie import Document

    above = [one for one in model.__mro__ if issubclass(one, Document) and one is not Document]
    roots = [one for one in above if _settings(one).is_root]
    owner = roots[-1] if roots else model
    settings = _settings(owner)
    if settings.union_doc is not None:
        return _union_name(settings.union_doc)
    return str(settings.name or owner.__name__)


def _union_name(union: Any) -> str:
    return str(getattr(getattr(union, "Settings", None), "name", None) or union.__name__)


def _indexes(model: Any) -> list[dict[str, Any]]:
    """As Initializer.init_indexes() of Beanie puts them together."""
    from beanie import Document
    from beanie.odm.fields import IndexModelField
    from beanie.odm.utils.pydantic import get_model_fields
    from beanie.odm.utils.typing import get_index_attributes
    from pymongo import IndexModel

    found = [
        IndexModelField(IndexModel([(field.alias or name, attributes[0])], **attributes[1]))
        for name, field in get_model_fields(model).items()
        if (attributes := get_index_attributes(field)) is not None
    ]
    settings, merge = _settings(model), IndexModelField.merge_indexes
    if settings.merge_indexes:
        inherited: list[Any] = []
        for one in reversed(model.mro()):
            if issubclass(one, Document) and one is not Document:
                inherited = merge(inherited, _settings(one).indexes)
        found = merge(found, inherited)
    else:
        found = merge(found, settings.indexes)
    documents = [dict(one.index.document) for one in found]
    return [one for one in documents if dict(one["key"]) != {"_id": 1}]


def _time_series(options: dict[str, Any]) -> str:
    keys: dict[str, tuple[str, Callable[[Any], str]]] = {
        "timeField": ("time_field", text),
        "metaField": ("meta_field", text),
        "granularity": ("granularity", lambda value: text(getattr(value, "value", value))),
        "bucketMaxSpanSeconds": ("bucket_span", str),
    }
    # bucketRoundingSeconds must equal the span; the gate sets both from one key.
    pairs = [(*keys[key], value) for key, value in options.items() if key in keys]
    return "{ " + ", ".join(f"{name} = {write(value)}" for name, write, value in pairs) + " }"


def _view(model: Any) -> list[str]:
    given = model.Settings
    source = given.source if isinstance(given.source, str) else _collection_name(given.source)
    return [
        "",
        "[[view]]",
        assignment("name", getattr(given, "name", None) or model.__name__),
        assignment("on", source),
        f"pipeline = {text(extended_json(given.pipeline))}",
    ]
