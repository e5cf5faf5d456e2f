"""What is special about optimizers: a constructor builds one, or one for each part of the model."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from raypose.check.docs import summary
from raypose.check.slots import BUILD_ONE, BUILD_PARTS, DEFAULT_TYPE, EXTRA, NEEDS_ONE
from raypose.errors import RayPoseError
from raypose.registry import OPTIMIZER_BUILDERS
from raypose.schema.book import Book
from raypose.schema.dimensions import LABEL, Schema, described, not_both, one_of, ref, searched
from raypose.schema.sections import section
from raypose.schema.values import perhaps, value

DEFAULT = DEFAULT_TYPE[OPTIMIZER_BUILDERS.name]
BUILDER = "Who builds the optimizer: one for the model, or one for each part of it."
PARAMWISE = "Which learning rate and weight decay each parameter gets."
# Keys that stand beside an optimizer's arguments, and are described once, here.
# The language server (1.25) stops in the middle of what it offers where a key is called `constructor`.
OWN: Schema = {"constructor": {"doNotSuggest": True}, "paramwise_cfg": {"doNotSuggest": True}, "label": LABEL}


def with_constructors(book: Book, schema: Schema) -> Schema:
    """`schema`, of optimizers that have a type, with what a constructor makes of them, and of those without one."""
    builders = {name: _get(name) for name in OPTIMIZER_BUILDERS}
    told = {"not": {"enum": [*sorted(BUILD_ONE | BUILD_PARTS), None]}}
    of_parts = {"required": ["constructor"], "properties": {"constructor": told}, "not": {"required": ["type"]}}
    parts = {"properties": OWN, "additionalProperties": perhaps(book, "optimizer")}
    return {
        "title": schema["title"],
        "properties": {
            **schema["properties"],
            "constructor": {**OWN["constructor"], **described(_constructor(book, builders), BUILDER)},
            "paramwise_cfg": described(value(book, EXTRA["optimizer"]["paramwise_cfg"]), PARAMWISE),
        },
        "allOf": [
            {"if": {"required": ["type"]}, "then": {"allOf": schema["allOf"]}},
            {"if": of_parts, "then": parts},
            *({"if": _is(name), "then": _rule(book, name, builder)} for name, builder in builders.items()),
        ],
    }


REFINED: dict[str, Callable[[Book, Schema], Schema]] = {"optimizer": with_constructors}


def _get(name: str) -> Any:
    try:
        return OPTIMIZER_BUILDERS.get(name)
    except RayPoseError:  # one of another package, which cannot be imported
        return None


def _constructor(book: Book, builders: dict[str, Any]) -> Schema:
    about = [summary(each) if each else "" for each in builders.values()]
    names = {"enum": [*builders, None], "enumDescriptions": [*about, "as if it were left out"]}
    return book.put("constructor", partial(searched, plain=names))


def _is(name: str) -> Schema:
    """Whether that is the constructor; the default one is where none is named."""
    allowed = {"enum": [name, None]} if name == DEFAULT else {"const": name}
    return {"properties": {"constructor": allowed}, **({} if name == DEFAULT else {"required": ["constructor"]})}


def _rule(book: Book, name: str, builder: Any) -> Schema:
    said = getattr(builder, "__dict__", {}).get("paramwise")
    keys = {"paramwise_cfg": described(section(book, said, optional=True), "", hidden=True)} if said is not None else {}
    if name in BUILD_PARTS:
        return {"properties": {**OWN, **keys}, "additionalProperties": ref("optimizer")}
    rules = [{"properties": keys}, {"required": ["type"]} if name in BUILD_ONE else {}]
    if name in NEEDS_ONE:
        one = {**one_of(NEEDS_ONE[name]), "dependencies": not_both(NEEDS_ONE[name])}
        cfg = {"type": "object", "if": ref("dimension"), "else": one}
        rules.append({"required": ["paramwise_cfg"], "properties": {"paramwise_cfg": cfg}})
    return {"allOf": rules}
