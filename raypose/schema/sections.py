"""The sections of a space file, as the dataclasses of `config` say."""

from __future__ import annotations

import collections.abc
import dataclasses
import typing
from collections.abc import Collection
from typing import Any

from raypose import config
from raypose.check.docs import comments, summary
from raypose.check.rules import FIXED
from raypose.check.sections import INSTEAD
from raypose.schema.book import Book
from raypose.schema.dimensions import LABEL, Schema, described, one_of, searched_mapping, unsearched
from raypose.schema.values import value

# `config.NAME_PATTERN` for JavaScript too, whose \w knows ASCII alone.
NAME: Schema = {"type": "string", "pattern": r"^[\w\u0080-\uffff][\w\u0080-\uffff.-]*$"}

BASE: dict[str, Schema] = {
    "base": {
        "description": "A file, or several, whose content this file completes and changes.",
        "type": ["string", "array"],
        "items": {"type": "string"},
    }
}


def section(book: Book, cls: type, *, may_search: bool = True, optional: bool = False) -> Schema:
    """What a dataclass describes."""

    def make(own: Schema) -> Schema:
        plain = {"type": ["object", "null"] if optional else "object", **_fields(book, cls, may_search)}
        if not may_search:
            return plain
        return searched_mapping(own, {**plain, "properties": {**plain["properties"], "label": LABEL}})

    return book.put(_name(cls) + ("-or-null" if optional else ""), make)


def top_level(book: Book) -> Schema:
    """A whole file."""

    def make(own: Schema) -> Schema:
        found = {"title": "RayPose search space", "type": "object", **_fields(book, config.SpaceFile, True, FIXED)}
        found["properties"]["name"] = described(unsearched(NAME), "Results go to experiments/NAME/.")
        return {**found, "properties": {**BASE, **found["properties"]}}

    return book.put("space", make)


def _name(cls: type) -> str:
    return f"{cls.__module__}.{cls.__qualname__}"


def _fields(book: Book, cls: type, may_search: bool, fixed: Collection[str] = ()) -> Schema:
    fields, said = dataclasses.fields(cls), comments(cls)
    types = typing.get_type_hints(cls, include_extras=True)

    def place(each: dataclasses.Field) -> Schema:
        found = _field(book, each.name, types[each.name], may_search and each.name not in fixed)
        return described(found, said.get(each.name, ""), each.default)

    return {
        "description": summary(cls),
        "properties": {each.name: place(each) for each in fields},
        "required": [each.name for each in fields if each.default is each.default_factory is dataclasses.MISSING],
        "additionalProperties": False,
    }


def _field(book: Book, key: str, annotation: Any, may_search: bool) -> Schema:
    arms = (annotation, *typing.get_args(annotation))
    nested = next((arm for arm in arms if isinstance(arm, type) and dataclasses.is_dataclass(arm)), None)
    optional = type(None) in arms
    if key in book.slots:
        return _instead(book, key, optional) if key in INSTEAD else book.component(key, optional)
    if nested is None:
        return value(book, annotation, may_search)
    if typing.get_origin(annotation) is not collections.abc.Mapping:
        return section(book, nested, may_search=may_search, optional=optional)
    each = {"type": "object", "additionalProperties": section(book, nested)}
    return book.put(f"mapping-of-{_name(nested)}", lambda own: searched_mapping(own, each))


def _instead(book: Book, key: str, optional: bool) -> Schema:
    """A component, or a section that stands for it: it does where it has a key of the section's, and no type."""
    cls = INSTEAD[key]
    names, said = [each.name for each in dataclasses.fields(cls)], comments(cls)
    means = {"not": {"required": ["type"]}, **one_of(names)}
    either = {
        "properties": {name: {"description": said.get(name, "")} for name in names},
        "if": means,
        "then": section(book, cls),
        "else": book.component(key, optional),
    }
    return book.put(f"{key}-or-{_name(cls)}", lambda own: searched_mapping(own, either))
