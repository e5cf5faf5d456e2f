"""Annotations in the words of YAML's types."""

from __future__ import annotations

import inspect
import json
import types
import typing
from typing import Annotated, Any, Literal, Union

# Of types, one and many.
_NAMES: dict[Any, tuple[str, str]] = {
    int: ("an integer", "integers"),
    float: ("a number", "numbers"),
    str: ("a string", "strings"),
    bool: ("true or false", "trues or falses"),
    type(None): ("null", "nulls"),
    list: ("a list", "lists"),
    tuple: ("a list", "lists"),
    dict: ("a mapping", "mappings"),
}

_LISTED = 8  # names; of more the hint tells the nearest


def in_words(annotation: Any, many: bool = False) -> str:
    """An annotation, without the bounds of its values.

    Example:
        >>> in_words(PositiveFloat | tuple[PositiveFloat, PositiveFloat])
        'a number or a list of 2 numbers'
    """
    origin, args = typing.get_origin(annotation), typing.get_args(annotation)
    if origin in (Union, types.UnionType):
        return " or ".join(dict.fromkeys(in_words(arm, many) for arm in args))
    if origin is Annotated:
        return next((each.title for each in args[1:] if getattr(each, "title", None)), in_words(args[0], many))
    if origin is Literal:
        return " or ".join(json.dumps(each) for each in args) if len(args) < _LISTED else "one of the known names"
    if origin is tuple and args and Ellipsis not in args:
        inner = " and ".join(dict.fromkeys(in_words(each, len(args) > 1) for each in args))
        return f"{_NAMES[list][many]} of {len(args)} {inner}"
    named = _NAMES.get(origin or annotation)
    if named is None:
        return "anything" if annotation is Any else inspect.formatannotation(annotation)
    inner = in_words(args[0], True) if origin in (list, tuple) and args[0] is not Any else ""
    return f"{named[many]} of {inner}" if inner else named[many]
