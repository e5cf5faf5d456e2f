"""Components: their names, and the arguments of each."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from inspect import Parameter
from typing import Any

from raypose.check.docs import summary, told
from raypose.check.slots import Slot
from raypose.check.values import checkable
from raypose.errors import RayPoseError
from raypose.registry import parameters, takes_anything
from raypose.schema.book import Book
from raypose.schema.dimensions import (
    LABEL,
    Schema,
    described,
    not_both,
    one_of,
    ref,
    searched,
    searched_mapping,
    unsearched,
)
from raypose.schema.optimizers import OWN, REFINED
from raypose.schema.values import anything, value

# Components of which all trials have the same.
FIXED = {"sampler", "scheduler"}
# A name that is looked up in the module that it names, and not in a registry.
DOTTED: dict[str, Schema] = {"optimizer": {"type": "string", "pattern": r"^[^.$]+(\.[^.]+)+$"}}
# What is said of the keys that are a builder's and not a component's.
KEYS = {
    "pretrained": "Weights to start from: a name (`imagenet` for a backbone), a file or a URL.",
    "warmup": "How long the warm-up takes: below 1 a fraction of the training, else epochs.",
    "warmup_iters": "How long the warm-up takes, in optimizer steps.",
    "warmup_type": "How the learning rate rises; default: linear.",
    "warmup_ratio": "The first factor of the learning rate.",
}


def define(book: Book) -> None:
    """Write what `book.component` refers to."""
    for slot in {slot.name: slot for slot in book.slots.values()}.values():
        book.put(slot.name, partial(_place, book, slot, "object"))
        book.put(f"{slot.name}-or-null", partial(_place, book, slot, ["object", "null"]))
        if slot.many:
            listed = {"type": "array", "items": ref(slot.name)}
            book.put(f"list-of-{slot.name}", partial(searched_mapping, plain=listed))


def _place(book: Book, slot: Slot, types: str | list[str], own: Schema) -> Schema:
    plain = {"type": types, "allOf": [_any_of(book, slot)]}
    return plain if slot.name in FIXED else searched_mapping(own, plain)


def _any_of(book: Book, slot: Slot) -> Schema:
    refine = REFINED.get(slot.name, lambda book, schema: schema)
    return book.put(f"any-{slot.name}", lambda own: refine(book, _by_type(book, slot)))


def _by_type(book: Book, slot: Slot) -> Schema:
    """The arguments that go with each type, and the types."""
    found = {name: _get(slot, name) for name in book.names[slot.name]}
    rules = [_if_type(book, slot, name, called) for name, called in found.items() if called is not None]
    if slot.default_type is not None:
        rules.append({"if": {"not": {"required": ["type"]}}, "then": ref(f"{slot.name}.{slot.default_type}")})
    about = [summary(each) if each else "" for each in found.values()]
    return {
        "title": slot.name,
        **({} if slot.default_type else {"required": ["type"]}),
        "properties": {"type": _type(book, slot, {"enum": list(found), "enumDescriptions": about})},
        "allOf": rules,
    }


def _get(slot: Slot, name: str) -> Callable | None:
    try:
        return slot.get(name)
    except RayPoseError:  # one of another package, which cannot be imported
        return None


def _type(book: Book, slot: Slot, listed: Schema) -> Schema:
    if slot.name in DOTTED:
        listed = {"anyOf": [listed, {}], "if": DOTTED[slot.name], "else": listed}
    names = book.put(f"name-of-{slot.name}", lambda own: listed)
    if slot.name in FIXED:
        return unsearched(names)
    return book.put(f"type-of-{slot.name}", lambda own: searched(own, names))


def _if_type(book: Book, slot: Slot, name: str, called: Callable) -> Schema:
    arguments = book.put(f"{slot.name}.{name}", lambda own: _arguments(book, slot, name, called))
    return {"if": {"required": ["type"], "properties": {"type": {"const": name}}}, "then": arguments}


def _arguments(book: Book, slot: Slot, name: str, called: Callable) -> Schema:
    known = {key: each for key, each in parameters(called).items() if key not in slot.hidden}
    extra = {key: annotation for key, annotation in slot.extra.items() if key not in known}
    said = told(called)
    free = takes_anything(called)
    found = {
        "title": name,
        "description": summary(called),
        "properties": {
            "type": {},
            **({} if free else {"label": LABEL}),
            **{key: _argument(book, slot, each, said.get(key, "")) for key, each in known.items()},
            **{key: _extra(book, key, annotation) for key, annotation in extra.items()},
        },
        "required": [key for key, each in known.items() if each.default is each.empty and key not in slot.given],
        "additionalProperties": anything(book) if free and slot.name not in FIXED else free,
        "dependencies": _dependencies(slot),
    }
    return {key: what for key, what in found.items() if what not in ([], {}, "")}


def _extra(book: Book, key: str, annotation: Any) -> Schema:
    return OWN[key] if key in OWN else described(value(book, annotation), KEYS.get(key, ""))


def _argument(book: Book, slot: Slot, parameter: Parameter, said: str) -> Schema:
    """A component under a slot's key, unless the signature wants something plainer."""
    key, default = parameter.name, parameter.default
    plain = checkable(parameter.annotation) is not Any or default not in (None, Parameter.empty)
    if key in book.slots and (not plain or book.slots[key].many):
        return described(book.component(key, optional=default is None), said)
    found = value(book, parameter.annotation, slot.name not in FIXED, slot.bounds.get(key))
    if key in book.slots:
        found = {"if": {"type": "object", "required": ["type"]}, "then": book.component(key), "else": found}
    filled_in = key in slot.given and key not in book.slots
    return described(found, said or ("Filled in." if filled_in else ""), default, hidden=filled_in)


def _dependencies(slot: Slot) -> Schema:
    """Of some of a slot's own keys exactly one goes with any of the others."""
    others = [key for key in slot.extra if slot.one_of and key not in slot.one_of]
    return {**dict.fromkeys(others, one_of(slot.one_of)), **not_both(slot.one_of)}
