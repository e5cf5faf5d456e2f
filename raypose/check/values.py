"""A node, with all the values that it may take, against an annotation."""

from __future__ import annotations

import collections.abc
import json
import re
import types
import typing
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal, Union

from pydantic import Field, TypeAdapter, ValidationError

from raypose.arguments import about_bounds
from raypose.check.between import between, is_picky
from raypose.check.hints import almost_a_dimension, literally
from raypose.check.report import Report, shown
from raypose.check.report import plain as as_plain
from raypose.check.variants import variants
from raypose.check.words import in_words
from raypose.config import DURATIONS, Duration
from raypose.errors import nearest
from raypose.space.reading.schema import plain
from raypose.space.tree import Mapping, Node, Scalar, Sequence

_LEAVES: dict[Any, Any] = {int: int, float: float, bool: bool, str: str, type(None): type(None), Path: str}
_LISTS = (list, set, frozenset, collections.abc.Sequence, collections.abc.Iterable, collections.abc.Collection)
_MAPPINGS = (dict, collections.abc.Mapping, collections.abc.MutableMapping)
_CONTAINERS: dict[Any, Any] = {**dict.fromkeys(_LISTS, list), **dict.fromkeys(_MAPPINGS, dict), tuple: tuple}

_FINITE = Field(allow_inf_nan=False)
_DURATION = Annotated[Duration, _FINITE]  # as `checkable` has it

# What pydantic says of JSON, and its words in YAML's.
_RULE = re.compile(r"(?:Input|String) should (be|match) (.+)")
_WORDS = {
    "a valid integer": "an integer",
    "a valid number": "a number",
    "a valid string": "a string",
    "a valid boolean": "true or false",
    "a valid array": "a list",
    "an object": "a mapping",
}


def fits(report: Report, node: Node, annotation: Any, name: str) -> None:
    """Report each value of `node` that `annotation` does not allow; an annotation beyond YAML's types allows anything.

    Integers are numbers, but booleans are not, and strings are neither.
    """
    expected = checkable(annotation)
    if expected is Any:
        return
    seen = set()
    for variant in [*variants(node), *(between(node) if is_picky(expected) else ())]:
        wrong = _mismatch(variant, expected)
        if wrong is not None and wrong[0].mark not in seen:
            where, message = wrong
            seen.add(where.mark)
            hint = literally(node, where, message) or _hint(where, expected)
            report.add(where.mark, f"'{name}' {message}, but got {shown(where)}", "wrong-type", hint)


def checkable(annotation: Any) -> Any:
    """The part of an annotation that YAML's types can satisfy; Any where that is nothing.

    Example:
        >>> checkable(float | torch.Tensor)
        <class 'float'>
    """
    origin, args = typing.get_origin(annotation), typing.get_args(annotation)
    if annotation is None or annotation is type(None):
        return type(None)
    if origin in (Union, types.UnionType):
        arms = [(arg, checkable(arg)) for arg in args]
        kept = [arm for _, arm in arms if arm is not Any]
        lost = any(arm is Any for _, arm in arms)
        if any(arg is Any for arg in args) or not kept or (lost and kept == [type(None)]):
            return Any
        return Union[tuple(kept)]  # noqa: UP007
    if origin is Annotated:
        return _finite(annotation) if checkable(args[0]) == args[0] else checkable(args[0])
    if origin is Literal:
        return annotation
    if origin in _CONTAINERS:
        return _CONTAINERS[origin][tuple(arg if arg is Ellipsis else checkable(arg) for arg in args)]
    try:
        return {**_LEAVES, **_CONTAINERS}.get(annotation, Any)
    except TypeError:
        return Any


def _finite(annotation: Any) -> Any:
    """A number with bounds is a finite one."""
    return Annotated[annotation, _FINITE] if typing.get_args(annotation)[0] is float else annotation


@cache
def _adapter(annotation: Any) -> TypeAdapter:
    return TypeAdapter(annotation)


def _mismatch(node: Node, expected: Any) -> tuple[Node, str] | None:
    """Where and how a node without dimensions breaks an annotation. JSON's strict mode has just the rules wanted."""
    try:
        _adapter(expected).validate_json(json.dumps(as_plain(node)), strict=True)
    except ValidationError as error:
        errors = error.errors()
        places = [_place(node, each["loc"]) for each in errors]
        depth, where = max(places, key=lambda place: place[0])
        deepest = about_bounds([each for each, place in zip(errors, places, strict=True) if place[0] == depth])
        said = _RULE.match(deepest[0]["msg"])
        if (len(deepest) > 1 and depth == 0) or said is None:
            return where, f"must be {in_words(expected)}"
        verb, what = said.groups()
        return where, f"must {verb} {_WORDS.get(what, what)}"
    return None


def _place(node: Node, loc: tuple[int | str, ...]) -> tuple[int, Node]:
    """The deepest node on pydantic's path, whose parts may also be names of types, and how deep that is."""
    depth = 0
    for part in loc:
        if isinstance(node, Sequence) and isinstance(part, int) and part < len(node.items):
            node, depth = node.items[part], depth + 1
        elif isinstance(node, Mapping) and part in node.entries:
            node, depth = node.entries[part], depth + 1
    return depth, node


def _hint(node: Node, expected: Any) -> str:
    if isinstance(node, Mapping):
        return almost_a_dimension(node)
    value = node.value if isinstance(node, Scalar) else None
    arms = typing.get_args(expected) if typing.get_origin(expected) in (Union, types.UnionType) else (expected,)
    names = [each for arm in arms if typing.get_origin(arm) is Literal for each in typing.get_args(arm)]
    if isinstance(value, str) and any(isinstance(each, str) for each in names):
        return nearest(value, [each for each in names if isinstance(each, str)])
    if isinstance(value, str) and isinstance(plain(value), (int, float)):
        return "write it without quotes"
    if not isinstance(value, (int, float)) and _DURATION in (expected, *typing.get_args(expected)):
        return DURATIONS
    return ""
