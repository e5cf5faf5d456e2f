"""What may stand in place of a value: a dimension, `{ref: ...}`, `{fixed: ...}` or a string with a `${VAR}`.

Where a value has several forms, `if` decides on one, so that what is wrong with it is told of that form alone.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from raypose.space.kinds import KINDS

Schema = dict[str, Any]
PREFIX = "#/definitions/"

WORDS = {
    "choice": "One of several options, which may hold dimensions of their own.",
    "uniform": "A number: [low, high].",
    "quniform": "A multiple of q: [low, high, q].",
    "loguniform": "A number, uniform in its logarithm: [low, high].",
    "qloguniform": "A multiple of q, uniform in its logarithm: [low, high, q].",
    "randint": "An integer: [low, high], without high.",
    "qrandint": "An integer that is a multiple of q: [low, high, q].",
    "lograndint": "An integer, uniform in its logarithm: [low, high], without high.",
    "ref": "The value of the dimension of this name, for example optimizer.AdamW.lr.",
    "fixed": "This value as it is written, whatever it looks like.",
}
VARIABLE: Schema = {"type": "string", "pattern": r"\$\{"}
LABEL: Schema = {"type": ["string", "number", "boolean"], "doNotSuggest": True}
OPTION: Schema = {
    "properties": {"label": {"description": "What this option of a choice is called; default: its type."}}
}
# What a value may be is suggested by this, and demanded elsewhere.
SUGGEST_CHOICE: Schema = {"choice": {"description": WORDS["choice"]}}


def ref(name: str) -> Schema:
    """What stands for a definition."""
    return {"$ref": PREFIX + name}


def described(schema: Schema, said: str, default: Any = None, *, hidden: bool = False) -> Schema:
    """A value at its place: what it is, and what it is where it is left out; `hidden` from completion."""
    found: Schema = {"allOf": [schema], **({"description": said} if said else {})}
    try:
        known = {} if default is None else {"default": json.loads(json.dumps(default, allow_nan=False))}
    except (TypeError, ValueError):  # nothing that YAML has
        known = {}
    return {**found, **known, **({"doNotSuggest": True} if hidden else {})}


def one_of(keys: Sequence[str]) -> Schema:
    """A mapping with one of these keys, at least."""
    return {"anyOf": [{"required": [key]} for key in keys]}


def not_both(keys: Sequence[str]) -> Schema:
    """The dependencies of a mapping that has one of these keys, at most."""
    return {key: {"properties": dict.fromkeys(keys[i + 1 :], False)} for i, key in enumerate(keys[:-1])}


def unsearched(plain: Schema) -> Schema:
    """A value, or a string that becomes one: whatever its variables say."""
    return {**_offered(plain), **_or_variable(plain)}


def searched(own: Schema, plain: Schema, number: Schema | None = None) -> Schema:
    """A value that is no mapping, or a dimension over such values, to which `own` refers; `number` has ranges."""
    either = {"if": {"type": "object"}, "then": dimension(own, plain, number), "else": _or_variable(plain)}
    return {**_offered(plain), **either}


def _or_variable(plain: Schema) -> Schema:
    return plain if plain in ({}, {"type": "string"}) else {"if": ref("variable"), "else": plain}


def _offered(plain: Schema) -> Schema:
    """What completion, which reads no `else`, offers of a value; allows anything."""
    is_list = "enum" in plain or "$ref" in plain or plain.get("type") == "boolean"
    return {"anyOf": [plain, {}]} if is_list else {}


def searched_mapping(own: Schema, plain: Schema, number: Schema | None = None) -> Schema:
    """The same of a value that may be a mapping."""
    return {"properties": SUGGEST_CHOICE, "if": ref("dimension"), "then": dimension(own, {}, number), "else": plain}


def dimension(option: Schema, plain: Schema, number: Schema | None = None) -> Schema:
    """The mappings that stand for a value: `option` is what one of its choices may be."""
    options: Schema = {"type": "array", "minItems": 1, "items": {"allOf": [option, OPTION]}}
    words = {"choice": options, **_ranges(number), "ref": {"type": "string"}, "fixed": _or_variable(plain)}
    others = {"times": _or_variable({"type": "number"}), "label": LABEL}
    return {
        "type": "object",
        "properties": {**{word: described(schema, WORDS[word]) for word, schema in words.items()}, **others},
        "additionalProperties": False,
        "dependencies": {"times": ["ref"]},
        "if": {"propertyNames": {"enum": [*words, *others]}},
        "then": ref("one-word"),
    }


def _ranges(number: Schema | None) -> dict[str, Schema]:
    wanted = (number or {}).get("type")
    return {
        name: ref(name) if kind.quantized else _range(name, number or {})
        for name, kind in KINDS.items()
        if wanted == "number" or (wanted == "integer" and kind.integer)
    }


def _range(name: str, number: Schema) -> Schema:
    """Both ends are such numbers, but for an upper end that is excluded; ends that are rounded may be any."""
    kind = KINDS[name]
    of_kind: Schema = {"type": "integer" if kind.integer else "number"}
    positive: Schema = {**of_kind, "exclusiveMinimum": 0} if kind.log else of_kind
    low = {**number, **of_kind}
    ends = [{"allOf": [low, positive]} if kind.log else low, of_kind if kind.integer else low]
    if kind.quantized:
        ends = [positive, of_kind, {**of_kind, "exclusiveMinimum": 0}]
    return {
        "type": "array",
        "items": list(map(_or_variable, ends)),
        "minItems": 2 if name == "qrandint" else len(ends),
        "maxItems": len(ends),
    }


ONE_WORD: list[Schema] = [{"required": [word]} for word in WORDS]
# Definitions that the others refer to.
SHARED: dict[str, Schema] = {
    "variable": VARIABLE,
    # Whether a mapping stands for a value, and is no component or free mapping. While it completes, the language server
    # takes every part of a `oneOf` for true, so that this is asked otherwise than it is demanded.
    "dimension": {"type": "object", "propertyNames": {"enum": [*WORDS, "times", "label"]}, "anyOf": ONE_WORD},
    "one-word": {"oneOf": ONE_WORD},
    **{name: _range(name, {}) for name, kind in KINDS.items() if kind.quantized},
}
