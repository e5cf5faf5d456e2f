"""Which unquoted words are numbers, booleans and null."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import yaml

TAG = "tag:yaml.org,2002:"
# YAML 1.2's core schema, without numbers that start with a useless 0: tag, pattern, possible first characters.
RESOLVERS = [
    ("null", re.compile(r"^(?:~|null|Null|NULL|)$"), ["~", "n", "N", ""]),
    ("bool", re.compile(r"^(?:true|True|TRUE|false|False|FALSE)$"), list("tTfF")),
    ("int", re.compile(r"^(?:[-+]?(?:0|[1-9][0-9]*)|0o[0-7]+|0x[0-9a-fA-F]+)$"), list("-+0123456789")),
    (
        "float",
        re.compile(
            r"^(?:[-+]?(?:\.[0-9]+|[0-9]+\.[0-9]*)(?:[eE][-+]?[0-9]+)?|[-+]?[0-9]+[eE][-+]?[0-9]+"
            r"|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))$"
        ),
        list("-+0123456789."),
    ),
    ("merge", re.compile(r"^<<$"), ["<"]),
]
CONSTRUCT: dict[str, Callable[[str], Any]] = {
    "null": lambda text: None,
    "bool": lambda text: {"true": True, "false": False}[text.lower()],
    "int": lambda text: int(text, 0),
    "float": lambda text: float(re.sub(r"\.(?=inf|nan)", "", text.lower())),
    "str": str,
    "merge": str,
}


class Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    yaml_implicit_resolvers: dict = {}  # noqa: RUF012


for _name, _pattern, _first in RESOLVERS:
    Loader.add_implicit_resolver(TAG + _name, _pattern, _first)


def plain(text: str) -> Any:
    """The value of an unquoted scalar: `1e-4` is a number, `on` a string."""
    for name, pattern, _ in RESOLVERS:
        if pattern.match(text):
            return CONSTRUCT[name](text)
    return text
