"""Annotations: the values that YAML can give of one, and the dimensions over those."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import TypeAdapter

from raypose.check.values import checkable
from raypose.schema.book import Book
from raypose.schema.dimensions import Schema, ref, searched, searched_mapping, unsearched


def value(book: Book, annotation: Any, may_search: bool = True, bound: Any = None) -> Schema:
    """What an annotation allows where a value may be searched, or where it may not.

    bound: pydantic's `Field` with what holds for its numbers besides.
    """
    expected = checkable(annotation)
    plain: Schema = {} if expected is Any else TypeAdapter(expected).json_schema()
    if bound is not None:
        bounds = TypeAdapter(Annotated[float, bound]).json_schema()
        for arm in _numbers(plain):
            arm.update({**bounds, "type": arm["type"]})
    return _value(book, plain, may_search)


def anything(book: Book) -> Schema:
    """Any value: what looks like a dimension must be one, and components in it are held against what is registered."""
    return book.put("anything", lambda own: searched_mapping(own, {"items": own, **_free(book)}, {"type": "number"}))


def perhaps(book: Book, name: str) -> Schema:
    """A component of a slot's name if it has a type, else anything."""
    typed = {"type": "object", "required": ["type"]}
    either = {"if": typed, "then": ref(name), "else": ref("anything")}
    return book.put(f"{name}-or-anything", lambda own: searched_mapping(own, either, {"type": "number"}))


def _value(book: Book, plain: Schema, may_search: bool) -> Schema:
    if not plain:
        return anything(book) if may_search else {}
    if not may_search:
        return unsearched(_plain(book, plain, False))
    types = dict.fromkeys(arm.get("type", "any") for arm in _arms(plain))
    return book.share("-or-".join(types), plain, lambda own: _searched(book, own, plain))


def _searched(book: Book, own: Schema, plain: Schema) -> Schema:
    allowed = _plain(book, plain, True)
    number = max(_numbers(plain), key=lambda arm: arm["type"], default=None)
    may_be_mapping = any(arm.get("type", "object") == "object" for arm in _arms(plain))
    return (searched_mapping if may_be_mapping else searched)(own, allowed, number)


def _arms(plain: Schema) -> list[Schema]:
    return plain.get("anyOf", [plain])


def _numbers(plain: Schema) -> list[Schema]:
    return [arm for arm in _arms(plain) if arm.get("type") in ("integer", "number")]


def _plain(book: Book, schema: Schema, may_search: bool) -> Schema:
    """Pydantic's schema in draft 7, where each value inside may be searched too."""
    if "anyOf" in schema:
        return _union([_plain(book, arm, may_search) for arm in schema["anyOf"]])
    found = {key: what for key, what in schema.items() if key != "prefixItems"}
    if "prefixItems" in schema:
        found["items"] = [_value(book, item, may_search) for item in schema["prefixItems"]]
    elif "items" in schema:
        found["items"] = _value(book, schema["items"], may_search)
    inside = schema.get("additionalProperties")
    if inside is True and may_search:
        return {**found, **_free(book)}
    return {**found, "additionalProperties": _value(book, inside, may_search)} if isinstance(inside, dict) else found


def _union(arms: list[Schema]) -> Schema:
    """Values of any of the arms; as one where each keyword is about the values of its own arm alone."""
    types = [arm.get("type") for arm in arms]
    listed = [arm["enum"] for arm in arms if "enum" in arm]
    if {"integer", "number"} <= {*types} or len({*types}) < len(arms) or None in types:
        return {"anyOf": arms}
    if listed and {*types} - {"null"} != {arm.get("type") for arm in arms if "enum" in arm}:
        return {"anyOf": arms}
    merged = {key: what for arm in arms for key, what in arm.items()}
    return {**merged, "type": types, **({"enum": [*listed[0], None]} if listed else {})}


def _free(book: Book) -> Schema:
    """A mapping of which nothing is known but which of its keys may hold components."""
    held = {key: slot.name for key, slot in book.slots.items() if not slot.many}
    nested = {key: {"allOf": [perhaps(book, name)], "doNotSuggest": True} for key, name in held.items()}
    return {"properties": nested, "additionalProperties": ref("anything")}
