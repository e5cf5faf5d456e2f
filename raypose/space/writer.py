"""A configuration -> YAML text that the reader reads back equal."""

from __future__ import annotations

import re
from typing import Any

import yaml

from raypose.space.schema import RESOLVERS, TAG
from raypose.space.strings import escape
from raypose.space.tree import Written


class _Dumper(yaml.SafeDumper):
    """Quotes what YAML 1.1 or 1.2 would take for something other than a string: `on`, `1e-4`."""

    yaml_implicit_resolvers = {first: list(rules) for first, rules in yaml.SafeDumper.yaml_implicit_resolvers.items()}  # noqa: RUF012

    def ignore_aliases(self, data: Any) -> bool:
        return True

    def represent_str(self, data: str) -> yaml.ScalarNode:
        # A line break that only YAML knows becomes an ordinary one unless it is escaped.
        return self.represent_scalar(TAG + "str", data, style='"' if re.search("[\x85\u2028\u2029]", data) else None)


_Dumper.add_representer(str, _Dumper.represent_str)
for _name, _pattern, _first in RESOLVERS:
    _Dumper.add_implicit_resolver(TAG + _name, _pattern, _first)


def dump(config: dict[str, Any]) -> str:
    """YAML text; short lists stand on one line.

    A `${VAR}` is escaped, but stays a variable in what `Space.sample(portable=True)` kept as written.

    Example:
        >>> dump({"lr": 1e-4, "precision": "on", "size": [96, 128]})
        "lr: 0.0001\\nprecision: 'on'\\nsize: [96, 128]\\n"
    """
    return yaml.dump(
        _escaped(config), Dumper=_Dumper, sort_keys=False, default_flow_style=None, allow_unicode=True, width=110
    )


def _escaped(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _escaped(child) for key, child in value.items()}
    if isinstance(value, (list, tuple)):
        return [_escaped(child) for child in value]
    if isinstance(value, Written):
        return str(value)
    return escape(value) if isinstance(value, str) else value
